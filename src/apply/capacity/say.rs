//! What a plan says of capacity that is asked for or held: what it costs, and what it protects.

use std::time::Duration;

use super::{LIFE_OF_HOLD, asked, is_open};
use crate::apply::pace::pace;
use crate::apply::preflight::{Subject as _, note};
use crate::catalog::instances;
use crate::catalog::prices::{Prices, Usd};
use crate::desired::{self, Desired, Kind, Pins, Place};
use crate::observed::Observed;
use crate::plan::{self, Finding, Op, Plan};
use crate::record::Record;
use crate::spec::{Capacity, Launch, Nodes, Spec};

/// What is billed is the second; what is told is what a probe may take.
const PROBE: Duration = Duration::from_mins(1);

/// What the plan says of it. `spec`: with the types that its groups may still have.
pub(in crate::apply) fn findings(
    spec: &Spec,
    observed: &Observed,
    desired: &Desired,
    record: &Record,
    plan: &Plan,
    prices: &Prices,
) -> Vec<Finding> {
    let pins = &record.pins;
    let open = pins.place.as_ref().filter(|_| is_open(spec, observed));
    let said = open.map(|place| Said { spec, pins, plan, prices, place });
    let mut findings: Vec<Finding> = said.iter().flat_map(|said| [said.probed(), said.held()]).flatten().collect();
    let left = plan::held(desired, observed, record);
    if let Some(first) = left.first() {
        let mut finding = note("capacity::held", "capacity is held for the nodes since an earlier run");
        for seen in &left {
            let field = |name: &str| seen.fields.get(name).map_or("", String::as_str);
            finding = finding.why(format!(
                "{}: {} × {} in {} for nodes.{}, until {} at the latest",
                seen.id,
                field("count"),
                field("instance"),
                field("zone"),
                seen.address.name,
                field("ends"),
            ));
        }
        findings.push(finding.about(&first.address).how("`up` launches them into it; `down` gives it back"));
    }
    findings
}

struct Said<'a> {
    spec: &'a Spec,
    pins: &'a Pins,
    plan: &'a Plan,
    prices: &'a Prices,
    /// Where it is asked first.
    place: &'a Place,
}

