//! What a plan says of storage that `[workload]` sizes: what was chosen and why, what is kept, and what would be chosen today.

use schemars::JsonSchema;
use serde::Serialize;

use super::diff::warning;
use super::model::Finding;
use crate::catalog::prices::Usd;
use crate::desired::{Address, Chosen, Kind};
use crate::diagnostic::Severity;
use crate::sizing::advice::{Assumption, Evaluated, Requirement};

/// The storage of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sizing {
    /// An earlier `up` settled it: it stays, whatever would be chosen today.
    pub pinned: bool,
    pub storage: Evaluated,
    /// What it has to do.
    pub requirements: Vec<Requirement>,
    /// What nobody said and had to be taken for granted.
    pub assumptions: Vec<Assumption>,
    /// What would be chosen today; null: the same.
    pub proposal: Option<Proposal>,
}

/// Another size, to be taken by writing its lines into `[storage]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Proposal {
    pub storage: Evaluated,
    /// More than now, millionths of a US dollar a month; null: a price is not known.
    pub monthly_more: Option<Usd>,
}

impl From<Chosen> for Sizing {
    fn from(chosen: Chosen) -> Self {
        let Chosen { now, pinned, instead } = chosen;
        let proposal = instead.map(|instead| {
            let (after, before) = (instead.evaluated.monthly, now.evaluated.monthly);
            let monthly_more = after.zip(before).map(|(after, before)| after - before);
            Proposal { storage: instead.evaluated, monthly_more }
        });
        let (requirements, assumptions) = (now.requirements, now.assumptions);
        Self { pinned, storage: now.evaluated, requirements, assumptions, proposal }
    }
}

impl Sizing {
    /// What there is to know before saying yes: that it is not enough, or that another one would be chosen today.
    pub fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let fsx = Some(Address::one(Kind::Fsx));
        if !self.storage.meets {
            let mut finding = warning("sizing::short", fsx.as_ref(), "the file system does not do all of the work");
            finding.notes.push(self.storage.why.clone());
            found.push(finding);
        }
        if let Some(Proposal { storage, monthly_more }) = &self.proposal {
            let mut finding =
                warning("sizing::proposal", fsx.as_ref(), "today another file system would be chosen for the workload");
            // A cheaper one is worth a look, one that is needed is worth more: `sizing::short` tells of that.
            finding.severity = Severity::Note;
            finding.notes.push(format!("settled: {}", self.storage.configuration.words));
            finding.notes.push(format!("chosen today: {}{}", storage.configuration.words, more(*monthly_more)));
            finding.help = Some(format!(
                "to take it, write into `[storage]`: {}",
                storage.configuration.spec_lines.iter().map(|line| format!("`{line}`")).collect::<Vec<_>>().join(", ")
            ));
            found.push(finding);
        }
        found
    }
}

fn more(monthly: Option<Usd>) -> String {
    match monthly {
        Some(more) if more < Usd::ZERO => format!(", {} less a month", Usd::ZERO - more),
        Some(more) => format!(", {more} more a month"),
        None => String::new(),
    }
}
