//! From one look, and the plan and record where there are any, to a status.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::cost::{ends, hourly};
use super::model::{FORMAT_VERSION, FileSystem, Group, Health, Link, Lock, Lost, NodeRow, Other, Status, TaskRow};
use super::names::{Named, named};
use crate::apply::lease::Holder;
use crate::apply::preload::progress;
use crate::catalog::prices::Prices;
use crate::desired::{Address, DISCARD, Desired, Kind, TAG_UNEXPORTED, flows_of, flows_sentence};
use crate::observed::{Endpoint, Existing, Node, NodeState, Observed, Report, Seen, Task, TaskState};
use crate::plan::{Plan, Purpose, Verb};
use crate::record::Record;

/// What a look does not tell.
pub struct Facts<'a> {
    pub cluster: &'a str,
    pub region: &'a str,
    /// Where nodes mount the file system; None without a spec.
    pub mount: Option<&'a str>,
    /// Paths of the datasets with `preload = "data"`; empty without a spec.
    pub preload: &'a [String],
    /// None without a spec.
    pub desired: Option<&'a Desired>,
    pub record: Option<&'a Record>,
    pub holder: Option<&'a Holder>,
    pub now: Timestamp,
}

/// Puts a status together. The plan is that of an `up`, and None without a spec.
pub fn status(observed: &Observed, plan: Option<&Plan>, facts: &Facts<'_>, prices: &Prices) -> Status {
    let plan = plan.filter(|plan| plan.purpose == Purpose::Up && plan.compared);
    let groups = groups(observed, plan, facts);
    let (hourly, hourly_complete) = hourly(observed, prices);
    let of_kind = |kind: Kind| {
        let all = observed.resources.iter();
        all.filter(move |seen| seen.address.kind == kind)
    };
    let pinned = facts.record.and_then(|record| record.pins.place.as_ref());
    let others = observed
        .resources
        .iter()
        .filter(|seen| !seen.address.kind.is_storage())
        .filter(|seen| !matches!(seen.address.kind, Kind::Link | Kind::Task | Kind::Nodes));
    let mut status = Status {
        format_version: FORMAT_VERSION,
        cluster: facts.cluster.to_owned(),
        region: facts.region.to_owned(),
        deployment: facts.record.map(|record| record.deployment.clone()),
        zone: pinned.map(|place| place.zone.clone()).or_else(|| observed.nodes.first().map(|node| node.zone.clone())),
        file_system: observed
            .file_system()
            .map(|seen| file_system(seen, plan, facts))
            .or_else(|| observed.existing.as_ref().map(|existing| existing_file_system(existing, facts))),
        links: of_kind(Kind::Link).map(link).collect(),
        tasks: observed.tasks.iter().filter(|task| matters(task)).map(|task| task_row(task, facts.now)).collect(),
        preload: if observed.nodes.iter().any(Node::exists) {
            progress(observed.preload(), facts.preload, facts.now)
        } else {
            Vec::new()
        },
        groups,
        blocks: plan.map(|plan| plan.blocks.clone()).unwrap_or_default(),
        ends: ends(observed, facts.now, prices),
        ended: observed.nodes.iter().filter(|node| has_ended(node, facts.now)).count(),
        others: others
            .map(|seen| Other { address: seen.address.clone(), id: seen.id.clone(), state: seen.state })
            .collect(),
        lock: facts.holder.map(|holder| Lock {
            who: holder.who.clone(),
            command: holder.command.clone(),
            since: holder.since,
            until: holder.until,
        }),
        drift: plan.map(|plan| {
            let changed = plan.actions.iter().filter(|each| each.verb != Verb::Keep);
            changed.cloned().collect()
        }),
        hourly,
        hourly_complete,
    };
    status.links.sort_by(|a, b| (&a.address, &a.id).cmp(&(&b.address, &b.id)));
    status.tasks.sort_by(|a, b| a.id.cmp(&b.id));
    status.others.sort_by(|a, b| (&a.address, &a.id).cmp(&(&b.address, &b.id)));
    status
}

/// By itself, as far as the time of its end tells.
fn has_ended(node: &Node, now: Timestamp) -> bool {
    !node.exists() && node.ends().is_some_and(|end| end <= now)
}