impl Said<'_> {
    fn probed(&self) -> Option<Finding> {
        let groups: Vec<&Nodes> = asked(self.spec).filter(|group| !is_held(group)).collect();
        if groups.is_empty() {
            return None;
        }
        let title = "whether there is room for the nodes is found out before the file system is made";
        let finding = self.order(listed(note("capacity::probe", title), &groups, "reserved and given back at once"));
        Some(finding.why(match self.cost(&groups, PROBE) {
            Some(cost) => format!("it costs what the nodes cost in that time: {cost} for a minute"),
            None => "it costs what the nodes cost in that time, and their price is not known here".to_owned(),
        }))
    }

    fn held(&self) -> Option<Finding> {
        let groups: Vec<&Nodes> = asked(self.spec).filter(|group| is_held(group)).collect();
        if groups.is_empty() {
            return None;
        }
        let title = "capacity is held from before the file system is made until the nodes run";
        let mut finding = self.order(listed(
            note("capacity::reserve", title),
            &groups,
            "reserved, and given back once they run in it",
        ));
        finding = self.sums(finding, &groups);
        finding = finding.why(format!(
            "what a run that dies leaves reserved, the next `up` uses or gives back, and `down` gives back; without them it ends by \
             itself after {} min, or within the hour after that",
            LIFE_OF_HOLD.as_mins()
        ));
        let together = |group: &&&Nodes| {
            let able = |instance: &str| instances::get(instance).is_some_and(|facts| facts.cluster_placement);
            group.count > 1 && group.types().any(able)
        };
        if groups.iter().any(|group| together(&group)) {
            finding = finding.why(
                "the nodes are in no cluster placement group: what is held was not reserved in one, and cannot be launched into one"
                    .to_owned(),
            );
        }
        Some(finding)
    }

    /// What waiting costs, beside what it protects.
    fn sums(&self, finding: Finding, groups: &[&Nodes]) -> Finding {
        let (made, gone) = self.times();
        let (Some(minute), Some(wait)) = (self.cost(groups, PROBE), self.cost(groups, made)) else {
            return finding
                .why("it costs what the nodes cost in that time, and their price is not known here".to_owned());
        };
        let wait_text = format!("waiting costs {wait} in {} min ({minute} a minute, like the nodes)", minutes(made));
        let Some(hour) = self.storage_hour() else {
            return finding.why(format!("{wait_text}; what the file system costs that it protects is not known here"));
        };
        let in_vain = hour.part((made + gone).as_secs(), 3600);
        let finding = finding.why(format!(
            "{wait_text}; a file system in the wrong zone costs {in_vain} if it is deleted at once, which takes {} min in \
             all, and {hour} for every hour that it stays",
            minutes(made + gone)
        ));
        if wait <= in_vain {
            return finding;
        }
        let hours =
            u64::try_from(wait.micros()).unwrap_or(0).div_ceil(u64::try_from(hour.micros()).unwrap_or(0).max(1));
        finding
            .why(format!(
                "so the nodes that wait cost more than the file system would, unless it stands there without nodes for \
                 {hours} h or more"
            ))
            .how("`capacity = \"probe\"` asks in the same way and holds nothing")
    }

    fn order(&self, finding: Finding) -> Finding {
        let others: Vec<&str> =
            self.pins.choice.iter().flat_map(|choice| &choice.others).map(|other| other.zone.as_str()).collect();
        let then = if others.is_empty() { String::new() } else { format!(", then in {}", others.join(", then in ")) };
        let finding =
            finding.why(format!("asked for in {}{then}: all groups in one zone, or the next", self.place.zone));
        if asked(self.spec).any(|group| !group.alternatives.is_empty()) {
            return finding.why("a better type in another zone comes before a worse one in the first".to_owned());
        }
        finding
    }

    /// Of several types the dearest: which one is granted nobody knows.
    fn cost(&self, groups: &[&Nodes], time: Duration) -> Option<Usd> {
        let mut sum = Usd::ZERO;
        for group in groups {
            let of_types: Option<Vec<Usd>> = group.types().map(|each| self.prices.instance_hour(each)).collect();
            let hour = of_types.and_then(|prices| prices.into_iter().max())?;
            sum += hour.times(u64::from(group.least())).part(time.as_secs(), 3600);
        }
        Some(sum)
    }

    /// How long the storage usually takes to be made, as far as nodes wait for it, and to be deleted.
    fn times(&self) -> (Duration, Duration) {
        let kind = desired::storage_kind(self.spec.storage.service);
        let typical = |kind, op: &Op| pace(kind, op).typical.unwrap_or_default();
        let (create, delete) = (Op::Create { epoch: 0, count: 1, least: None }, Op::Delete { ids: Vec::new() });
        let targets = if kind == Kind::Efs { typical(Kind::MountTarget, &create) } else { Duration::ZERO };
        let made = match self.spec.cluster.launch {
            Launch::AfterStorage => typical(kind, &create) + targets,
            // Launched as soon as there is something to name.
            Launch::WithStorage => PROBE,
        };
        (made, typical(kind, &delete))
    }

    fn storage_hour(&self) -> Option<Usd> {
        let mut sum = None;
        for item in self.plan.cost.items.iter().filter(|item| item.address.kind.is_storage()) {
            sum = Some(sum.unwrap_or(Usd::ZERO) + item.hourly?);
        }
        sum
    }
}

fn listed(finding: Finding, groups: &[&Nodes], what: &str) -> Finding {
    groups.iter().fold(finding, |finding, group| {
        let types: Vec<&str> = group.types().collect();
        finding.why(format!("{} × {} for nodes.{}: {what}", group.least(), types.join(" or "), group.name))
    })
}

fn is_held(group: &Nodes) -> bool {
    group.capacity == Capacity::Reserve
}

fn minutes(time: Duration) -> u64 {
    time.as_secs().div_ceil(60)
}
