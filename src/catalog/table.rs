//! The form of the data files: `# key: value` on top, then rows of tab-separated cells, `-` for none.

/// The value of a `# key: value` line.
pub(super) fn header(text: &'static str, key: &str) -> &'static str {
    text.lines()
        .map_while(|line| line.strip_prefix("# "))
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
        .unwrap_or("unknown")
}

/// The rows, cut into cells.
pub(super) fn rows(text: &'static str) -> impl Iterator<Item = Cells> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| Cells { line, cells: line.split('\t') })
}

/// The cells of one row, read from left to right. The files are ours, so a wrong cell is a bug and panics with its row;
/// a test reads every file.
pub(super) struct Cells {
    line: &'static str,
    cells: std::str::Split<'static, char>,
}

impl Cells {
    pub(super) fn text(&mut self) -> &'static str {
        let line = self.line;
        self.cells.next().unwrap_or_else(|| panic!("catalog: too few cells in `{line}`"))
    }

    pub(super) fn maybe<T: std::str::FromStr>(&mut self) -> Option<T> {
        let line = self.line;
        match self.text() {
            "-" => None,
            cell => Some(cell.parse().unwrap_or_else(|_| panic!("catalog: `{cell}` has the wrong type in `{line}`"))),
        }
    }

    pub(super) fn number<T: std::str::FromStr>(&mut self) -> T {
        let line = self.line;
        self.maybe().unwrap_or_else(|| panic!("catalog: a cell may not be empty in `{line}`"))
    }

    pub(super) fn flag(&mut self) -> bool {
        self.number::<u8>() == 1
    }
}
