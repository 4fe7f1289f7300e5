//! What things cost: a dated table for each region, and where each of them comes from.
//!
//! A price that is not in a table is unknown (`None`), never zero, and never that of another region.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use super::fsx::{self, Kind};
use super::price_table;

pub use super::money::{HOURS_PER_MONTH, Usd};
pub use super::price_table::Fault;

/// Made by tools/prices.py.
const DATA: [&str; 13] = [
    include_str!("data/prices/ap-northeast-1.tsv"),
    include_str!("data/prices/ap-northeast-2.tsv"),
    include_str!("data/prices/ap-south-1.tsv"),
    include_str!("data/prices/ap-southeast-1.tsv"),
    include_str!("data/prices/ap-southeast-2.tsv"),
    include_str!("data/prices/ca-central-1.tsv"),
    include_str!("data/prices/eu-central-1.tsv"),
    include_str!("data/prices/eu-north-1.tsv"),
    include_str!("data/prices/eu-west-1.tsv"),
    include_str!("data/prices/eu-west-2.tsv"),
    include_str!("data/prices/us-east-1.tsv"),
    include_str!("data/prices/us-east-2.tsv"),
    include_str!("data/prices/us-west-2.tsv"),
];

/// The region whose prices stand for all where only their order counts.
const REFERENCE: &str = "us-east-1";

/// A table of prices of one region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices {
    region: String,
    /// `2026-09-10`: the day of its oldest source. Empty: there is no table.
    date: String,
    source: String,
    items: BTreeMap<String, Usd>,
    /// Prices that the user gave, and where.
    given: Option<Given>,
}

/// What of a table the user's own prices are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The file.
    pub name: String,
    /// How many of its prices are in use.
    pub count: usize,
    /// The region that the file is of, if that is another one: then none is in use.
    pub other_region: Option<String>,
}

