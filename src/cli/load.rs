//! Reads a spec from disk and shows what is wrong with it.

use std::path::{Path, PathBuf};

use super::exit::{Expected, plain};
use super::output;
use super::settings::Settings;
use crate::catalog::prices::Prices;
use crate::render::diagnostics;
use crate::sizing::{self, Question};
use crate::spec::{self, Spec};

/// Larger than any spec that a person writes: 8 datasets and a dozen groups are some kilobytes.
const LARGEST: u64 = 1 << 20;

/// Reads the file; complaints go to stderr, and an error ends the command.
pub(super) fn load(path: &Path, settings: &Settings) -> anyhow::Result<Spec> {
    let (text, checked) = check(path)?;
    if !checked.diagnostics.is_empty() {
        output::say(&diagnostics::render(
            &path.display().to_string(),
            &text,
            &checked.diagnostics,
            settings.colors_errors(),
        ));
    }
    // What was wrong has been said already.
    let mut spec = checked.spec.ok_or_else(|| anyhow::Error::from(Expected::Diagnostics(Vec::new())))?;
    // What is settled and what it costs there is not known yet: `prepare` sizes anew with both.
    if spec.workload.is_some() && !sizing::is_complete(&spec.storage) {
        let question = Question {
            region: spec.cluster.region.as_deref().unwrap_or_default(),
            workload: spec.workload.as_ref(),
            storage: Some(&spec.storage),
            open: spec.open,
            nodes: &spec.nodes,
            datasets: &spec.datasets,
            prices: Prices::builtin(),
            scan: None,
        };
        let sized =
            sizing::size(&spec.storage, &question).map_err(|complaint| Expected::Diagnostics(vec![complaint]))?;
        spec.written = Some(std::mem::replace(&mut spec.storage, sized.storage));
    }
    Ok(spec)
}

/// Reads whatever there is of a spec, for advice: no table has to be there. Complaints go to stderr, an error ends the command.
pub(super) fn parts(path: &Path, settings: &Settings) -> anyhow::Result<spec::Parts> {
    let text = text(path)?;
    let read = spec::read_for_advice(&text, &script_beside(path));
    if !read.diagnostics.is_empty() {
        let name = path.display().to_string();
        output::say(&diagnostics::render(&name, &text, &read.diagnostics, settings.colors_errors()));
    }
    // What was wrong has been said already.
    read.parts.ok_or_else(|| Expected::Diagnostics(Vec::new()).into())
}

/// A spec that says nothing.
pub(super) fn no_parts() -> anyhow::Result<spec::Parts> {
    let read = spec::read_for_advice("", &|_| Err(String::new()));
    read.parts.ok_or_else(|| Expected::Diagnostics(read.diagnostics).into())
}

/// Reads and checks the file without saying anything.
pub(super) fn check(path: &Path) -> anyhow::Result<(String, spec::Checked)> {
    let text = text(path)?;
    let checked = spec::read(&text, &script_beside(path));
    Ok((text, checked))
}

/// The content of a file that a spec names, by its path relative to the spec.
fn script_beside(path: &Path) -> impl Fn(&str) -> Result<String, String> {
    let folder: PathBuf = path.parent().map(Path::to_path_buf).unwrap_or_default();
    move |script| std::fs::read_to_string(folder.join(script)).map_err(|error| error.to_string())
}

fn text(path: &Path) -> anyhow::Result<String> {
    let name = path.display();
    let size = std::fs::metadata(path).map(|file| file.len());
    if size.as_ref().is_ok_and(|size| *size > LARGEST) {
        return Err(plain(format!("`{name}` is too large to be a spec"), "name a cluster.toml of less than 1 MiB"));
    }
    std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => plain(
            format!("there is no spec at `{name}`"),
            "write one with `provision init`, or name another: `provision <command> path/to/cluster.toml`",
        ),
        std::io::ErrorKind::InvalidData => {
            plain(format!("`{name}` is not UTF-8 text"), "save it as UTF-8; a spec is a TOML file")
        }
        std::io::ErrorKind::IsADirectory => {
            plain(format!("`{name}` is a directory"), "name the file: `provision <command> path/to/cluster.toml`")
        }
        _ => plain(format!("`{name}` cannot be read: {error}"), "check its permissions"),
    })
}
