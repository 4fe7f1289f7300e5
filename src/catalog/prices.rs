//! What things cost: one dated table of one region, and exact money.
//!
//! A price that is not in the table is unknown (`None`), never zero.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use super::fsx::Kind;
use super::table;

const DATA: &str = include_str!("data/prices.tsv");

/// Hours AWS's price pages count a month as.
pub const HOURS_PER_MONTH: u64 = 730;

/// US dollars, in whole micro-dollars, so that sums in plans add up.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
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
        Self(self.0.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX)))
    }

    /// The share of one of so many, to the nearest micro-dollar.
    #[must_use]
    pub fn divided_by(self, count: u64) -> Self {
        let count = i128::from(count.max(1));
        let half = if self.0 < 0 { -count / 2 } else { count / 2 };
        Self(i64::try_from((i128::from(self.0) + half) / count).unwrap_or(i64::MAX))
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

/// A table of prices of one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    date: String,
    region: String,
    items: BTreeMap<String, Usd>,
}

static BUILTIN: LazyLock<Prices> = LazyLock::new(|| Prices {
    date: table::header(DATA, "date").to_owned(),
    region: table::header(DATA, "region").to_owned(),
    items: table::rows(DATA)
        .map(|mut cells| {
            let (item, price) = (cells.text(), cells.text());
            (item.to_owned(), parse(price).unwrap_or_else(|| panic!("catalog: `{price}` is no price of `{item}`")))
        })
        .collect(),
});

/// `21.957642` in micro-dollars; None past six places.
fn parse(text: &str) -> Option<Usd> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 6 {
        return None;
    }
    let micros: i64 = format!("{part:0<6}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros).map(Usd)
}

/// What keeps intelligent-tiering data, a GB and month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessTier {
    /// Used in the last 30 days.
    Frequent,
    /// Not used for 30 to 90 days.
    Infrequent,
    /// Not used for 90 days.
    Archive,
}

impl Prices {
    /// The table that comes with the program. It knows one region: see [`Self::covers`].
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    pub fn date(&self) -> &str {
        &self.date
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    /// Whether the table is of this region. Elsewhere its figures are only of about the right size.
    pub fn covers(&self, region: &str) -> bool {
        self.region == region
    }

    /// Storage, a GB and month. None of intelligent-tiering (see [`Self::tiering_storage`]).
    /// An HDD file system's read cache is not in the table: with `drive_cache` the price is unknown.
    pub fn storage_gb_month(&self, kind: Kind, per_tib: Option<u32>, drive_cache: bool) -> Option<Usd> {
        if drive_cache {
            return None;
        }
        match per_tib {
            Some(per_tib) => self.item(&format!("fsx/{}/{per_tib}", kind.sku())),
            None => self.item(&format!("fsx/{}", kind.sku())),
        }
    }

    /// One metadata IOPS above what comes with the capacity, a month.
    pub fn metadata_iops_month(&self) -> Option<Usd> {
        self.item("fsx/metadata-iops")
    }

    /// One MB/s of an intelligent-tiering file system, a month.
    pub fn tiering_throughput_month(&self) -> Option<Usd> {
        self.item("fsx/it/throughput")
    }

    /// Data on intelligent-tiering, a GB and month.
    pub fn tiering_storage(&self, tier: AccessTier) -> Option<Usd> {
        self.item(match tier {
            AccessTier::Frequent => "fsx/it/frequent",
            AccessTier::Infrequent => "fsx/it/infrequent",
            AccessTier::Archive => "fsx/it/archive",
        })
    }

    /// SSD read cache of an intelligent-tiering file system, a GB and month.
    pub fn read_cache_gb_month(&self) -> Option<Usd> {
        self.item("fsx/it/read-cache")
    }

    /// Watching over data on intelligent-tiering, a GB and month.
    pub fn tiering_monitoring_gb_month(&self) -> Option<Usd> {
        self.item("fsx/it/monitoring")
    }

    /// An instance on demand, an hour.
    pub fn instance_hour(&self, instance: &str) -> Option<Usd> {
        self.item(&format!("ec2/{instance}"))
    }

    /// A gp3 volume, a GB and month.
    pub fn gp3_gb_month(&self) -> Option<Usd> {
        self.item("ebs/gp3")
    }

    /// A public address, an hour.
    pub fn public_ipv4_hour(&self) -> Option<Usd> {
        self.item("ec2/public-ipv4")
    }

    /// Traffic between zones, a GB, each way.
    pub fn cross_zone_gb(&self) -> Option<Usd> {
        self.item("transfer/cross-zone-gb")
    }

    fn item(&self, name: &str) -> Option<Usd> {
        self.items.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{fsx, instances};

    #[test]
    fn everything_that_is_sold_has_a_price() {
        let prices = Prices::builtin();
        for kind in Kind::ALL {
            for tier in fsx::tiers(kind) {
                assert!(
                    prices.storage_gb_month(kind, tier.per_tib, false) > Some(Usd::ZERO),
                    "{kind} {:?}",
                    tier.per_tib
                );
            }
        }
        let each = [
            prices.metadata_iops_month(),
            prices.tiering_throughput_month(),
            prices.tiering_storage(AccessTier::Frequent),
            prices.tiering_storage(AccessTier::Infrequent),
            prices.tiering_storage(AccessTier::Archive),
            prices.read_cache_gb_month(),
            prices.tiering_monitoring_gb_month(),
            prices.gp3_gb_month(),
            prices.public_ipv4_hour(),
            prices.cross_zone_gb(),
        ];
        assert!(each.iter().all(|price| *price > Some(Usd::ZERO)), "{each:?}");
        assert_eq!((prices.date(), prices.region()), ("2026-09-10", "us-east-1"));
        assert!(prices.covers("us-east-1") && !prices.covers("eu-west-1"));
    }

    #[test]
    fn instances_with_a_price_are_in_the_catalog() {
        for item in Prices::builtin().items.keys().filter_map(|item| item.strip_prefix("ec2/")) {
            assert!(item == "public-ipv4" || instances::get(item).is_some(), "{item}");
        }
    }

    #[test]
    fn unknown_is_none() {
        let prices = Prices::builtin();
        assert_eq!(prices.instance_hour("p5e.48xlarge"), None);
        assert_eq!(prices.storage_gb_month(Kind::Persistent1Hdd, Some(12), true), None);
        assert_eq!(prices.storage_gb_month(Kind::Persistent2IntelligentTiering, None, false), None);
    }

    #[test]
    fn exact_money() {
        assert_eq!(Prices::builtin().instance_hour("p4d.24xlarge"), Some(Usd(21_957_642)));
        // The worked example of the fact sheet: 4800 GiB at 1000 MB/s per TiB.
        let month =
            Prices::builtin().storage_gb_month(Kind::Persistent2Ssd, Some(1000), false).expect("priced").times(4800);
        assert_eq!(month.to_string(), "2880.00 USD");
        assert_eq!(month.month_to_hour().to_string(), "3.95 USD");
        assert_eq!(Usd(-5_000).to_string(), "-0.01 USD");
        assert_eq!(Usd(-4_999).to_string(), "0.00 USD", "no minus before zero");
        assert_eq!(
            format!("{:.4}|{:.0}|{:.9}", Usd(1_234_567), Usd(1_500_000), Usd(1)),
            "1.2346 USD|2 USD|0.000001 USD"
        );
        assert_eq!(Usd(i64::MAX) + Usd(1), Usd(i64::MAX));
        assert_eq!([Usd(1), Usd(2)].into_iter().sum::<Usd>(), Usd(3));
        assert_eq!(parse("0.1234567"), None);
    }
}
