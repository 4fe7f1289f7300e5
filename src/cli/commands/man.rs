//! `provision man`: the manual page, of every command one after another.

use crate::cli::exit::Exit;
use crate::cli::{definition, output};

pub(in crate::cli) fn run() -> anyhow::Result<Exit> {
    let mut definition = definition();
    definition.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(definition.clone()).render(&mut page)?;
    for command in definition.get_subcommands() {
        clap_mangen::Man::new(command.clone()).render(&mut page)?;
    }
    output::result(&String::from_utf8(page)?)?;
    Ok(Exit::Done)
}
