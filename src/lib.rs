//! `provision`: from one spec to a running, mounted, data-linked GPU cluster on AWS, and back to nothing.
//!
//! ```text
//! cluster.toml ─ spec ─► sizing ─► desired ─┐
//!                                           ├─► plan ─► render / confirm ─► apply ─► report
//!                  cloud.observe ─ observed ┘                                 │
//!                         ▲                                                   │
//!                         └───────────── cloud (the port) ◄───────────────────┘
//!                                    ├─ aws        the only place that names an SDK type
//!                                    └─ simulated  in memory: virtual time, faults, crashes, lag
//! ```

pub mod apply;
#[cfg(feature = "aws")]
pub mod aws;
pub mod bootstrap;
pub mod catalog;
pub mod cli;
pub mod cloud;
pub mod desired;
pub mod diagnostic;
pub mod observed;
pub mod permissions;
pub mod plan;
pub mod record;
pub mod render;
pub mod scan;
pub mod simulated;
pub mod sizing;
pub mod spec;
pub mod status;
