//! Complaints about the spec, as rustc would show them: what, where, why, how to go on.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str};

use crate::diagnostic::{Diagnostic, Severity, Span};

/// Renders complaints about the file of this name and text, and a line that counts them. Nothing for no complaints.
pub fn render(file_name: &str, text: &str, diagnostics: &[Diagnostic], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut shown = String::new();
    for diagnostic in diagnostics {
        shown.push_str(one(&renderer, file_name, text, diagnostic).trim_end());
        shown.push_str("\n\n");
    }
    if let Some(counts) = summary(diagnostics) {
        let _ = writeln!(shown, "{counts} in {file_name}");
    }
    shown
}

/// "2 errors, 1 warning", if there is anything to count.
pub fn summary(diagnostics: &[Diagnostic]) -> Option<String> {
    let counts: Vec<String> = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")]
        .into_iter()
        .map(|(severity, word)| (diagnostics.iter().filter(|each| each.severity == severity).count(), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

/// The same for programs: one JSON object. Lines and columns count from 1, columns in characters.
pub fn json(file_name: &str, text: &str, diagnostics: &[Diagnostic]) -> String {
    let place = |span: Span| {
        let at = |offset: usize| {
            let before = &text[..floor(text, offset)];
            let line = before.rfind('\n').map_or(before, |end| &before[end + 1..]);
            serde_json::json!({ "line": before.matches('\n').count() + 1, "column": line.chars().count() + 1 })
        };
        serde_json::json!({ "start": at(span.start), "end": at(span.end.max(span.start)) })
    };
    let each: Vec<serde_json::Value> = diagnostics
        .iter()
        .map(|Diagnostic { severity, code, title, place: at, notes, help }| {
            serde_json::json!({
                "severity": severity,
                "code": code,
                "title": title,
                "place": at.as_ref().map(|(span, _)| place(*span)),
                "label": at.as_ref().map(|(_, label)| label),
                "notes": notes,
                "help": help,
            })
        })
        .collect();
    let valid = diagnostics.iter().all(|each| each.severity != Severity::Error);
    serde_json::json!({ "format_version": 1, "file": file_name, "valid": valid, "diagnostics": each }).to_string()
}

fn one(renderer: &Renderer, file_name: &str, text: &str, diagnostic: &Diagnostic) -> String {
    let Diagnostic { severity, code, title, place, notes, help } = diagnostic;
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(level.primary_title(title.as_str()).id(*code));
    if let Some((span, label)) = place {
        let annotation = AnnotationKind::Primary.span(within(text, *span)).label(normalize_untrusted_str(label));
        group = group.element(Snippet::source(text).path(file_name).annotation(annotation));
    }
    group = group.elements(notes.iter().map(|note| Level::NOTE.message(normalize_untrusted_str(note))));
    let mut groups = vec![group];
    if let Some(help) = help {
        groups.push(Group::with_title(Level::HELP.secondary_title(normalize_untrusted_str(help))));
    }
    renderer.render(&groups)
}

/// The span as the renderer wants it: inside the text, on borders of characters, and on the first of its lines. A table's
/// place in a file with a syntax error may be anywhere; nothing here may panic on it.
fn within(text: &str, span: Span) -> Range<usize> {
    let start = floor(text, span.start);
    let end = floor(text, span.end.max(span.start));
    let line_end = text[start..].find(['\n', '\r']).map_or(text.len(), |length| start + length);
    start..end.clamp(start, line_end.max(start))
}

/// The border of a character at or before an offset.
fn floor(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_complaint_looks_like_this() {
        let text = "[storage]\ncapacity = \"5 TiB\"\n";
        let complaint = Diagnostic::error("spec::capacity", "FSx for Lustre has no file system of this size")
            .at(Span { start: 21, end: 28 }, "between two sizes")
            .note("`persistent-2` on SSD comes as 1.2 TiB or a multiple of 2.4 TiB")
            .help("take 4.8 TiB (4% less) or 7.2 TiB (44% more)");
        insta::assert_snapshot!(render("cluster.toml", text, &[complaint], false), @r#"
        error[spec::capacity]: FSx for Lustre has no file system of this size
         --> cluster.toml:2:12
          |
        2 | capacity = "5 TiB"
          |            ^^^^^^^ between two sizes
          |
          = note: `persistent-2` on SSD comes as 1.2 TiB or a multiple of 2.4 TiB
        help: take 4.8 TiB (4% less) or 7.2 TiB (44% more)

        1 error in cluster.toml
        "#);
    }

    #[test]
    fn a_complaint_about_no_place() {
        let complaint = Diagnostic::warning("aws::quota", "a quota is short").note("8 are left").help("ask for more");
        let missing = Diagnostic::error("spec::missing", "a required table is missing");
        insta::assert_snapshot!(render("cluster.toml", "", &[complaint, missing.clone(), missing], false), @"
        warning[aws::quota]: a quota is short
         |
         = note: 8 are left
        help: ask for more

        error[spec::missing]: a required table is missing

        error[spec::missing]: a required table is missing

        2 errors, 1 warning in cluster.toml
        ");
    }

    #[test]
    fn programs_get_lines_and_columns() {
        let complaint = Diagnostic::warning("spec::x", "t").at(Span { start: 6, end: 7 }, "l").note("n");
        let none = Diagnostic::error("spec::y", "u").help("h");
        let shown = json("c.toml", "a\nü = 1\n", &[complaint, none]);
        let read: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
        let start = serde_json::json!({ "line": 2, "column": 4 });
        assert_eq!(read["diagnostics"][0]["place"]["start"], start, "{shown}");
        assert_eq!(read["diagnostics"][1]["place"], serde_json::Value::Null);
        assert_eq!((&read["valid"], &read["format_version"]), (&false.into(), &1.into()));
    }

    #[test]
    fn nothing_to_say() {
        assert_eq!(render("cluster.toml", "x", &[], false), "");
    }

    #[test]
    fn colour_only_repeats_what_the_text_says() {
        let complaint = Diagnostic::error("spec::name", "x").at(Span { start: 0, end: 1 }, "y").note("z").help("w");
        let plain = render("cluster.toml", "abc", std::slice::from_ref(&complaint), false);
        let coloured = render("cluster.toml", "abc", &[complaint], true);
        assert_ne!(plain, coloured);
        assert_eq!(plain, anstream::adapter::strip_str(&coloured).to_string());
    }

    #[test]
    fn odd_places_do_not_panic() {
        for text in ["", "\n", "\r\n", "a\tb", "ü\u{301}漢\r\nx", "\u{feff}x", "a\rb"] {
            for start in 0..text.len() + 2 {
                for end in [0, start, start + 1, start + 3, usize::MAX] {
                    let complaint = Diagnostic::error("spec::x", "t").at(Span { start, end }, "label\n\u{1b}[31m");
                    assert!(render("f.toml", text, &[complaint], false).contains("1 error in f.toml"), "{text:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_and_place_panics(text in any::<String>(), start in 0..200_usize, length in 0..200_usize, label in any::<String>()) {
            let complaint = Diagnostic::error("spec::x", label.clone())
                .at(Span { start, end: start + length }, label.clone())
                .note(label.clone())
                .help(label);
            for color in [false, true] {
                prop_assert!(render("f.toml", &text, std::slice::from_ref(&complaint), color).contains("1 error"));
            }
            let shown = json("f.toml", &text, &[complaint]);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&shown).is_ok());
        }
    }
}
