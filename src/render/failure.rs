//! The end of a run that did not complete, and every other refusal of the cloud: what, why, what exists now, how to go on.

use super::block::{Block, folded};
use super::leftovers;
use super::text::{count, duration, grouped as grouped_number, listed};
use super::theme::Theme;
use super::words;
use crate::apply::Report;
use crate::apply::event::{Ending, FailedFiles, Failure};
use crate::cloud::{Class, CloudError, Limit, LimitedBy, Remains};
use crate::desired::Address;
use crate::diagnostic::Severity;
use crate::plan::{Op, Plan};

/// What the command knows beyond the plan: all of it to be pasted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureContext<'a> {
    pub cluster: &'a str,
    /// What was run and goes on from here when run again: `provision up`.
    pub command: &'a str,
    /// What removes all that exists: `provision down`.
    pub remove: &'a str,
    /// What shows what exists: `provision status`.
    pub status: &'a str,
}

/// Everything that a person needs who finds the run in the morning. Empty if it is complete.
pub fn report(report: &Report, plan: &Plan, context: &FailureContext<'_>, theme: &Theme) -> String {
    let moves = report.may_move.then(|| format!("{} --move-if-empty", context.command));
    let moves = moves.as_deref();
    let mut blocks: Vec<Block> = grouped(&report.failures)
        .iter()
        .map(|(addresses, failure)| {
            block(addresses, failure, operation(addresses[0], report, plan), (context.cluster, &plan.region, moves))
        })
        .collect();
    match report.ending {
        Ending::Complete => return String::new(),
        Ending::Failed => {}
        Ending::Interrupted => blocks.push(interrupted(report, context)),
        Ending::LostLock => blocks.push(lost_lock(context)),
    }
    blocks.extend(report.unforgotten.as_ref().map(unforgotten));
    if let Some(last) = blocks.last_mut() {
        last.notes.extend(leftovers::notes(report, plan));
        let go_on = leftovers::go_on(report, plan, context);
        last.help = Some(match last.help.take() {
            Some(first) => format!("{first}, then {go_on}"),
            None => go_on,
        });
    }
    let blocks: Vec<String> = blocks.iter().map(|block| block.text(theme)).collect();
    blocks.join("\n")
}

/// A call that failed outside of a run. `doing` follows "cannot": `look at the cluster`.
pub fn cloud_error(error: &CloudError, doing: &str, theme: &Theme) -> String {
    refused(error, doing, None).text(theme)
}

/// One failure that ended many steps at once is told once.
fn grouped(failures: &[(Address, Failure)]) -> Vec<(Vec<&Address>, &Failure)> {
    let mut groups: Vec<(Vec<&Address>, &Failure)> = Vec::new();
    for (address, failure) in failures {
        match groups.iter_mut().find(|(_, other)| is_same(other, failure)) {
            Some((addresses, _)) => addresses.push(address),
            None => groups.push((vec![address], failure)),
        }
    }
    groups
}

fn is_same(one: &Failure, other: &Failure) -> bool {
    match (one, other) {
        (Failure::Cloud { error: one }, Failure::Cloud { error: other }) => {
            (&one.operation, &one.code, &one.message, one.class)
                == (&other.operation, &other.code, &other.message, other.class)
        }
        (one, other) => one == other,
    }
}

/// What the failed step at an address was about: its last step that did begin.
fn operation<'a>(address: &Address, report: &Report, plan: &'a Plan) -> Option<&'a Op> {
    plan.steps
        .iter()
        .rev()
        .filter(|step| step.address == *address)
        .find(|step| {
            let is_left = |(left, op): &(Address, Op)| *left == *address && *op == step.op;
            !report.left.iter().any(is_left)
        })
        .map(|step| &step.op)
}

