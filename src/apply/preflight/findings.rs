//! All that speaks against a plan, at once, each with what to do.

use super::{boot, existing, given, place, quotas, reservations};
use crate::cloud::{Class, Survey, Unanswered};
use crate::desired::{Address, Desired, Place};
use crate::diagnostic::{Diagnostic, Severity};
use crate::observed::Observed;
use crate::plan::{Finding, Plan};
use crate::spec::Spec;

/// What the survey says against the plan.
pub(in crate::apply) fn findings(
    spec: &Spec,
    survey: &Survey,
    observed: &Observed,
    desired: &Desired,
    settled: &Place,
    plan: &Plan,
) -> Vec<Finding> {
    let mut findings = given::buckets(spec, survey, &plan.region);
    findings.extend(boot::boot_scripts(desired, plan));
    findings.extend(given::no_public_address(spec, plan));
    findings.extend(place::findings(spec, survey, observed, settled));
    findings.extend(given::group_and_profile(spec, survey, observed, settled));
    findings.extend(given::key(spec, survey, observed, &plan.region));
    findings.extend(existing::findings(spec, survey, observed, settled, &plan.region));
    findings.extend(reservations::findings(spec, survey, observed, &desired.id, settled, plan));
    findings.extend(reservations::unused(spec, survey));
    findings.extend(quotas::findings(survey, observed, desired, plan));
    findings.extend(unanswered(&survey.unanswered));
    findings
}

/// The same where there can be no plan: what does not hang on one.
pub(in crate::apply) fn without_a_plan(
    spec: &Spec,
    survey: &Survey,
    observed: &Observed,
    region: &str,
) -> Vec<Diagnostic> {
    let mut findings = given::buckets(spec, survey, region);
    findings.extend(given::key(spec, survey, observed, region));
    findings.into_iter().map(as_complaint).collect()
}

pub(in crate::apply) fn as_complaint(finding: Finding) -> Diagnostic {
    let Finding { severity, code, address: _, title, notes, help } = finding;
    Diagnostic { severity, code, title, place: None, notes, help }
}

/// One note for all that nobody answered.
pub(super) fn unanswered(all: &[Unanswered]) -> Option<Finding> {
    let mut finding = note("preflight::unanswered", "not everything could be checked beforehand");
    finding.notes =
        all.iter().map(|Unanswered { what, why }| format!("not checked: {what}, because of {why}")).collect();
    if all.iter().any(|each| each.why.class == Class::Denied) {
        finding.help = Some("allow the looks to see more: `provision iam --plan` prints the policy".to_owned());
    }
    (!all.is_empty()).then_some(finding)
}

/// A finding, part by part.
pub(in crate::apply) trait Subject {
    fn about(self, address: &Address) -> Self;
    /// A note; several stand one below the other.
    fn why(self, note: String) -> Self;
    fn how(self, help: impl Into<String>) -> Self;
}

impl Subject for Finding {
    fn about(mut self, address: &Address) -> Self {
        self.address = Some(address.clone());
        self
    }

    fn why(mut self, note: String) -> Self {
        self.notes.push(note);
        self
    }

    fn how(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

pub(super) fn noted(code: &'static str, title: &str, note: String) -> Finding {
    error(code, title).why(note)
}

pub(super) fn error(code: &'static str, title: &str) -> Finding {
    Finding { severity: Severity::Error, code, address: None, title: title.to_owned(), notes: Vec::new(), help: None }
}

pub(in crate::apply) fn note(code: &'static str, title: &str) -> Finding {
    Finding { severity: Severity::Note, ..error(code, title) }
}
