//! What a cluster is now, from one look at it: counted and put together for people and programs. Pure.

mod build;
mod cost;
mod model;
mod names;

pub use build::{Facts, status};
pub use model::{Ends, FORMAT_VERSION, FileSystem, Group, Health, Link, Lock, Lost, NodeRow, Other, Status, TaskRow};
pub use names::{Named, find, named};
