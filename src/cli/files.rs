//! Writes files whole or not at all: beside their place first, then by a rename.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::exit::plain;

/// Says what is wrong with the places of files before there is anything to write: all of it at once.
pub(super) fn check(files: &[&Path]) -> anyhow::Result<()> {
    let wrong: Vec<String> =
        files.iter().filter_map(|path| Some(format!("`{}` {}", path.display(), flaw(path)?))).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(plain(format!("{}; nothing was written", wrong.join(", ")), "name a file in a folder that exists"))
}

fn flaw(path: &Path) -> Option<&'static str> {
    if path.is_dir() {
        return Some("is a folder");
    }
    (!folder(path).is_dir()).then_some("is in a folder that does not exist")
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Writes all of them. No file is touched unless there is room for every one; a reader never sees half a file.
pub(super) fn write(files: &[(&Path, String)]) -> anyhow::Result<()> {
    let mut written: Vec<Beside> = Vec::new();
    for (number, (path, text)) in files.iter().enumerate() {
        written.push(Beside::write(path, number, text).map_err(|error| cannot(path, &error))?);
    }
    for (beside, (path, _)) in written.iter_mut().zip(files) {
        beside.put().map_err(|error| cannot(path, &error))?;
    }
    Ok(())
}

fn cannot(path: &Path, error: &std::io::Error) -> anyhow::Error {
    plain(
        format!("`{}` cannot be written: {error}", path.display()),
        "name a file in a folder that exists, that may be written to, and where there is room",
    )
}

/// A file that is written and not in its place; removed unless it gets there.
#[derive(Debug)]
struct Beside {
    /// None: in its place, or written there at once.
    temporary: Option<PathBuf>,
    path: PathBuf,
}

impl Beside {
    fn write(path: &Path, number: usize, text: &str) -> std::io::Result<Self> {
        // Where a link leads is written, and the link stays.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let there = fs::metadata(&path).ok();
        if there.as_ref().is_some_and(|there| !there.is_file()) {
            // A pipe or /dev/null: nothing to put another file in the place of.
            fs::write(&path, text)?;
            return Ok(Self { temporary: None, path });
        }
        let temporary = folder(&path).join(format!(".provision-{}-{number}.tmp", std::process::id()));
        let beside = Self { temporary: Some(temporary.clone()), path };
        let mut file = File::create(&temporary)?;
        file.write_all(text.as_bytes())?;
        if let Some(there) = there {
            file.set_permissions(there.permissions())?;
        }
        file.sync_all()?;
        Ok(beside)
    }

    fn put(&mut self) -> std::io::Result<()> {
        if let Some(temporary) = &self.temporary {
            fs::rename(temporary, &self.path)?;
            self.temporary = None;
        }
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // What cannot be removed now is a small hidden file; there is nobody to tell from here.
            let _ = fs::remove_file(temporary);
        }
    }
}
