//! `provision completions`: a completion script.

use crate::cli::exit::Exit;
use crate::cli::{definition, output};

pub(in crate::cli) fn run(shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut definition(), "provision", &mut script);
    output::result(&String::from_utf8(script)?)?;
    Ok(Exit::Done)
}
