//! A file system held against the demand: every requirement, every stage that data passes, and which of them is the narrowest.

use super::advice::{Headroom, Judgement, Key, Outcome, Source, Stage};
use super::amount::Amount;
use super::config::{Config, Gives, latency_fact, reads_beside};
use super::demand::{Demand, clamp};
use super::network::{ceiling, share};
use crate::catalog::fsx::{self, Kind};
use crate::catalog::services;
use crate::spec::Nodes;

/// Where the figures of FSx for Lustre stand.
const GUIDE: &str = "FSx for Lustre User Guide";

fn source(text: impl Into<String>, verified: bool) -> Source {
    Source { text: text.into(), date: fsx::date().to_owned(), verified }
}

/// A figure of ours that no page has.
fn reckoned(text: &str) -> Source {
    source(text, false)
}

/// Of a fact in the table of services.
pub(super) fn source_of(fact: &services::Fact) -> Source {
    Source { text: fact.source.to_owned(), date: fact.date.to_owned(), verified: fact.sure }
}

/// The tightest node: what it needs, and what it can take.
fn clients(config: &Config, gives: &Gives, demand: &Demand, nodes: &[Nodes]) -> Option<(u64, u64, bool)> {
    let each = nodes.iter().map(|group| {
        let share = share(group, nodes);
        let wanted = share.of(demand.read).max(share.of(demand.write));
        let ceiling = ceiling(group, config.efa, gives.servers);
        (wanted, ceiling.rate, ceiling.sure)
    });
    each.min_by_key(|(wanted, had, _)| left(*wanted, *had))
}

/// What is left of each hundred; negative: what is missing.
pub(super) fn left(wanted: u64, had: u64) -> i64 {
    if had == 0 {
        return if wanted == 0 { 0 } else { i64::MIN };
    }
    let (wanted, had) = (i128::from(wanted), i128::from(had));
    i64::try_from(((had - wanted) * 100).div_euclid(had)).unwrap_or(i64::MIN)
}

/// What S3 fills the file system with, a second: every byte is written to its disks once.
pub(super) fn import_rate(gives: &Gives, demand: &Demand) -> u64 {
    gives.disk_write.saturating_sub(demand.write)
}

/// Reading and writing as reading alone, as far as the disks are concerned.
fn disk_work(gives: &Gives, demand: &Demand) -> u64 {
    let writing =
        (u128::from(demand.write) * u128::from(gives.disk_read)).div_ceil(u128::from(gives.disk_write.max(1)));
    clamp(u128::from(demand.read) + writing)
}

/// Every stage, on the way from the nodes to S3.
pub(super) fn stages(config: &Config, demand: &Demand, nodes: &[Nodes]) -> Vec<Headroom> {
    let Some(gives) = config.gives(demand) else { return Vec::new() };
    let rate = |stage, wanted: u64, had: u64, source| Headroom {
        stage,
        wanted: Amount::BytesPerSecond(wanted),
        had: Some(Amount::BytesPerSecond(had)),
        left_percent: Some(left(wanted, had)),
        source,
    };
    let mut stages = Vec::new();
    if let Some((wanted, had, sure)) = clients(config, &gives, demand, nodes) {
        let text = format!("{GUIDE}, performance (throughput to individual clients); network of the instance type");
        stages.push(rate(Stage::ClientNetwork, wanted, had, source(text, sure)));
    }
    let tables = format!("{GUIDE}, ssd-storage, hdd-storage and intelligent-tiering");
    let both = demand.read.saturating_add(demand.write);
    stages.push(rate(Stage::ServerNetwork, both, gives.network, source(tables.clone(), true)));
    stages.push(rate(Stage::Disk, disk_work(&gives, demand), gives.disk_read, source(tables, true)));
    stages.push(Headroom {
        stage: Stage::Metadata,
        wanted: Amount::PerSecond(demand.opens),
        had: gives.opens.map(Amount::PerSecond),
        left_percent: gives.opens.map(|opens| left(demand.opens, opens)),
        source: source(format!("{GUIDE}, managing-metadata-performance"), true),
    });
    if demand.s3_link && config.kind != Kind::Persistent2IntelligentTiering {
        let text = "reckoned: every imported byte is written to the disks once, beside what nodes write";
        stages.push(rate(Stage::S3Import, demand.read, import_rate(&gives, demand), reckoned(text)));
    }
    stages
}

