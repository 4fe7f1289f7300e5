//! Capacity Blocks in time: when they begin and end, and by when what the nodes write has to be where it outlives them.
//!
//! With the block its nodes end, and nothing else: what they have written and closed is on the file system, and the export
//! to S3 goes on without them. Two things need a node: the writing itself, and the count of files outside the links, with
//! which `down` begins.

use jiff::{SignedDuration, Timestamp};

use super::findings::{Subject, error, note};
use crate::catalog::capacity_blocks::nodes_end;
use crate::catalog::fsx;
use crate::cloud::{Reservation, Survey};
use crate::desired::{Address, Kind};
use crate::diagnostic::Severity;
use crate::observed::{Node, NodeState, Observed};
use crate::plan::{CapacityBlock, Finding, Op, Plan};
use crate::spec::units::{at_least, capacity};
use crate::spec::{Market, Nodes, Service, Spec};

/// For `down` to look, to have a node count (4 minutes at most, see `outside`) and to be answered, with something to spare.
const TO_BEGIN: SignedDuration = SignedDuration::from_mins(10);
/// AWS does not say how fast tasks export. Assumed is this part of what the file system's disks read: an assumption on the
/// safe side, since an export reads each byte once.
const EXPORT_PART: u64 = 2;
const GIB: u64 = 1 << 30;
/// Speeds of a file system are in MB/s.
const MB: u64 = 1_000_000;

/// The blocks that the spec names, as far as they were found to be blocks.
pub(in crate::apply) fn blocks(spec: &Spec, survey: &Survey, plan: &Plan) -> Vec<CapacityBlock> {
    let found = survey.reservations.iter().filter_map(|(id, found)| Some((id, found.as_ref()?)));
    found
        .filter(|(_, found)| found.is_block != Some(false))
        .filter_map(|(id, found)| {
            let is_into = |group: &&Nodes| matches!(&group.market, Market::CapacityBlock(each) if each == id);
            let groups: Vec<&Nodes> = spec.nodes.iter().filter(is_into).collect();
            (!groups.is_empty()).then(|| block(spec, id, found, &groups, plan))
        })
        .collect()
}

fn block(spec: &Spec, id: &str, found: &Reservation, groups: &[&Nodes], plan: &Plan) -> CapacityBlock {
    let nodes_end = found.ends.map(|ends| nodes_end(&found.instance, ends));
    let export_by = nodes_end.filter(|_| is_exported(spec)).map(|at| before(at, TO_BEGIN));
    let checkpoint_by = checkpoint(spec).zip(export_by.or(nodes_end)).map(|((_, takes), at)| before(at, takes));
    CapacityBlock {
        id: id.to_owned(),
        groups: groups.iter().map(|group| Address::named(Kind::Nodes, &group.name)).collect(),
        instance: found.instance.clone(),
        zone: found.zone.clone(),
        state: found.state.clone(),
        starts: found.starts,
        ends: found.ends,
        nodes_end,
        export_by,
        checkpoint_by,
        launches: launches(groups, plan),
    }
}

/// Nodes that are launched into a reservation, over those that give their place to them.
pub(super) fn launches(groups: &[&Nodes], plan: &Plan) -> u32 {
    let is_of =
        |address: &Address| groups.iter().any(|group| address.kind == Kind::Nodes && address.name == group.name);
    let of = plan.steps.iter().filter(|step| is_of(&step.address));
    of.map(|step| match &step.op {
        Op::Create { count, least, .. } => least.unwrap_or(*count),
        _ => 0,
    })
    .sum()
}

/// `down` has to bring it to S3, and then deletes it.
fn is_exported(spec: &Spec) -> bool {
    let is_copied = match spec.storage.service {
        Service::FsxLustre | Service::FileCache => true,
        Service::Efs(_) => false,
    };
    is_copied && spec.storage.existing.is_none()
}

/// Bytes of a checkpoint, and how long it takes to write one.
fn checkpoint(spec: &Spec) -> Option<(u64, SignedDuration)> {
    let workload = spec.workload.as_ref()?;
    let size = workload.checkpoint_size?;
    let takes = workload.checkpoint_time.or_else(|| {
        let tier = fsx::tier(spec.storage.kind(), spec.storage.throughput_per_tib)?;
        lasts(size, tier.throughput(spec.storage.capacity_gib?).disk_write)
    })?;
    Some((size, takes))
}

