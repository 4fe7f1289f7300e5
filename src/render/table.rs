//! Columns side by side. One column may give way: it is wrapped at spaces when the table is wider than the theme.

use anstyle::Style;

use super::text::{MIN_COLUMNS, clean, width, wrap};
use super::theme::{PLAIN, Theme};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Left,
    Right,
    /// To the left, and wrapped if there is no room.
    Wrapped,
}

#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn styled(style: Style, text: impl Into<String>) -> Self {
        Self { text: text.into(), style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(PLAIN, text)
    }
}

/// Cells side by side, and lines that stand below them as they are.
#[derive(Debug, Clone)]
pub(super) struct Row {
    cells: Vec<Cell>,
    below: String,
}

impl Row {
    pub(super) fn below(mut self, lines: String) -> Self {
        self.below = lines;
        self
    }
}

impl From<Vec<Cell>> for Row {
    fn from(cells: Vec<Cell>) -> Self {
        Self { cells, below: String::new() }
    }
}

/// Between two columns.
const GAP: usize = 2;

/// Lines of a table, each indented by so many columns and with a line break at its end; no white space before it.
pub(super) fn table(indent: usize, columns: &[Column], mut rows: Vec<Row>, theme: &Theme) -> String {
    for cell in rows.iter_mut().flat_map(|row| &mut row.cells) {
        cell.text = clean(&cell.text, theme);
    }
    let mut widths: Vec<usize> = (0..columns.len())
        .map(|at| {
            let cells = rows.iter().filter_map(|row| row.cells.get(at));
            cells.map(|cell| width(&cell.text)).max().unwrap_or(0)
        })
        .collect();
    if let Some(flexible) = columns.iter().position(|each| *each == Column::Wrapped) {
        let total: usize = indent + widths.iter().sum::<usize>() + GAP * (columns.len() - 1);
        let over = total.saturating_sub(theme.width);
        let least = MIN_COLUMNS.min(widths[flexible]);
        widths[flexible] = widths[flexible].saturating_sub(over).max(least);
    }
    rows.iter().map(|row| lines(indent, columns, &widths, &row.cells, theme) + &row.below).collect()
}

fn lines(indent: usize, columns: &[Column], widths: &[usize], row: &[Cell], theme: &Theme) -> String {
    let cells: Vec<Vec<String>> = row
        .iter()
        .zip(columns.iter().zip(widths))
        .map(|(cell, (column, width))| match column {
            Column::Wrapped => wrap(&cell.text, *width),
            Column::Left | Column::Right => vec![cell.text.clone()],
        })
        .collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let mut out = String::new();
    for line in 0..height {
        // White space is owed until something follows it.
        let mut owed = indent;
        for (at, cell) in cells.iter().enumerate() {
            let text = cell.get(line).map_or("", String::as_str);
            let room = widths[at].saturating_sub(width(text));
            if columns[at] == Column::Right {
                owed += room;
            }
            if !text.is_empty() {
                out.push_str(&" ".repeat(owed));
                out.push_str(&theme.paint(row[at].style, text));
                owed = 0;
            }
            if columns[at] != Column::Right {
                owed += room;
            }
            owed += GAP;
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wrapped_column_gives_way() {
        let theme = Theme { width: 40, ..Theme::plain() };
        let columns = [Column::Left, Column::Wrapped, Column::Right];
        let text = table(
            2,
            &columns,
            vec![
                Row::from(vec!["a".into(), "some words that do not fit in".into(), "1.00".into()]),
                Row::from(vec!["long".into(), "x".into(), "".into()]).below("below\n".to_owned()),
                Row::from(vec!["ßß".into(), "×".into(), "12.00".into()]),
            ],
            &theme,
        );
        let want = "  a     some words that do not      1.00\n        fit in\n  long  x\nbelow\n  ßß    ×                          12.00\n";
        assert_eq!(text, want);
    }
}
