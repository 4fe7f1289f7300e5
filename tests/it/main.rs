//! The one integration binary: one module a command or scenario.

mod spec;