fn block(
    addresses: &[&Address],
    failure: &Failure,
    op: Option<&Op>,
    (cluster, region, moves): (&str, &str, Option<&str>),
) -> Block {
    let names: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let names = listed(&names, 3);
    let kind = addresses[0].kind.as_str();
    let doing = format!("{} {names}", op.map_or("change", words::infinitive));
    let (code, title, notes, help): (String, String, Vec<String>, Option<String>) = match failure {
        Failure::Cloud { error } => return refused_in_run(error, &doing, region, moves),
        Failure::Broken { id, lifecycle, reason } => (
            format!("{kind}::failed"),
            format!("cannot {doing}: AWS gave it up"),
            vec![format!("{id} became {lifecycle}: {reason}")],
            Some("mend the cause that the note names".to_owned()),
        ),
        Failure::TimedOut { limit_s, detail } => (
            "wait::timeout".to_owned(),
            format!("cannot {doing}: it took longer than {}", duration(*limit_s)),
            vec![format!("last seen: {detail}"), "AWS may still be at it; a new run goes on waiting".to_owned()],
            None,
        ),
        Failure::Unexported { text, report, files } => {
            let list = report.as_ref().map(|url| format!("the files that failed are listed in {url}"));
            (
                "fsx::unexported".to_owned(),
                format!("cannot {doing}: not every file is in S3, so the file system stays"),
                std::iter::once(text.clone()).chain(files.iter().map(failed_files)).chain(list).collect(),
                Some("mend what keeps the files from S3, or give them up with `--discard-unexported-data`".to_owned()),
            )
        }
        Failure::Nodes { nodes } => (
            "nodes::failed".to_owned(),
            not_ready(nodes.len(), &names),
            node_notes(nodes),
            Some(match nodes.first() {
                Some((id, _)) => format!("see its boot, `provision logs {id} --cluster {cluster}`, and mend the cause"),
                None => "mend the cause".to_owned(),
            }),
        ),
        Failure::InUse { dependents } => (
            "aws::in-use".to_owned(),
            format!("cannot {doing}: {}", words::cause(Class::InUse)),
            vec![format!("used by {}", dependents.join(", "))],
            Some("remove or detach what the note names".to_owned()),
        ),
        Failure::Stale { text } => (
            "plan::stale".to_owned(),
            format!("cannot {doing}: what exists has changed since the plan was made"),
            vec![text.clone()],
            None,
        ),
        Failure::Boot { text } => (
            "nodes::boot".to_owned(),
            format!("cannot {doing}: no boot script can be made for its nodes"),
            vec![text.clone()],
            Some("change the spec as the note says".to_owned()),
        ),
        Failure::Interrupted => {
            ("run::interrupted".to_owned(), format!("cannot {doing}: it was interrupted"), Vec::new(), None)
        }
        Failure::LostLock => ("lock::lost".to_owned(), format!("cannot {doing}: the lock is lost"), Vec::new(), None),
    };
    Block { notes, help, ..Block::error(code, title) }
}

/// Columns of a path in a note.
const LONGEST_PATH: usize = 120;

/// `2 files, S3AccessDenied (FSx may not write …): a, b`
fn failed_files(failed: &FailedFiles) -> String {
    let FailedFiles { code, meaning, count: number, paths } = failed;
    let meaning = meaning.as_ref().map(|meaning| format!(" ({meaning})")).unwrap_or_default();
    let files = if *number == 1 { "1 file".to_owned() } else { format!("{} files", grouped_number(*number)) };
    let mut told: Vec<String> = paths.iter().map(|path| super::text::cut(path, LONGEST_PATH)).collect();
    let more = number.saturating_sub(paths.len() as u64);
    if more > 0 {
        told.push(format!("and {} more", grouped_number(more)));
    }
    format!("{files}, {code}{meaning}: {}", told.join(", "))
}

fn not_ready(nodes: usize, names: &str) -> String {
    let verb = if nodes == 1 { "is" } else { "are" };
    format!("{} of {names} {verb} not ready", count(nodes, "node"))
}

/// So many nodes have a note each; of more, those with the same reason share one.
const MOST_NODES: usize = 8;

fn node_notes(nodes: &[(String, String)]) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for (id, why) in nodes {
        let known = reasons.iter_mut().find(|(other, _)| *other == why && nodes.len() > MOST_NODES);
        match known {
            Some((_, ids)) => ids.push(id.clone()),
            None => reasons.push((why, vec![id.clone()])),
        }
    }
    let told: Vec<String> = reasons.iter().map(|(why, ids)| format!("{}: {why}", listed(ids, 3))).collect();
    let mut told = folded(&told, MOST_NODES);
    told.push("the next run replaces nodes that failed".to_owned());
    told
}

/// A call of a run that failed: it may have been carried out, and part of the cluster exists. `moves`: what makes the cluster in
/// another zone, where that would do.
fn refused_in_run(error: &CloudError, doing: &str, region: &str, moves: Option<&str>) -> Block {
    let mut block = refused(error, doing, Some(region));
    if error.remains == Remains::Perhaps {
        block.notes.push("it may have been carried out all the same; the next run looks before it acts".to_owned());
    }
    if !error.elsewhere.is_empty() {
        block.notes.push(format!("EC2 says that it has some now in {}", listed(&error.elsewhere, 6)));
    }
    if matches!(error.class, Class::Capacity | Class::NotOffered) {
        block.notes.push(match moves {
            None => "a cluster stays in its zone: for another one it has to be removed first".to_owned(),
            Some(_) => "a cluster stays in its zone, unless its file system is empty: this one is".to_owned(),
        });
        if let (Some(moves), Some(help)) = (moves, &mut block.help) {
            *help = format!("make it in the next zone that has room, with another file system: `{moves}`; or {help}");
        }
    }
    block
}

