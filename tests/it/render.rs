//! Golden texts: what users read is fixed by the snapshots beside this file.

mod plans;
mod samples;
