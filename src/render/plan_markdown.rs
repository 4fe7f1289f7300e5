//! A plan for a pull request: GitHub's Markdown. No text from a spec or from AWS can break a table, bring in HTML, call a
//! person or point at an issue.

// Writing to a String cannot fail, so its answer is dropped wherever it is used.
use std::fmt::Write as _;

use super::plan_cost;
use super::plan_facts as facts;
use super::text::clean;
use super::theme::Theme;
use super::words;
use crate::diagnostic::Severity;
use crate::plan::{Action, Danger, Finding, Plan};

/// The same facts as the text.
pub fn plan(plan: &Plan) -> String {
    let mark = if plan.is_refused() || plan.worst() >= Danger::DestroysCompute { "🛑 " } else { "" };
    let mut out = format!("**{mark}{}**\n", escaped(&facts::headline(plan)));
    for finding in &plan.findings {
        out.push('\n');
        out.push_str(&alert(finding));
    }
    for part in [changes(plan), details(plan), order(plan), cost(plan)] {
        if !part.is_empty() {
            out.push('\n');
            out.push_str(&part);
        }
    }
    out
}

/// Text without any meaning to Markdown or GitHub, in one line.
///
/// Character references are no markup to CommonMark. GitHub looks for mentions and issues in the finished page, where a
/// reference is its character again: there a zero-width space keeps `@` and `#` from what follows.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in clean(text, &Theme::plain()).chars() {
        match c {
            '@' | '#' => {
                let _ = write!(out, "&#{};&#8203;", u32::from(c));
            }
            '&' | '<' | '>' | '"' | '\'' | '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '!' | '~' | '$' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            // A scheme without its colon is no link.
            ':' if out.ends_with("http") || out.ends_with("https") => out.push_str("&#58;"),
            c => out.push(c),
        }
    }
    // `www.` makes a link as well.
    out.replace("www.", "www&#46;")
}

/// A word of code. GitHub leaves mentions in `<code>` alone, and Markdown is kept out by the references.
fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<code>{}</code>", escaped(text)) }
}

/// Sentences: what stands in back-ticks becomes code, the rest is only text.
fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An even number of parts has a lone back-tick in it.
    if parts.len().is_multiple_of(2) {
        return escaped(text);
    }
    let clean_parts =
        parts.iter().enumerate().map(|(index, part)| if index.is_multiple_of(2) { spaced(part) } else { code(part) });
    clean_parts.collect()
}

/// Escaped, with the spaces at its ends.
fn spaced(text: &str) -> String {
    let space = |is: bool| if is { " " } else { "" };
    let inner = escaped(text);
    if inner.is_empty() {
        return space(!text.is_empty()).to_owned();
    }
    format!("{}{inner}{}", space(text.starts_with(char::is_whitespace)), space(text.ends_with(char::is_whitespace)))
}

fn alert(finding: &Finding) -> String {
    let kind = match finding.severity {
        Severity::Error => "CAUTION",
        Severity::Warning => "WARNING",
        Severity::Note => "NOTE",
    };
    let place =
        finding.address.as_ref().map(|address| format!(" at {}", code(&address.to_string()))).unwrap_or_default();
    let mut out = format!(
        "> [!{kind}]\n> **{}** {}: {}{place}\n",
        super::block::word(finding.severity),
        code(finding.code),
        prose(&finding.title)
    );
    if !finding.notes.is_empty() {
        out.push_str(">\n");
    }
    for note in &finding.notes {
        let _ = writeln!(out, "> - {}", prose(note));
    }
    if let Some(help) = &finding.help {
        let _ = writeln!(out, ">\n> **help:** {}", prose(help));
    }
    out
}

fn changes(plan: &Plan) -> String {
    let rows: Vec<String> = plan
        .actions
        .iter()
        .filter(|action| !facts::is_quiet(action))
        .map(|action| {
            let danger = match action.danger {
                Danger::Safe => String::new(),
                Danger::Disruptive => words::danger(action.danger).to_owned(),
                Danger::DestroysCompute | Danger::DestroysData => {
                    format!("**{}**", words::danger(action.danger))
                }
            };
            format!(
                "| {} {} | {} | {} | {danger} |\n",
                code(action.verb.symbol().trim()),
                action.verb.word(),
                code(&action.address.to_string()),
                escaped(&facts::summary(action)),
            )
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("| | resource | what | danger |\n| --- | --- | --- | --- |\n{}", rows.concat())
}

fn details(plan: &Plan) -> String {
    let told = |action: &&Action| !facts::changes(action).is_empty() || !action.reasons.is_empty();
    let mut out = String::new();
    let fields: Vec<String> = plan.actions.iter().filter(told).map(detail).collect();
    if !fields.is_empty() {
        out.push_str(&folded("Fields and reasons", &fields.concat()));
    }
    let quiet: Vec<String> = plan
        .actions
        .iter()
        .filter(|action| facts::is_quiet(action))
        .map(|action| format!("- {} {}\n", code(&action.address.to_string()), escaped(&facts::summary(action))))
        .collect();
    if let Some(title) = facts::unchanged(plan) {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&folded(&title, &quiet.concat()));
    }
    out
}

fn folded(title: &str, content: &str) -> String {
    format!("<details><summary>{title}</summary>\n\n{}\n</details>\n", content.trim_start_matches('\n'))
}

fn detail(action: &Action) -> String {
    let mut out = format!("\n- {} {}\n", action.verb.word(), code(&action.address.to_string()));
    if action.verb == crate::plan::Verb::Replace {
        let _ = writeln!(out, "  - {}", facts::REPLACED);
    }
    for change in facts::changes(action) {
        let (before, after) = facts::sides(change);
        let forces = if change.forces_replace { " (**forces replace**)" } else { "" };
        let _ = writeln!(out, "  - {}: {} → {}{forces}", escaped(&change.field), code(&before), code(&after));
    }
    for reason in &action.reasons {
        let _ = writeln!(out, "  - {}", prose(reason));
    }
    out
}

fn order(plan: &Plan) -> String {
    let Some(phases) = facts::phases(plan) else {
        return String::new();
    };
    let lines: Vec<String> =
        phases.iter().enumerate().map(|(index, phase)| format!("{}. {}\n", index + 1, escaped(phase))).collect();
    folded("Order", &lines.concat())
}

fn cost(plan: &Plan) -> String {
    let Some(table) = plan_cost::table(plan) else {
        return String::new();
    };
    let cells = |cells: &[String], mark: &str| {
        let marked =
            cells.iter().map(|cell| if cell.is_empty() { " |".to_owned() } else { format!(" {mark}{cell}{mark} |") });
        marked.collect::<String>()
    };
    let rows: Vec<String> = table
        .rows
        .iter()
        .map(|row| format!("| {} | {} |{}\n", code(&row.address), escaped(&row.what), cells(&row.cells, "")))
        .collect();
    let remarks: Vec<String> = plan_cost::remarks(plan).iter().map(|remark| format!("- {}\n", prose(remark))).collect();
    format!(
        "{}\n\n| resource | what |{}\n| --- | --- |{}\n{}| **{}** | |{}\n\n{}",
        escaped(&plan_cost::title(plan)),
        cells(&table.columns, ""),
        " ---: |".repeat(table.columns.len()),
        rows.concat(),
        table.label,
        cells(&table.total, "**"),
        remarks.concat()
    )
}
