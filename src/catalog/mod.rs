//! Facts of AWS as data, each with its date and source: what FSx sells, what EC2 has, what both cost.
//!
//! Nothing in here decides anything; it answers questions. Tables are parsed on first use and kept.

pub mod actions;
pub mod fsx;
pub mod instances;
pub mod partitions;
pub mod prices;
pub mod quotas;
mod table;
