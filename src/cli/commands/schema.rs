//! `provision schema`: the JSON Schema of the spec, for editors, or of plans and advice, for programs that read them.

use crate::cli::args::SchemaOf;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::render::{advice_json, plan_json};
use crate::spec;

pub(in crate::cli) fn run(what: SchemaOf) -> anyhow::Result<Exit> {
    let schema = match what {
        SchemaOf::Spec => spec::schema(),
        SchemaOf::Plan => plan_json::schema().to_value(),
        SchemaOf::Advice => advice_json::schema().to_value(),
    };
    output::result(&serde_json::to_string_pretty(&schema)?)?;
    Ok(Exit::Done)
}
