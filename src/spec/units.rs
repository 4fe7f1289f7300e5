//! Sizes, rates and durations as people write them: `4.8 TiB`, `20 GB/s`, `72h`.
//!
//! What was written is kept exactly (digits and unit) until someone asks for bytes: no float anywhere, so nothing is
//! rounded twice and no input overflows. `TB` (10¹²) and `TiB` (2⁴⁰) are different things and both accepted.

use std::fmt;

use jiff::{SignedDuration, Span, SpanRelativeTo};

use super::model::{Budget, Per};
use crate::catalog::prices::Usd;

/// What is accepted, for messages.
pub const SIZE_UNITS: &str = "`GB`, `TB`, `PB` (powers of 1000) or `GiB`, `TiB`, `PiB` (powers of 1024)";
pub const RATE_UNITS: &str = "`MB/s`, `GB/s` (powers of 1000) or `MiB/s`, `GiB/s` (powers of 1024)";
pub const DURATION_UNITS: &str = "`ms`, `s`, `m`, `h` or `d`";
pub const BUDGET_UNITS: &str = "`USD/hour`, `USD/day`, `USD/week` or `USD/month` (730 hours)";

/// Significant digits: more than any size needs, and few enough that no product below leaves 128 bits.
const MAX_DIGITS: usize = 18;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    B,
    Kb,
    Mb,
    Gb,
    Tb,
    Pb,
    Kib,
    Mib,
    Gib,
    Tib,
    Pib,
}

impl Unit {
    pub const ALL: [Self; 11] = [
        Self::B,
        Self::Kb,
        Self::Mb,
        Self::Gb,
        Self::Tb,
        Self::Pb,
        Self::Kib,
        Self::Mib,
        Self::Gib,
        Self::Tib,
        Self::Pib,
    ];

    pub const fn bytes(self) -> u64 {
        match self {
            Self::B => 1,
            Self::Kb => 1000,
            Self::Mb => 1_000_000,
            Self::Gb => 1_000_000_000,
            Self::Tb => 1_000_000_000_000,
            Self::Pb => 1_000_000_000_000_000,
            Self::Kib => 1 << 10,
            Self::Mib => 1 << 20,
            Self::Gib => 1 << 30,
            Self::Tib => 1 << 40,
            Self::Pib => 1 << 50,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::B => "B",
            Self::Kb => "kB",
            Self::Mb => "MB",
            Self::Gb => "GB",
            Self::Tb => "TB",
            Self::Pb => "PB",
            Self::Kib => "KiB",
            Self::Mib => "MiB",
            Self::Gib => "GiB",
            Self::Tib => "TiB",
            Self::Pib => "PiB",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "KB" {
            return Some(Self::Kb);
        }
        Self::ALL.into_iter().find(|unit| unit.text() == text)
    }
}

/// A number with a unit, exactly as written: 48 × 10⁻¹ TiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quantity {
    digits: u64,
    decimals: u8,
    pub unit: Unit,
}

/// Why a text is no size, rate or duration: words to stand under the underline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitError(pub String);

impl Quantity {
    pub fn new(whole: u32, unit: Unit) -> Self {
        Self { digits: u64::from(whole), decimals: 0, unit }
    }

    /// Reads a size such as `4.8 TiB`; the blank may be left out.
    pub fn size(text: &str) -> Result<Self, UnitError> {
        Self::read(text, "")
    }

    /// Reads a rate such as `20 GB/s`.
    pub fn rate(text: &str) -> Result<Self, UnitError> {
        Self::read(text, "/s")
    }

