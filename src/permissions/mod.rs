//! The IAM policies that a spec needs, and no more: `provision iam`. Pure.
//!
//! A policy is written from the desired resources, so what is not in the spec is not in the policy. It is for one cluster in
//! one region: what has a name is named, what has an id is told by the cluster's tag, in the request that makes it and on the
//! thing itself later. [`check`] compares the outcome with the table of what IAM can narrow (`catalog::actions`), on its own.

mod check;
mod policy;
mod statements;
mod trust;

pub use check::check;
pub use policy::{LONGEST, LONGEST_INLINE, OneOrMore, Policy, Statement};
pub use statements::{FOR_CAPACITY, FOR_NODES, Purpose, Target, policy};
pub use trust::{BadSubject, Repository, Subject, trust};
