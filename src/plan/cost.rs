//! What a cluster costs: sums, and the difference that a plan makes. What there is to pay for, `paid` tells.
//!
//! An unknown price is never 0. A sum says whether it is all; a difference is whole only where what is unknown stays as it is.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::prices::{HOURS_PER_MONTH, Prices, Usd};
use crate::desired::Address;

const SECONDS_PER_HOUR: u64 = 3600;

/// What is paid for, once the plan is applied and now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Once the plan is applied.
    pub items: Vec<CostItem>,
    /// The most that it may come to, where groups may still be of several types: each of its dearest one; None: what
    /// `items` say is certain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<Sum>,
    /// The least that it may come to, where groups may have fewer nodes than their `count`, which `items` are of; None: no
    /// group may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<Sum>,
    /// As it is now, by what was seen of it; None: nobody looked.
    pub before: Option<Vec<CostItem>>,
    /// How long nodes run, seconds; None: until `down`. Storage stays after it.
    pub ttl_s: Option<u64>,
    /// When the last of the nodes that are there now ends itself; None: none of them does, or none stays, or nobody looked.
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
    /// The day of the price table.
    pub prices_of: String,
    pub prices: PriceSource,
    /// What is in no sum.
    pub not_included: Vec<String>,
}

/// Where the prices come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PriceSource {
    pub region: String,
    /// The day of the table's oldest source; None: there is no table of the region.
    pub date: Option<String>,
    pub source: String,
    /// The user's file, and how many prices are taken from it.
    pub given: Option<(String, usize)>,
}

/// One thing that is paid for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CostItem {
    pub address: Address,
    pub meter: Meter,
    /// With its quantity, such as `8 × p5.48xlarge on-demand`.
    pub what: String,
    /// Instances, GiB, MB/s or IOPS.
    pub quantity: u64,
    /// Of one of them: an hour for instances, else a month.
    pub price: Option<Usd>,
    pub hourly: Option<Usd>,
    pub monthly: Option<Usd>,
}

/// What of a resource an item is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Meter {
    Storage,
    Throughput,
    ReadCache,
    MetadataIops,
    Instances,
    RootVolumes,
}

impl Meter {
    /// It ends with its nodes.
    pub const fn is_of_nodes(self) -> bool {
        match self {
            Self::Instances | Self::RootVolumes => true,
            Self::Storage | Self::Throughput | Self::ReadCache | Self::MetadataIops => false,
        }
    }
}

/// A sum or a difference: of what is known, and whether that is all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sum {
    pub hourly: Usd,
    pub monthly: Usd,
    /// In one ttl; None without one.
    pub until_ttl: Option<Usd>,
    /// False: there is something unknown beside it.
    pub complete: bool,
}

/// One part of one resource, now and then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    pub address: &'a Address,
    pub meter: Meter,
    pub after: Vec<&'a CostItem>,
    pub before: Vec<&'a CostItem>,
}

impl CostItem {
    /// So many of what has a price an hour.
    pub(super) fn by_hour(address: &Address, meter: Meter, what: String, price: Option<Usd>, quantity: u64) -> Self {
        let hourly = price.map(|price| price.times(quantity));
        let monthly = hourly.map(Usd::hour_to_month);
        Self { address: address.clone(), meter, what, quantity, price, hourly, monthly }
    }

    /// So many of what has a price a month.
    pub(super) fn by_month(address: &Address, meter: Meter, what: String, price: Option<Usd>, quantity: u64) -> Self {
        let monthly = price.map(|price| price.times(quantity));
        let hourly = monthly.map(Usd::month_to_hour);
        Self { address: address.clone(), meter, what, quantity, price, hourly, monthly }
    }
}

impl PriceSource {
    pub(super) fn of(prices: &Prices) -> Self {
        Self {
            region: prices.region().to_owned(),
            date: prices.date().map(str::to_owned),
            source: prices.source().to_owned(),
            given: prices.given().map(|given| (given.name.clone(), given.count)).filter(|(_, count)| *count > 0),
        }
    }
}

