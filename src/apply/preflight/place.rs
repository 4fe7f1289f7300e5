//! Where the cluster lives and from which images: settled once, and kept in the record.

use super::findings::{Subject as _, error, note};
use crate::catalog::instances::{self, Architecture};
use crate::cloud::{Questions, Subnet, Survey};
use crate::desired::{self, Choice, Pins, Place, RuledOut, addresses_needed, candidates, image_key};
use crate::diagnostic::Diagnostic;
use crate::observed::{Existing, Observed};
use crate::plan::Finding;
use crate::spec::{Image, Spec};

/// What was looked at.
#[derive(Debug, Clone, Copy)]
pub(in crate::apply) struct Asked<'a> {
    pub questions: &'a Questions,
    pub survey: &'a Survey,
    pub observed: &'a Observed,
}

/// Fixes what is fixed once: the place and the images. Complaints are about what cannot be settled. `before`: where an
/// earlier run was about to make a cluster that is not in any zone yet.
pub(in crate::apply) fn settle(
    spec: &Spec,
    asked: &Asked<'_>,
    refresh_images: bool,
    before: Option<&Place>,
    pins: &mut Pins,
) -> Vec<Diagnostic> {
    let Asked { questions, survey, observed } = *asked;
    let mut complaints = Vec::new();
    // A subnet that was shared with us need not be ours to see: it matters only where the nodes are to be in it.
    let elsewhere = |id: &String| {
        !spec.network.subnets.is_empty() && observed.existing.as_ref().is_some_and(|existing| existing.subnet == *id)
    };
    let seen = |id: &String| survey.subnets.iter().any(|subnet| subnet.id == *id);
    for id in questions.subnets.iter().flatten().filter(|id| !seen(id) && !elsewhere(id)) {
        complaints.push(
            Diagnostic::error("place::subnet", "there is no such subnet in this region")
                .note(format!("`{id}` was not found")),
        );
    }
    if pins.place.is_none() && complaints.is_empty() {
        match choose(spec, survey, observed.existing.as_ref(), before) {
            Ok((place, choice)) => {
                (pins.place, pins.choice) = (Some(place), Some(choice));
                pins.existing.clone_from(&spec.storage.existing);
            }
            Err(complaint) => complaints.push(complaint),
        }
    }
    for group in &spec.nodes {
        let key = image_key(&group.image);
        let asked = match &group.image {
            Image::Parameter(name) => name,
            Image::Id(id) => id,
        };
        let is_pinned = pins.images.contains_key(&key);
        if let (true, true, Some(facts)) = (is_pinned, refresh_images, survey.images.get(asked)) {
            pins.images.insert(key.clone(), facts.into());
        }
        if !is_pinned {
            match survey.images.get(asked) {
                Some(facts) => {
                    pins.images.insert(key.clone(), facts.into());
                }
                None => complaints.push(
                    Diagnostic::error("nodes::image", "there is no such image in this region")
                        .note(format!("`{asked}`, the image of nodes.{}, was not found", group.name))
                        .help("name an SSM parameter (`ssm:/aws/service/…`) or an image (`ami-…`) of this region"),
                ),
            }
        }
        let wanted = instances::get(&group.instance).map(|facts| facts.architecture);
        if let (Some(image), Some(architecture)) = (pins.images.get(&key), wanted) {
            let fits = match architecture {
                Architecture::X86_64 => image.architecture == "x86_64",
                Architecture::Arm64 => image.architecture == "arm64",
                Architecture::Mac => false,
            };
            if !fits {
                complaints.push(Diagnostic::error("nodes::architecture", "image and instance type do not fit").note(
                    format!(
                        "{} of nodes.{} is built for {}, and {} is another architecture",
                        image.id, group.name, image.architecture, group.instance
                    ),
                ));
            }
        }
    }
    complaints
}

/// Near a file system that exists: in its VPC, and in its zone where that can hold the nodes.
fn choose(
    spec: &Spec,
    survey: &Survey,
    existing: Option<&Existing>,
    before: Option<&Place>,
) -> Result<(Place, Choice), Diagnostic> {
    let Some(existing) = existing else { return desired::choose(spec, survey, before) };
    let named = &spec.network.subnets;
    let zone = survey.subnets.iter().find(|subnet| subnet.id == existing.subnet).map(|subnet| &subnet.zone);
    let among = |fits: &dyn Fn(&Subnet) -> bool| {
        let all = survey.subnets.iter().filter(|subnet| named.is_empty() || named.contains(&subnet.id));
        let subnets = all.filter(|subnet| subnet.vpc == existing.vpc && fits(subnet)).cloned().collect();
        Survey { subnets, ..survey.clone() }
    };
    let everywhere = among(&|_| true);
    if everywhere.subnets.is_empty() {
        return Err(Diagnostic::error("place::vpc", "nodes and file system would be in different VPCs")
            .note(format!("{} is in {}, and none of the subnets under `[network]` is", existing.id, existing.vpc))
            .help(format!("name subnets of {}, or none: then its own is taken, {}", existing.vpc, existing.subnet)));
    }
    let (place, mut choice) = desired::choose(spec, &among(&|subnet| Some(&subnet.zone) == zone), before)
        .or_else(|_| desired::choose(spec, &everywhere, before))?;
    if zone == Some(&place.zone) {
        choice.reasons.insert(0, format!("{} is there", existing.id));
    }
    Ok((place, choice))
}

/// Which zone it is to be, why, and what became of the others. Only of a choice that this plan is about.
pub(in crate::apply) fn chosen(place: &Place, choice: &Choice) -> Finding {
    let Choice { reasons, others, ruled_out } = choice;
    let mut finding = note("place::chosen", &format!("the cluster is to live in {} ({})", place.zone, place.subnet));
    for reason in reasons {
        finding = finding.why(reason.clone());
    }
    if !others.is_empty() {
        let others: Vec<String> = others.iter().map(|each| format!("{} ({})", each.zone, each.subnet)).collect();
        finding = finding.why(format!("possible as well: {}", others.join(", ")));
    }
    for RuledOut { place, against } in ruled_out {
        finding = finding.why(format!("{} ({}) is ruled out: {}", place.zone, place.subnet, against.join("; ")));
    }
    finding
}

/// Whether what is missing still fits where the cluster is.
pub(super) fn findings(spec: &Spec, survey: &Survey, observed: &Observed, place: &Place) -> Vec<Finding> {
    let mut findings = Vec::new();
    let here: Vec<_> = survey.subnets.iter().filter(|subnet| subnet.id == place.subnet).cloned().collect();
    let nodes: u32 = observed.nodes.iter().filter(|node| node.exists()).count().try_into().unwrap_or(u32::MAX);
    if nodes > 0 || observed.file_system().is_some() {
        let storage = if observed.file_system().is_some() {
            addresses_needed(spec).saturating_sub(spec.nodes.iter().map(|group| group.count).sum())
        } else {
            0
        };
        let more = addresses_needed(spec).saturating_sub(nodes).saturating_sub(storage);
        let only_here = Survey { subnets: here, ..survey.clone() };
        for candidate in
            candidates(spec, &only_here, more).into_iter().filter(|candidate| !candidate.against.is_empty())
        {
            let mut finding = error("place::zone", "the zone of the cluster cannot hold what is missing");
            finding.notes = candidate
                .against
                .iter()
                .map(|why| format!("{} ({}): {why}", candidate.subnet.zone, candidate.subnet.id))
                .collect();
            findings.push(finding);
        }
    }
    findings
}
