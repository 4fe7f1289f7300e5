//! What nodes print: made fit for a terminal, and cut to its last lines.

use jiff::Timestamp;
use serde::Serialize;

use super::plan_json::pretty;

/// The format of the JSON. New fields may come; none changes its meaning.
pub const FORMAT_VERSION: u32 = 1;

/// The console of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Console {
    pub format_version: u32,
    pub cluster: String,
    /// `trainer/0`; None: the node has ended.
    pub name: Option<String>,
    /// `i-…`
    pub node: String,
    /// When AWS took it down.
    pub at: Option<Timestamp>,
    /// Earlier lines that are not among `lines`.
    pub left_out: usize,
    pub lines: Vec<String>,
}

pub fn json(console: &Console) -> String {
    pretty(console)
}

/// The lines alone.
pub fn text(console: &Console) -> String {
    let mut out = console.lines.join("\n");
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// Lines without anything that steers a terminal: escape sequences go whole, other control and direction characters one by
/// one. Of a line that was written over after a carriage return, what was written last is left.
pub fn lines(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n");
    let mut lines: Vec<String> = plain(&text)
        .split('\n')
        .map(|line| line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default().trim_end().to_owned())
        .collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// Keeps `\n`, `\r` and `\t`. ECMA-48: `ESC [` to a final byte; strings (`ESC ]`, `P`, `X`, `^`, `_`) to their end or that of
/// the line; else `ESC`, bytes in between, one final byte. The same with the single characters of the second control set.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let introducer = match c {
            '\u{1b}' => match rest.peek() {
                Some('\n') | None => continue,
                Some(_) => rest.next(),
            },
            '\u{9b}' => Some('['),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => Some(']'),
            _ => None,
        };
        match introducer {
            Some('[') => {
                while rest.next_if(|c| matches!(c, ' '..='?')).is_some() {}
                rest.next_if(|c| matches!(c, '@'..='~'));
            }
            Some(']' | 'P' | 'X' | '^' | '_') => {
                while let Some(c) = rest.next_if(|c| *c != '\n') {
                    if matches!(c, '\u{7}' | '\u{9c}') {
                        break;
                    }
                    if c == '\u{1b}' {
                        rest.next_if_eq(&'\\');
                        break;
                    }
                }
            }
            Some(' '..='/') => {
                while rest.next_if(|c| matches!(c, ' '..='/')).is_some() {}
                rest.next_if(|c| matches!(c, '0'..='~'));
            }
            Some(_) => {}
            None => match c {
                '\n' | '\r' | '\t' => out.push(c),
                c if c.is_control() => {}
                '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {}
                c => out.push(c),
            },
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        for (printed, shown) in [
            ("plain\ttext\n", &["plain\ttext"][..]),
            ("\u{1b}[1;31mred\u{1b}[0m!\r\n", &["red!"]),
            ("\u{1b}]0;title\u{7}a\u{1b}]52;c;cm0=\u{1b}\\b", &["ab"]),
            ("\u{1b}Pq;data\u{1b}\\x\u{9b}2Jy\u{9d}8;;http://e\u{9c}z", &["xyz"]),
            ("\u{1b}(B\u{1b}=\u{1b}7kept\u{1b}8", &["kept"]),
            ("half\u{1b}", &["half"]),
            ("open \u{1b}]0;never ended\nnext", &["open", "next"]),
            ("10%\r50%\r100%\r\n", &["100%"]),
            ("a\u{8}\u{0}\u{7f}b\u{202e}c\n\n\n", &["abc"]),
            ("", &[]),
        ] {
            assert_eq!(lines(printed), shown, "{printed:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_printed_is_lines(printed in "(\\PC|\\pC|\u{1b}|\u{1b}\\[|\u{1b}\\]|\n|\r){0,60}") {
            for line in lines(&printed) {
                proptest::prop_assert!(line.chars().all(|c| c == '\t' || !c.is_control()), "{line:?}");
            }
        }
    }
}
