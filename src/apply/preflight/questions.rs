//! Which questions are open: only about what is not settled and not there already.

use super::quotas;
use crate::cloud::{Questions, SpotWish};
use crate::desired::{Address, Kind, Pins, image_key, link};
use crate::observed::Observed;
use crate::spec::{Flow, Image, Market, Nodes, Spec};

pub(in crate::apply) fn questions(spec: &Spec, pins: &Pins, observed: &Observed) -> Questions {
    let mut questions = Questions::default();
    let growing: Vec<&Nodes> = spec.nodes.iter().filter(|group| grows(group, observed)).collect();
    if pins.place.is_none() || !growing.is_empty() || observed.file_system().is_none() {
        questions.subnets = Some(match &pins.place {
            Some(place) => vec![place.subnet.clone()],
            None => spec.network.subnets.clone(),
        });
        if let (Some(subnets), Some(existing)) = (&mut questions.subnets, &observed.existing) {
            // Where it is, and the first choice where the spec names none.
            if !subnets.contains(&existing.subnet) {
                subnets.push(existing.subnet.clone());
            }
            questions.servers.extend(existing.interfaces.iter().cloned());
        }
        questions.instance_types = spec.nodes.iter().flat_map(Nodes::types).map(str::to_owned).collect();
    }
    for group in &spec.nodes {
        match &group.image {
            // Also where it is settled: it may name a newer image by now.
            Image::Parameter(name) => {
                questions.image_parameters.insert(name.clone());
            }
            Image::Id(id) => {
                if !pins.images.contains_key(&image_key(&group.image)) {
                    questions.images.insert(id.clone());
                }
            }
        }
    }
    for dataset in &spec.datasets {
        if observed.find(&link(dataset).0).is_none() {
            questions.buckets.insert(dataset.bucket.clone());
            if dataset.export.contains(&Flow::Deleted) {
                questions.versioned.insert(dataset.bucket.clone());
            }
        }
    }
    if observed.file_system().is_none() {
        questions.security_group.clone_from(&spec.network.security_group);
        questions.instance_profile.clone_from(&spec.cluster.instance_profile);
        questions.kms_key.clone_from(&spec.storage.kms_key);
    }
    if pins.place.is_none() && observed.existing.is_none() && spec.network.subnets.len() != 1 {
        in_favour(spec, &mut questions);
    }
    for group in &spec.nodes {
        match &group.market {
            // Also of a group that is complete: when its nodes end is worth a look.
            Market::CapacityBlock(id) => {
                questions.reservations.insert(id.clone());
            }
            Market::Reservation(id) if grows(group, observed) => {
                questions.reservations.insert(id.clone());
            }
            Market::Reservation(_) | Market::OnDemand | Market::Spot => {}
        }
    }
    quotas::ask(spec, &growing, observed, &mut questions);
    questions
}

/// Nodes of it are missing.
fn grows(group: &Nodes, observed: &Observed) -> bool {
    let address = Address::named(Kind::Nodes, &group.name);
    observed.nodes_of(&address).count() < group.count as usize
}

/// What may speak for one of several zones.
fn in_favour(spec: &Spec, questions: &mut Questions) {
    for group in &spec.nodes {
        let types = group.types().map(str::to_owned);
        match group.market {
            Market::OnDemand => questions.open_reservations.extend(types),
            Market::Spot => {
                let wish = SpotWish { types: types.collect(), count: group.count };
                questions.spot_scores.insert(group.name.clone(), wish);
            }
            Market::CapacityBlock(_) | Market::Reservation(_) => {}
        }
    }
}
