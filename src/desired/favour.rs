//! What is known in favour of a zone, beside that nothing speaks against it: capacity that the account holds there, and how
//! likely spot instances are to be had.

use super::place::offered;
use crate::cloud::{Reservation, Subnet, Survey};
use crate::spec::{Market, Nodes, Placement, Spec};

/// The highest of EC2's spot placement scores (EC2 API Reference, GetSpotPlacementScores).
const BEST_SCORE: u32 = 10;

/// For each group of the spec, in its order, how much speaks for the zone; more is better. Of one group only zones are
/// compared, so it does not matter that nodes and scores are not of one kind.
pub(super) fn favour(spec: &Spec, survey: &Survey, subnet: &Subnet) -> Vec<u32> {
    let of = |group: &Nodes| match group.market {
        Market::OnDemand => {
            let free: u32 = held(group, survey, subnet).map(|(_, each)| each.free).sum();
            free.min(group.count)
        }
        Market::Spot => score(group, survey, subnet).unwrap_or(0),
        // They name their zone: every other one is ruled out.
        Market::CapacityBlock(_) | Market::Reservation(_) => 0,
    };
    spec.nodes.iter().map(of).collect()
}

/// What of it is worth a line about the zone that was chosen. `others`: those that it was chosen before.
pub(super) fn reasons(spec: &Spec, survey: &Survey, subnet: &Subnet, others: &[&Subnet]) -> Vec<String> {
    spec.nodes.iter().filter_map(|group| reason(group, survey, subnet, others)).collect()
}

fn reason(group: &Nodes, survey: &Survey, subnet: &Subnet, others: &[&Subnet]) -> Option<String> {
    match group.market {
        Market::OnDemand => {
            let (ids, free): (Vec<&str>, Vec<u32>) =
                held(group, survey, subnet).map(|(id, each)| (id.as_str(), each.free)).unzip();
            let free: u32 = free.iter().sum::<u32>().min(group.count);
            (free > 0).then(|| {
                format!("open reservations hold room for {free} of nodes.{} there ({})", group.name, ids.join(", "))
            })
        }
        Market::Spot => {
            let wanted = format!("{} × {}", group.count, group.types().collect::<Vec<_>>().join(" or "));
            let told = |subnet: &Subnet| match score(group, survey, subnet) {
                Some(score) => format!("{}: {score}", subnet.zone),
                None => format!("{}: none", subnet.zone),
            };
            let elsewhere: Vec<String> = others.iter().map(|each| told(each)).collect();
            let elsewhere = if elsewhere.is_empty() { String::new() } else { format!(" ({})", elsewhere.join(", ")) };
            match (score(group, survey, subnet), others) {
                (Some(score), _) => {
                    Some(format!("spot placement score {score} of {BEST_SCORE} for {wanted}{elsewhere}"))
                }
                // With nothing to choose from nobody asked.
                (None, []) => None,
                (None, _) if survey.spot_scores.contains_key(&group.name) => {
                    Some(format!("EC2 tells no spot placement score for {wanted} there{elsewhere}"))
                }
                (None, _) => Some(format!("without spot placement scores for {wanted}: they could not be had")),
            }
        }
        Market::CapacityBlock(_) | Market::Reservation(_) => None,
    }
}

/// Reservations that launches of the group fall into by themselves. One that was made outside of a placement group takes no
/// instance that is launched in one, and that of another group neither (EC2 User Guide, "Use Capacity Reservations with
/// placement groups").
fn held<'a>(
    group: &'a Nodes,
    survey: &'a Survey,
    subnet: &'a Subnet,
) -> impl Iterator<Item = (&'a String, &'a Reservation)> {
    let first = offered(group, &survey.offerings, &subnet.zone).next();
    let taken = first.and_then(|first| group.only(|each| each == first));
    survey.open_reservations.iter().filter(move |(_, each)| {
        let fits = |taken: &Nodes| each.instance == taken.instance && taken.placement == Placement::None;
        each.zone == subnet.zone && each.placement_group.is_none() && taken.as_ref().is_some_and(fits)
    })
}

fn score(group: &Nodes, survey: &Survey, subnet: &Subnet) -> Option<u32> {
    survey.spot_scores.get(&group.name)?.get(&subnet.zone_id).copied()
}

#[cfg(test)]
mod tests;