    fn read(text: &str, suffix: &str) -> Result<Self, UnitError> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = (&text[..end], text[end..].trim_start());
        let (digits, decimals) = decimal(number)?;
        if unit.is_empty() {
            return Err(UnitError("no unit".to_owned()));
        }
        let unknown = || {
            let lower = unit.to_ascii_lowercase();
            let meant = Unit::ALL
                .into_iter()
                .find(|each| format!("{}{suffix}", each.text()).to_ascii_lowercase() == lower)
                .map(|each| format!("{}{suffix}", each.text()));
            // `Gbps`, `Gb/s` and `Gbit/s` are bits: eight times less than what a reader takes them for.
            let bits = unit.ends_with("bps") || unit.ends_with("b/s") || unit.contains("bit");
            UnitError(match meant {
                _ if bits => "bits; give bytes a second, such as `20 GB/s`".to_owned(),
                Some(meant) => format!("units are told apart by case: write `{meant}`"),
                None if !suffix.is_empty() && Unit::parse(unit).is_some() => {
                    format!("an amount, not a rate: write `{unit}/s`")
                }
                None if suffix.is_empty() && unit.strip_suffix("/s").and_then(Unit::parse).is_some() => {
                    "a rate, not an amount".to_owned()
                }
                None => "unknown unit".to_owned(),
            })
        };
        let unit = unit.strip_suffix(suffix).and_then(Unit::parse).ok_or_else(unknown)?;
        Ok(Self { digits, decimals, unit })
    }

    /// Whole multiples of `unit_bytes`, if this is one when its own unit counts `own_bytes`.
    fn exactly(self, own_bytes: u64, unit_bytes: u64) -> Option<u64> {
        let dividend = u128::from(self.digits) * u128::from(own_bytes);
        let divisor = 10_u128.pow(u32::from(self.decimals)) * u128::from(unit_bytes);
        if dividend.is_multiple_of(divisor) { u64::try_from(dividend / divisor).ok() } else { None }
    }

    /// Bytes (or bytes a second), to the nearest; None where they do not fit.
    pub fn bytes(self) -> Option<u64> {
        let divisor = 10_u128.pow(u32::from(self.decimals));
        u64::try_from((u128::from(self.digits) * u128::from(self.unit.bytes()) + divisor / 2) / divisor).ok()
    }

    /// How many of a unit this is, if it is a whole number of them.
    pub fn whole(self, unit: Unit) -> Option<u64> {
        self.exactly(self.unit.bytes(), unit.bytes())
    }

    /// GiB, with a TiB counted as 1000 of them. That is how AWS writes FSx sizes: the 1200 GiB file system is "1.2 TiB"
    /// (API model 2018-03-01, CreateFileSystemRequest.StorageCapacity, against the User Guide's tables).
    pub fn whole_gib_as_aws_writes(self) -> Option<u64> {
        self.exactly(self.unit_bytes_as_aws_writes(), Unit::Gib.bytes())
    }

    /// Bytes by the same reading.
    pub fn bytes_as_aws_writes(self) -> Option<u64> {
        let divisor = 10_u128.pow(u32::from(self.decimals));
        u64::try_from(u128::from(self.digits) * u128::from(self.unit_bytes_as_aws_writes()) / divisor).ok()
    }

    const fn unit_bytes_as_aws_writes(self) -> u64 {
        match self.unit {
            Unit::Tib => 1000 * Unit::Gib.bytes(),
            Unit::Pib => 1_000_000 * Unit::Gib.bytes(),
            other => other.bytes(),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, decimals) = (self.digits, usize::from(self.decimals));
        if decimals == 0 {
            return write!(f, "{digits} {}", self.unit.text());
        }
        let scale = 10_u64.pow(u32::from(self.decimals));
        write!(f, "{}.{:0decimals$} {}", digits / scale, digits % scale, self.unit.text())
    }
}

/// Digits without the point, and how many of them stand after it.
fn decimal(text: &str) -> Result<(u64, u8), UnitError> {
    let (whole, part) = match text.split_once('.') {
        Some((whole, part)) if !part.is_empty() => (whole, part),
        Some(_) => return Err(UnitError("not a number".to_owned())),
        None => (text, ""),
    };
    if whole.is_empty() || !whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit()) {
        return Err(UnitError("not a number with a unit".to_owned()));
    }
    let digits = format!("{}{part}", whole.trim_start_matches('0'));
    if digits.len() > MAX_DIGITS || part.len() > MAX_DIGITS {
        return Err(UnitError(format!("more than {MAX_DIGITS} digits")));
    }
    let decimals = u8::try_from(part.len()).map_err(|_| UnitError("too many digits".to_owned()))?;
    let digits =
        if digits.is_empty() { 0 } else { digits.parse().map_err(|_| UnitError("not a number".to_owned()))? };
    Ok((digits, decimals))
}

/// Reads a duration such as `72h`, `1ms` or `3d`; a day is 24 hours.
pub fn duration(text: &str) -> Result<SignedDuration, UnitError> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UnitError("no unit".to_owned()));
    }
    let span: Span = text.parse().map_err(|_| UnitError("not a duration".to_owned()))?;
    span.to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| UnitError("months and years have no fixed length".to_owned()))
}

