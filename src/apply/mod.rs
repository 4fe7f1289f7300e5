//! Carries out a plan: walks its graph with as much at once as the graph allows, and keeps no truth of its own.
//!
//! `converge` is the loop; `prepare` looks and plans (the part that `plan` and `up` share), `lease` keeps others out
//! and `keeper` keeps the lease, `dispatcher` starts steps,
//! `executor` performs one, `wait`, `export` and `removal` know what to wait for, `event` says what happens. Before anything
//! is made, `block` waits for a Capacity Block and `capacity` asks for room.
//! `scan` lists a bucket, for `advise`. `command` runs a command on nodes, and `outside` has one of them count what no link covers.

mod block;
mod capacity;
pub mod command;
mod context;
mod converge;
mod dispatcher;
pub mod event;
mod executor;
mod export;
pub mod extend;
mod fill;
mod keeper;
pub mod lease;
mod limits;
mod moving;
mod outside;
mod pace;
mod patience;
mod preflight;
pub mod preload;
pub mod prepare;
mod recovered;
mod removal;
pub mod scan;
mod secure;
mod store;
mod wait;
mod watch;

pub use block::NotBegun;
pub use capacity::{Hold, NoRoom, ZoneAnswer};
pub use converge::{Outcome, Session, converge};
pub use dispatcher::{Report, Run, run};
pub use fill::PartlyFilled;