/// How long all that the file system holds would be exported.
fn export(spec: &Spec) -> Option<(u32, u64, SignedDuration)> {
    let gib = spec.storage.capacity_gib.filter(|_| spec.storage.service == Service::FsxLustre)?;
    let rate = fsx::tier(spec.storage.kind(), spec.storage.throughput_per_tib)?.throughput(gib).disk_read / EXPORT_PART;
    Some((gib, rate, lasts(u64::from(gib) * GIB, rate)?))
}

/// So many bytes at so many MB/s.
fn lasts(bytes: u64, rate: u64) -> Option<SignedDuration> {
    let seconds = bytes.div_ceil(rate.checked_mul(MB).filter(|rate| *rate > 0)?);
    i64::try_from(seconds).ok().map(SignedDuration::from_secs)
}

fn before(at: Timestamp, length: SignedDuration) -> Timestamp {
    at.checked_sub(length).unwrap_or(at)
}

/// `2026-12-08 11:30 UTC`: a plan is read by people in all time zones. What is a deadline is rounded down.
pub(super) fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// What is to be known of a block that nothing else speaks against.
pub(super) fn finding(spec: &Spec, block: &CapacityBlock, first: &Address) -> Option<Finding> {
    let CapacityBlock { id, starts, ends, nodes_end, export_by, checkpoint_by, .. } = block;
    let (ends, nodes_end) = ((*ends)?, (*nodes_end)?);
    let starts = starts.map(|starts| format!("begins at {} and ", utc(starts))).unwrap_or_default();
    let mut finding = note("reservation::ends", "the nodes end with their capacity block").about(first).why(format!(
        "{id} {starts}ends at {}; EC2 ends its instances from {} on, and what they have not written and closed by then is lost",
        utc(ends),
        utc(nodes_end)
    ));
    if let Some(export_by) = export_by {
        finding = finding.why(format!(
            "last safe moment to begin `provision down`: {}; it begins with a count of the files outside the links, which a node has to make, \
             and ends the nodes; the export after it needs none, and may go on when the block has ended",
            utc(*export_by)
        ));
    }
    if let (Some(by), Some((size, _))) = (checkpoint_by, checkpoint(spec)) {
        finding = finding.why(format!("the last checkpoint of {} has to begin by {}", at_least(size, ""), utc(*by)));
    }
    if let (Some(export_by), Some((gib, rate, takes))) = (export_by, export(spec)) {
        finding = finding.why(format!(
            "who wants all of {} in S3 while nodes still run begins the export by {}: at {} of the {} that its disks read, \
             which is assumed, since AWS does not say how fast it exports",
            capacity(gib),
            utc(before(*export_by, takes)),
            at_least(rate * MB, "/s"),
            at_least(rate * EXPORT_PART * MB, "/s"),
        ));
    }
    Some(finding)
}

/// Nodes are to be launched into a block that has not begun: nothing is wrong, and nothing can be made.
pub(super) fn awaited(block: &CapacityBlock, first: &Address) -> Option<Finding> {
    let starts = block.starts.filter(|_| block.is_awaited())?;
    let finding = error("reservation::awaited", "the capacity block has not begun")
        .about(first)
        .why(format!("{} is {}, and begins at {}", block.id, block.state, utc(starts)))
        .how(
            "`provision up` makes nothing before that (exit code 4): run it then, or let it wait with \
             `--wait-for-capacity` and a time that reaches beyond the beginning",
        );
    Some(Finding { severity: Severity::Warning, ..finding })
}

/// Nodes of these groups that EC2 is about to end, or has to, before those that take their places.
pub(super) fn give_way(groups: &[&Nodes], observed: &Observed, plan: &Plan) -> u32 {
    let ids: Vec<&String> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.op {
            Op::Delete { ids } if step.address.kind == Kind::Nodes => Some(ids),
            _ => None,
        })
        .flatten()
        .collect();
    let is_theirs = |node: &&Node| {
        groups.iter().any(|group| node.address == Address::named(Kind::Nodes, &group.name))
            && node.state != NodeState::Terminated
    };
    let leave = observed.nodes.iter().filter(is_theirs).filter(|node| ids.contains(&&node.id));
    u32::try_from(leave.count()).unwrap_or(u32::MAX)
}