/// Reads an amount of money for a time, such as `500 USD/day`.
pub fn budget(text: &str) -> Result<Budget, UnitError> {
    let wrong = |why: &str| Err(UnitError(why.to_owned()));
    let (amount, per) = match text.trim().split_once('/') {
        Some((amount, per)) => (amount.trim(), per.trim()),
        None => return wrong("for how long? `/hour`, `/day`, `/week` or `/month` is missing"),
    };
    let per = match per {
        "h" | "hour" => Per::Hour,
        "d" | "day" => Per::Day,
        "w" | "week" => Per::Week,
        "month" => Per::Month,
        _ => return wrong("not `/hour`, `/day`, `/week` or `/month`"),
    };
    let Some(number) = amount.strip_suffix("USD") else {
        return wrong(if amount.contains('$') { "write `USD` for `$`" } else { "the amount is not in `USD`" });
    };
    match Usd::parse(number.trim_end()) {
        Some(Usd::ZERO) => wrong("nothing costs nothing"),
        Some(amount) => Ok(Budget { amount, per }),
        None => wrong("not an amount: digits without separators, and a point"),
    }
}

/// A capacity the way AWS writes it: `1.2 TiB` for 1200 GiB, `600 GiB` below one of those TiB.
pub fn capacity(gib: u32) -> String {
    let (tib, rest) = (gib / 1000, gib % 1000);
    match rest {
        _ if tib == 0 => format!("{gib} GiB"),
        0 => format!("{tib} TiB"),
        rest => format!("{tib}.{} TiB", format!("{rest:03}").trim_end_matches('0')),
    }
}

