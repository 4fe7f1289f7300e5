//! Limits of the account against what is in use and what the plan adds: a launch that surely does not fit is found before
//! the file system is made.
//!
//! What cannot be known counts for nothing (types that are not in the catalog, what others have reserved and not launched):
//! so a finding is true, and the absence of one no promise.

use std::collections::BTreeMap;

use super::findings::{Subject, error};
use crate::catalog::instances;
use crate::catalog::quotas::{self, Counts, Quota};
use crate::cloud::{InUse, Questions, QuotaId, Survey};
use crate::desired::{Address, Desired, FileSystem, Kind, NodeGroup, Resource};
use crate::diagnostic::Severity;
use crate::observed::{NodeState, Observed};
use crate::plan::{Finding, Op, Plan};
use crate::spec::{Market, Nodes, ReadCache, Service, Spec};

/// Quotas that the plan may touch: of instances where nodes are missing, of storage where it is made or grows.
pub(super) fn ask(spec: &Spec, growing: &[&Nodes], observed: &Observed, questions: &mut Questions) {
    for group in growing {
        for instance in group.types() {
            if let Some(quota) = market_counts(&group.market).and_then(|spot| quotas::of_instance(instance, spot)) {
                questions.quotas.insert(id(quota));
                questions.running.extend(quota.patterns());
            }
        }
    }
    if !growing.is_empty() {
        questions.quotas.extend(quotas::of_interfaces().map(id));
    }
    let capacity = spec.storage.capacity_gib.map(|gib| format!("{gib} GiB"));
    let there = observed.file_system();
    let grows = there.is_some_and(|seen| capacity.is_some() && seen.fields.get("capacity") != capacity.as_ref());
    let has_quotas = spec.storage.service == Service::FsxLustre && spec.storage.existing.is_none();
    if has_quotas && (there.is_none() || grows) {
        questions.quotas.extend(quotas::of_storage(spec.storage.kind()).map(id));
    }
}

/// Why a group of which no node is there cannot be of this type, whatever else the plan does.
pub(super) fn rules_out(group: &Nodes, instance: &str, survey: &Survey) -> Option<String> {
    let quota = market_counts(&group.market).and_then(|spot| quotas::of_instance(instance, spot))?;
    let (limit, facts) = (*survey.quotas.get(&id(quota))?, instances::get(instance)?);
    let wanted = u64::from(group.count) * u64::from(facts.vcpus);
    let used = in_use(quota, &survey.in_use).unwrap_or(0);
    let unit = quota.counts.unit();
    (quota.is_sure && used.saturating_add(wanted) > limit)
        .then(|| format!("{}: {limit}{unit} allowed, {used}{unit} in use, {wanted}{unit} wanted", quota.name))
}

/// None: reserved capacity counts already, and a capacity block never does (EC2 User Guide, "Capacity Reservations" and
/// "Capacity Blocks for ML").
fn market_counts(market: &Market) -> Option<bool> {
    match market {
        Market::OnDemand => Some(false),
        Market::Spot => Some(true),
        Market::CapacityBlock(_) | Market::Reservation(_) => None,
    }
}

fn id(quota: &Quota) -> QuotaId {
    QuotaId { service: quota.service.to_owned(), code: quota.code.to_owned() }
}

/// Of one quota: what the plan gives back before it takes, what it takes, and who takes it.
#[derive(Debug, Default)]
struct Change {
    less: u64,
    more: u64,
    /// Of `more`: for nodes that a group has enough without.
    spare: u64,
    by: Vec<Address>,
}

