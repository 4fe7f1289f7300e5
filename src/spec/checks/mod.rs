//! The rules, one set a file. Each reads its table, complains about all that is wrong in it, and gives out the typed part
//! only when nothing is.

pub(super) mod capacity;
pub(super) mod cluster;
pub(super) mod contradictions;
pub(super) mod dataset;
pub(super) mod efs;
pub(super) mod existing;
pub(super) mod file_cache;
pub(super) mod instance;
mod layout;
pub(super) mod market;
pub(super) mod network;
pub(super) mod nodes;
pub(super) mod overlap;
pub(super) mod performance;
pub(super) mod shapes;
pub(super) mod storage;
pub(super) mod workload;
