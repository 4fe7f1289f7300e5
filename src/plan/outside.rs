//! Files outside every link, as a node has counted them: what a plan says of them.

use super::diff::{Input, Options, error, warning};
use super::model::{Finding, Plan, Purpose};
use super::safety::{NO_LINK, linked_paths, may_owe_files};
use crate::desired::{Address, Kind};
use crate::diagnostic::Severity;

/// The finding that this module replaces or adds to.
pub(super) const CODE: &str = "plan::outside-links";

/// They are deleted, as the user has said.
const GIVEN_UP: &str = "plan::outside-files-given-up";

/// What is known of files that no link covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    Files(Outside),
    /// Nobody has counted them, and why.
    Not(String),
}

/// A count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// The node that has counted.
    pub node: String,
    pub files: u64,
    pub bytes: u64,
    /// False: the time was over before the end, and there may be more.
    pub complete: bool,
    /// The first ones, below the mount, as the node has printed them.
    pub paths: Vec<String>,
}

impl Counted {
    /// Reads what a node has printed: `<files> <bytes> <complete|partial>`, then paths, one a line.
    pub fn read(node: &str, text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let words: Vec<&str> = lines.next()?.split_whitespace().collect();
        let [files, bytes, how] = words[..] else { return None };
        let complete = match how {
            "complete" => true,
            "partial" => false,
            _ => return None,
        };
        let paths = lines.filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect();
        let (files, bytes) = (files.parse().ok()?, bytes.parse().ok()?);
        Some(Self::Files(Outside { node: node.to_owned(), files, bytes, complete, paths }))
    }
}

/// The paths of all links, where there may be files outside of them that a removal would delete; None: nothing to count.
pub fn outside_links<'a>(input: &'a Input<'_>) -> Option<Vec<&'a str>> {
    let paths = linked_paths(input);
    let covers_all = paths.contains(&"/");
    let never_linked = input.observed.file_system().is_some_and(|seen| seen.address.kind == Kind::Efs);
    let leaves_some = never_linked || (!paths.is_empty() && !covers_all);
    (input.purpose == Purpose::Down && may_owe_files(input) && leaves_some).then_some(paths)
}

/// Says in a plan what was counted: files that would be lost keep it from being carried out,
/// unless those were given up.
pub fn say_outside(plan: &mut Plan, counted: &Counted, options: Options) {
    if let Some(finding) = plan.findings.iter_mut().find(|finding| finding.code == NO_LINK) {
        // All of it goes or nothing: a count says how much, and lets nothing go that would not go without.
        let note = of_all(counted);
        if !finding.notes.contains(&note) {
            finding.notes.push(note);
        }
        return;
    }
    let Some(at) = plan.findings.iter().position(|finding| finding.code == CODE) else { return };
    let address = plan.findings[at].address.clone().unwrap_or(Address::one(Kind::Fsx));
    match counted {
        Counted::Not(why) => {
            let note = format!("they were not counted: {why}");
            let notes = &mut plan.findings[at].notes;
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        Counted::Files(Outside { files: 0, complete: true, .. }) => {
            plan.findings.remove(at);
        }
        Counted::Files(outside) => {
            let linked = plan.findings[at].notes.clone();
            plan.findings[at] = found(outside, &address, linked, options.discard_unlinked_files);
        }
    }
}

/// How much there is on a file system without links.
fn of_all(counted: &Counted) -> String {
    match counted {
        Counted::Not(why) => format!("its files were not counted: {why}"),
        Counted::Files(Outside { node, files, bytes, complete, paths }) => {
            let (noun, size) = (if *files == 1 { "file" } else { "files" }, size(*bytes));
            let least = if *complete { "" } else { "at least " };
            let named = if *files == 0 { String::new() } else { format!(": {}", named(paths, *files)) };
            format!("{node} has counted {least}{files} {noun} ({size}){named}")
        }
    }
}

fn found(outside: &Outside, address: &Address, linked: Vec<String>, given_up: bool) -> Finding {
    let Outside { node, files, bytes, complete, paths } = outside;
    let mut notes = Vec::new();
    let mut finding = if *files == 0 {
        warning(CODE, Some(address), "files outside the links are deleted")
    } else {
        let (noun, size) = (if *files == 1 { "file" } else { "files" }, size(*bytes));
        let least = if *complete { "" } else { "at least " };
        let counted = format!("{least}{files} {noun} ({size}) outside the links");
        notes.push(format!("{node} has: {}", named(paths, *files)));
        if given_up {
            warning(GIVEN_UP, Some(address), format!("{counted} are deleted: `--discard-unlinked-files`"))
        } else {
            error("plan::outside-files", Some(address), format!("{counted} would be lost"))
        }
    };
    if !complete {
        notes.push(format!("{node} has not looked at all of the file system: its time was over"));
    }
    notes.extend(linked);
    finding.notes = notes;
    if finding.severity == Severity::Error {
        finding.help = Some(
            "move what you need below a link (`provision run`) and run `provision down` again; or give the rest up: \
             `--discard-unlinked-files`; or keep the file system: `--keep-storage`"
                .to_owned(),
        );
    }
    finding
}

fn named(paths: &[String], files: u64) -> String {
    let more = files.saturating_sub(paths.len() as u64);
    let text = paths.join(", ");
    if more > 0 { format!("{text} and {more} more") } else { text }
}

/// In powers of 1000, with one digit after the point.
fn size(bytes: u64) -> String {
    let mut unit = 1_u64;
    for name in ["B", "kB", "MB", "GB", "TB"] {
        if bytes < unit * 1000 {
            let tenths = bytes * 10 / unit;
            return if unit == 1 { format!("{bytes} B") } else { format!("{}.{} {name}", tenths / 10, tenths % 10) };
        }
        unit *= 1000;
    }
    let tenths = bytes / (unit / 10);
    format!("{}.{} PB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_node_prints_is_read() {
        let read = |text| Counted::read("i-0a", text);
        let Some(Counted::Files(outside)) = read("12 3400 partial\n/a b\n/c\\n\n") else { panic!("not read") };
        assert_eq!((outside.files, outside.bytes, outside.complete), (12, 3400, false));
        assert_eq!(outside.paths, ["/a b", "/c\\n"]);
        for wrong in ["", "\n", "12 3400", "12 3400 done", "a 1 complete", "-1 1 complete", "1 2 complete 3"] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn sizes_are_short() {
        let all = [0, 999, 1000, 1_250_000, 999_999_999_999_999, 5_000_000_000_000_000, u64::MAX].map(size);
        assert_eq!(all, ["0 B", "999 B", "1.0 kB", "1.2 MB", "999.9 TB", "5.0 PB", "18446.7 PB"]);
    }
}
