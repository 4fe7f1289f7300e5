//! The whole engine over the simulated cloud, in virtual time: up, change, down, crash, and the four promises after each.

mod capacity;
mod change;
mod crash;
mod data;
mod efs;
pub(crate) mod existing;
mod export;
mod extend;
mod file_cache;
pub(crate) mod harness;
mod hold;
mod life;
mod lock;
mod markets;
mod moving;
mod nodes;
mod partly;
mod preflight;
mod preload;
mod replace;
mod roll;
mod saved;
mod sized;
mod tampered;
mod types;
