//! From what a workload needs to the storage that does it: which service, at which size, at what price, and why not the others.
//!
//! [`advise`] weighs everything and always answers. [`size`] fills what `[storage]` leaves open, and is what `plan` and `up` go
//! by. Both search the legal matrix of FSx for Lustre, which is small, rather than reason about it ([`search`]).

pub mod advice;
mod advise;
mod amount;
mod assume;
mod config;
mod costs;
mod demand;
mod frontier;
mod judge;
mod money;
mod network;
mod others;
mod question;
mod search;
mod size;
mod tell;

pub use advise::advise;
pub use amount::Amount;
pub use question::{Bin, Question, Scan};
pub use size::{Sized, is_complete, size};
