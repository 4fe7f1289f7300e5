//! What the wanted cluster costs an hour, from the dated price table.

use super::model::{Cost, CostItem};
use crate::catalog;
use crate::catalog::prices::{Prices, Usd};
use crate::desired::{Address, Desired, FileSystem, Kind, Resource, deployment_text, market_text, media_text};
use crate::spec::{Market, MetadataIops};

/// Hours in a month, as AWS's own calculator counts.
pub(super) fn cost(desired: &Desired, prices: &Prices) -> Cost {
    let region = desired.id.region.as_str();
    let mut items = Vec::new();
    for (address, wanted) in &desired.resources {
        match &wanted.resource {
            Resource::Fsx(file_system) => storage(address, file_system, region, prices, &mut items),
            Resource::Nodes(group) => {
                let price = match group.market {
                    Market::OnDemand | Market::Reservation(_) => prices.instance(region, &group.instance),
                    // Spot prices change by the minute; Capacity Blocks are paid beforehand.
                    Market::Spot | Market::CapacityBlock(_) => None,
                };
                items.push(CostItem {
                    address: address.clone(),
                    what: format!("{} × {} {}", group.count, group.instance, market_text(&group.market)),
                    hourly: price.map(|price| price * i64::from(group.count)),
                });
                if let Some(Resource::Template(template)) = desired.resources.get(&group.template).map(|wanted| &wanted.resource) {
                    let gib = i64::from(template.root_volume_gib) * i64::from(group.count);
                    items.push(CostItem {
                        address: Address::named(Kind::Template, address.name.clone()),
                        what: format!("{gib} GiB of gp3 root volumes"),
                        hourly: prices.gp3_gib_month(region).map(|price| Usd::per_month(price * gib)),
                    });
                }
            }
            Resource::SecurityGroup(_) | Resource::Role(_) | Resource::InstanceProfile(_) | Resource::Placement(_) | Resource::Link(_) | Resource::Template(_) => {}
        }
    }
    Cost { items, prices_of: prices.date().to_owned() }
}

fn storage(address: &Address, file_system: &FileSystem, region: &str, prices: &Prices, items: &mut Vec<CostItem>) {
    let mut push = |what: String, monthly: Option<Usd>| {
        items.push(CostItem { address: address.clone(), what, hourly: monthly.map(Usd::per_month) });
    };
    let FileSystem { deployment, media, capacity_gib, throughput_per_tib, throughput, .. } = file_system;
    let kind = format!("{} {}", deployment_text(*deployment), media_text(*media));
    if let Some(gib) = capacity_gib {
        let price = prices.fsx_gib_month(region, *deployment, *media, *throughput_per_tib);
        push(format!("{kind}, {}", catalog::fsx::capacity_text(*gib)), price.map(|price| price * i64::from(*gib)));
        if let Some(MetadataIops::Provisioned(iops)) = file_system.metadata_iops {
            let above = iops.saturating_sub(catalog::fsx::automatic_metadata_iops(*gib));
            if above > 0 {
                push(format!("{above} metadata IOPS above the automatic ones"), prices.fsx_metadata_iops_month(region).map(|price| price * i64::from(above)));
            }
        }
    }
    if let Some(rate) = throughput {
        push(format!("{kind}, {rate} MB/s"), prices.fsx_tiering_mbps_month(region).map(|price| price * i64::from(*rate)));
        push("storage by use, cache and requests of intelligent-tiering".to_owned(), None);
    }
}
