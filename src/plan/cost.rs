//! What the wanted cluster costs an hour, from the dated price table.

use super::model::{Cost, CostItem};
use crate::catalog;
use crate::catalog::prices::{Prices, Usd};
use crate::desired::{Address, Desired, FileSystem, Resource, deployment_text, market_text, media_text};
use crate::spec::{DriveCache, Market, MetadataIops};

/// A table of another region is no price.
pub(super) fn cost(desired: &Desired, prices: &Prices) -> Cost {
    let prices = prices.covers(&desired.id.region).then_some(prices);
    let mut items = Vec::new();
    for (address, wanted) in &desired.resources {
        match &wanted.resource {
            Resource::Fsx(file_system) => storage(address, file_system, prices, &mut items),
            Resource::Nodes(group) => {
                let price = match group.market {
                    Market::OnDemand | Market::Reservation(_) => {
                        prices.and_then(|prices| prices.instance_hour(&group.instance))
                    }
                    // Spot prices change by the minute; Capacity Blocks are paid beforehand.
                    Market::Spot | Market::CapacityBlock(_) => None,
                };
                items.push(CostItem {
                    address: address.clone(),
                    what: format!("{} × {} {}", group.count, group.instance, market_text(&group.market)),
                    hourly: price.map(|price| price.times(u64::from(group.count))),
                });
                if let Some(Resource::Template(template)) =
                    desired.resources.get(&group.template).map(|wanted| &wanted.resource)
                {
                    let gib = u64::from(template.root_volume_gib) * u64::from(group.count);
                    let price = prices.and_then(Prices::gp3_gb_month);
                    items.push(CostItem {
                        address: address.clone(),
                        what: format!("{gib} GiB of gp3 root volumes"),
                        hourly: price.map(|price| price.times(gib).month_to_hour()),
                    });
                }
            }
            Resource::SecurityGroup(_)
            | Resource::Role(_)
            | Resource::InstanceProfile(_)
            | Resource::Placement(_)
            | Resource::Link(_)
            | Resource::Template(_) => {}
        }
    }
    Cost {
        items,
        prices_of: prices.map_or_else(|| "unknown in this region".to_owned(), |prices| prices.date().to_owned()),
    }
}

fn storage(address: &Address, file_system: &FileSystem, prices: Option<&Prices>, items: &mut Vec<CostItem>) {
    let mut push = |what: String, monthly: Option<Usd>| {
        items.push(CostItem { address: address.clone(), what, hourly: monthly.map(Usd::month_to_hour) });
    };
    let FileSystem { deployment, media, capacity_gib, throughput_per_tib, throughput, drive_cache, .. } = file_system;
    let text = format!("{} {}", deployment_text(*deployment), media_text(*media));
    let kind = deployment.on(*media);
    if let Some(gib) = capacity_gib {
        let cached = *drive_cache == Some(DriveCache::Read);
        let price = prices.and_then(|prices| prices.storage_gb_month(kind, *throughput_per_tib, cached));
        push(format!("{text}, {gib} GiB"), price.map(|price| price.times(u64::from(*gib))));
        if let Some(MetadataIops::Provisioned(iops)) = file_system.metadata_iops {
            let above = iops.saturating_sub(catalog::fsx::automatic_metadata_iops(*gib));
            if above > 0 {
                let price = prices.and_then(Prices::metadata_iops_month);
                push(
                    format!("{above} metadata IOPS above the automatic ones"),
                    price.map(|price| price.times(u64::from(above))),
                );
            }
        }
    }
    if let Some(rate) = throughput {
        let price = prices.and_then(Prices::tiering_throughput_month);
        push(format!("{text}, {rate} MB/s"), price.map(|price| price.times(u64::from(*rate))));
        push("storage by use, cache and requests of intelligent-tiering".to_owned(), None);
    }
}
