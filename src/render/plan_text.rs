//! A plan for a person at a terminal: first line what happens, the worst first; then what speaks against it, each change
//! with its reasons, the order and the cost. Where something speaks against it, the last line says so again: that is what
//! is on the screen when the question comes.

// Writing to a String cannot fail, so its answer is dropped wherever it is used.
use std::fmt::Write as _;

use super::block::{Block, folded};
use super::plan_cost;
use super::plan_facts as facts;
use super::plan_sizing;
use super::table::{Cell, Column, Row, table};
use super::text::{cut, labelled, listed};
use super::theme::{BAD, BOLD, DIM, PLAIN, Theme, of_danger, of_verb};
use crate::diagnostic::Severity;
use crate::plan::{Action, Danger, Finding, Plan, Verb};

/// More reasons than these for one action are told as a number: JSON has them all.
const MOST_REASONS: usize = 4;

/// The whole plan. What to do next is said by the command.
pub fn plan(plan: &Plan, theme: &Theme) -> String {
    let parts = [
        summary(plan, theme) + "\n",
        findings(plan, theme),
        actions(plan, theme),
        order(plan, theme),
        cost(plan, theme),
        sizing(plan, theme),
        reminder(plan, theme),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

/// The first line.
fn summary(plan: &Plan, theme: &Theme) -> String {
    let style = if plan.is_refused() {
        BAD
    } else if plan.worst() > Danger::Disruptive {
        of_danger(plan.worst())
    } else {
        BOLD
    };
    let line = super::text::clean(&facts::headline(plan), theme);
    let complaints = facts::complaints(plan);
    if complaints.is_empty() {
        theme.paint(style, &line)
    } else {
        format!("{}; {complaints} below", theme.paint(style, &line))
    }
}

fn actions(plan: &Plan, theme: &Theme) -> String {
    let mut out = table_of(&facts::together(plan.actions.iter()), theme);
    if let Some(unchanged) = facts::unchanged(plan) {
        let line = format!("  {}\n", theme.paint(DIM, &unchanged));
        out.push_str(&line);
    }
    out
}

/// Groups of actions that are alike, each as one row.
pub(super) fn table_of(groups: &[Vec<&Action>], theme: &Theme) -> String {
    let rows = groups
        .iter()
        .filter_map(|group| group.split_first())
        .map(|(first, others)| row(first, others, theme))
        .collect();
    table(2, &[Column::Left, Column::Left, Column::Wrapped], rows, theme)
}

fn row(action: &Action, others: &[&Action], theme: &Theme) -> Row {
    let style = of_verb(action.verb);
    let mut summary = facts::summary(action);
    if action.verb == Verb::Keep && facts::changes(action).is_empty() {
        summary = format!("{summary}, kept: {}", action.reasons.join(" "));
    }
    let cells = vec![
        Cell::styled(style, theme.symbol(action.verb)),
        Cell::styled(style, action.address.to_string()),
        summary.into(),
    ];
    let mut below = details(action, theme);
    if !others.is_empty() {
        let addresses: Vec<String> = others.iter().map(|each| each.address.to_string()).collect();
        let text = format!("and {} like it: {}", others.len(), listed(&addresses, MOST_LISTED));
        below.push_str(&labelled(DETAIL, DETAIL, &text, theme));
    }
    Row::from(cells).below(below)
}

/// So many addresses of resources that are alike are told.
const MOST_LISTED: usize = 20;

const DETAIL: &str = "      ";

fn details(action: &Action, theme: &Theme) -> String {
    let mut out = String::new();
    if let Some((class, reason)) = facts::danger(action) {
        let head = format!("! {class}:");
        let painted = theme.paint(of_danger(action.danger), &head);
        let lines = labelled(DETAIL, DETAIL, &format!("{head} {reason}"), theme);
        out.push_str(&lines.replacen(&head, &painted, 1));
    }
    if action.verb == Verb::Replace {
        let _ = writeln!(out, "{DETAIL}{}", facts::REPLACED);
    }
    let columns = theme.width.saturating_sub(DETAIL.len());
    let changes = facts::changes(action)
        .iter()
        .map(|change| {
            let (before, after) = facts::sides(change);
            let forces = if change.forces_replace { " (forces replace)" } else { "" };
            let style = if change.forces_replace { BAD } else { PLAIN };
            Row::from(vec![
                cut(&change.field, columns).into(),
                Cell::styled(style, format!("{before} → {after}{forces}")),
            ])
        })
        .collect();
    out.push_str(&table(DETAIL.len(), &[Column::Left, Column::Wrapped], changes, theme));
    if action.verb != Verb::Keep || !facts::changes(action).is_empty() {
        for reason in folded(&action.reasons, MOST_REASONS) {
            out.push_str(&labelled(DETAIL, DETAIL, &reason, theme));
        }
    }
    out
}

fn order(plan: &Plan, theme: &Theme) -> String {
    let Some(phases) = facts::phases(plan) else {
        return String::new();
    };
    let mut out = theme.paint(BOLD, "Order") + "\n";
    for (index, phase) in phases.iter().enumerate() {
        let label = format!("  {}  ", index + 1);
        out.push_str(&labelled(&label, &label, phase, theme));
    }
    out
}

fn cost(plan: &Plan, theme: &Theme) -> String {
    let Some(costs) = plan_cost::table(plan) else {
        return String::new();
    };
    let row = |first: Cell, what: &str, cells: &[String], style| {
        let cells = cells.iter().map(|cell| Cell::styled(style, cell));
        Row::from([first, what.into()].into_iter().chain(cells).collect::<Vec<_>>())
    };
    let mut rows = vec![row("".into(), "", &costs.columns, DIM)];
    rows.extend(costs.rows.iter().map(|each| row(each.address.as_str().into(), &each.what, &each.cells, PLAIN)));
    rows.push(row(Cell::styled(BOLD, costs.label), "", &costs.total, BOLD));
    let title = super::text::clean(&plan_cost::title(plan), theme);
    let mut columns = vec![Column::Left, Column::Wrapped];
    columns.extend(costs.columns.iter().map(|_| Column::Right));
    let remarks: Vec<String> =
        plan_cost::remarks(plan).iter().map(|remark| labelled("  ", "  ", remark, theme)).collect();
    format!("{}\n{}{}", theme.paint(BOLD, &title), table(2, &columns, rows, theme), remarks.concat())
}

fn findings(plan: &Plan, theme: &Theme) -> String {
    let blocks: Vec<String> = facts::findings(plan).into_iter().map(|finding| finding_text(finding, theme)).collect();
    blocks.join("\n")
}

fn sizing(plan: &Plan, theme: &Theme) -> String {
    let Some(title) = plan_sizing::title(plan) else {
        return String::new();
    };
    let lines = plan_sizing::lines(plan);
    let lines: Vec<String> = lines.iter().map(|line| labelled("  ", "  ", line, theme)).collect();
    format!("{}\n{}", theme.paint(BOLD, title), lines.concat())
}

/// `1 error above: plan::replace-storage`. Notes alone need nobody to scroll back.
fn reminder(plan: &Plan, theme: &Theme) -> String {
    let mut codes: Vec<String> = facts::findings(plan)
        .into_iter()
        .filter(|finding| finding.severity != Severity::Note)
        .map(|finding| finding.code.to_string())
        .collect();
    codes.dedup();
    if codes.is_empty() {
        return String::new();
    }
    let complaints = facts::complaints(plan);
    let style = if plan.is_refused() { BAD } else { BOLD };
    format!("{}: {}\n", theme.paint(style, &format!("{complaints} above")), listed(&codes, MOST_REASONS))
}

/// More notes than these nobody reads; a last one says how many there are.
const MOST_NOTES: usize = 10;

fn finding_text(finding: &Finding, theme: &Theme) -> String {
    let Finding { severity, code, address, title, notes, help } = finding;
    Block {
        severity: *severity,
        code: (*code).to_owned(),
        title: title.clone(),
        place: address.as_ref().map(ToString::to_string),
        notes: folded(notes, MOST_NOTES),
        help: help.clone(),
    }
    .text(theme)
}