static BUILTIN: LazyLock<BTreeMap<String, Prices>> = LazyLock::new(|| {
    let tables = DATA.iter().map(|text| {
        let table = Prices::parse(text).unwrap_or_else(|faults| panic!("catalog: a price table is wrong: {faults:?}"));
        (table.region.clone(), table)
    });
    tables.collect()
});

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
    /// The table of us-east-1 that comes with the program: what sizes are compared by, wherever they are bought.
    pub fn builtin() -> &'static Self {
        &BUILTIN[REFERENCE]
    }

    /// The table of a region that comes with the program.
    pub fn builtin_of(region: &str) -> Option<&'static Self> {
        BUILTIN.get(region)
    }

    /// Reads a table: `# date: …`, `# region: …` and `# source: …` on top, then an item and a price on each line.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let table = price_table::read(text)?;
        Ok(Self {
            region: table.region.unwrap_or_default(),
            date: table.date.unwrap_or_default(),
            source: table.source.unwrap_or_default(),
            items: table.items,
            given: None,
        })
    }

    /// A table as it was just asked for.
    pub fn new(region: &str, date: &str, source: &str, items: BTreeMap<String, Usd>) -> Self {
        Self { region: region.to_owned(), date: date.to_owned(), source: source.to_owned(), items, given: None }
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    /// The day of the oldest source; None where there is no table of the region.
    pub fn date(&self) -> Option<&str> {
        (!self.date.is_empty()).then_some(self.date.as_str())
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    pub fn given(&self) -> Option<&Given> {
        self.given.as_ref()
    }

    pub fn items(&self) -> &BTreeMap<String, Usd> {
        &self.items
    }

    /// As a file: what [`Self::parse`] reads.
    pub fn text(&self) -> String {
        let Self { region, date, source, items, given } = self;
        let mut text = format!("# date: {date}\n# region: {region}\n# source: {source}\n");
        // Writing to a String cannot fail.
        if let Some(Given { name, count, other_region: None }) = given {
            let _ = writeln!(text, "# given: {count} by {name}");
        }
        text.push_str("# item\tUSD\n");
        for (item, price) in items {
            let _ = writeln!(text, "{item}\t{}", price.exact());
        }
        text
    }

    /// Storage, a GB and month. None of intelligent-tiering (see [`Self::tiering_storage`]).
    pub fn storage_gb_month(&self, kind: Kind, per_tib: Option<u32>, drive_cache: bool) -> Option<Usd> {
        let cache = if drive_cache { "/read-cache" } else { "" };
        match per_tib {
            Some(per_tib) => self.item(&format!("fsx/{}/{per_tib}{cache}", kind.sku())),
            None => self.item(&format!("fsx/{}{cache}", kind.sku())),
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

    /// One MiB/s of provisioned EFS throughput, a month. In no table that comes with the program: no source of ours has it.
    pub fn efs_provisioned_month(&self) -> Option<Usd> {
        self.item("efs/provisioned")
    }

    /// A GB of a file cache, a month. In no table that comes with the program: no source of ours is sure of it.
    pub fn file_cache_gb_month(&self) -> Option<Usd> {
        self.item("file-cache/storage")
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

/// Every item but instances that a table may have.
pub fn item_names() -> Vec<String> {
    let storage = Kind::ALL.into_iter().flat_map(|kind| {
        fsx::tiers(kind).flat_map(move |tier| {
            let item = tier.per_tib.map_or(format!("fsx/{}", kind.sku()), |rate| format!("fsx/{}/{rate}", kind.sku()));
            let cached = (kind == Kind::Persistent1Hdd).then(|| format!("{item}/read-cache"));
            [Some(item), cached].into_iter().flatten()
        })
    });
    let others = [
        "fsx/metadata-iops",
        "fsx/it/throughput",
        "fsx/it/frequent",
        "fsx/it/infrequent",
        "fsx/it/archive",
        "fsx/it/read-cache",
        "fsx/it/monitoring",
        "fsx/it/reads-1000",
        "fsx/it/writes-1000",
        "efs/provisioned",
        "file-cache/storage",
        "ebs/gp3",
        "ec2/public-ipv4",
        "transfer/cross-zone-gb",
    ];
    storage.chain(others.into_iter().map(str::to_owned)).collect()
}

/// All tables at hand, best first: prices that the user gave, a table that was asked for, the one that comes with the program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceBook {
    asked: BTreeMap<String, Prices>,
    given: Option<(String, Prices)>,
}

impl PriceBook {
    /// A table that was asked for. It stands in for the built-in one if it is not older.
    #[must_use]
    pub fn with_table(mut self, table: Prices) -> Self {
        let is_older = Prices::builtin_of(&table.region).is_some_and(|builtin| table.date < builtin.date);
        if !is_older {
            self.asked.insert(table.region.clone(), table);
        }
        self
    }

    /// Prices of the user: those items win, the others stay.
    #[must_use]
    pub fn with_given(mut self, name: &str, prices: Prices) -> Self {
        self.given = Some((name.to_owned(), prices));
        self
    }

    /// Regions with a table of their own.
    pub fn regions(&self) -> Vec<&str> {
        let mut regions: Vec<&str> = BUILTIN.keys().chain(self.asked.keys()).map(String::as_str).collect();
        regions.sort_unstable();
        regions.dedup();
        regions
    }

    /// The prices in force in a region; none where nobody knows any.
    pub fn prices(&self, region: &str) -> Prices {
        let table = self.asked.get(region).or_else(|| Prices::builtin_of(region));
        let mut prices = table.cloned().unwrap_or_else(|| Prices { region: region.to_owned(), ..Prices::default() });
        if let Some((name, given)) = &self.given {
            let other_region = Some(given.region.clone()).filter(|of| !of.is_empty() && of != region);
            let mut count = 0;
            if other_region.is_none() {
                count = given.items.len();
                prices.items.extend(given.items.clone());
            }
            prices.given = Some(Given { name: name.clone(), count, other_region });
        }
        prices
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::instances;

    #[test]
    fn everything_that_is_sold_has_a_price_in_us_east_1() {
        let prices = Prices::builtin();
        // What no source of ours has: it stands in tables that users give.
        let unsure = ["efs/provisioned", "file-cache/storage"];
        for item in item_names().iter().filter(|item| !unsure.contains(&item.as_str())) {
            assert!(prices.item(item) > Some(Usd::ZERO), "{item}");
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
        assert_eq!((prices.date(), prices.region()), (Some("2025-10-16"), "us-east-1"));
    }

    #[test]
    fn every_table_is_dated_sourced_and_of_what_there_is() {
        assert_eq!(BUILTIN.len(), DATA.len(), "one region each");
        for (region, table) in &*BUILTIN {
            assert!(table.date().is_some_and(|date| date.len() == 10) && !table.source().is_empty(), "{region}");
            assert!(table.items.values().all(|price| *price > Usd::ZERO), "{region}");
            for item in table.items.keys().filter_map(|item| item.strip_prefix("ec2/")) {
                assert!(item == "public-ipv4" || instances::get(item).is_some(), "{region}: {item}");
            }
            // The newest kind is in every region; read back, a table is the same.
            assert!(table.storage_gb_month(Kind::Persistent2Ssd, Some(250), false).is_some(), "{region}");
            assert_eq!(Prices::parse(&table.text()).as_ref(), Ok(table));
        }
    }

    #[test]
    fn prices_differ_by_region() {
        let month = |region| Prices::builtin_of(region)?.storage_gb_month(Kind::Persistent2Ssd, Some(1000), false);
        assert_eq!(month("us-east-1"), Some(Usd::from_micros(600_000)));
        assert_eq!(month("eu-central-1"), Some(Usd::from_micros(794_000)));
        assert_eq!(month("af-south-1"), None);
    }

    #[test]
    fn unknown_is_none() {
        let prices = Prices::builtin();
        assert_eq!(prices.instance_hour("p5e.48xlarge"), None);
        assert_eq!(prices.storage_gb_month(Kind::Persistent2IntelligentTiering, None, false), None);
        let nowhere = PriceBook::default().prices("af-south-1");
        assert_eq!((nowhere.date(), nowhere.gp3_gb_month()), (None, None));
    }

    #[test]
    fn the_example_of_the_fact_sheet() {
        // 4800 GiB at 1000 MB/s per TiB.
        let month =
            Prices::builtin().storage_gb_month(Kind::Persistent2Ssd, Some(1000), false).expect("priced").times(4800);
        assert_eq!(month.to_string(), "2880.00 USD");
        assert_eq!(month.month_to_hour().to_string(), "3.95 USD");
    }

    #[test]
    fn what_the_user_gives_wins_and_what_was_asked_for_must_be_new() {
        let table =
            |date: &str| Prices::new("us-east-1", date, "asked", [("ebs/gp3".to_owned(), Usd::from_micros(1))].into());
        let stale = PriceBook::default().with_table(table("2024-01-01")).prices("us-east-1");
        assert_eq!(&stale, Prices::builtin());
        let fresh = PriceBook::default().with_table(table("2026-11-23"));
        let prices = fresh.prices("us-east-1");
        assert_eq!((prices.source(), prices.gp3_gb_month()), ("asked", Some(Usd::from_micros(1))));
        assert_eq!(prices.metadata_iops_month(), None, "it stands in for the other as a whole");
        let given = Prices::parse("ec2/p5.48xlarge 10").expect("a table");
        let prices = fresh.clone().with_given("ours.tsv", given).prices("us-east-1");
        assert_eq!(prices.instance_hour("p5.48xlarge"), Some(Usd::from_micros(10_000_000)));
        assert_eq!(
            (prices.gp3_gb_month(), prices.given().map(|given| given.count)),
            (Some(Usd::from_micros(1)), Some(1))
        );
        let elsewhere = Prices::parse("# region: eu-west-1\nec2/p5.48xlarge 10").expect("a table");
        let prices = fresh.with_given("ours.tsv", elsewhere).prices("us-east-1");
        assert_eq!(prices.instance_hour("p5.48xlarge"), None);
        assert_eq!(prices.given().and_then(|given| given.other_region.as_deref()), Some("eu-west-1"));
    }
}