/// The narrowest stage once all data is there: the import is over then.
pub(super) fn bottleneck(stages: &[Headroom]) -> Option<Stage> {
    let steady = stages.iter().filter(|stage| stage.stage != Stage::S3Import);
    steady.filter_map(|stage| Some((stage.left_percent?, stage.stage))).min().map(|(_, stage)| stage)
}

/// A number that has to be at least what is wanted.
pub(super) fn at_least(key: Key, wanted: u64, had: Option<u64>, unit: fn(u64) -> Amount, source: Source) -> Judgement {
    let outcome = match had {
        None => Outcome::Unknown,
        Some(had) if had >= wanted => Outcome::Meets,
        Some(_) => Outcome::FallsShort,
    };
    let short_percent = had.filter(|had| *had < wanted).map(|had| percent(wanted - had, wanted));
    Judgement { key, outcome, wanted: unit(wanted), had: had.map(unit), short_percent, note: None, source }
}

/// A number that has to be at most what is wanted.
pub(super) fn at_most(key: Key, wanted: u64, had: u64, unit: fn(u64) -> Amount, source: Source) -> Judgement {
    let fits = had <= wanted;
    Judgement {
        key,
        outcome: if fits { Outcome::Meets } else { Outcome::FallsShort },
        wanted: unit(wanted),
        had: Some(unit(had)),
        short_percent: (!fits).then(|| percent(had - wanted, wanted)),
        note: None,
        source,
    }
}

/// Something that is there or not.
pub(super) fn quality(key: Key, has: Option<bool>, source: Source) -> Judgement {
    let outcome = match has {
        None => Outcome::Unknown,
        Some(true) => Outcome::Meets,
        Some(false) => Outcome::FallsShort,
    };
    let had = has.map(|has| Amount::words(if has { "yes" } else { "no" }));
    Judgement { key, outcome, wanted: Amount::words("yes"), had, short_percent: None, note: None, source }
}

fn percent(part: u64, of: u64) -> u64 {
    // One missing byte is missing: never 0%.
    clamp((u128::from(part) * 100).div_ceil(u128::from(of.max(1))))
}

/// Every requirement, in the demand's order.
pub(super) fn judgements(config: &Config, demand: &Demand, nodes: &[Nodes]) -> Vec<Judgement> {
    let Some(gives) = config.gives(demand) else { return Vec::new() };
    demand.requirements.iter().map(|requirement| judge(requirement.key, config, &gives, demand, nodes)).collect()
}

