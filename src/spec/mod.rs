//! `cluster.toml`: from text to a typed [`Spec`], with every complaint about it and the place of every value.
//!
//! [`read`] is the only way in. Reading is total and offline: any text gives a spec or at least one error, all problems
//! are found in one go, and nothing outside the text is looked at but the scripts that it names.

mod checks;
pub mod demand;
mod fields;
mod init;
mod model;
mod places;
mod read;
mod schema;
pub mod units;

pub use checks::cluster::is_cluster_name;
pub use checks::contradictions::{Contradiction, found as contradictions};
pub use init::starter;
pub use model::*;
pub use places::Places;
pub use read::{Checked, ForAdvice, Parts, read, read_for_advice};
pub use schema::schema;
