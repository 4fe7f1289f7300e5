//! `provision validate`: every complaint about a spec at once, offline.

use crate::cli::args::{TextOrJson, Validate};
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::cli::{load, output};
use crate::render::diagnostics;

pub(in crate::cli) fn run(args: &Validate, settings: &Settings) -> anyhow::Result<Exit> {
    let path = &args.file.spec;
    let (text, checked) = load::check(path)?;
    let name = path.display().to_string();
    match args.format {
        TextOrJson::Json => output::result(&diagnostics::json(&name, &text, &checked.diagnostics))?,
        TextOrJson::Text => {
            if !checked.diagnostics.is_empty() {
                output::say(&diagnostics::render(&name, &text, &checked.diagnostics, settings.colors_errors()));
            }
            if checked.spec.is_some() && !settings.quiet {
                output::say(&format!("{name} is valid."));
            }
        }
    }
    Ok(if checked.spec.is_some() { Exit::Done } else { Exit::Error })
}
