//! When a saved plan is not applied, and when a plan is worse than `--fail-on` lets through.

use super::block::{Block, folded};
use super::plan_facts as facts;
use super::text::count;
use super::theme::{BAD, Theme};
use super::words;
use crate::diagnostic::Severity;
use crate::plan::{Danger, Finding, Plan};

/// More notes than these of one finding nobody reads; the last says how many there are.
const MOST_NOTES: usize = 10;

/// Why the plan in a file is not applied: everything at once.
pub fn refusal(file: &str, findings: &[Finding], theme: &Theme) -> String {
    let line = super::text::clean(&format!("`{file}` is not applied: {}", count(findings.len(), "reason")), theme);
    let mut parts = vec![theme.paint(BAD, &line) + "\n"];
    parts.extend(findings.iter().map(|finding| {
        let Finding { severity, code, address, title, notes, help } = finding;
        // The title of a difference names its resource.
        let place = address.as_ref().map(ToString::to_string).filter(|address| !title.starts_with(address.as_str()));
        Block {
            severity: *severity,
            code: (*code).to_owned(),
            title: title.clone(),
            place,
            notes: folded(notes, MOST_NOTES),
            help: help.clone(),
        }
        .text(theme)
    }));
    parts.join("\n")
}

/// What in the plan is as bad as the limit or worse; None: nothing. `option` is the limit's name on the command line.
pub fn fail_on(plan: &Plan, limit: Danger, option: &str, theme: &Theme) -> Option<String> {
    let bad: Vec<_> = plan.actions.iter().filter(|action| action.danger >= limit).collect();
    if bad.is_empty() {
        return None;
    }
    let verb = if bad.len() == 1 { "is" } else { "are" };
    let title = format!("{} {verb} what `--fail-on {option}` stops", count(bad.len(), "action"));
    let notes: Vec<String> = bad
        .iter()
        .map(|action| {
            let danger = words::danger(action.danger);
            format!("{danger}: {} {}, {}", action.verb.word(), action.address, facts::summary(action))
        })
        .collect();
    let help = "undo the change in the spec, or have it reviewed and leave the option out".to_owned();
    let block = Block {
        severity: Severity::Error,
        code: "plan::fail-on".to_owned(),
        title,
        place: None,
        notes: folded(&notes, MOST_NOTES),
        help: Some(help),
    };
    Some(block.text(theme))
}
