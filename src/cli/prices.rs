//! Where prices come from: the user's file, the cache of what AWS said, the tables that come with the program.

use std::path::{Path, PathBuf};

use super::exit::{Expected, plain};
use super::output;
use super::settings::Settings;
use crate::catalog::prices::{Fault, PriceBook, Prices};
use crate::diagnostic::Diagnostic;
use crate::render::diagnostics;

/// Larger than any table: a thousand instance types are some 30 kB.
const LARGEST: u64 = 1 << 20;

/// All prices at hand. A table in the cache that cannot be read is left out with a warning; the user's own must be right.
pub(super) fn book(given: Option<&Path>, settings: &Settings) -> anyhow::Result<PriceBook> {
    let mut book = PriceBook::default();
    for path in cached() {
        match std::fs::read_to_string(&path).ok().and_then(|text| Prices::parse(&text).ok()) {
            Some(table) if !table.region().is_empty() && table.date().is_some() => book = book.with_table(table),
            Some(_) | None if settings.quiet => {}
            Some(_) | None => output::say(&format!(
                "warning: `{}` is no table of prices and is not used\nhelp: write it anew with `provision prices update`, or delete it",
                path.display()
            )),
        }
    }
    match given {
        None => Ok(book),
        Some(path) => {
            let (name, text) = (path.display().to_string(), text(path)?);
            let prices = Prices::parse(&text).map_err(|faults| complain(&name, &text, faults, settings))?;
            Ok(book.with_given(&name, prices))
        }
    }
}

fn text(path: &Path) -> anyhow::Result<String> {
    let name = path.display();
    let advice = "name a file with one `item price` a line, as `provision prices show --region us-east-1` prints it";
    if std::fs::metadata(path).is_ok_and(|file| file.len() > LARGEST) {
        return Err(plain(format!("`{name}` is too large to be a table of prices"), advice));
    }
    std::fs::read_to_string(path).map_err(|error| plain(format!("`{name}` cannot be read: {error}"), advice))
}

/// Says everything that is wrong with the file.
fn complain(name: &str, text: &str, faults: Vec<Fault>, settings: &Settings) -> anyhow::Error {
    let complaints: Vec<Diagnostic> = faults
        .into_iter()
        .map(|Fault { place, what }| {
            Diagnostic::error("prices::table", "this is no line of a price table").at(place, what)
        })
        .collect();
    output::say(&diagnostics::render(name, text, &complaints, settings.colors_errors()));
    // What was wrong has been said already.
    Expected::Diagnostics(Vec::new()).into()
}

/// `$XDG_CACHE_HOME/provision/prices`, else below `~/.cache`; None where there is no home.
pub(super) fn folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // A relative one is to be ignored (XDG Base Directory Specification 0.8).
    let cache = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let cache = cache.or_else(|| set("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("provision").join("prices"))
}

/// The tables in the cache, by name.
fn cached() -> Vec<PathBuf> {
    let entries = folder().and_then(|folder| std::fs::read_dir(folder).ok());
    let mut paths: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "tsv"))
        .collect();
    paths.sort();
    paths
}

/// Writes a table, whole or not at all: another run may be reading it.
#[cfg(feature = "aws")]
pub(super) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = folder.join(format!(".prices-{}.tmp", std::process::id()));
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&beside, text))
        .and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        plain(
            format!("`{}` cannot be written: {error}", path.display()),
            "name a file in a folder of yours: `--out FILE`",
        )
    })
}
