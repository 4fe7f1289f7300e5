//! One binary for all integration tests: each further one would link the SDKs again.

mod bootstrap;
mod generated;
mod layers;
mod lifecycle;
mod render;
mod spec;
