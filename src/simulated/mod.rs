//! The cloud in memory: what the engine's tests and simulations run on.
//!
//! A [`Simulated`] is one client of a world. The world has AWS's rules as the fact sheets give them: lifecycles that
//! take time, tokens and names that a second creation meets, refusals, limits, answers that lag behind the truth, and
//! files that are lost when what holds them goes before they were exported. Time is tokio's, so a paused test runs
//! through hours at once; all chance comes from one seed. Each request may meet a fault, scripted or by chance, and a
//! client that crashes never hears from the world again: the next one goes on with what is there.
//!
//! [`check`] tells after every step whether the promises of the engine still hold, [`check_clean`] after a removal.

mod client;
mod clock;
mod efs;
mod faults;
mod file_cache;
mod files;
mod help;
mod history;
mod hooks;
mod invariants;
mod listing;
mod look;
mod named;
mod nodes;
mod port;
mod random;
mod remote;
mod restore;
mod room;
mod settings;
mod shelf;
mod storage;
mod tasks;
mod world;

pub use client::Simulated;
pub use clock::VirtualClock;
pub use faults::{Fault, Weather, When};
pub use files::{Counts, Ledger};
pub use history::{Entry, Event, Outcome, Request};
pub use invariants::{Violation, check, check_clean};
pub use random::Random;
pub use remote::Play;
pub use settings::{Boot, Delays, ExportOutcome, Lag, QueueTold, Restore, Settings, Which, WhileCreating};

#[cfg(test)]
mod tests;
