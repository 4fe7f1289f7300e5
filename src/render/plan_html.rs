//! A plan as one HTML file: no script, no network, for phones, desktops and paper, light and dark.
//!
//! All markup is in the template, which escapes every value: nothing in here makes markup, so nothing from a spec or from
//! AWS can. A policy in the page (Content-Security-Policy) forbids scripts and requests besides.

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use super::block;
use super::diagram::{self, Picture};
use super::plan_cost;
use super::plan_facts as facts;
use super::plan_sizing;
use super::text::clean;
use super::theme::Theme;
use crate::plan::{Action, Danger, Finding, Plan, Verb};

const TEMPLATE: &str = include_str!("../../templates/plan.html.j2");

#[derive(Serialize)]
struct Page {
    cluster: String,
    headline: String,
    danger: &'static str,
    refused: bool,
    findings: Vec<Complaint>,
    changes: Vec<Row>,
    /// `6 unchanged`, and what they are.
    unchanged: Option<String>,
    quiet: Vec<Row>,
    order: Vec<String>,
    cost: Option<Costs>,
    sizing: Option<Reasons>,
    picture: Option<Picture>,
}

#[derive(Serialize)]
struct Complaint {
    severity: &'static str,
    code: String,
    title: Vec<Span>,
    place: Option<String>,
    notes: Vec<Vec<Span>>,
    help: Option<Vec<Span>>,
}

/// A piece of a sentence.
#[derive(Serialize)]
struct Span {
    is_code: bool,
    text: String,
}

#[derive(Serialize)]
struct Row {
    verb: &'static str,
    symbol: &'static str,
    address: String,
    summary: String,
    class: &'static str,
    /// The class in words and why; none where there is nothing to fear.
    danger: Option<(&'static str, String)>,
    /// How it is replaced.
    how: Option<&'static str>,
    changes: Vec<Field>,
    reasons: Vec<Vec<Span>>,
}

#[derive(Serialize)]
struct Field {
    name: String,
    before: String,
    after: String,
    forces_replace: bool,
}

#[derive(Serialize)]
struct Costs {
    title: String,
    /// Of the figures.
    columns: Vec<String>,
    rows: Vec<CostRow>,
    label: &'static str,
    total: Vec<String>,
    remarks: Vec<Vec<Span>>,
}

/// Why the storage has its size.
#[derive(Serialize)]
struct Reasons {
    title: &'static str,
    lines: Vec<Vec<Span>>,
}

#[derive(Serialize)]
struct CostRow {
    address: String,
    what: String,
    cells: Vec<String>,
}

/// The same facts as the text, in the same order.
#[expect(clippy::missing_panics_doc, reason = "the template is ours, and a test renders all of it")]
pub fn plan(plan: &Plan) -> String {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_keep_trailing_newline(true);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment
        .render_named_str("plan.html.j2", TEMPLATE, page(plan))
        .expect("every value that the template names is in the page")
}

fn page(plan: &Plan) -> Page {
    let (quiet, told): (Vec<&Action>, Vec<&Action>) = plan.actions.iter().partition(|action| facts::is_quiet(action));
    Page {
        cluster: line(&plan.cluster),
        headline: line(&facts::headline(plan)),
        danger: class(plan.worst()),
        refused: plan.is_refused(),
        findings: facts::findings(plan).into_iter().map(complaint).collect(),
        changes: told.into_iter().map(row).collect(),
        unchanged: facts::unchanged(plan),
        quiet: quiet.into_iter().map(row).collect(),
        order: facts::phases(plan).unwrap_or_default().iter().map(|phase| line(phase)).collect(),
        cost: cost(plan),
        sizing: plan_sizing::title(plan)
            .map(|title| Reasons { title, lines: plan_sizing::lines(plan).iter().map(|line| prose(line)).collect() }),
        picture: diagram::picture(&plan.topology),
    }
}

fn line(text: &str) -> String {
    clean(text, &Theme::plain())
}

/// The class of CSS.
const fn class(danger: Danger) -> &'static str {
    match danger {
        Danger::Safe => "safe",
        Danger::Disruptive => "disruptive",
        Danger::DestroysCompute | Danger::DestroysData => "destroys",
    }
}

/// What stands in back-ticks is code; a lone back-tick is only text.
fn prose(text: &str) -> Vec<Span> {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return vec![Span { is_code: false, text: line(text) }];
    }
    let spaced = |part: &str| {
        // Cleaning trims; what stands beside code needs its space.
        let space = |is: bool| if is { " " } else { "" };
        let inner = line(part);
        let end = if inner.is_empty() { "" } else { space(part.ends_with(char::is_whitespace)) };
        format!("{}{inner}{end}", space(part.starts_with(char::is_whitespace)))
    };
    let spans = parts.iter().enumerate().map(|(index, part)| {
        let is_code = !index.is_multiple_of(2);
        Span { is_code, text: if is_code { line(part) } else { spaced(part) } }
    });
    spans.filter(|span| !span.text.is_empty()).collect()
}

fn complaint(finding: &Finding) -> Complaint {
    let Finding { severity, code, address, title, notes, help } = finding;
    Complaint {
        severity: block::word(*severity),
        code: line(code),
        title: prose(title),
        place: address.as_ref().map(|address| line(&address.to_string())),
        notes: notes.iter().map(|note| prose(note)).collect(),
        help: help.as_ref().map(|help| prose(help)),
    }
}

fn row(action: &Action) -> Row {
    Row {
        verb: action.verb.word(),
        symbol: action.verb.symbol().trim(),
        address: line(&action.address.to_string()),
        summary: line(&facts::summary(action)),
        class: class(action.danger),
        danger: facts::danger(action).map(|(class, reason)| (class, line(reason))),
        how: (action.verb == Verb::Replace).then_some(facts::REPLACED),
        changes: facts::changes(action)
            .iter()
            .map(|change| {
                let (before, after) = facts::sides(change);
                let (before, after) = (line(&before), line(&after));
                Field { name: line(&change.field), before, after, forces_replace: change.forces_replace }
            })
            .collect(),
        reasons: action.reasons.iter().map(|reason| prose(reason)).collect(),
    }
}

fn cost(plan: &Plan) -> Option<Costs> {
    let table = plan_cost::table(plan)?;
    let row = |row: plan_cost::Row| CostRow { address: line(&row.address), what: line(&row.what), cells: row.cells };
    Some(Costs {
        title: line(&plan_cost::title(plan)),
        columns: table.columns,
        rows: table.rows.into_iter().map(row).collect(),
        label: table.label,
        total: table.total,
        remarks: plan_cost::remarks(plan).iter().map(|remark| prose(remark)).collect(),
    })
}
