//! What a node says of the restore of `preload = "data"`: the tag `provision:preload`, written by `templates/preload.sh`.
//!
//! `1 at=SECONDS KEY=STAGE…`, one entry a dataset that is begun, in the spec's order. KEY is the start of the SHA-256 of its path.
//! Stages: `list:SINCE`, `load:FILES/FILES:MIB/MIB:FAILED:SINCE:MOVED` (so much of so much), `check:…` (the same, once more over files
//! that were restored), `done:FILES:FAILED`. Times are seconds of the Unix epoch.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Observed;

/// One node's report of all datasets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preload {
    /// By the node's clock.
    pub at: Timestamp,
    pub datasets: Vec<Loading>,
}

/// How far a dataset is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loading {
    /// [`Preload::key`] of its path.
    pub key: String,
    /// How many files it has, as far as they are listed.
    pub files: u64,
    /// Files that did not come, however often they were asked for.
    pub failed: u64,
    pub stage: Stage,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Waiting for its metadata, or listing it.
    Listing {
        since: Timestamp,
    },
    Loading(Amount),
    /// All of it was asked for once; what came since the listing is looked for.
    Checking(Amount),
    Done,
}

/// How much of a pass is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Failed ones among them.
    pub files: u64,
    pub mib: u64,
    pub total_mib: u64,
    pub since: Timestamp,
    /// When the last part of it was done; `since` if none is.
    pub moved: Timestamp,
}

/// AWS's limit of a tag's value (EC2UG: Using_Tags).
const LONGEST: usize = 256;
const VERSION: &str = "1";
/// Hex digits of a key: 8 datasets have to fit into one tag.
const KEY_DIGITS: usize = 6;

impl Preload {
    /// The key of a dataset by its path below the mount.
    pub fn key(path: &str) -> String {
        let hash = Sha256::digest(path.as_bytes());
        let mut hex = hash.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        hex.truncate(KEY_DIGITS);
        hex
    }

    /// Reads the tag; None for anything that no node of ours writes.
    pub fn parse(tag: &str) -> Option<Self> {
        let mut words = tag.split(' ');
        if tag.len() > LONGEST || words.next() != Some(VERSION) {
            return None;
        }
        let at = time(words.next()?.strip_prefix("at=")?)?;
        let datasets = words.map(Loading::parse).collect::<Option<Vec<_>>>()?;
        Some(Self { at, datasets })
    }

    /// The words of the tag.
    pub fn text(&self) -> String {
        let mut text = format!("{VERSION} at={}", self.at.as_second());
        for Loading { key, files, failed, stage } in &self.datasets {
            let amount = |name: &str, Amount { files: done, mib, total_mib, since, moved }: &Amount| {
                let (since, moved) = (since.as_second(), moved.as_second());
                format!("{name}:{done}/{files}:{mib}/{total_mib}:{failed}:{since}:{moved}")
            };
            let stage = match stage {
                Stage::Listing { since } => format!("list:{}", since.as_second()),
                Stage::Loading(done) => amount("load", done),
                Stage::Checking(done) => amount("check", done),
                Stage::Done => format!("done:{files}:{failed}"),
            };
            // Writing to a String cannot fail.
            let _ = write!(text, " {key}={stage}");
        }
        text
    }

    pub fn of(&self, path: &str) -> Option<&Loading> {
        let key = Self::key(path);
        self.datasets.iter().find(|each| each.key == key)
    }
}

impl Loading {
    fn parse(word: &str) -> Option<Self> {
        let (key, stage) = word.split_once('=')?;
        if key.len() != KEY_DIGITS || !key.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let (name, rest) = stage.split_once(':')?;
        let parts: Vec<&str> = rest.split(':').collect();
        let (files, failed, stage) = match (name, parts.as_slice()) {
            ("list", [since]) => (0, 0, Stage::Listing { since: time(since)? }),
            ("load" | "check", [files, mib, failed, since, moved]) => {
                let ((files, total), (mib, total_mib)) = (of_total(files)?, of_total(mib)?);
                let amount = Amount { files, mib, total_mib, since: time(since)?, moved: time(moved)? };
                (total, number(failed)?, if name == "load" { Stage::Loading(amount) } else { Stage::Checking(amount) })
            }
            ("done", [files, failed]) => (number(files)?, number(failed)?, Stage::Done),
            _ => return None,
        };
        (failed <= files).then(|| Self { key: key.to_owned(), files, failed, stage })
    }
}

fn number(text: &str) -> Option<u64> {
    // `parse` takes a sign, too.
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `A/B`, A no more than B.
fn of_total(text: &str) -> Option<(u64, u64)> {
    let (part, total) = text.split_once('/')?;
    Some((number(part)?, number(total)?)).filter(|(part, total)| part <= total)
}

fn time(text: &str) -> Option<Timestamp> {
    let seconds = i64::try_from(number(text)?).ok()?;
    Timestamp::from_second(seconds).ok()
}

impl Observed {
    /// The newest report of the nodes that are there.
    pub fn preload(&self) -> Option<&Preload> {
        self.nodes
            .iter()
            .filter(|node| node.exists())
            .filter_map(|node| node.preload.as_ref())
            .max_by_key(|each| each.at)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn reads_what_nodes_write() {
        let text = "1 at=1800000000 9f86d0=done:1000000:3 12ab34=load:34567/2000000:11444091/38146973:2:1799990000:1799999000 \
                    0badca=check:0/4:0/0:0:1799999999:1799999999 000000=list:1799990000";
        let preload = Preload::parse(text).unwrap();
        assert_eq!(preload.text(), text);
        assert_eq!(
            preload.datasets[0],
            Loading { key: "9f86d0".into(), files: 1_000_000, failed: 3, stage: Stage::Done }
        );
        assert_eq!(Preload::parse("1 at=0").unwrap().datasets, []);
    }

    #[test]
    fn reads_nothing_else() {
        for wrong in [
            "",
            "1",
            "2 at=1800000000",
            "1 at=",
            "1 at=+5",
            "1 at=99999999999999999",
            "1 at=5 ",
            "1  at=5",
            "1 at=5 9f86d08=list:5",
            "1 at=5 9F86D081=list:5",
            "1 at=5 9f86d0=list",
            "1 at=5 9f86d0=list:5:6",
            "1 at=5 9f86d0=done:1:2",
            "1 at=5 9f86d0=load:3/2:0/0:0:5:5",
            "1 at=5 9f86d0=load:1/2:9/8:0:5:5",
            "1 at=5 9f86d0=load:1/2:0/0:0:5",
            "1 at=5 9f86d0=other:1",
            "1 at=5 9f86d0=done:-1:0",
        ] {
            assert_eq!(Preload::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn eight_large_datasets_fit_into_a_tag() {
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let of = |stage: Stage, failed| Loading { key: "9f86d0".into(), files: 99_999_999, failed, stage };
        let amount = Amount { files: 99_999_999, mib: 99_999_999, total_mib: 99_999_999, since: at, moved: at };
        let mut datasets = vec![of(Stage::Done, 9); 7];
        datasets.push(of(Stage::Checking(amount), 9));
        let text = Preload { at, datasets }.text();
        assert!(text.len() <= LONGEST, "{}: {text}", text.len());
        assert!(Preload::parse(&text).is_some());
    }
}