/// So many bytes, or a little more, to be pasted: `5.56 GB`, with `/s` behind it `5.56 GB/s`. Powers of 1000, two places.
pub fn at_least(bytes: u64, suffix: &str) -> String {
    let unit = [Unit::Pb, Unit::Tb, Unit::Gb, Unit::Mb, Unit::Kb]
        .into_iter()
        .find(|unit| bytes >= unit.bytes())
        .unwrap_or(Unit::B);
    let hundredths = (u128::from(bytes) * 100).div_ceil(u128::from(unit.bytes()));
    let (whole, part) = (hundredths / 100, hundredths % 100);
    let part = format!("{part:02}");
    match part.trim_end_matches('0') {
        "" => format!("{whole} {}{suffix}", unit.text()),
        part => format!("{whole}.{part} {}{suffix}", unit.text()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        let bytes = |text| Quantity::size(text).map(|size| size.bytes().expect("fits"));
        assert_eq!(bytes("40 TB"), Ok(40_000_000_000_000));
        assert_eq!(bytes("40TiB"), Ok(40 << 40));
        assert_eq!(bytes(" 1200 GiB "), Ok(1200 << 30));
        assert_eq!(bytes("1.5 KiB"), Ok(1536));
        assert_eq!(bytes("0.3 KiB"), Ok(307), "to the nearest byte");
        assert_eq!(bytes("1 kB"), bytes("1 KB"));
        let rate = |text| Quantity::rate(text).map(|rate| rate.bytes().expect("fits"));
        assert_eq!(rate("250 MB/s"), Ok(250_000_000));
        assert_eq!(rate("20 GiB/s"), Ok(20 << 30));
        assert_eq!(duration("72h"), Ok(SignedDuration::from_hours(72)));
        assert_eq!(duration("3d"), Ok(SignedDuration::from_hours(72)));
        assert_eq!(duration("1ms"), Ok(SignedDuration::from_millis(1)));
    }

    #[test]
    fn says_what_is_wrong() {
        let size = |text| Quantity::size(text).expect_err(text).0;
        let rate = |text| Quantity::rate(text).expect_err(text).0;
        assert_eq!(size("4.8"), "no unit");
        assert_eq!(size(""), "not a number with a unit");
        assert_eq!(size("-1 TiB"), "not a number with a unit");
        assert_eq!(size("1..2 TiB"), "not a number with a unit");
        assert_eq!(size("1. TiB"), "not a number");
        assert_eq!(size("4.8 tib"), "units are told apart by case: write `TiB`");
        assert_eq!(size("4.8 TiB/s"), "a rate, not an amount");
        assert_eq!(size("4.8 parsec"), "unknown unit");
        assert_eq!(size("12345678901234567890 B"), "more than 18 digits");
        assert_eq!(rate("20 GB"), "an amount, not a rate: write `GB/s`");
        assert_eq!(rate("20 gb/s"), "bits; give bytes a second, such as `20 GB/s`");
        assert_eq!(rate("20 Gbps"), "bits; give bytes a second, such as `20 GB/s`");
        assert_eq!(duration("72").expect_err("bare").0, "no unit");
        assert_eq!(duration("1 month").expect_err("no length").0, "months and years have no fixed length");
        assert_eq!(duration("soon").expect_err("word").0, "not a duration");
    }

    #[test]
    fn reads_budgets() {
        let hourly = |text| budget(text).map(|budget| (budget.amount.micros(), budget.per.hours()));
        for text in ["500 USD/day", "500USD/d", " 500.00 USD / day "] {
            assert_eq!(hourly(text), Ok((500_000_000, 24)), "{text}");
        }
        assert_eq!(hourly("0.5 USD/h"), Ok((500_000, 1)));
        assert_eq!(hourly("20000 USD/month"), Ok((20_000_000_000, 730)));
        assert_eq!(budget("7 USD/week").map(|budget| budget.to_string()), Ok("7.00 USD/week".to_owned()));
        let wrong = |text| budget(text).expect_err(text).0;
        assert_eq!(wrong("500 USD"), "for how long? `/hour`, `/day`, `/week` or `/month` is missing");
        assert_eq!(wrong("500 USD/year"), "not `/hour`, `/day`, `/week` or `/month`");
        assert_eq!(wrong("$500/day"), "write `USD` for `$`");
        assert_eq!(wrong("500 EUR/day"), "the amount is not in `USD`");
        assert_eq!(wrong("0 USD/day"), "nothing costs nothing");
        assert_eq!(wrong("1,000 USD/day"), "not an amount: digits without separators, and a point");
        assert_eq!(wrong("-5 USD/day"), "not an amount: digits without separators, and a point");
    }

    #[test]
    fn a_tib_of_aws_is_1000_gib() {
        let size = |text| Quantity::size(text).expect(text);
        assert_eq!(size("1.2 TiB").whole_gib_as_aws_writes(), Some(1200));
        assert_eq!(size("9.375 TiB").whole_gib_as_aws_writes(), Some(9375));
        assert_eq!(size("9.375 TiB").whole(Unit::Gib), Some(9600));
        assert_eq!(size("1.2 TB").whole_gib_as_aws_writes(), None);
        assert_eq!(size("1.2884901888 TB").whole_gib_as_aws_writes(), Some(1200));
        assert_eq!(capacity(1200), "1.2 TiB");
        assert_eq!(capacity(38_400), "38.4 TiB");
        assert_eq!(capacity(2000), "2 TiB");
        assert_eq!(capacity(1005), "1.005 TiB");
        assert_eq!(capacity(600), "600 GiB");
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let largest = Quantity::size("999999999999999999 PiB").expect("18 digits");
        assert_eq!((largest.bytes(), largest.whole(Unit::B), largest.bytes_as_aws_writes()), (None, None, None));
        let smallest = Quantity::size("0.000000000000000001 B").expect("18 digits");
        assert_eq!((smallest.bytes(), smallest.whole(Unit::Pib)), (Some(0), None));
    }

    proptest! {
        #[test]
        fn any_quantity_is_read_back(digits in 0..10_u64.pow(17), decimals in 0..=17_u8, unit in 0..Unit::ALL.len()) {
            let quantity = Quantity { digits, decimals, unit: Unit::ALL[unit] };
            prop_assert_eq!(Quantity::size(&quantity.to_string()), Ok(quantity));
            prop_assert_eq!(Quantity::rate(&format!("{quantity}/s")), Ok(quantity));
        }

        #[test]
        fn any_capacity_is_read_back(gib in 1..=2_147_483_647_u32) {
            let read = Quantity::size(&capacity(gib)).expect("our own words");
            prop_assert_eq!(read.whole_gib_as_aws_writes(), Some(u64::from(gib)));
        }

        #[test]
        fn what_is_to_be_pasted_is_enough_and_hardly_more(bytes in 0..=u64::MAX / 2) {
            let read = Quantity::rate(&at_least(bytes, "/s")).expect("our own words").bytes().expect("fits");
            prop_assert!(read >= bytes && read - bytes <= bytes / 100 + 1, "{read} for {bytes}");
        }

        #[test]
        fn no_text_panics(text in any::<String>(), nearly in "[0-9]{0,25}\\.?[0-9]{0,25} ?[kKMGTPi]{0,2}[Bb](/s)?") {
            for text in [text, nearly] {
                for quantity in [Quantity::size(&text), Quantity::rate(&text)].into_iter().flatten() {
                    let _ = (quantity.bytes(), quantity.bytes_as_aws_writes(), quantity.whole(Unit::Gib));
                    prop_assert!(quantity.bytes().is_none() || quantity.whole(Unit::B).is_none_or(|b| Some(b) == quantity.bytes()));
                }
                let _ = (duration(&text), budget(&text));
            }
        }

        #[test]
        fn any_duration_is_read_back(seconds in 0..=31_536_000_i64) {
            prop_assert_eq!(duration(&format!("{seconds}s")), Ok(SignedDuration::from_secs(seconds)));
        }
    }
}
