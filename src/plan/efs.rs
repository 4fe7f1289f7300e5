//! What of an EFS file system has a price before it is used: throughput that is bought, and nothing else.

use super::cost::{CostItem, Meter};
use crate::catalog::prices::Prices;
use crate::desired::Address;
use crate::observed::Seen;
use crate::spec::EfsThroughput;

/// None: elastic throughput, which is paid for by what is read and written.
pub(super) fn throughput(address: &Address, throughput: EfsThroughput, prices: &Prices) -> Option<CostItem> {
    match throughput {
        EfsThroughput::Elastic => None,
        EfsThroughput::Provisioned(mib) => {
            let what = format!("{mib} MiB/s of provisioned throughput");
            let price = prices.efs_provisioned_month();
            Some(CostItem::by_month(address, Meter::Throughput, what, price, u64::from(mib)))
        }
    }
}

/// Reads what [`crate::desired::efs_throughput_text`] writes.
pub(super) fn seen(seen: &Seen) -> Option<EfsThroughput> {
    match seen.fields.get("throughput")?.as_str() {
        "elastic" => Some(EfsThroughput::Elastic),
        other => other.strip_suffix(" MiB/s")?.parse().ok().map(EfsThroughput::Provisioned),
    }
}