pub(super) fn findings(survey: &Survey, observed: &Observed, desired: &Desired, plan: &Plan) -> Vec<Finding> {
    let changes = changes(survey, observed, desired, plan);
    let mut findings = Vec::new();
    for quota in quotas::all() {
        let (Some(&limit), Some(Change { less, more, spare, by })) =
            (survey.quotas.get(&id(quota)), changes.get(quota.code))
        else {
            continue;
        };
        let in_use = in_use(quota, &survey.in_use);
        let stays = in_use.unwrap_or(0).saturating_sub(*less);
        let needed = stays.saturating_add(*more);
        if *more == 0 || needed <= limit {
            continue;
        }
        let unit = quota.counts.unit();
        let used = match (quota.counts, in_use) {
            (Counts::StorageGibEach, _) => String::new(),
            (_, None) => "how much is in use is not known, ".to_owned(),
            (_, Some(_)) => format!("{stays}{unit} in use, "),
        };
        let who = by.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let mut finding = error("quota::exceeded", "a quota of the account is too small")
            .why(format!("{}: {limit}{unit} allowed, {used}{more}{unit} more wanted for {who}", quota.name))
            .how(format!(
                "ask AWS for more, which may take days: `aws service-quotas request-service-quota-increase --region {} \
                 --service-code {} --quota-code {} --desired-value {needed}`; or take less",
                plan.region, quota.service, quota.code
            ));
        if let [one] = by.as_slice() {
            finding = finding.about(one);
        }
        if needed - spare <= limit {
            finding.severity = Severity::Warning;
            finding.notes.push("what needs that much has enough without: the run goes on, and tries".to_owned());
        }
        if !quota.is_sure {
            finding.severity = Severity::Warning;
            finding.notes.push("in some accounts another quota counts here: AWS's own pages differ".to_owned());
        }
        findings.push(finding);
    }
    findings
}

/// By code.
fn changes(survey: &Survey, observed: &Observed, desired: &Desired, plan: &Plan) -> BTreeMap<&'static str, Change> {
    let mut changes: BTreeMap<&'static str, Change> = BTreeMap::new();
    let mut add = |quota: &Quota, address: &Address, less: u64, more: u64| {
        let change = changes.entry(quota.code).or_default();
        change.less += less;
        change.more += more;
        if more > 0 && !change.by.contains(address) {
            change.by.push(address.clone());
        }
    };
    for step in &plan.steps {
        let address = &step.address;
        let wanted = desired.resources.get(address).map(|wanted| &wanted.resource);
        match (&step.op, wanted) {
            (Op::Create { count, .. }, Some(Resource::Nodes(group))) => {
                for (quota, more) in of_nodes(*count, group, desired) {
                    add(quota, address, 0, more);
                }
            }
            (Op::Delete { ids }, _) if address.kind == Kind::Nodes => {
                let running = |state| matches!(state, NodeState::Pending | NodeState::Running);
                for node in observed.nodes.iter().filter(|node| ids.contains(&node.id)) {
                    let quota = quotas::of_instance(&node.instance, node.spot).filter(|_| running(node.state));
                    if let (Some(quota), Some(facts)) = (quota, instances::get(&node.instance)) {
                        add(quota, address, u64::from(facts.vcpus), 0);
                    }
                    let template = Address::named(Kind::Template, &address.name);
                    if let Some(quota) = quotas::of_interfaces() {
                        add(quota, address, interfaces(desired, &template), 0);
                    }
                }
            }
            (Op::Create { .. }, Some(Resource::Fsx(file_system))) => {
                for quota in quotas::of_storage(file_system.deployment.on(file_system.media)) {
                    add(quota, address, 0, takes(file_system, quota.counts));
                }
            }
            (Op::Update { .. }, Some(Resource::Fsx(file_system))) => {
                let there = file_system_there(survey, observed);
                for quota in quotas::of_storage(file_system.deployment.on(file_system.media)) {
                    let less = there.map_or(0, |there| takes(there, quota.counts));
                    let more = takes(file_system, quota.counts);
                    // What does not grow is not asked about.
                    if there.is_some() && more > less {
                        add(quota, address, less, more);
                    }
                }
            }
            (Op::Delete { .. }, _) if address.kind == Kind::Fsx => {
                if let Some(there) = file_system_there(survey, observed) {
                    for quota in quotas::of_storage(there.deployment.on(there.media)) {
                        add(quota, address, takes(there, quota.counts), 0);
                    }
                }
            }
            _ => {}
        }
    }
    for step in &plan.steps {
        let wanted = desired.resources.get(&step.address).map(|wanted| &wanted.resource);
        if let (Op::Create { count, least: Some(0), .. }, Some(Resource::Nodes(group))) = (&step.op, wanted) {
            for (quota, more) in of_nodes(*count, group, desired) {
                changes.entry(quota.code).or_default().spare += more;
            }
        }
    }
    changes
}

