//! What text and Markdown both say of a plan: counted, grouped and put into words once.

use std::collections::BTreeMap;

use super::plan_cost;
use super::text::{count, grouped, listed};
use super::words;
use crate::plan::{Action, Change, Danger, Finding, Op, Plan, Purpose, Step, Verb};

/// Verbs that change something, in the order told.
const CHANGING: [Verb; 4] = [Verb::Create, Verb::Update, Verb::Replace, Verb::Delete];

/// The whole plan in one line, the worst first: `DESTROYS DATA: video-pretrain in us-east-1a: 1 to DELETE, 2 to create`.
pub(super) fn headline(plan: &Plan) -> String {
    let place = plan.zone.as_deref().unwrap_or(&plan.region);
    let refused = plan.is_refused().then_some("REFUSED");
    let lead: Vec<&str> = words::leading(plan.worst()).into_iter().chain(refused).collect();
    let lead = if lead.is_empty() { String::new() } else { format!("{}: ", lead.join(", ")) };
    let offline = if plan.compared { "" } else { " (from the spec alone: what exists was not looked at)" };
    let cost = plan_cost::headline(plan);
    format!("{lead}{} in {place}: {}{cost}{offline}", plan.cluster, what_happens(plan))
}

fn what_happens(plan: &Plan) -> String {
    let mut groups: Vec<(Danger, String)> = CHANGING.into_iter().filter_map(|verb| group(plan, verb)).collect();
    groups.sort_by_key(|(danger, _)| std::cmp::Reverse((*danger).max(Danger::Disruptive)));
    if !groups.is_empty() {
        let mut parts: Vec<String> = groups.into_iter().map(|(_, text)| text).collect();
        let kept = plan.count(Verb::Keep);
        if plan.purpose == Purpose::Down && kept > 0 {
            parts.push(format!("{kept} kept"));
        }
        return parts.join(", ");
    }
    if plan.is_done() {
        return "nothing to do".to_owned();
    }
    let mut waiting: Vec<String> = plan.steps.iter().map(|step| step.address.to_string()).collect();
    waiting.dedup();
    let verb = if plan.has_changes() { "nothing to change but" } else { "nothing to change; waits for" };
    format!("{verb} {}", listed(&waiting, 3))
}

/// `3 to DELETE (1 destroys data, 2 destroy compute)`, and the worst in it.
fn group(plan: &Plan, verb: Verb) -> Option<(Danger, String)> {
    let of_verb: Vec<&Action> = plan.actions.iter().filter(|each| each.verb == verb).collect();
    let worst = of_verb.iter().map(|each| each.danger).max()?;
    let is_grave = worst >= Danger::DestroysCompute;
    let mut dangers: BTreeMap<Danger, usize> = BTreeMap::new();
    for action in &of_verb {
        // Beside a loss, a moment's disruption is not worth a word here.
        if action.danger > Danger::Safe && (!is_grave || action.danger > Danger::Disruptive) {
            *dangers.entry(action.danger).or_default() += 1;
        }
    }
    let total = of_verb.len();
    let parts: Vec<String> = dangers
        .iter()
        .rev()
        .map(|(danger, number)| match (*number, total) {
            (1, 1) => words::danger(*danger).to_owned(),
            (1, _) => format!("1 {}", words::danger(*danger)),
            (number, _) => format!("{number} {}", words::dangers(*danger)),
        })
        .collect();
    let word = if is_grave { verb.word().to_uppercase() } else { verb.word().to_owned() };
    let total = grouped(total as u64);
    let text = if parts.is_empty() {
        format!("{total} to {word}")
    } else {
        format!("{total} to {word} ({})", parts.join(", "))
    };
    Some((worst, text))
}

/// The class of an action and why: `destroys data: The file system is …`. None where there is nothing to fear.
pub(super) fn danger(action: &Action) -> Option<(&'static str, &str)> {
    (action.danger > Danger::Safe).then(|| (words::danger(action.danger), action.danger_reason.as_str()))
}

/// The worst first.
pub(super) fn findings(plan: &Plan) -> Vec<&Finding> {
    let mut findings: Vec<&Finding> = plan.findings.iter().collect();
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// Kept without a word to say about it: told as a number only.
pub(super) fn is_quiet(action: &Action) -> bool {
    action.verb == Verb::Keep && action.changes.is_empty() && action.reasons.is_empty()
}

/// `6 unchanged`; None if there are none.
pub(super) fn unchanged(plan: &Plan) -> Option<String> {
    let quiet = plan.actions.iter().filter(|each| is_quiet(each)).count();
    (quiet > 0).then(|| format!("{} unchanged", grouped(quiet as u64)))
}

/// What an action is about, with its id where there is one.
pub(super) fn summary(action: &Action) -> String {
    match (&action.id, action.summary.is_empty()) {
        (Some(id), false) if action.summary.contains(id.as_str()) => action.summary.clone(),
        (Some(id), false) => format!("{} ({id})", action.summary),
        (Some(id), _) => id.clone(),
        (None, _) => action.summary.clone(),
    }
}

/// The fields that change. What is created has none: its summary says all, and every field would be new.
pub(super) fn changes(action: &Action) -> &[Change] {
    match action.verb {
        Verb::Create => &[],
        Verb::Update | Verb::Replace | Verb::Delete | Verb::Keep => &action.changes,
    }
}

/// So many that are alike are shown one by one.
const MOST_ALIKE: usize = 6;

/// Actions in order; what does the same to many of a kind, safely and without a reason of its own, is put together.
pub(super) fn together<'a>(actions: impl Iterator<Item = &'a Action>) -> Vec<Vec<&'a Action>> {
    let mut groups: Vec<Vec<&Action>> = Vec::new();
    for action in actions.filter(|each| !is_quiet(each)) {
        match groups.last_mut() {
            Some(group) if are_alike(group[0], action) => group.push(action),
            _ => groups.push(vec![action]),
        }
    }
    groups
        .into_iter()
        .flat_map(|group| {
            if group.len() > MOST_ALIKE { vec![group] } else { group.into_iter().map(|action| vec![action]).collect() }
        })
        .collect()
}

