//! Capacity that was reserved: is it there, of the right kind, where the cluster is, and enough?

use super::blocks;
use super::findings::{Subject, error, note};
use crate::catalog::capacity_blocks::is_ahead;
use crate::cloud::{Reservation, Survey};
use crate::desired::{Address, ClusterId, Kind, Place};
use crate::observed::{Node, Observed};
use crate::plan::{Finding, Plan};
use crate::spec::{Market, Nodes, Placement, Spec};

pub(super) fn findings(
    spec: &Spec,
    survey: &Survey,
    observed: &Observed,
    id: &ClusterId,
    place: &Place,
    plan: &Plan,
) -> Vec<Finding> {
    let cluster = id;
    // Of a cluster that is there, the finding about its zone says it.
    let zone_is_told = observed.file_system().is_some() || observed.nodes.iter().any(Node::exists);
    let mut findings = Vec::new();
    for (id, found) in &survey.reservations {
        let groups: Vec<&Nodes> = spec
            .nodes
            .iter()
            .filter(
                |group| matches!(&group.market, Market::CapacityBlock(each) | Market::Reservation(each) if each == id),
            )
            .collect();
        let Some(first) = groups.first() else { continue };
        let address = Address::named(Kind::Nodes, &first.name);
        let Some(reservation) = found else {
            findings.push(
                error("reservation::missing", "there is no such capacity reservation in this region")
                    .about(&address)
                    .why(format!("`{id}`, which nodes.{} are to be launched into, was not found", first.name))
                    .how("check the id with `aws ec2 describe-capacity-reservations`, and whether it is shared with this account"),
            );
            continue;
        };
        let block = plan.blocks.iter().find(|block| block.id == *id);
        let wanted = blocks::launches(&groups, plan);
        // A block is looked at as long as it is named, and judged when something is to be launched into it.
        let judged = wanted > 0 || block.is_none();
        let against = if judged { against(id, reservation, &groups, place, zone_is_told) } else { Vec::new() };
        let mut against = against;
        let awaited = block.and_then(|block| blocks::awaited(block, &address));
        let free = reservation.free.saturating_add(blocks::give_way(&groups, observed, plan));
        if judged && reservation.state == "active" && free < wanted {
            against.push(format!("it has room for {free}, and {wanted} are to be launched"));
        } else if judged && reservation.state != "active" && awaited.is_none() {
            let starts = reservation.starts.filter(|_| is_ahead(&reservation.state));
            let starts = starts.map(|at| format!(", and starts at {at}")).unwrap_or_default();
            against.push(format!("it is {}{starts}", reservation.state));
        }
        if against.is_empty() {
            findings.extend(awaited);
            findings.extend(block.and_then(|block| blocks::finding(spec, block, &address)));
        } else {
            let mut finding =
                error("reservation::unusable", "the capacity reservation cannot hold the nodes").about(&address);
            finding.notes = against.into_iter().map(|why| format!("{id}: {why}")).collect();
            findings.push(finding.how(if is_ahead(&reservation.state) {
                "run `provision up` once it is active"
            } else {
                "take another reservation, another number of nodes, or subnets in its zone"
            }));
        }
        let forced = groups.iter().filter(|group| judged && group.placement == Placement::Cluster);
        findings.extend(forced.filter_map(|group| misplaced(id, reservation, group, cluster)));
    }
    findings
}

/// What of it cannot be helped by waiting.
fn against(id: &str, reservation: &Reservation, groups: &[&Nodes], place: &Place, zone_is_told: bool) -> Vec<String> {
    let mut against = Vec::new();
    for group in groups.iter().filter(|group| group.instance != reservation.instance) {
        against.push(format!("it is for {}, and nodes.{} are {}", reservation.instance, group.name, group.instance));
    }
    let wants_block = groups.iter().any(|group| matches!(group.market, Market::CapacityBlock(_)));
    match reservation.is_block {
        Some(true) if !wants_block => {
            against.push("it is a capacity block: say `market = \"capacity-block\"`".to_owned());
        }
        Some(false) if wants_block => {
            against.push(format!("it is no capacity block: say `market = {{ reservation = \"{id}\" }}`"));
        }
        Some(_) | None => {}
    }
    if reservation.zone != place.zone && !zone_is_told {
        against.push(format!("it is in {}, and the cluster in {}", reservation.zone, place.zone));
    }
    against
}

/// The spec puts the nodes into a placement group of ours. Left to itself it does not, where capacity is reserved: an
/// instance in a cluster placement group finds none of what was reserved outside of it (EC2 User Guide, "Use Capacity
/// Reservations with placement groups"), and in a Capacity Block instances are close together anyway ("Work with Capacity
/// Blocks").
fn misplaced(id: &str, reservation: &Reservation, group: &Nodes, cluster: &ClusterId) -> Option<Finding> {
    let ours = cluster.name(&Address::named(Kind::Placement, &group.name)).unwrap_or_default();
    // arn:aws:ec2:us-east-1:123456789012:placement-group/NAME
    let theirs = reservation.placement_group.as_ref();
    let theirs = theirs.map(|arn| arn.split_once(":placement-group/").map_or(arn.as_str(), |(_, name)| name));
    let made = match theirs {
        Some(theirs) if theirs == ours => return None,
        Some(theirs) => format!("{id} was made in the placement group `{theirs}`"),
        None => format!("{id} was made outside of any placement group"),
    };
    Some(
        error("reservation::placement", "the nodes would find none of the reserved capacity")
            .about(&Address::named(Kind::Nodes, &group.name))
            .why(format!("{made}, and `placement = \"cluster\"` launches nodes.{} in `{ours}`", group.name))
            .why(
                "EC2 launches into a reservation only where both are in the same placement group, or in none"
                    .to_owned(),
            )
            .how(format!("leave `placement` of nodes.{} out", group.name)),
    )
}

/// Capacity of the account that the nodes would not use, for the placement group that they are in: it is paid for all the same.
pub(super) fn unused(spec: &Spec, survey: &Survey) -> Vec<Finding> {
    let on_demand = spec.nodes.iter().filter(|group| group.market == Market::OnDemand);
    let of = |group: &Nodes| {
        let fits = |each: &Reservation| each.instance == group.instance && each.placement_group.is_none();
        let held: Vec<String> = survey
            .open_reservations
            .iter()
            .filter(|(_, each)| fits(each))
            .map(|(id, each)| format!("{id} holds {} × {} in {}", each.free, each.instance, each.zone))
            .collect();
        let (id, _) = survey.open_reservations.iter().find(|(_, each)| fits(each))?;
        let mut finding = note("reservation::unused", "the nodes would not use capacity that the account has reserved")
            .about(&Address::named(Kind::Nodes, &group.name))
            .how(format!(
                "name it: `market = {{ reservation = \"{id}\" }}`, with which the cluster lives in its zone; or say `placement = \"none\"`"
            ));
        finding.notes = held;
        let why = format!("nodes.{} are launched in a placement group, and it was made outside of one", group.name);
        Some(finding.why(why))
    };
    on_demand.filter(|group| group.placement == Placement::Cluster).filter_map(of).collect()
}
