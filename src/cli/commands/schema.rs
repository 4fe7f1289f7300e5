//! `provision schema`: the spec's JSON Schema, for editors.

use crate::cli::exit::Exit;
use crate::cli::output;
use crate::spec;

pub(in crate::cli) fn run() -> anyhow::Result<Exit> {
    output::result(&serde_json::to_string_pretty(&spec::schema())?)?;
    Ok(Exit::Done)
}