/// What so many nodes take.
fn of_nodes(count: u32, group: &NodeGroup, desired: &Desired) -> Vec<(&'static Quota, u64)> {
    let quota = market_counts(&group.market).and_then(|spot| quotas::of_instance(&group.instance, spot));
    let vcpus = quota.zip(instances::get(&group.instance)).map(|(quota, facts)| (quota, u64::from(facts.vcpus)));
    let interfaces = quotas::of_interfaces().map(|quota| (quota, interfaces(desired, &group.template)));
    vcpus.into_iter().chain(interfaces).map(|(quota, each)| (quota, u64::from(count) * each)).collect()
}

fn file_system_there<'a>(survey: &'a Survey, observed: &Observed) -> Option<&'a FileSystem> {
    survey.in_use.file_systems.as_ref()?.get(&observed.file_system()?.id)
}

/// Those of one node; the file system's own are left out.
fn interfaces(desired: &Desired, template: &Address) -> u64 {
    match desired.resources.get(template).map(|wanted| &wanted.resource) {
        Some(Resource::Template(template)) => template.interfaces.len() as u64,
        _ => 0,
    }
}

/// How much of a quota a file system takes.
fn takes(file_system: &FileSystem, counts: Counts) -> u64 {
    let gib = file_system.capacity_gib.unwrap_or(0);
    u64::from(match counts {
        Counts::FileSystems => 1,
        Counts::StorageGib | Counts::StorageGibEach => gib,
        Counts::ThroughputMbps => file_system.throughput.unwrap_or(0),
        Counts::ReadCacheGib => match file_system.read_cache {
            Some(ReadCache::Provisioned(gib)) => gib,
            // How large it is then, AWS decides.
            Some(ReadCache::None | ReadCache::ProportionalToThroughput) | None => 0,
        },
        Counts::OnDemandVcpus | Counts::SpotVcpus | Counts::NetworkInterfaces => 0,
    })
}

/// None: nobody has said.
fn in_use(quota: &Quota, in_use: &InUse) -> Option<u64> {
    let vcpus = |spot: bool, running: &BTreeMap<String, u32>| {
        running
            .iter()
            .filter(|(name, _)| quotas::of_instance(name, spot).is_some_and(|of| of.code == quota.code))
            .filter_map(|(name, count)| Some(u64::from(*count) * u64::from(instances::get(name)?.vcpus)))
            .sum()
    };
    match quota.counts {
        Counts::OnDemandVcpus => in_use.on_demand.as_ref().map(|running| vcpus(false, running)),
        Counts::SpotVcpus => in_use.spot.as_ref().map(|running| vcpus(true, running)),
        Counts::NetworkInterfaces => in_use.interfaces.map(u64::from),
        Counts::StorageGibEach => Some(0),
        Counts::FileSystems | Counts::StorageGib | Counts::ThroughputMbps | Counts::ReadCacheGib => {
            let there = in_use.file_systems.as_ref()?.values();
            let counting = there.filter(|each| {
                let kind = each.deployment.on(each.media);
                quotas::of_storage(kind).any(|of| of.code == quota.code)
            });
            Some(counting.map(|each| takes(each, quota.counts)).sum())
        }
    }
}
