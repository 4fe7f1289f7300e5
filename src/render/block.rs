//! One complaint, as `STYLE.md` has it: what, where, why, how to go on.

// Writing to a String cannot fail, so its answer is dropped wherever it is used.
use std::fmt::Write as _;

use super::text::{clean, labelled};
use super::theme::{BOLD, HELP, Theme, of_severity};
use crate::diagnostic::Severity;

/// What a person has to know and perhaps to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub severity: Severity,
    /// Stable, such as `aws::denied`.
    pub code: String,
    /// Lower case, no full stop.
    pub title: String,
    /// A resource's address, where the title does not say it.
    pub place: Option<String>,
    pub notes: Vec<String>,
    pub help: Option<String>,
}

impl Block {
    pub(super) fn error(code: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code: code.into(),
            title: title.into(),
            place: None,
            notes: Vec::new(),
            help: None,
        }
    }

    pub(super) fn text(&self, theme: &Theme) -> String {
        let Self { severity, code, title, place, notes, help } = self;
        let style = of_severity(*severity);
        let label = format!("{}[{code}]: ", word(*severity));
        let shown = format!("{}: ", theme.paint(style, label.trim_end_matches(": ")));
        let mut out = match theme.color {
            super::theme::Color::On => {
                format!("{shown}{}\n", theme.paint(BOLD, &clean(title, theme)))
            }
            super::theme::Color::Off => format!("{label}{}\n", clean(title, theme)),
        };
        if let Some(place) = place {
            let _ = writeln!(out, "  --> {}", clean(place, theme));
        }
        for note in notes {
            out.push_str(&labelled("   = note: ", "   = note: ", note, theme));
        }
        if let Some(help) = help {
            let shown = format!("{} ", theme.paint(HELP, "help:"));
            out.push_str(&labelled("help: ", &shown, help, theme));
        }
        out
    }
}

/// The first ones, and how many there are beyond.
pub(super) fn folded(all: &[String], most: usize) -> Vec<String> {
    // One line for the last one is no more than one line that says there is one more.
    if all.len() <= most + 1 {
        return all.to_vec();
    }
    let mut shown = all[..most].to_vec();
    shown.push(format!("and {} more", all.len() - most));
    shown
}

pub(super) const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}
