//! What an EFS file system costs. Nobody knows beforehand what will be stored, so that price is always unknown; throughput that is
//! bought has one, and what is elastic is paid for by what is read and written, which stands in no sum.

use super::cost::{CostItem, Meter};
use crate::catalog::prices::Prices;
use crate::desired::Address;
use crate::observed::Seen;
use crate::spec::EfsThroughput;

pub(super) fn items(address: &Address, throughput: Option<EfsThroughput>, prices: &Prices) -> Vec<CostItem> {
    let mut items = vec![CostItem::by_month(address, Meter::Storage, "what is stored, by the GB".to_owned(), None, 1)];
    if let Some(EfsThroughput::Provisioned(mib)) = throughput {
        let what = format!("{mib} MiB/s of provisioned throughput");
        let price = prices.efs_provisioned_month();
        items.push(CostItem::by_month(address, Meter::Throughput, what, price, u64::from(mib)));
    }
    items
}

/// Reads what [`crate::desired::efs_throughput_text`] writes. None: a mode that no spec can say.
pub(super) fn seen(seen: &Seen) -> Option<EfsThroughput> {
    match seen.fields.get("throughput")?.as_str() {
        "elastic" => Some(EfsThroughput::Elastic),
        other => other.strip_suffix(" MiB/s")?.parse().ok().map(EfsThroughput::Provisioned),
    }
}
