//! How output looks: with or without colour, how wide, in Unicode or plain ASCII. Decided by the command, never here.

use anstyle::{AnsiColor, Style};

use crate::diagnostic::Severity;
use crate::plan::{Danger, Verb};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    Unicode,
    Ascii,
}

/// Colour repeats what the text says: with [`Color::Off`] nothing is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    pub color: Color,
    pub charset: Charset,
    /// Columns. Lines are wrapped at spaces; a word longer than that stays whole.
    pub width: usize,
}

/// What a pipe and a file get: wide enough for any summary, narrow enough to read.
const PLAIN_WIDTH: usize = 100;

impl Default for Theme {
    fn default() -> Self {
        Self::plain()
    }
}

impl Theme {
    pub const fn plain() -> Self {
        Self { color: Color::Off, charset: Charset::Unicode, width: PLAIN_WIDTH }
    }

    /// Text in a style.
    pub fn paint(&self, style: Style, text: &str) -> String {
        match self.color {
            Color::On if !text.is_empty() && style != Style::new() => {
                format!("{style}{text}{style:#}")
            }
            Color::On | Color::Off => text.to_owned(),
        }
    }

    /// The symbol of a verb: `±` is `-/+` where there is no Unicode.
    pub const fn symbol(&self, verb: Verb) -> &'static str {
        match (self.charset, verb) {
            (Charset::Ascii, Verb::Replace) => "-/+",
            (Charset::Unicode | Charset::Ascii, verb) => verb.symbol(),
        }
    }
}

pub(super) const PLAIN: Style = Style::new();
pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const CAREFUL: Style = AnsiColor::Yellow.on_default();
pub(super) const HELP: Style = AnsiColor::Cyan.on_default().bold();

pub(super) const fn of_verb(verb: Verb) -> Style {
    match verb {
        Verb::Create => GOOD,
        Verb::Update => CAREFUL,
        Verb::Replace | Verb::Delete => AnsiColor::Red.on_default(),
        Verb::Keep => DIM,
    }
}

pub(super) const fn of_danger(danger: Danger) -> Style {
    match danger {
        Danger::Safe => PLAIN,
        Danger::Disruptive => CAREFUL,
        Danger::DestroysCompute | Danger::DestroysData => BAD,
    }
}

pub(super) const fn of_severity(severity: Severity) -> Style {
    match severity {
        Severity::Error => BAD,
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Note => HELP,
    }
}
