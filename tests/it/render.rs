//! Golden texts: what users read is fixed by the snapshots beside this file.

mod costs;
mod exports;
mod faces;
mod failures;
mod looks;
mod plans;
mod run_logs;
mod runs;
mod samples;
