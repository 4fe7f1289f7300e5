//! A plan for a pull request: GitHub's Markdown, within GitHub's limit. The summary is never folded and never left out.

// Writing to a String cannot fail, so its answer is dropped wherever it is used.
use std::fmt::Write as _;

use super::diagram;
use super::fit::{Item, Section, Worth, fit};
use super::markdown::{code, escaped, escaped_within, prose};
use super::plan_cost;
use super::plan_facts as facts;
use super::plan_sizing;
use super::text::{count, cut};
use super::words;
use crate::diagnostic::Severity;
use crate::plan::{Action, Danger, Finding, Plan};

/// How long a plan in Markdown may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxBytes(usize);

impl MaxBytes {
    /// The summary and the note of what was left out always fit in here.
    pub const LEAST: usize = 4096;

    /// None: too few for a summary.
    pub fn new(bytes: usize) -> Option<Self> {
        (bytes >= Self::LEAST).then_some(Self(bytes))
    }

    pub const fn get(self) -> usize {
        self.0
    }
}

/// GitHub takes comments of 65,536 characters: there is room for a few words around the plan.
impl Default for MaxBytes {
    fn default() -> Self {
        Self(60_000)
    }
}

impl std::fmt::Display for MaxBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for MaxBytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.parse().map_err(|_| "it is a number of bytes".to_owned())?;
        Self::new(bytes).ok_or_else(|| format!("a summary takes up to {} bytes: give that or more", Self::LEAST))
    }
}

/// Bytes of the first line, which is far shorter with any name that AWS allows.
const MOST_HEADLINE: usize = 2400;
/// More changes than these are folded, but for those that are dangerous.
const MOST_ROWS: usize = 24;
/// More notes of one finding than these are folded.
const MOST_NOTES: usize = 8;
/// Columns of a finding's words where there is no room for all of them.
const SHORT_TITLE: usize = 200;
/// So many fields and reasons of an action are told where there is no room for all of them.
const SHORT_FIELDS: usize = 4;

/// The same facts as the text.
pub fn plan(plan: &Plan, most: MaxBytes) -> String {
    let mark = if plan.is_refused() || plan.worst() >= Danger::DestroysCompute { "🛑 " } else { "" };
    let head = format!("**{mark}{}**\n", escaped_within(&facts::headline(plan), MOST_HEADLINE));
    let mut sections: Vec<Section> = facts::findings(plan).into_iter().map(alert).collect();
    sections.extend(changes(plan));
    sections.extend([
        fields(plan),
        unchanged(plan),
        order(plan),
        cost(plan),
        cost_remarks(plan),
        sizing(plan),
        picture(plan),
    ]);
    fit(&head, &sections, most.get(), |what| {
        format!(
            "> [!NOTE]\n> Left out, to stay below {} bytes: {what}. All of it is in the plan as JSON or HTML (`--format json`, `--format html`).\n",
            most.get()
        )
    })
}

fn alert(finding: &Finding) -> Section {
    let (kind, worth) = match finding.severity {
        Severity::Error => ("CAUTION", Worth::Error),
        Severity::Warning => ("WARNING", Worth::Warning),
        Severity::Note => ("NOTE", Worth::Note),
    };
    let place =
        finding.address.as_ref().map(|address| format!(" at {}", code(&address.to_string()))).unwrap_or_default();
    let label = format!("> **{}** {}", super::block::word(finding.severity), code(finding.code));
    let mut text = format!("{label}: {}{place}\n", prose(&finding.title));
    let short = format!("{label}: {}\n", prose(&cut(&finding.title, SHORT_TITLE)));
    // One line for the last one is no more than one line that says there is one more.
    let open = if finding.notes.len() > MOST_NOTES + 1 { MOST_NOTES } else { finding.notes.len() };
    let (notes, more) = finding.notes.split_at(open);
    if !notes.is_empty() {
        text.push_str(">\n");
    }
    for note in notes {
        let _ = writeln!(text, "> - {}", prose(note));
    }
    if let Some(help) = &finding.help {
        let _ = writeln!(text, ">\n> **help:** {}", prose(help));
    }
    let mut items = vec![Item { short: Some(short), ..Item::new(worth, text) }];
    if !more.is_empty() {
        let lines: Vec<String> = more.iter().map(|note| format!("> - {}\n", prose(note))).collect();
        let title = format!("and {}", count(more.len(), "more note"));
        let text = format!(">\n> <details><summary>{title}</summary>\n>\n{}>\n> </details>\n", lines.concat());
        items.push(Item { continues: true, ..Item::new(Worth::MoreNotes, text) });
    }
    Section { open: format!("> [!{kind}]\n"), items, close: String::new() }
}

