//! What a cluster costs as it is, not as it is wanted.

use crate::catalog::prices::{Prices, Usd};
use crate::observed::Observed;
use crate::plan::{Cost, existing};

/// What runs now, and whether that is all.
pub(super) fn hourly(observed: &Observed, prices: &Prices) -> (Usd, bool) {
    Cost { items: existing(observed, prices), ..Cost::default() }.hourly()
}
