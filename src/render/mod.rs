//! What people read: pure functions from data to text. No renderer asks, decides or prints.

pub mod diagnostics;
