//! What a plan says of storage that `[workload]` sizes: what was chosen and why, what is kept, and what would be chosen today.

use schemars::JsonSchema;
use serde::Serialize;

use super::diff::warning;
use super::model::Finding;
use crate::catalog::prices::Usd;
use crate::desired::{Address, Chosen, Kind};
use crate::diagnostic::Severity;
use crate::sizing::Sized;
use crate::sizing::advice::{Assumption, Configuration, Evaluated, Requirement};

/// The storage of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sizing {
    /// An earlier `up` settled it: it stays, whatever would be chosen today.
    pub pinned: bool,
    pub storage: Evaluated,
    /// What it has to do.
    pub requirements: Vec<Requirement>,
    /// Where it falls short of what the spec says, in words; null: nowhere.
    pub short: Option<String>,
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
    /// The file system cannot be changed to it: another one would take its place.
    pub replaces: bool,
}

/// Whether FSx changes one into the other (User Guide, managing-storage-capacity, managing-throughput-capacity; API:
/// `UpdateFileSystemLustreConfiguration`): capacity, metadata IOPS and the throughput of intelligent-tiering only grow.
fn in_place(before: &Configuration, after: &Configuration) -> bool {
    let grows = |before: Option<u32>, after: Option<u32>| before <= after;
    let fixed_rate = before.efa || before.media == "hdd";
    before.deployment == after.deployment
        && before.media == after.media
        && before.efa == after.efa
        && grows(before.capacity_gib, after.capacity_gib)
        && grows(before.throughput_mbps, after.throughput_mbps)
        // None is `auto`, which follows the capacity: from a number there is no way back to it.
        && (after.metadata_iops.is_some() || before.metadata_iops.is_none())
        && grows(before.metadata_iops, after.metadata_iops)
        && !(fixed_rate && before.throughput_mbps_per_tib != after.throughput_mbps_per_tib)
}

impl From<Chosen> for Sizing {
    fn from(chosen: Chosen) -> Self {
        let Chosen { now, pinned, instead } = chosen;
        let proposal = instead.map(|instead| {
            let replaces = !in_place(&now.evaluated.configuration, &instead.evaluated.configuration);
            let (after, before) = (instead.evaluated.monthly, now.evaluated.monthly);
            let monthly_more = after.zip(before).map(|(after, before)| after - before);
            Proposal { storage: instead.evaluated, monthly_more, replaces }
        });
        let Sized { storage: _, evaluated, short, requirements, assumptions } = now;
        Self { pinned, storage: evaluated, requirements, short, assumptions, proposal }
    }
}

impl Sizing {
    /// What there is to know before saying yes: that it is not enough, or that another one would be chosen today.
    pub fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let fsx = Some(Address::one(Kind::Fsx));
        if let Some(short) = &self.short {
            let mut finding = warning("sizing::short", fsx.as_ref(), "the file system does not do all of the work");
            finding.notes.push(short.clone());
            found.push(finding);
        }
        if let Some(Proposal { storage, monthly_more, replaces }) = &self.proposal {
            let mut finding =
                warning("sizing::proposal", fsx.as_ref(), "today another file system would be chosen for the workload");
            // A cheaper one is worth a look, one that is needed is worth more: `sizing::short` tells of that.
            finding.severity = Severity::Note;
            finding.notes.push(format!("settled: {}", self.storage.configuration.words));
            finding.notes.push(format!("chosen today: {}{}", storage.configuration.words, more(*monthly_more)));
            if *replaces {
                let note = "it cannot be changed into that one: a new file system would take its place, and what is not in S3 would be lost";
                finding.notes.push(note.to_owned());
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(text: &str, change: impl FnOnce(&mut Configuration)) -> Configuration {
        let mut configuration = Configuration {
            deployment: "persistent-2".to_owned(),
            media: text.to_owned(),
            capacity_gib: Some(4800),
            throughput_mbps_per_tib: Some(250),
            throughput_mbps: None,
            metadata_iops: None,
            cache: None,
            efa: false,
            words: String::new(),
            spec_lines: Vec::new(),
        };
        change(&mut configuration);
        configuration
    }

    #[test]
    fn what_fsx_changes_in_place() {
        let before = configuration("ssd", |_| {});
        let can = |change: fn(&mut Configuration)| in_place(&before, &configuration("ssd", change));
        assert!(can(|_| {}) && can(|each| each.capacity_gib = Some(7200)));
        assert!(can(|each| each.throughput_mbps_per_tib = Some(125)) && can(|each| each.metadata_iops = Some(12_000)));
        assert!(!can(|each| each.capacity_gib = Some(2400)) && !can(|each| each.efa = true));
        assert!(!can(|each| each.deployment = "scratch-2".to_owned()) && !can(|each| each.media = "hdd".to_owned()));
        let bought = configuration("ssd", |each| each.metadata_iops = Some(24_000));
        assert!(!in_place(&bought, &before), "metadata IOPS only grow");
        let over_efa = configuration("ssd", |each| each.efa = true);
        let faster = configuration("ssd", |each| (each.efa, each.throughput_mbps_per_tib) = (true, Some(500)));
        assert!(!in_place(&over_efa, &faster), "with EFA the rate is fixed");
    }
}
