//! What stands beside FSx for Lustre, held against the same requirements: limits from the table of services, and the cost of
//! holding this dataset there and reading it this often.

use super::advice::{Candidate, CostLine, Fit, Judgement, Key, Outcome, Provision, Service, Source};
use super::amount::Amount;
use super::demand::{Demand, clamp};
use super::judge::{at_least, at_most, quality, source_of, worst};
use super::question::Question;
use crate::catalog::instances;
use crate::catalog::prices::Usd;
use crate::catalog::services::{self, Fact, Value};

/// A service as it is looked up and told of.
struct Known {
    service: Service,
    /// In the table of services.
    id: &'static str,
    name: &'static str,
    provision: Made,
}

enum Made {
    Kind(&'static str),
    Not(&'static str),
}

const KNOWN: [Known; 9] = [
    Known {
        service: Service::FileCache,
        id: "file-cache",
        name: "Amazon File Cache",
        provision: Made::Kind("file-cache"),
    },
    Known { service: Service::Efs, id: "efs", name: "Amazon EFS, elastic throughput", provision: Made::Kind("efs") },
    Known {
        service: Service::FileGateway,
        id: "file-gateway",
        name: "Storage Gateway, S3 File Gateway",
        provision: Made::Not("an appliance for machines on premises, not a file system for GPU nodes"),
    },
    Known {
        service: Service::Mountpoint,
        id: "mountpoint",
        name: "Mountpoint for S3",
        provision: Made::Not("a client that a node runs: a `setup` script can, and nothing has to be made"),
    },
    Known {
        service: Service::S3Express,
        id: "s3-express",
        name: "S3 Express One Zone",
        provision: Made::Not("a bucket to copy the data to, read through its API"),
    },
    Known {
        service: Service::S3Files,
        id: "s3-files",
        name: "S3 Files",
        provision: Made::Not("too new: it is weighed here, and not made yet"),
    },
    Known {
        service: Service::FsxOpenzfs,
        id: "fsx-openzfs",
        name: "FSx for OpenZFS, one zone",
        provision: Made::Not("it has no link to S3, and no client reaches more than one server"),
    },
    Known {
        service: Service::FsxOntap,
        id: "fsx-ontap",
        name: "FSx for NetApp ONTAP, one zone",
        provision: Made::Not("made for NAS in companies: it has no link to S3"),
    },
    Known {
        service: Service::LocalNvme,
        id: "local-nvme",
        name: "disks of the nodes themselves",
        provision: Made::Not("they come with the nodes, which put them together under /scratch"),
    },
];

/// All of them, not yet ranked.
pub(super) fn candidates(question: &Question<'_>, demand: &Demand) -> Vec<Candidate> {
    KNOWN.iter().map(|known| candidate(known, question, demand)).collect()
}

fn candidate(known: &Known, question: &Question<'_>, demand: &Demand) -> Candidate {
    let judgements: Vec<Judgement> =
        demand.requirements.iter().map(|each| judge(each.key, known, question, demand)).collect();
    let (size, costs) = super::costs::of(known.service, question, demand);
    let monthly: Option<Usd> = if costs.is_empty() { None } else { costs.iter().map(|line| line.monthly).sum() };
    Candidate {
        rank: 0,
        id: known.id.to_owned(),
        service: known.service,
        name: known.name.to_owned(),
        fit: fit(&judgements),
        size,
        configuration: None,
        verdict: String::new(),
        judgements,
        several_zones: several_zones(known.id),
        monthly,
        costs,
        provision: match known.provision {
            Made::Kind(kind) => Provision::Kind { kind: kind.to_owned() },
            Made::Not(why) => Provision::AdviceOnly { why: why.to_owned() },
        },
    }
}

/// Whether a service goes on where one zone fails.
pub(super) fn several_zones(service: &str) -> Option<bool> {
    match services::get(service, "several-zones")?.value {
        Value::Yes => Some(true),
        Value::No => Some(false),
        Value::Number(_) | Value::Any | Value::Unknown => None,
    }
}

pub(super) fn fit(judgements: &[Judgement]) -> Fit {
    match worst(judgements) {
        Outcome::Meets => Fit::Fits,
        Outcome::Unknown => Fit::Unknown,
        Outcome::FallsShort => Fit::FallsShort,
    }
}

/// The row of a requirement in the table of services.
fn row(key: Key) -> &'static str {
    match key {
        Key::Capacity => "capacity",
        Key::Read => "read",
        Key::Write => "write",
        Key::NodeRead => "node-read",
        Key::NodeWrite => "node-write",
        Key::Latency => "latency",
        Key::Opens => "opens",
        Key::SharedWrites => "shared-writes",
        Key::Posix => "posix",
        Key::S3Link => "s3-link",
        Key::S3Import => "s3-import",
        Key::S3Export => "s3-export",
        Key::NfsLink => "nfs-link",
        Key::Durability => "durable",
        Key::OnPremises => "on-premises",
    }
}

/// The fact of a service in a region: EFS is faster in some.
fn fact(known: &Known, key: Key, region: &str) -> Option<&'static Fact> {
    let name = row(key);
    let slower = matches!(key, Key::Read | Key::Write)
        && known.service == Service::Efs
        && services::get("efs", &format!("large-{region}")).is_none();
    let small = slower.then(|| services::get("efs", &format!("{name}-small-region"))).flatten();
    small.or_else(|| services::get(known.id, name))
}

