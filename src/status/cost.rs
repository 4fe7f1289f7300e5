//! What a cluster costs as it is, not as it is wanted.

use jiff::Timestamp;

use super::model::Ends;
use crate::catalog::prices::{Prices, Usd};
use crate::observed::Observed;
use crate::plan::{Cost, existing};

/// What runs now, and whether that is all.
pub(super) fn hourly(observed: &Observed, prices: &Prices) -> (Usd, bool) {
    Cost { items: existing(observed, prices), ..Cost::default() }.hourly()
}

/// When nodes end themselves, and what it costs until then and after.
pub(super) fn ends(observed: &Observed, now: Timestamp, prices: &Prices) -> Option<Ends> {
    let ends: Vec<Timestamp> =
        observed.nodes.iter().filter(|node| node.exists()).filter_map(crate::observed::Node::ends).collect();
    let (first, last) = (*ends.iter().min()?, *ends.iter().max()?);
    let left_s = u64::try_from(last.duration_since(now).as_secs()).unwrap_or(0);
    let cost = Cost { items: existing(observed, prices), ttl_s: Some(left_s), ..Cost::default() };
    let (all, then) = (cost.after(), cost.after_ttl().unwrap_or_default());
    Some(Ends {
        nodes: ends.len(),
        first,
        last,
        left_s,
        cost: all.until_ttl.unwrap_or_default(),
        cost_complete: all.complete,
        then_hourly: then.hourly,
        then_complete: then.complete,
    })
}
