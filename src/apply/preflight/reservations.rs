//! Capacity that was reserved: is it there, of the right kind, where the cluster is, and enough?

use super::findings::{Subject, error, note};
use crate::cloud::Survey;
use crate::desired::{Address, Kind, Place};
use crate::observed::{Node, Observed};
use crate::plan::{Finding, Op, Plan};
use crate::spec::{Market, Nodes, Spec};

/// An instance of a capacity block is ended so many minutes before the block ends (EC2 User Guide, "Capacity Blocks for ML").
const ENDED_BEFORE_MIN: u32 = 30;

pub(super) fn findings(spec: &Spec, survey: &Survey, observed: &Observed, place: &Place, plan: &Plan) -> Vec<Finding> {
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
        let mut against = Vec::new();
        for group in groups.iter().filter(|group| group.instance != reservation.instance) {
            against
                .push(format!("it is for {}, and nodes.{} are {}", reservation.instance, group.name, group.instance));
        }
        let wants_block = matches!(first.market, Market::CapacityBlock(_));
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
        if reservation.state == "active" {
            let wanted: u32 = plan
                .steps
                .iter()
                .map(|step| match step.op {
                    Op::Create { count, least, .. } if groups.iter().any(|group| is_of(&step.address, group)) => {
                        least.unwrap_or(count)
                    }
                    _ => 0,
                })
                .sum();
            if reservation.free < wanted {
                against.push(format!("it has room for {}, and {wanted} are to be launched", reservation.free));
            }
        } else {
            let starts = reservation.starts.map(|at| format!(", and starts at {at}")).unwrap_or_default();
            against.push(format!("it is {}{starts}", reservation.state));
        }
        if !against.is_empty() {
            let mut finding =
                error("reservation::unusable", "the capacity reservation cannot hold the nodes").about(&address);
            finding.notes = against.into_iter().map(|why| format!("{id}: {why}")).collect();
            findings.push(finding.how(match reservation.state.as_str() {
                "scheduled" | "pending" | "assessing" | "delayed" | "payment-pending" => {
                    "run `provision up` once it is active"
                }
                _ => "take another reservation, another number of nodes, or subnets in its zone",
            }));
        } else if let Some(ends) = reservation.ends.filter(|_| wants_block) {
            let text = format!("{id} ends at {ends}; EC2 ends its instances from {ENDED_BEFORE_MIN} minutes before on");
            findings
                .push(note("reservation::ends", "the nodes end with their capacity block").about(&address).why(text));
        }
    }
    findings
}

fn is_of(address: &Address, group: &Nodes) -> bool {
    address.kind == Kind::Nodes && address.name == group.name
}