impl Cost {
    /// The hourly sum of what is known, and whether that is all.
    pub fn hourly(&self) -> (Usd, bool) {
        let after = self.after();
        (after.hourly, after.complete)
    }

    /// Once the plan is applied.
    pub fn after(&self) -> Sum {
        self.sum(&self.items)
    }

    /// Now; None: nobody looked.
    pub fn now(&self) -> Option<Sum> {
        self.before.as_ref().map(|items| self.sum(items))
    }

    /// Once the ttl is over and nobody has said `down`: nodes have ended themselves, storage stays. None without a ttl.
    pub fn after_ttl(&self) -> Option<Sum> {
        self.ttl_s?;
        Some(Sum { until_ttl: None, ..self.sum(self.items.iter().filter(|item| !item.meter.is_of_nodes())) })
    }

    /// What the plan adds, negative where it saves; None: nobody looked.
    pub fn difference(&self) -> Option<Sum> {
        let before = self.before.as_ref()?;
        Some(self.between(&before.iter().collect::<Vec<_>>(), &self.items.iter().collect::<Vec<_>>()))
    }

    /// What is paid for now or then, in the order of addresses and meters.
    pub fn lines(&self) -> Vec<Line<'_>> {
        let before = self.before.as_deref().unwrap_or_default();
        let mut keys: Vec<(&Address, Meter)> =
            self.items.iter().chain(before).map(|item| (&item.address, item.meter)).collect();
        keys.sort();
        keys.dedup();
        keys.into_iter()
            .map(|(address, meter)| {
                let of = |items: &'_ [CostItem]| -> Vec<usize> {
                    let all = items.iter().enumerate();
                    all.filter(|(_, item)| item.address == *address && item.meter == meter).map(|(at, _)| at).collect()
                };
                let after = of(&self.items).into_iter().map(|at| &self.items[at]).collect();
                let before = of(before).into_iter().map(|at| &before[at]).collect();
                Line { address, meter, after, before }
            })
            .collect()
    }

    /// What a plan adds in some lines; None: nobody looked.
    pub fn difference_in(&self, lines: &[&Line<'_>]) -> Option<Sum> {
        self.before.as_ref()?;
        let before: Vec<&CostItem> = lines.iter().flat_map(|line| line.before.iter().copied()).collect();
        let after: Vec<&CostItem> = lines.iter().flat_map(|line| line.after.iter().copied()).collect();
        Some(self.between(&before, &after))
    }

    /// The sum of what is known of some items.
    pub fn sum<'a>(&self, items: impl IntoIterator<Item = &'a CostItem>) -> Sum {
        let mut sum = Sum { until_ttl: self.ttl_s.map(|_| Usd::ZERO), complete: true, ..Sum::default() };
        for item in items {
            match (item.hourly, item.monthly) {
                (Some(hourly), Some(monthly)) => {
                    sum.hourly += hourly;
                    sum.monthly += monthly;
                    sum.until_ttl = sum.until_ttl.zip(self.ttl_s).map(|(until, ttl_s)| {
                        // From the month, which is exact for what is priced by the hour as well.
                        until + monthly.part(ttl_s, HOURS_PER_MONTH * SECONDS_PER_HOUR)
                    });
                }
                (None, _) | (_, None) => sum.complete = false,
            }
        }
        sum
    }

    /// What is unknown on both sides and the same adds nothing.
    fn between(&self, before: &[&CostItem], after: &[&CostItem]) -> Sum {
        let unknown = |items: &[&CostItem]| {
            let mut unknown: Vec<(Address, Meter, String)> = items
                .iter()
                .filter(|item| item.hourly.is_none() || item.monthly.is_none())
                .map(|item| (item.address.clone(), item.meter, item.what.clone()))
                .collect();
            unknown.sort();
            unknown
        };
        let (was, will) = (self.sum(before.iter().copied()), self.sum(after.iter().copied()));
        Sum {
            hourly: will.hourly - was.hourly,
            monthly: will.monthly - was.monthly,
            until_ttl: will.until_ttl.zip(was.until_ttl).map(|(will, was)| will - was),
            complete: unknown(before) == unknown(after),
        }
    }
}
