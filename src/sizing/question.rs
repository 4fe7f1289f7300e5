//! What advice is asked about: the parts of a spec, whatever there is of them, prices, and what a look into the bucket found.

use crate::catalog::prices::Prices;
use crate::spec::{Dataset, Nodes, Open, Storage, Workload};

/// Everything that advice hangs on. Nothing but the prices has to be there.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Where the cluster is to be; prices are [`Self::prices`]' own.
    pub region: &'a str,
    pub workload: Option<&'a Workload>,
    /// What `[storage]` fixes; None: nothing.
    pub storage: Option<&'a Storage>,
    /// Which keys of it are but defaults.
    pub open: Open,
    pub nodes: &'a [Nodes],
    pub datasets: &'a [Dataset],
    pub prices: &'a Prices,
    /// What listing the datasets found; it goes before what is assumed, and after what `[workload]` says.
    pub scan: Option<&'a Scan>,
}

/// What was found below a prefix of a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    /// Objects in all; an estimate where `sampled`.
    pub objects: u64,
    pub bytes: u64,
    /// Of one object.
    pub largest: u64,
    /// Not everything was listed.
    pub sampled: bool,
    /// How sizes are spread, smallest first; objects may be 0.
    pub histogram: Vec<Bin>,
}

/// Objects of up to so many bytes (and more than the bin before).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bin {
    pub up_to: u64,
    pub objects: u64,
    pub bytes: u64,
}
