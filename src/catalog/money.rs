//! Exact money: no float anywhere, so sums in plans add up.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Hours AWS's price pages count a month as.
pub const HOURS_PER_MONTH: u64 = 730;

/// US dollars, in whole micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Usd(i64);

impl Usd {
    pub const ZERO: Self = Self(0);

    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// So many of these; at most what fits.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        self.part(count, 1)
    }

    /// The share of one of so many, to the nearest micro-dollar.
    #[must_use]
    pub fn divided_by(self, count: u64) -> Self {
        self.part(1, count)
    }

    /// So many of so many parts, rounded once to the nearest micro-dollar, halves away from zero.
    #[must_use]
    pub fn part(self, number: u64, of: u64) -> Self {
        let of = i128::from(of.max(1));
        let product = i128::from(self.0).saturating_mul(i128::from(number));
        let half = if product < 0 { -of / 2 } else { of / 2 };
        let rounded = product.saturating_add(half) / of;
        Self(i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX }))
    }

    /// What something costs an hour that costs this a month.
    #[must_use]
    pub fn month_to_hour(self) -> Self {
        self.divided_by(HOURS_PER_MONTH)
    }

    /// What something costs a month that costs this an hour.
    #[must_use]
    pub fn hour_to_month(self) -> Self {
        self.times(HOURS_PER_MONTH)
    }

    /// `21.957642`, with as many zeros behind it as one likes; None past six places, and for anything but a number.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_times(text, 1)
    }

    /// The same, of so many at once: what a thousand cost where one costs `0.0000004`.
    pub fn parse_times(text: &str, count: u32) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(part) {
            return None;
        }
        let part = part.trim_end_matches('0');
        let digits: i128 = format!("{whole}{part}").parse().ok()?;
        let scale = 10_i128.checked_pow(u32::try_from(part.len()).ok()?)?;
        let micros = digits.checked_mul(1_000_000)?.checked_mul(i128::from(count))?;
        if micros % scale == 0 { i64::try_from(micros / scale).ok().map(Self) } else { None }
    }

    /// As many places as it has, two at least: as tables have it.
    pub fn exact(self) -> String {
        let text = format!("{self:.6}");
        let number = text.trim_end_matches(" USD");
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        format!("{whole}.{:0<2}", part.trim_end_matches('0'))
    }
}

impl std::ops::Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::ops::AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::ops::Sub for Usd {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl std::iter::Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(each: I) -> Self {
        each.fold(Self::ZERO, |sum, one| sum + one)
    }
}

impl fmt::Display for Usd {
    /// `1234.50 USD`; two places, or as many as the format asks for (`{:.4}`), six at most.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = u32::try_from(f.precision().unwrap_or(2)).unwrap_or(6).min(6);
        let unit = 10_u64.pow(6 - places);
        let rounded = (self.0.unsigned_abs() + unit / 2) / unit;
        let sign = if self.0 < 0 && rounded > 0 { "-" } else { "" };
        let whole = 10_u64.pow(places);
        match places {
            0 => write!(f, "{sign}{rounded} USD"),
            places => write!(f, "{sign}{}.{:0width$} USD", rounded / whole, rounded % whole, width = places as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn exact_money() {
        assert_eq!(Usd(-5_000).to_string(), "-0.01 USD");
        assert_eq!(Usd(-4_999).to_string(), "0.00 USD", "no minus before zero");
        assert_eq!(
            format!("{:.4}|{:.0}|{:.9}", Usd(1_234_567), Usd(1_500_000), Usd(1)),
            "1.2346 USD|2 USD|0.000001 USD"
        );
        assert_eq!(Usd(i64::MAX) + Usd(1), Usd(i64::MAX));
        assert_eq!((Usd(i64::MIN).times(2), Usd(i64::MAX).times(2)), (Usd(i64::MIN), Usd(i64::MAX)));
        assert_eq!([Usd(1), Usd(2)].into_iter().sum::<Usd>(), Usd(3));
        assert_eq!((Usd(5).part(1, 2), Usd(-5).part(1, 2), Usd(7).part(3, 0)), (Usd(3), Usd(-3), Usd(21)));
    }

    #[test]
    fn reads_prices_and_nothing_else() {
        assert_eq!(Usd::parse("21.957642"), Some(Usd(21_957_642)));
        assert_eq!(Usd::parse("0.1450000000"), Some(Usd(145_000)));
        assert_eq!(Usd::parse("3"), Some(Usd(3_000_000)));
        assert_eq!(Usd::parse_times("0.0000004000", 1000), Some(Usd(400)));
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "0.1234567", "USD 1", "99999999999999999999"] {
            assert_eq!(Usd::parse(text), None, "{text}");
        }
        assert_eq!(
            (Usd(145_000).exact(), Usd(55_040_000).exact(), Usd(1).exact()),
            ("0.145".into(), "55.04".into(), "0.000001".into())
        );
    }

    proptest! {
        #[test]
        fn any_amount_is_read_back(micros in 0..=i64::MAX) {
            prop_assert_eq!(Usd::parse(&Usd(micros).exact()), Some(Usd(micros)));
        }

        #[test]
        fn no_text_panics(text in any::<String>(), nearly in "[0-9]{0,30}\\.?[0-9]{0,40}") {
            let _ = (Usd::parse(&text), Usd::parse_times(&nearly, 1000));
        }
    }
}