const HEAD: &str = "| | resource | what | danger |\n| --- | --- | --- | --- |\n";

/// A table; where it is long, what is safe stands in one of its own that is folded.
fn changes(plan: &Plan) -> Vec<Section> {
    let rows: Vec<&Action> = plan.actions.iter().filter(|action| !facts::is_quiet(action)).collect();
    let item =
        |action: &&Action| Item::new(worth(action, [Worth::Change, Worth::Disruption, Worth::Grave]), row(action));
    if rows.len() <= MOST_ROWS {
        return vec![Section { open: HEAD.to_owned(), items: rows.iter().map(item).collect(), close: String::new() }];
    }
    let (safe, dangerous): (Vec<&Action>, Vec<&Action>) =
        rows.into_iter().partition(|action| action.danger == Danger::Safe);
    let more = if dangerous.is_empty() { "" } else { "more " };
    let title = format!("{}, all of them safe", count(safe.len(), &format!("{more}change")));
    let folded = folded(&title, safe.iter().map(item).collect());
    vec![
        Section { open: HEAD.to_owned(), items: dangerous.iter().map(item).collect(), close: String::new() },
        Section { open: folded.open + HEAD, ..folded },
    ]
}

/// What an action's item is worth: one that is safe, that disrupts, that destroys.
fn worth(action: &Action, [safe, disrupts, destroys]: [Worth; 3]) -> Worth {
    match action.danger {
        Danger::Safe => safe,
        Danger::Disruptive => disrupts,
        Danger::DestroysCompute | Danger::DestroysData => destroys,
    }
}

fn row(action: &Action) -> String {
    let danger = match facts::danger(action) {
        None => words::danger(action.danger).to_owned(),
        Some((class, reason)) if action.danger >= Danger::DestroysCompute => format!("**{class}**: {}", prose(reason)),
        Some((class, reason)) => format!("{class}: {}", prose(reason)),
    };
    format!(
        "| {} {} | {} | {} | {danger} |\n",
        code(action.verb.symbol().trim()),
        action.verb.word(),
        code(&action.address.to_string()),
        escaped(&facts::summary(action)),
    )
}

fn fields(plan: &Plan) -> Section {
    let told = |action: &&Action| !facts::changes(action).is_empty() || !action.reasons.is_empty();
    let items: Vec<Item> = plan
        .actions
        .iter()
        .filter(told)
        .map(|action| {
            let lines = fields_of(action);
            let head = format!("- {} {}\n", action.verb.word(), code(&action.address.to_string()));
            let worth = worth(action, [Worth::Fields, Worth::Fields, Worth::GraveFields]);
            let short = (lines.len() > SHORT_FIELDS + 1).then(|| {
                let more = lines.len() - SHORT_FIELDS;
                format!("{head}{}  - and {more} more\n", lines[..SHORT_FIELDS].concat())
            });
            Item { short, ..Item::new(worth, head + &lines.concat()) }
        })
        .collect();
    let section = folded("Fields and reasons", items);
    // What is destroyed is not hidden behind a click.
    if plan.worst() >= Danger::DestroysCompute {
        let open = section.open.replacen("<details>", "<details open>", 1);
        return Section { open, ..section };
    }
    section
}

