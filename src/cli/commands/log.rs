//! `provision log`: what a run of the past did and how it ended, from what it left on this machine.

use std::path::{Path, PathBuf};

use crate::cli::args::{Log, TextOrJson, Which};
use crate::cli::exit::{Exit, Expected, plain};
use crate::cli::settings::Settings;
use crate::cli::{load, output, runlog};
use crate::render::diagnostics;
use crate::render::run_log::{self, Entry, Listing, RunLog, Stray, Unreadable};
use crate::spec::is_cluster_name;

pub(in crate::cli) fn run(args: &Log, settings: &Settings) -> anyhow::Result<Exit> {
    let Log { which, list, run, format } = args;
    let cluster = cluster(which, settings)?;
    let folder = runlog::folder(&cluster);
    let files = runlog::logs(&folder).map_err(|error| cannot_read(&folder, &error))?;
    if files.is_empty() {
        return Err(nothing_here(&cluster, &folder));
    }
    let text = if *list {
        let listing = listing(&cluster, &files)?;
        match format {
            TextOrJson::Text => run_log::list(&listing, &settings.out),
            TextOrJson::Json => run_log::list_json(&listing),
        }
    } else {
        let again = format!("see the others: `provision log{} --list`", which.named());
        let file = match run {
            Some(id) => chosen(&files, id, &again)?,
            None => &files[0],
        };
        let log = read(file)?.map_err(|why| plain(format!("`{}` cannot be shown: {why}", file.display()), &again))?;
        match format {
            TextOrJson::Text => run_log::text(&log, &settings.out),
            TextOrJson::Json => run_log::json(&log, &file.display().to_string()),
        }
    };
    output::result(&text)?;
    Ok(Exit::Done)
}

/// The name is all that is needed, so warnings about the spec are not repeated here.
fn cluster(which: &Which, settings: &Settings) -> anyhow::Result<String> {
    if let Some(name) = &which.cluster {
        if !is_cluster_name(name) {
            return Err(plain(format!("`{name}` cannot be the name of a cluster"), name_it()));
        }
        return Ok(name.clone());
    }
    let path = which.spec.clone().unwrap_or_else(|| PathBuf::from("cluster.toml"));
    if which.spec.is_none() && !path.exists() {
        return Err(plain("there is no cluster.toml here", name_it()));
    }
    let (text, checked) = load::check(&path)?;
    if let Some(spec) = checked.spec {
        return Ok(spec.cluster.name);
    }
    let shown = path.display().to_string();
    output::say(&diagnostics::render(&shown, &text, &checked.diagnostics, settings.colors_errors()));
    output::say(&format!("help: {}", name_it()));
    // All of it has been said.
    Err(Expected::Diagnostics(Vec::new()).into())
}

/// How to go on without a spec.
fn name_it() -> String {
    let known = known_here();
    if known.is_empty() {
        return "name the cluster: `provision log --cluster NAME`".to_owned();
    }
    format!("name the cluster: `provision log --cluster NAME`; there are logs here of {}", known.join(", "))
}

/// The clusters that have left logs below the current folder.
fn known_here() -> Vec<String> {
    let entries = std::fs::read_dir(runlog::FOLDER).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut known: Vec<String> = names
        .filter(|name| is_cluster_name(name))
        .filter(|name| runlog::logs(&runlog::folder(name)).is_ok_and(|logs| !logs.is_empty()))
        .collect();
    known.sort();
    known
}

fn nothing_here(cluster: &str, folder: &Path) -> anyhow::Error {
    let here = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
    let known = known_here();
    let others =
        if known.is_empty() { String::new() } else { format!("; there are logs here of {}", known.join(", ")) };
    plain(
        format!("there is no log of {cluster} in `{}`", here.display()),
        format!(
            "go to the folder and the machine where `provision up` or `down` ran, since logs stay there{others}; \
             what exists now is shown by `provision status --cluster {cluster}`"
        ),
    )
}

fn cannot_read(path: &Path, error: &std::io::Error) -> anyhow::Error {
    plain(format!("`{}` cannot be read: {error}", path.display()), "check its permissions")
}

/// A kill may have torn a line in the middle of a character.
fn read(file: &Path) -> anyhow::Result<Result<RunLog, Unreadable>> {
    let bytes = std::fs::read(file).map_err(|error| cannot_read(file, &error))?;
    Ok(run_log::parse(&String::from_utf8_lossy(&bytes)))
}

fn listing(cluster: &str, files: &[PathBuf]) -> anyhow::Result<Listing> {
    let (mut runs, mut unreadable) = (Vec::new(), Vec::new());
    for path in files {
        let file = path.display().to_string();
        match read(path)? {
            Ok(log) => runs.push(Entry::new(&log, file)),
            Err(why) => unreadable.push(Stray { file, why: why.to_string() }),
        }
    }
    Ok(Listing { format_version: run_log::FORMAT_VERSION, cluster: cluster.to_owned(), runs, unreadable })
}

/// The one log whose run begins with this.
fn chosen<'a>(files: &'a [PathBuf], id: &str, again: &str) -> anyhow::Result<&'a PathBuf> {
    let mut found = Vec::new();
    for file in files {
        if read(file)?.is_ok_and(|log| log.header.run.starts_with(id)) {
            found.push(file);
        }
    }
    match found.as_slice() {
        [file] => Ok(file),
        [] => Err(plain(format!("there is no log of a run `{id}`"), again)),
        _ => Err(plain(format!("{} runs begin with `{id}`", found.len()), again)),
    }
}
