//! Facts of AWS as data, each with its date and source: what FSx sells, what EC2 has, what both cost.
//!
//! Nothing in here decides anything; it answers questions. Tables are parsed on first use and kept.

pub mod actions;
pub mod capacity_blocks;
pub mod clients;
pub mod efs;
pub mod export_failures;
pub mod file_cache;
pub mod fsx;
pub mod instances;
pub mod layouts;
mod money;
pub mod not_included;
pub mod partitions;
mod price_table;
pub mod prices;
pub mod quotas;
pub mod services;
mod table;
