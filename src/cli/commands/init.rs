//! `provision init`: a commented spec to start from.

use std::io::Write;

use crate::cli::args::Init;
use crate::cli::exit::{Exit, plain};
use crate::cli::output;
use crate::spec;

pub(in crate::cli) fn run(args: &Init) -> anyhow::Result<Exit> {
    let Init { path, name, force } = args;
    if !spec::is_cluster_name(name) {
        return Err(plain(
            format!("`{name}` cannot be the name of a cluster"),
            "take lower-case letters, digits and `-`, at most 38, a letter first",
        ));
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    // Never writes over a file that appears between a check and the write.
    if *force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let shown = path.display();
    let written = options.open(path).and_then(|mut file| file.write_all(spec::starter(name).as_bytes()));
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(plain(
                format!("`{shown}` exists already"),
                format!("name another file, or write over it: `provision init {shown} --force`"),
            ));
        }
        Err(error) => {
            return Err(plain(
                format!("`{shown}` cannot be written: {error}"),
                "name a file in a folder that exists and can be written to",
            ));
        }
    }
    output::say(&format!("Wrote {shown}. Put in your buckets and sizes, then: `provision plan {shown}`"));
    Ok(Exit::Done)
}