fn file_system(seen: &Seen, plan: Option<&Plan>, facts: &Facts<'_>) -> FileSystem {
    let planned = plan.and_then(|plan| {
        let mut actions = plan.actions.iter();
        // Of one that is to change, the summary says what it shall be.
        actions.find(|each| each.address == seen.address && each.verb == Verb::Keep)
    });
    let field = |name: &str| seen.fields.get(name).map(String::as_str);
    let size = field("capacity").or_else(|| field("throughput"));
    let observed = match seen.address.kind {
        Kind::Efs => [Some("regional"), field("throughput"), None],
        Kind::FileCache => [Some("cache"), field("capacity"), None],
        _ => [field("deployment"), field("media"), size],
    };
    FileSystem {
        id: seen.id.clone(),
        state: seen.state,
        lifecycle: seen.lifecycle.clone(),
        reason: seen.reason.clone(),
        summary: planned.map_or_else(
            || observed.into_iter().flatten().collect::<Vec<_>>().join(", "),
            |action| action.summary.clone(),
        ),
        ours: true,
        mount_command: match seen.address.kind {
            Kind::Efs => {
                let mount = facts.mount.unwrap_or("/efs");
                Some(format!("sudo mount -t efs -o tls,noresvport {}:/ {mount}", seen.id))
            }
            Kind::FileCache => mount_command(seen.endpoint.as_ref(), facts, "/cache"),
            _ => mount_command(seen.endpoint.as_ref(), facts, "/fsx"),
        },
    }
}

fn existing_file_system(existing: &Existing, facts: &Facts<'_>) -> FileSystem {
    FileSystem {
        id: existing.id.clone(),
        state: existing.state,
        lifecycle: existing.lifecycle.clone(),
        reason: None,
        summary: crate::plan::of_existing(existing),
        ours: false,
        mount_command: mount_command(existing.endpoint.as_ref(), facts, "/fsx"),
    }
}

/// `default`: where it is mounted if no spec says.
fn mount_command(endpoint: Option<&Endpoint>, facts: &Facts<'_>, default: &str) -> Option<String> {
    let Endpoint { dns_name, mount_name } = endpoint?;
    let mount = facts.mount.unwrap_or(default);
    Some(format!("sudo mount -t lustre -o relatime,flock {dns_name}@tcp:/{mount_name} {mount}"))
}

fn link(seen: &Seen) -> Link {
    let field = |name: &str| seen.fields.get(name).cloned().unwrap_or_default();
    let given_up = seen.tags.get(TAG_UNEXPORTED).is_some_and(|value| value == DISCARD);
    Link {
        flows: flows_sentence(&flows_of(&field("import")), &flows_of(&field("export")), !given_up),
        address: seen.address.clone(),
        id: seen.id.clone(),
        path: field("path"),
        s3: field("s3"),
        import: field("import"),
        export: field("export"),
        state: seen.state,
        lifecycle: seen.lifecycle.clone(),
        reason: seen.reason.clone(),
    }
}

fn matters(task: &Task) -> bool {
    task.state.is_active() || task.state == TaskState::Failed || task.failed > 0
}

fn task_row(task: &Task, now: Timestamp) -> TaskRow {
    TaskRow {
        id: task.id.clone(),
        work: task.work,
        state: task.state,
        paths: task.paths.clone(),
        total: task.total,
        succeeded: task.succeeded,
        failed: task.failed,
        reason: task.reason.clone(),
        report: task.report.clone(),
        age_s: task.started.map(|started| age(started, now)),
    }
}

/// 0 if it lies ahead: clocks differ.
fn age(since: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.duration_since(since).as_secs()).unwrap_or(0)
}

fn groups(observed: &Observed, plan: Option<&Plan>, facts: &Facts<'_>) -> Vec<Group> {
    let mut groups: BTreeMap<Address, Vec<NodeRow>> = BTreeMap::new();
    for Named { name, node } in named(&observed.nodes) {
        let Some(name) = name else { continue };
        let row = node_row(&name, node, facts);
        groups.entry(node.address.clone()).or_default().push(row);
    }
    let mut lost = lost(&observed.nodes);
    // Also those of which there is no node.
    let planned = plan.iter().flat_map(|plan| &plan.actions);
    let tried = facts.record.iter().flat_map(|record| &record.tries);
    let known = planned.map(|action| &action.address);
    let known = known.chain(tried.filter(|(_, last)| last.count > 0).map(|(address, _)| address));
    let gone: Vec<Address> = lost.keys().cloned().collect();
    for address in known.chain(&gone).filter(|address| address.kind == Kind::Nodes) {
        groups.entry(address.clone()).or_default();
    }
    groups
        .into_iter()
        .map(|(address, mut nodes)| {
            nodes.sort_by(|a, b| a.id.cmp(&b.id));
            let count = |health: Health| nodes.iter().filter(|row| row.health == health).count();
            let lost = lost.remove(&address).unwrap_or_default();
            let wanted = wanted(&address, nodes.len(), plan, facts);
            let short = wanted.map_or(lost.len(), |wanted| (wanted as usize).saturating_sub(nodes.len()));
            Group {
                wanted,
                missing: short.min(lost.len()),
                min_count: facts.desired.and_then(|desired| desired.enough(&address)),
                ready: count(Health::Ready),
                degraded: count(Health::Degraded),
                failed: count(Health::Failed),
                booting: count(Health::Booting),
                stopped: count(Health::Stopped),
                address,
                nodes,
                lost,
            }
        })
        .collect()
}

