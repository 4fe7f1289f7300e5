//! What `[storage]` leaves open, filled with the cheapest legal values that do the work.

use super::advice::{Assumption, Evaluated, Key, Outcome, Requirement};
use super::advise::evaluate;
use super::config::Config;
use super::demand::Demand;
use super::judge::judgements;
use super::question::Question;
use super::search::{Bounds, best};
use super::tell::shortcomings;
use crate::diagnostic::Diagnostic;
use crate::spec::{MetadataIops, Storage, units};

/// A file system for a workload, and why it is this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sized {
    /// `[storage]`, complete.
    pub storage: Storage,
    pub evaluated: Evaluated,
    /// Where it falls short of what was said, in words: what is only assumed warns nobody. None: nowhere.
    pub short: Option<String>,
    pub requirements: Vec<Requirement>,
    pub assumptions: Vec<Assumption>,
}

/// Fills what `[storage]` leaves open; `question.storage` is that, and prices are those that sizes are compared by. What the
/// spec fixes is kept; where it fixes everything, it is taken at its word.
///
/// What no size makes better (latency, a node's own network, durability) decides between kinds where they are open, and is
/// no reason to refuse: then it is said in [`Sized::evaluated`].
#[expect(clippy::result_large_err, reason = "called once a run")]
pub fn size(storage: &Storage, question: &Question<'_>) -> Result<Sized, Diagnostic> {
    let question = &Question { storage: Some(storage), ..*question };
    let demand = Demand::of(question);
    let prices = super::advise::prices(question.prices);
    let tell = |config: Config, storage: Storage| Sized {
        storage,
        evaluated: evaluate(&config, &demand, question, prices),
        short: short(&config, &demand, question),
        requirements: demand.requirements.clone(),
        assumptions: demand.assumptions.iter().filter(|each| matters(each)).cloned().collect(),
    };
    if let Some(config) = Config::of(storage) {
        return Ok(tell(config, storage.clone()));
    }
    let bounds = Bounds {
        storage: Some(storage),
        open: question.open,
        linked: !question.datasets.is_empty(),
        nodes: question.nodes,
    };
    let found = best(&bounds, &demand, prices).filter(|found| enough(&found.config, &demand, question));
    match found {
        Some(found) => Ok(tell(found.config, found.config.storage(storage))),
        None => Err(nothing(storage, &demand)),
    }
}

/// Where a file system falls short of what somebody said.
fn short(config: &Config, demand: &Demand, question: &Question<'_>) -> Option<String> {
    let judged = judgements(config, demand, question.nodes);
    let said = judged.into_iter().zip(&demand.requirements).filter(|(_, requirement)| !requirement.assumed);
    let short: Vec<_> = said.map(|(judged, _)| judged).filter(|each| each.outcome == Outcome::FallsShort).collect();
    (!short.is_empty()).then(|| shortcomings(&short))
}

/// Whether a size hangs on it: what is paid by use, and who else reads, does not.
fn matters(assumption: &Assumption) -> bool {
    !matches!(assumption.key.as_deref(), Some("runs_per_month" | "run_time" | "on_premises"))
}

/// Whether `[storage]` says all that sizing could choose.
pub fn is_complete(storage: &Storage) -> bool {
    !storage.has_sizes() || Config::of(storage).is_some()
}

/// Whether nothing is missing that a size could give.
fn enough(config: &Config, demand: &Demand, question: &Question<'_>) -> bool {
    judgements(config, demand, question.nodes).iter().all(|judgement| match judgement.key {
        Key::Capacity | Key::Read | Key::Write | Key::Opens => judgement.outcome != Outcome::FallsShort,
        Key::NodeRead
        | Key::NodeWrite
        | Key::Latency
        | Key::SharedWrites
        | Key::Posix
        | Key::S3Link
        | Key::S3Import
        | Key::S3Export
        | Key::NfsLink
        | Key::Durability
        | Key::OnPremises => true,
    })
}

fn nothing(storage: &Storage, demand: &Demand) -> Diagnostic {
    let mut fixed = Vec::new();
    if let Some(gib) = storage.capacity_gib {
        fixed.push(format!("`capacity = \"{}\"`", units::capacity(gib)));
    }
    if let Some(rate) = storage.throughput_per_tib {
        fixed.push(format!("`throughput_per_tib = \"{rate} MB/s\"`"));
    }
    if let Some(rate) = storage.throughput {
        fixed.push(format!("`throughput = \"{rate} MB/s\"`"));
    }
    if let Some(MetadataIops::Provisioned(iops)) = storage.metadata_iops {
        fixed.push(format!("`metadata_iops = {iops}`"));
    }
    let mut complaint = Diagnostic::error("sizing::none", "no file system of this kind does the work of `[workload]`");
    for Requirement { key, wanted, because, assumed: _ } in &demand.requirements {
        if matches!(key, Key::Capacity | Key::Read | Key::Write | Key::Opens) {
            complaint = complaint.note(format!("asked for: {} {wanted} ({because})", key.words()));
        }
    }
    complaint =
        complaint.note(format!("looked among: {}{}", storage.kind(), if storage.efa { " with EFA" } else { "" }));
    if fixed.is_empty() {
        complaint.help("ask for less, or split the work over several clusters")
    } else {
        complaint.help(format!("raise or leave out {}", fixed.join(" and ")))
    }
}
