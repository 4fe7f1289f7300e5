//! One binary for all integration tests: each further one would link the SDKs again.

mod advise;
mod bootstrap;
mod cli;
mod examples;
mod execution;
mod generated;
mod layers;
mod lifecycle;
#[cfg(feature = "aws")]
mod localstack;
mod permissions;
mod program;
mod render;
mod simulation;
mod sizing;
mod spec;
