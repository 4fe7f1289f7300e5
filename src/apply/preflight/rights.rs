//! What the caller may do, against what the plan would do. Told by `plan` alone: `up` finds out by doing.
//!
//! Whoever may only look may still plan, as a job of a pull request does: so "nothing of all that" is a note. Who may do
//! some of it was meant to do all: then a refusal by the service itself is an error, and what a simulation of the policies
//! says is a warning, since it knows neither policies of resources nor every condition.

use std::collections::BTreeMap;

use super::findings::{self, Subject, error, note};
use crate::cloud::{Survey, Verdict};
use crate::diagnostic::Severity;
use crate::plan::Finding;

/// The most actions that a finding names.
const NAMED: usize = 12;

pub(in crate::apply) fn rights(survey: &Survey) -> Vec<Finding> {
    let (allowed, denied): (Vec<&Verdict>, Vec<&Verdict>) = survey.rights.iter().partition(|each| each.allowed);
    let help = "`provision iam --apply` prints the policy that this spec needs";
    if allowed.is_empty() && !denied.is_empty() {
        let finding = note("rights::look-only", "these credentials may plan, and not apply")
            .why(format!("none of what `provision up` does is allowed to them, such as {}", names(&denied)))
            .how(format!("apply with others; {help}"));
        return vec![finding];
    }
    let mut found = Vec::new();
    let (certain, likely): (Vec<&Verdict>, Vec<&Verdict>) = denied.into_iter().partition(|each| each.certain);
    if !certain.is_empty() {
        found.push(
            error("rights::denied", "these credentials may not do what the plan needs").why(names(&certain)).how(help),
        );
    }
    if !likely.is_empty() {
        let mut finding = error("rights::simulated", "these credentials seem not to be allowed what the plan needs")
            .why(format!("IAM's policy simulator denies {}", names(&likely)))
            .why("it does not know policies of resources, and not every condition".to_owned())
            .how(help);
        finding.severity = Severity::Warning;
        found.push(finding);
    }
    found.extend(findings::unanswered(&survey.unanswered));
    found
}

/// Each action once, with one of the resources that it is denied on.
fn names(denied: &[&Verdict]) -> String {
    let mut by_action: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for verdict in denied {
        by_action.entry(&verdict.action).or_insert(verdict.resource.as_deref());
    }
    let more = by_action.len().saturating_sub(NAMED);
    let mut text: Vec<String> = by_action
        .iter()
        .take(NAMED)
        .map(|(action, resource)| match resource {
            Some(resource) => format!("{action} on {resource}"),
            None => (*action).to_owned(),
        })
        .collect();
    if more > 0 {
        text.push(format!("and {more} more"));
    }
    text.join(", ")
}