/// A refused call, as `STYLE.md` has it.
fn refused(error: &CloudError, doing: &str, region: Option<&str>) -> Block {
    let CloudError { operation, address: _, code, message, request_id, class, remains: _, elsewhere: _, limit } = error;
    let title = match class {
        Class::Denied => format!("may not {doing}"),
        class => format!("cannot {doing}: {}", words::cause(*class)),
    };
    let mut known: Vec<String> = code.iter().cloned().collect();
    known.extend(request_id.iter().map(|id| format!("request {id}")));
    let known = if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
    let mut block = Block::error(words::code(*class), title);
    block.notes.push(format!("{operation}: {message}{known}"));
    block.help = help(*class, operation);
    if let Some(Limit { current, quota: Some(quota) }) = limit.as_deref() {
        let (note, help) = raise(*current, quota, region);
        block.notes.push(note);
        block.help = Some(help);
    }
    block
}

/// Which quota it is, and the request for more of it. What a limit lets run and what is wanted beside it always fit together.
fn raise(current: Option<u64>, quota: &LimitedBy, region: Option<&str>) -> (String, String) {
    let LimitedBy { service, code, name, unit, more } = quota;
    let now = current.map_or_else(
        || "how much is allowed, it does not say".to_owned(),
        |now| format!("{}{unit} allowed", grouped_number(now)),
    );
    let note = format!("{name} ({code}): {now}; {}{unit} more were wanted", grouped_number(*more));
    let region = region.map(|region| format!("--region {region} ")).unwrap_or_default();
    let wanted = current.unwrap_or(0).saturating_add(*more);
    let others = if current.is_some() { "" } else { ", or more where other nodes count against it" };
    let help = format!(
        "ask AWS for more, which may take days: `aws service-quotas request-service-quota-increase {region}--service-code \
         {service} --quota-code {code} --desired-value {wanted}`{others}; or take less"
    );
    (note, help)
}

/// What to do about it; None where trying again is all.
fn help(class: Class, operation: &str) -> Option<String> {
    let service = operation.split(':').next().unwrap_or_default();
    let text = match class {
        Class::Denied => {
            let verb = operation.split(':').nth(1).unwrap_or_default();
            let looks = ["Describe", "Get", "Head", "List"].iter().any(|each| verb.starts_with(each));
            let policy = if looks {
                "`provision iam --plan` prints what looks need"
            } else {
                "`provision iam --apply` prints the whole policy"
            };
            format!("allow the action that the note names ({policy})")
        }
        Class::Credentials => "refresh the credentials (`aws sso login`), or name others with `--profile`".to_owned(),
        Class::Quota => format!("raise the quota (`aws service-quotas list-service-quotas --service-code {service}`)"),
        Class::Capacity => "take another instance type, fewer nodes or a reservation in the spec, or wait".to_owned(),
        Class::ReservationFull => {
            "see what is in it and whether it is active (`aws ec2 describe-capacity-reservations`), take fewer nodes or \
             another reservation; of a Capacity Block the room of an ended node comes back only after minutes"
                .to_owned()
        }
        Class::NotOffered => "take another instance type, or subnets in a zone that has it".to_owned(),
        Class::Invalid => "change the spec as the note says".to_owned(),
        Class::NotImplemented => "see that the endpoint is AWS's, and which services it has".to_owned(),
        Class::Unreachable => "see that the region is right and the network lets you out".to_owned(),
        Class::InUse => "remove or detach what uses it".to_owned(),
        Class::Busy => "wait for the task".to_owned(),
        Class::Throttled | Class::Transient => "wait a little".to_owned(),
        Class::Conflict | Class::NotFound | Class::NotYet | Class::Unknown => return None,
    };
    Some(text)
}

fn interrupted(report: &Report, context: &FailureContext<'_>) -> Block {
    let mut block = Block::error("run::interrupted", format!("`{}` was interrupted, as asked", context.command));
    block.severity = Severity::Warning;
    block.notes.push(format!("{}; nothing new was started", super::events::tally(report.done, 0, report.left.len())));
    block
}

fn lost_lock(context: &FailureContext<'_>) -> Block {
    let mut block = Block::error("lock::lost", "another run has taken over the lock");
    block
        .notes
        .push(format!("this run of `{}` stopped at once; what it had begun, AWS may still finish", context.command));
    block.help = Some(format!("see who holds {}: `{}`", context.cluster, context.status));
    block
}

fn unforgotten(failure: &Failure) -> Block {
    let mut block = Block::error("record::left", "cannot remove the record of the cluster");
    block.notes.push(failure.to_string());
    block.notes.push("only that parameter is left; it costs nothing".to_owned());
    block
}
