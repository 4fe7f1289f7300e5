//! cluster.toml.
mod model;
pub use model::*;