fn judge(key: Key, config: &Config, gives: &Gives, demand: &Demand, nodes: &[Nodes]) -> Judgement {
    let tables = || source(format!("{GUIDE}, ssd-storage, hdd-storage and intelligent-tiering"), true);
    let note = |note: &str, judgement: Judgement| Judgement { note: Some(note.to_owned()), ..judgement };
    let fact = |name: &str, key| match services::get("fsx-lustre", name) {
        Some(fact) => Judgement { note: fact.note.map(str::to_owned), ..quality(key, Some(true), source_of(fact)) },
        None => quality(key, None, tables()),
    };
    let has_links = config.kind != Kind::Persistent2IntelligentTiering;
    let links = || source(format!("{GUIDE}, overview-dra-data-repo"), true);
    match key {
        Key::Capacity => {
            let holds = Some(gives.holds.unwrap_or(u64::MAX));
            let judged = at_least(key, demand.capacity(), holds, Amount::Bytes, tables());
            match gives.holds {
                Some(_) => judged,
                None => Judgement { had: Some(Amount::words("it grows and shrinks")), ..judged },
            }
        }
        Key::Read => {
            let had = reads_beside(demand.write, gives).min(gives.network.saturating_sub(demand.write));
            note(
                "from disk, beside what is written",
                at_least(key, demand.read, Some(had), Amount::BytesPerSecond, tables()),
            )
        }
        Key::Write => at_least(key, demand.write, Some(gives.disk_write), Amount::BytesPerSecond, tables()),
        Key::NodeRead | Key::NodeWrite => node(key, config, gives, demand, nodes),
        Key::Latency => match latency_fact(gives.latency) {
            Some((fact, had)) => {
                let judged = at_most(key, demand.latency_us, had, Amount::Microseconds, source_of(fact));
                Judgement { note: fact.note.map(str::to_owned), ..judged }
            }
            None => quality(key, None, tables()),
        },
        Key::Opens => {
            let from = source(format!("{GUIDE}, managing-metadata-performance"), true);
            let judged = at_least(key, demand.opens, gives.opens, Amount::PerSecond, from);
            if gives.opens.is_none() { note("no figure is published of older types", judged) } else { judged }
        }
        Key::SharedWrites => fact("shared-writes", key),
        Key::Posix => fact("posix", key),
        Key::OnPremises => fact("on-premises", key),
        Key::S3Link | Key::S3Export => quality(key, Some(has_links), links()),
        Key::S3Import => {
            let judged = quality(key, Some(has_links && !demand.elsewhere), links());
            if demand.elsewhere { note("from buckets in its own region only", judged) } else { judged }
        }
        Key::NfsLink => note("DataSync copies, nothing stays linked", quality(key, Some(false), links())),
        Key::Durability => {
            let judged = quality(
                key,
                Some(config.kind != Kind::Scratch2Ssd),
                source(format!("{GUIDE}, using-fsx-lustre"), true),
            );
            if config.kind == Kind::Scratch2Ssd { note("scratch keeps one copy", judged) } else { judged }
        }
    }
}

/// The node with the least headroom. Where its network is not in the table, only FSx's own limit is known.
fn node(key: Key, config: &Config, gives: &Gives, demand: &Demand, nodes: &[Nodes]) -> Judgement {
    let whole = if key == Key::NodeRead { demand.read } else { demand.write };
    let each = nodes.iter().map(|group| (share(group, nodes).of(whole), ceiling(group, config.efa, gives.servers)));
    let tightest = each.min_by_key(|(wanted, ceiling)| left(*wanted, ceiling.rate));
    let from = |sure| source(format!("{GUIDE}, performance (throughput to individual clients)"), sure);
    match tightest {
        Some((wanted, ceiling)) => {
            let judged = at_least(key, wanted, Some(ceiling.rate), Amount::BytesPerSecond, from(ceiling.sure));
            let how = if config.efa { "over EFA" } else { "over TCP" };
            Judgement { note: Some(how.to_owned()), ..judged }
        }
        None => quality(key, None, from(false)),
    }
}

/// How well all of it fits: the worst outcome.
pub(super) fn worst(judgements: &[Judgement]) -> Outcome {
    let has = |outcome| judgements.iter().any(|judgement| judgement.outcome == outcome);
    if has(Outcome::FallsShort) {
        Outcome::FallsShort
    } else if has(Outcome::Unknown) {
        Outcome::Unknown
    } else {
        Outcome::Meets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_rounded_down() {
        assert_eq!((left(99, 100), left(100, 100), left(101, 100), left(250, 100)), (1, 0, -1, -150));
        assert_eq!((left(0, 0), left(1, 0), left(0, u64::MAX)), (0, i64::MIN, 100));
    }

    #[test]
    fn one_missing_byte_is_missing() {
        let source = || Source { text: String::new(), date: String::new(), verified: true };
        let short = at_least(Key::Read, 1_000_000, Some(999_999), Amount::BytesPerSecond, source());
        assert_eq!((short.outcome, short.short_percent), (Outcome::FallsShort, Some(1)));
        let met = at_most(Key::Latency, 1000, 1000, Amount::Microseconds, source());
        assert_eq!((met.outcome, met.short_percent), (Outcome::Meets, None));
        assert_eq!(at_least(Key::Opens, 1, None, Amount::PerSecond, source()).outcome, Outcome::Unknown);
    }
}