fn lost(nodes: &[Node]) -> BTreeMap<Address, Vec<Lost>> {
    let mut lost: BTreeMap<Address, Vec<Lost>> = BTreeMap::new();
    for node in nodes {
        let Some(taken) = node.taken() else { continue };
        lost.entry(node.address.clone()).or_default().push(Lost {
            id: node.id.clone(),
            instance: node.instance.clone(),
            zone: node.zone.clone(),
            spot: node.spot,
            state: node.state,
            interrupted: taken.is_interruption(),
            code: taken.code,
            at: taken.at,
        });
    }
    for of_group in lost.values_mut() {
        of_group.sort_by(|a, b| (b.at, &a.id).cmp(&(a.at, &b.id)));
    }
    lost
}

/// A plan says how many there shall be only where that differs from what is there.
fn wanted(address: &Address, live: usize, plan: Option<&Plan>, facts: &Facts<'_>) -> Option<u32> {
    let action = plan.and_then(|plan| plan.actions.iter().find(|each| each.address == *address));
    match action {
        Some(action) if action.verb == Verb::Delete => Some(0),
        Some(action) => {
            let change = action.changes.iter().find(|each| each.field == "count");
            match change.and_then(|change| change.after.as_ref()) {
                Some(after) => after.parse().ok(),
                None => u32::try_from(live).ok(),
            }
        }
        None => {
            let last = facts.record.and_then(|record| record.tries.get(address));
            last.map(|last| last.count)
        }
    }
}

/// A boot is rarely longer: driver and client packages, and one reboot (`templates/client.sh`).
const LONG_BOOT_S: u64 = 20 * 60;

fn node_row(name: &str, node: &Node, facts: &Facts<'_>) -> NodeRow {
    let (health, why) = match (node.state, &node.report) {
        (NodeState::Stopping | NodeState::Stopped | NodeState::ShuttingDown | NodeState::Terminated, _) => {
            (Health::Stopped, node.reason.clone())
        }
        (NodeState::Pending | NodeState::Running, None) => (Health::Booting, None),
        (NodeState::Pending | NodeState::Running, Some(Report::Ready)) => (Health::Ready, None),
        (NodeState::Pending | NodeState::Running, Some(Report::Degraded(why))) => (Health::Degraded, Some(why.clone())),
        (NodeState::Pending | NodeState::Running, Some(Report::Failed(why))) => (Health::Failed, Some(why.clone())),
    };
    let age_s = node.launched.map(|launched| age(launched, facts.now));
    let logs = || format!("provision logs {name} --cluster {}", facts.cluster);
    let hint = match health {
        Health::Failed | Health::Degraded => Some(logs()),
        Health::Booting => age_s.filter(|age| *age > LONG_BOOT_S).map(|_| logs()),
        // What to do is told by the plan: the next `up` replaces it.
        Health::Ready | Health::Stopped => None,
    };
    let step = why.as_deref().filter(|_| health == Health::Failed).and_then(step);
    NodeRow {
        name: name.to_owned(),
        step,
        hint,
        id: node.id.clone(),
        instance: node.instance.clone(),
        state: node.state,
        health,
        why,
        ip: node.private_ip.clone(),
        zone: node.zone.clone(),
        spot: node.spot,
        age_s,
    }
}

/// `mount: gave up …`, `setup exited 1 at 12`: a report begins with the step (`templates/report.sh`).
fn step(why: &str) -> Option<String> {
    let word = why.split_whitespace().next()?.trim_end_matches(':');
    let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_said = why[word.len()..].starts_with(':') || why[word.len()..].starts_with(" exited ");
    (is_word && is_said).then(|| word.to_owned())
}