fn fields_of(action: &Action) -> Vec<String> {
    let mut lines = Vec::new();
    if action.verb == crate::plan::Verb::Replace {
        lines.push(format!("  - {}\n", facts::REPLACED));
    }
    for change in facts::changes(action) {
        let (before, after) = facts::sides(change);
        let forces = if change.forces_replace { " (**forces replace**)" } else { "" };
        lines.push(format!("  - {}: {} → {}{forces}\n", escaped(&change.field), code(&before), code(&after)));
    }
    lines.extend(action.reasons.iter().map(|reason| format!("  - {}\n", prose(reason))));
    lines
}

fn unchanged(plan: &Plan) -> Section {
    let Some(title) = facts::unchanged(plan) else {
        return Section::default();
    };
    let quiet = plan.actions.iter().filter(|action| facts::is_quiet(action));
    let line =
        |action: &Action| format!("- {} {}\n", code(&action.address.to_string()), escaped(&facts::summary(action)));
    folded(&title, quiet.map(|action| Item::new(Worth::Unchanged, line(action))).collect())
}

/// The title is ours.
fn folded(title: &str, items: Vec<Item>) -> Section {
    Section { open: format!("<details><summary>{title}</summary>\n\n"), items, close: "\n</details>\n".to_owned() }
}

fn order(plan: &Plan) -> Section {
    let Some(phases) = facts::phases(plan) else {
        return Section::default();
    };
    let lines: Vec<String> =
        phases.iter().enumerate().map(|(index, phase)| format!("{}. {}\n", index + 1, escaped(phase))).collect();
    folded("Order", vec![Item::new(Worth::Order, lines.concat())])
}

fn cost(plan: &Plan) -> Section {
    let Some(table) = plan_cost::table(plan) else {
        return Section::default();
    };
    let cells = |cells: &[String], mark: &str| {
        let marked =
            cells.iter().map(|cell| if cell.is_empty() { " |".to_owned() } else { format!(" {mark}{cell}{mark} |") });
        marked.collect::<String>()
    };
    let row = |row: &plan_cost::Row| {
        format!("| {} | {} |{}\n", code(&row.address), escaped(&row.what), cells(&row.cells, ""))
    };
    let mut items: Vec<Item> = table.rows.iter().map(|each| Item::new(Worth::CostItem, row(each))).collect();
    let total = format!("| **{}** | |{}\n", table.label, cells(&table.total, "**"));
    items.push(Item::new(Worth::CostTotal, total));
    let head = format!(
        "| resource | what |{}\n| --- | --- |{}\n",
        cells(&table.columns, ""),
        " ---: |".repeat(table.columns.len())
    );
    Section { open: format!("{}\n\n{head}", escaped(&plan_cost::title(plan))), items, close: String::new() }
}

fn cost_remarks(plan: &Plan) -> Section {
    let remarks = if plan_cost::table(plan).is_some() { plan_cost::remarks(plan) } else { Vec::new() };
    let remark = |text: &String| Item::new(Worth::CostRemark, format!("- {}\n", prose(text)));
    Section { items: remarks.iter().map(remark).collect(), ..Section::default() }
}

fn sizing(plan: &Plan) -> Section {
    let Some(title) = plan_sizing::title(plan) else {
        return Section::default();
    };
    let line = |text: &String| Item::new(Worth::Sizing, format!("- {}\n", prose(text)));
    folded(title, plan_sizing::lines(plan).iter().map(line).collect())
}

fn picture(plan: &Plan) -> Section {
    let Some(mermaid) = diagram::mermaid(&plan.topology) else {
        return Section::default();
    };
    folded("Diagram", vec![Item::new(Worth::Diagram, format!("```mermaid\n{mermaid}```\n"))])
}