fn are_alike(first: &Action, other: &Action) -> bool {
    let plain =
        |action: &Action| action.danger == Danger::Safe && action.reasons.is_empty() && changes(action).is_empty();
    let pattern = |action: &Action| action.summary.replace(&action.address.name, "*");
    first.address.kind == other.address.kind
        && first.verb == other.verb
        && !first.address.name.is_empty()
        && plain(first)
        && plain(other)
        && pattern(first) == pattern(other)
}

/// How a replacement goes, always said.
pub(super) const REPLACED: &str = "replaced: deleted first, then created";

/// Values longer than this are shown from where they begin to differ.
const LONG_VALUE: usize = 60;
/// What is shown of the common beginning of two long values.
const CONTEXT: usize = 12;

/// Both sides of a change, shortened to what differs.
pub(super) fn sides(change: &Change) -> (String, String) {
    let told = |side: &'_ Option<String>| match side.as_deref() {
        None | Some("") => "(none)".to_owned(),
        Some(value) => value.to_owned(),
    };
    let (before, after) = (told(&change.before), told(&change.after));
    if before.chars().count().max(after.chars().count()) <= LONG_VALUE {
        return (before, after);
    }
    let common = before.chars().zip(after.chars()).take_while(|(a, b)| a == b).count();
    let skipped = common.saturating_sub(CONTEXT);
    let shorten = |value: &str| {
        let part: String = value.chars().skip(skipped).collect();
        let part = super::text::cut(&part, LONG_VALUE);
        if skipped > 0 { format!("…{part}") } else { part }
    };
    (shorten(&before), shorten(&after))
}

/// More phases, or more steps, than these are no help to anybody.
const MOST_PHASES: usize = 9;
const MOST_STEPS: usize = 24;

/// The order of the steps: what stands in one line needs nothing of it and may run at once. None if it is long or trivial.
pub(super) fn phases(plan: &Plan) -> Option<Vec<String>> {
    if plan.steps.len() < 2 || plan.steps.len() > MOST_STEPS {
        return None;
    }
    let mut levels: Vec<usize> = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        let level = step.after.iter().filter_map(|after| levels.get(after.step)).max().map_or(0, |level| level + 1);
        levels.push(level);
    }
    let last = levels.iter().max().copied().unwrap_or(0);
    if last >= MOST_PHASES {
        return None;
    }
    let lines = (0..=last)
        .map(|level| {
            let steps = plan.steps.iter().zip(&levels);
            in_words(steps.filter(|(_, at)| **at == level).map(|(step, _)| (&step.op, subject(step, plan))))
        })
        .collect();
    Some(lines)
}

/// What a step is about: some nodes of a group that stays are not the group.
fn subject(step: &Step, plan: &Plan) -> String {
    let stays = plan.actions.iter().any(|action| action.address == step.address && action.verb == Verb::Update);
    match &step.op {
        Op::Delete { ids } if stays => format!("{} of {}", ids.len(), step.address),
        Op::Create { count, least: Some(_), .. } if stays => format!("up to {count} of {}", step.address),
        Op::Create { count, .. } if stays => format!("{count} of {}", step.address),
        _ => step.address.to_string(),
    }
}

/// Steps by what they do: `create fsx and role; export link.train`.
pub(super) fn in_words<'a>(steps: impl Iterator<Item = (&'a Op, String)>) -> String {
    let mut groups: Vec<(&'static str, Vec<String>)> = Vec::new();
    for (op, address) in steps {
        let verb = words::infinitive(op);
        match groups.iter_mut().find(|(word, _)| *word == verb) {
            Some((_, addresses)) => addresses.push(address),
            None => groups.push((verb, vec![address])),
        }
    }
    let parts: Vec<String> = groups
        .into_iter()
        .map(|(verb, mut addresses)| {
            addresses.dedup();
            format!("{verb} {}", listed(&addresses, 6))
        })
        .collect();
    parts.join("; ")
}

/// How bad the findings are, in number: `1 error and 2 warnings`.
pub(super) fn complaints(plan: &Plan) -> String {
    use crate::diagnostic::Severity;
    let number = |severity: Severity| {
        let found = plan.findings.iter();
        found.filter(|finding| finding.severity == severity).count()
    };
    let parts: Vec<String> = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")]
        .into_iter()
        .map(|(severity, noun)| (number(severity), noun))
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| count(number, noun))
        .collect();
    listed(&parts, 3)
}
