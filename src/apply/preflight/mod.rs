//! What has to be known before a plan: which questions are open, what is settled once and for all, and what speaks against
//! the plan. Pure: `prepare` asks.
//!
//! `place` settles where the cluster lives and from which images; the others look at what the user has given by id, at
//! limits, at reservations and at rights. A question that nobody answers is a note, and never keeps a plan from being made.

mod blocks;
mod boot;
mod existing;
mod findings;
mod given;
mod images;
mod offline;
mod place;
mod questions;
mod quotas;
mod reservations;
mod rights;
#[cfg(test)]
mod tests;
mod types;

pub(super) use blocks::blocks;
pub(super) use boot::boot_scripts;
pub(super) use existing::{another, unusable};
pub(super) use findings::{Subject, as_complaint, findings, note, without_a_plan};
pub(super) use given::no_public_address;
pub(super) use images::images;
pub(super) use offline::not_compared;
pub(super) use place::{Asked, chosen, settle};
pub(super) use questions::questions;
pub(super) use rights::rights;
pub(super) use types::{Known, open_types, pinned, taken, told, within_quotas};
