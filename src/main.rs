//! Parses, runs, and turns the outcome into an exit code. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    provision::cli::main(std::env::args_os())
}
