//! What stands beside FSx for Lustre: limits and prices of other places to keep training data, each with its day, its source
//! and whether that is to be trusted.

use std::sync::LazyLock;

use super::prices::Usd;
use super::table::{self, Cells};

const FACTS: &str = include_str!("data/services.tsv");
const PRICES: &str = include_str!("data/service_prices.tsv");

/// One figure of one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    pub service: &'static str,
    pub name: &'static str,
    pub value: Value,
    /// False: general knowledge or a single weak source.
    pub sure: bool,
    pub date: &'static str,
    pub source: &'static str,
    /// A few words to go with the figure.
    pub note: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// Bytes, bytes a second, microseconds, or so many a second.
    Number(u64),
    /// AWS names no limit that a cluster meets.
    Any,
    Yes,
    No,
    /// Nobody says.
    Unknown,
}

/// One price of one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// `efs/standard`
    pub item: &'static str,
    pub region: &'static str,
    pub usd: Usd,
    pub sure: bool,
    pub date: &'static str,
    pub source: &'static str,
    /// `GB-month`
    pub unit: &'static str,
}

static TABLE: LazyLock<Vec<Fact>> = LazyLock::new(|| table::rows(FACTS).map(fact).collect());
static PRICE_TABLE: LazyLock<Vec<Price>> = LazyLock::new(|| table::rows(PRICES).map(price_row).collect());

fn fact(mut cells: Cells) -> Fact {
    let (service, name) = (cells.text(), cells.text());
    let value = match cells.text() {
        "any" => Value::Any,
        "yes" => Value::Yes,
        "no" => Value::No,
        "unknown" => Value::Unknown,
        number => Value::Number(number.parse().unwrap_or_else(|_| panic!("catalog: {service} {name} is no number"))),
    };
    let (sure, date, source) = (cells.flag(), cells.text(), cells.text());
    Fact { service, name, value, sure, date, source, note: Some(cells.text()).filter(|note| !note.is_empty()) }
}

fn price_row(mut cells: Cells) -> Price {
    let (item, region) = (cells.text(), cells.text());
    let usd = Usd::parse(cells.text()).unwrap_or_else(|| panic!("catalog: the price of {item} is no price"));
    let (sure, date, source, unit) = (cells.flag(), cells.text(), cells.text(), cells.text());
    Price { item, region, usd, sure, date, source, unit }
}

/// The day the table was looked through.
pub fn date() -> &'static str {
    table::header(FACTS, "date")
}

/// A figure of a service, if the table has it.
pub fn get(service: &str, name: &str) -> Option<&'static Fact> {
    TABLE.iter().find(|fact| fact.service == service && fact.name == name)
}

/// All figures, in the table's order.
pub fn all() -> &'static [Fact] {
    &TABLE
}

/// A price in a region, else in the one that is known.
pub fn price(item: &str, region: &str) -> Option<&'static Price> {
    let of = |price: &&Price| price.item == item;
    PRICE_TABLE.iter().filter(of).find(|price| price.region == region).or_else(|| PRICE_TABLE.iter().find(of))
}

/// All prices, in the table's order.
pub fn all_prices() -> &'static [Price] {
    &PRICE_TABLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_dated_and_sourced() {
        for fact in all() {
            assert!(fact.date.len() == 10 && !fact.source.is_empty(), "{} {}", fact.service, fact.name);
            assert_eq!(get(fact.service, fact.name), Some(fact), "once each");
        }
        for price in all_prices() {
            assert!(price.date.len() == 10 && !price.source.is_empty() && price.usd > Usd::ZERO, "{}", price.item);
            assert_eq!(super::price(price.item, price.region), Some(price), "once each");
        }
        assert_eq!(super::price("efs/standard", "af-south-1").map(|price| price.region), Some("us-east-1"));
        assert_eq!((get("efs", "colour"), super::price("efs/colour", "us-east-1")), (None, None));
    }

    #[test]
    fn every_service_is_told_of_in_the_same_words() {
        let services = [
            "file-cache",
            "efs",
            "file-gateway",
            "mountpoint",
            "s3-express",
            "s3-files",
            "fsx-openzfs",
            "fsx-ontap",
            "local-nvme",
        ];
        let numbers = ["read", "write", "node-read", "node-write", "latency", "opens"];
        let words =
            ["shared-writes", "posix", "s3-link", "s3-import", "s3-export", "durable", "on-premises", "several-zones"];
        for service in services {
            for name in numbers {
                let value = get(service, name).unwrap_or_else(|| panic!("{service} {name}")).value;
                assert!(matches!(value, Value::Number(_) | Value::Any | Value::Unknown), "{service} {name}");
            }
            for name in words {
                let value = get(service, name).unwrap_or_else(|| panic!("{service} {name}")).value;
                assert!(matches!(value, Value::Yes | Value::No | Value::Unknown), "{service} {name}");
            }
        }
    }
}