fn judge(key: Key, known: &Known, question: &Question<'_>, demand: &Demand) -> Judgement {
    if known.service == Service::LocalNvme && key == Key::Capacity {
        return disks(question, demand);
    }
    let Some(fact) = fact(known, key, question.region) else {
        // A link to NFS is told of where there is one; what is not told of is not there.
        let from =
            Source { text: "not among its features".to_owned(), date: services::date().to_owned(), verified: true };
        return quality(key, (key == Key::NfsLink).then_some(false), from);
    };
    let from = source_of(fact);
    let judged = match key {
        Key::Capacity => number(key, demand.capacity(), fact.value, Amount::Bytes, from),
        Key::Read => number(key, demand.read, fact.value, Amount::BytesPerSecond, from),
        Key::Write => number(key, demand.write, fact.value, Amount::BytesPerSecond, from),
        Key::NodeRead => number(key, demand.node_read.unwrap_or(0), fact.value, Amount::BytesPerSecond, from),
        Key::NodeWrite => number(key, demand.node_write.unwrap_or(0), fact.value, Amount::BytesPerSecond, from),
        Key::Opens => number(key, demand.opens, fact.value, Amount::PerSecond, from),
        Key::Latency => match fact.value {
            Value::Number(had) => at_most(key, demand.latency_us, had, Amount::Microseconds, from),
            Value::Any | Value::Yes => quality(key, Some(true), from),
            Value::No => quality(key, Some(false), from),
            Value::Unknown => quality(key, None, from),
        },
        Key::SharedWrites
        | Key::Posix
        | Key::S3Link
        | Key::S3Import
        | Key::S3Export
        | Key::NfsLink
        | Key::Durability
        | Key::OnPremises => match fact.value {
            Value::Yes | Value::Any | Value::Number(_) => quality(key, Some(true), from),
            Value::No => quality(key, Some(false), from),
            Value::Unknown => quality(key, None, from),
        },
    };
    Judgement { note: fact.note.map(str::to_owned), ..judged }
}

fn number(key: Key, wanted: u64, value: Value, unit: fn(u64) -> Amount, from: Source) -> Judgement {
    match value {
        Value::Number(had) => at_least(key, wanted, Some(had), unit, from),
        Value::Any | Value::Yes => {
            let judged = at_least(key, wanted, Some(u64::MAX), unit, from);
            Judgement { had: Some(Amount::words("no limit that it meets")), ..judged }
        }
        Value::No => at_least(key, wanted, Some(0), unit, from),
        Value::Unknown => at_least(key, wanted, None, unit, from),
    }
}

/// Every node keeps what it reads: in random order, that is everything.
fn disks(question: &Question<'_>, demand: &Demand) -> Judgement {
    let each = question.nodes.iter().map(|group| {
        let nvme = instances::get(&group.instance)?.nvme;
        Some(nvme.map_or(0, |disks| u64::from(disks.count) * u64::from(disks.gb) * 1_000_000_000))
    });
    let smallest = each.collect::<Option<Vec<u64>>>().and_then(|each| each.into_iter().min());
    let from = Source {
        text: "DescribeInstanceTypes (instance storage)".to_owned(),
        date: instances::date().to_owned(),
        verified: true,
    };
    let judged = at_least(Key::Capacity, demand.capacity(), smallest, Amount::Bytes, from);
    Judgement { note: Some("of one node: each reads all of it, in random order".to_owned()), ..judged }
}

/// One line of a cost, by the table of services.
pub(super) fn line(item: &str, what: &str, quantity: u64, region: &str) -> CostLine {
    let Some(price) = services::price(item, region) else {
        let source = Source { text: "no price is known".to_owned(), date: String::new(), verified: false };
        return CostLine { what: what.to_owned(), quantity, price: None, monthly: None, source };
    };
    let mut text = price.source.to_owned();
    if price.region != region {
        text.push_str(", of ");
        text.push_str(price.region);
    }
    let source = Source { text, date: price.date.to_owned(), verified: price.sure && price.region == region };
    let monthly = Some(price.usd.times(quantity));
    CostLine { what: what.to_owned(), quantity, price: Some(price.usd), monthly, source }
}

/// GB moved in all runs of a month at a rate.
pub(super) fn moved_gb(rate: u64, demand: &Demand) -> u64 {
    let seconds = u128::from(demand.run_s) * u128::from(demand.runs_per_month);
    clamp((u128::from(rate) * seconds).div_ceil(1_000_000_000))
}
