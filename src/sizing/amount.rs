//! A number with its measure, as advice says it: exact in JSON, short in words.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::catalog::prices::Usd;

/// How much of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "unit", content = "value", rename_all = "kebab-case")]
pub enum Amount {
    Bytes(u64),
    BytesPerSecond(u64),
    Microseconds(u64),
    /// Files, operations.
    PerSecond(u64),
    /// For what is no number, such as "yes" or "new files only".
    Words(String),
}

impl Amount {
    /// Something that is no number.
    pub fn words(text: &str) -> Self {
        Self::Words(text.to_owned())
    }
}

impl fmt::Display for Amount {
    /// `40.0 TB`, `20.0 GB/s`, `1 ms`, `12,000/s`: powers of 1000, three digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => f.write_str(&scaled(*bytes, &["B", "kB", "MB", "GB", "TB", "PB", "EB"])),
            Self::BytesPerSecond(rate) => {
                write!(f, "{}/s", scaled(*rate, &["B", "kB", "MB", "GB", "TB", "PB", "EB"]))
            }
            Self::Microseconds(time) => f.write_str(&scaled(*time, &["µs", "ms", "s"])),
            Self::PerSecond(count) => write!(f, "{}/s", grouped(*count)),
            Self::Words(words) => f.write_str(words),
        }
    }
}

/// Money in a sentence: `1,080,072 USD`, and with cents below a hundred: `0.90 USD`.
pub(super) fn money(amount: Usd) -> String {
    const HUNDRED: u64 = 100_000_000;
    let micros = amount.micros().unsigned_abs();
    if micros < HUNDRED {
        return amount.to_string();
    }
    let sign = if amount < Usd::ZERO { "-" } else { "" };
    format!("{sign}{} USD", grouped((micros + 500_000) / 1_000_000))
}

/// `12,000`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three digits at most behind the largest unit that fits, no zeros at the end: `1.5 GB`, `44 TB`, `999 kB`.
fn scaled(number: u64, units: &[&str]) -> String {
    let mut index = 0;
    let mut unit = 1_u64;
    // Rounded to three digits, 999,600 is 1,000 thousands: the next unit.
    while index + 1 < units.len() && u128::from(number) * 1000 >= u128::from(unit) * 999_500 {
        index += 1;
        unit = unit.saturating_mul(1000);
    }
    let hundredths = u128::from(number) * 100 / u128::from(unit);
    let places = match hundredths {
        0..1000 => 2_u32,
        1000..10_000 => 1,
        _ => 0,
    };
    let scale = 10_u128.pow(places);
    let rounded = (u128::from(number) * scale + u128::from(unit) / 2) / u128::from(unit);
    let (whole, part) = (rounded / scale, rounded % scale);
    let part = format!("{part:0width$}", width = places as usize);
    match part.trim_end_matches('0') {
        _ if places == 0 => format!("{whole} {}", units[index]),
        "" => format!("{whole} {}", units[index]),
        part => format!("{whole}.{part} {}", units[index]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_words() {
        let table = [
            (Amount::Bytes(0), "0 B"),
            (Amount::Bytes(999), "999 B"),
            (Amount::Bytes(1000), "1 kB"),
            (Amount::Bytes(1_500_000), "1.5 MB"),
            (Amount::Bytes(43_980_465_111_040), "44 TB"),
            (Amount::Bytes(999_600_000), "1 GB"),
            (Amount::BytesPerSecond(12_500_000_000), "12.5 GB/s"),
            (Amount::BytesPerSecond(625_000_000), "625 MB/s"),
            (Amount::Microseconds(250), "250 µs"),
            (Amount::Microseconds(2700), "2.7 ms"),
            (Amount::PerSecond(1_250_000), "1,250,000/s"),
            (Amount::words("yes"), "yes"),
        ];
        for (amount, words) in table {
            assert_eq!(amount.to_string(), words);
        }
        assert_eq!(serde_json::to_string(&Amount::Bytes(1)).expect("json"), r#"{"unit":"bytes","value":1}"#);
    }

    #[test]
    fn money_in_sentences() {
        let table = [(900_000, "0.90 USD"), (99_990_000, "99.99 USD"), (1_080_072_400_000, "1,080,072 USD")];
        for (micros, words) in table {
            assert_eq!(money(Usd::from_micros(micros)), words);
        }
        assert_eq!(money(Usd::from_micros(-1_234_500_000)), "-1,235 USD");
    }

    proptest! {
        #[test]
        fn words_are_within_half_a_percent(bytes in any::<u64>()) {
            let words = Amount::Bytes(bytes).to_string();
            let (number, unit) = words.split_once(' ').expect("a unit");
            let place = ["B", "kB", "MB", "GB", "TB", "PB", "EB"].iter().position(|each| *each == unit).expect("known");
            let back: f64 = number.parse::<f64>().expect("a number") * 1000_f64.powi(i32::try_from(place).expect("small"));
            #[expect(clippy::cast_precision_loss, reason = "half a percent is asked for")]
            let exact = bytes as f64;
            prop_assert!((back - exact).abs() <= exact * 0.006, "{words} for {bytes}");
        }
    }
}
