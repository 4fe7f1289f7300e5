//! Files outside every link: what a node is asked, and how its answer is read. The node's half is `templates/count.sh`.

use serde::Serialize;

/// So many paths are named.
pub const PATHS_SHOWN: usize = 10;

/// What a node has found outside the links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unlinked {
    pub files: u64,
    pub bytes: u64,
    /// False: it ran out of time, and there may be more.
    pub complete: bool,
    /// The first few, as the node wrote them: escaped where they are not plain.
    pub paths: Vec<String>,
}

/// Whether somebody has looked for such files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Counted {
    #[default]
    NotAsked,
    Found(Unlinked),
    /// Why nobody could.
    Unknown(String),
}

const MARK: &str = "# provision: count-unlinked";

/// The lines to send, for links at these paths below the mount.
pub fn lines(links: &[String]) -> Vec<String> {
    // A path with a NUL is no path.
    let quoted = shlex::try_join(links.iter().map(String::as_str)).unwrap_or_default();
    vec![format!("{MARK} {quoted}"), format!("/usr/local/sbin/provision-node count-unlinked {quoted}")]
}

/// The paths of such a command's first line; None if it is another one.
pub fn paths_of(line: &str) -> Option<Vec<String>> {
    shlex::split(line.strip_prefix(MARK)?)
}

/// Reads `FILES BYTES complete|partial`, then paths. None if it is something else, as from a node that knows no such command.
pub fn parse(output: &str) -> Option<Unlinked> {
    let mut lines = output.lines();
    let mut words = lines.next()?.split(' ');
    let (files, bytes) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let complete = match (words.next()?, words.next()) {
        ("complete", None) => true,
        ("partial", None) => false,
        _ => return None,
    };
    Some(Unlinked { files, bytes, complete, paths: lines.take(PATHS_SHOWN).map(str::to_owned).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_quoted_and_read_back() {
        let links = ["/train set".to_owned(), "/a'b$(x)".to_owned()];
        let [mark, command] = lines(&links).try_into().expect("two lines");
        assert_eq!(paths_of(&mark), Some(links.to_vec()));
        assert_eq!(command, "/usr/local/sbin/provision-node count-unlinked '/train set' \"/a'b\"'$(x)'");
        assert_eq!(paths_of(&command), None);
    }

    #[test]
    fn only_the_agreed_answer_is_one() {
        let read = parse("3 1200 partial\n/scratch/a\n/b\n").expect("is one");
        assert_eq!((read.files, read.bytes, read.complete), (3, 1200, false));
        assert_eq!(read.paths, ["/scratch/a", "/b"]);
        for other in ["", "3 1200\n", "3 1200 complete more\n", "-1 0 complete\n", "usage: provision-node\n"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
