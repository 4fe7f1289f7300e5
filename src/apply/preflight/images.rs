//! Images: whether a newer one is there, and whether FSx has a Lustre client for the system on it.

use super::findings::{error, note};
use crate::catalog::clients;
use crate::cloud::Survey;
use crate::desired::{Address, Kind, Pins, image_key};
use crate::diagnostic::Severity;
use crate::plan::Finding;
use crate::spec::{Image, Service, Spec};

/// What is to be said of each group's image. An image that nobody was asked about is not spoken of.
pub(in crate::apply) fn images(spec: &Spec, survey: &Survey, pins: &Pins) -> Vec<Finding> {
    let mut findings = Vec::new();
    for group in &spec.nodes {
        let (asked, written) = match &group.image {
            Image::Parameter(name) => (name, format!("ssm:{name}")),
            Image::Id(id) => (id, id.clone()),
        };
        let Some(facts) = survey.images.get(asked) else { continue };
        let address = Address::named(Kind::Nodes, &group.name);
        let pinned = pins.images.get(&image_key(&group.image));
        if let Some(pinned) = pinned.filter(|pinned| pinned.id != facts.id) {
            let mut finding = note("nodes::newer-image", "a newer image is there");
            finding.notes.push(format!(
                "{written} names {} by now ({}); {address} stays with {}",
                facts.id, facts.name, pinned.id
            ));
            finding.address = Some(address);
            finding.help = Some("`provision plan --refresh-images` shows what taking it means".to_owned());
            findings.push(finding);
            // What is not taken need not be fit.
            continue;
        }
        if let Service::Efs(_) = spec.storage.service {
            findings.extend(without_efs_client(&address, &facts.name));
            continue;
        }
        if let Some(client) = clients::of(&facts.name).filter(|client| !client.supported) {
            let mut finding = error("nodes::client", "the image has a system that nodes cannot mount with");
            finding.address = Some(address);
            finding.notes.push(format!("{} ({}) is {}: {}", facts.id, facts.name, client.system, client.why));
            finding.help =
                Some("take Amazon Linux 2023, Ubuntu 22.04 or 24.04, RHEL or Rocky 9, or a DLAMI of these".to_owned());
            findings.push(finding);
        }
    }
    findings
}

/// The EFS client is a package of Amazon Linux 2023; on other systems it has to be in the image, and no name tells whether it is.
fn without_efs_client(address: &Address, image: &str) -> Option<Finding> {
    const HAS_PACKAGE: &str = "Amazon Linux 2023";
    let system = clients::of(image).map(|client| client.system).filter(|system| *system != HAS_PACKAGE)?;
    let mut finding = error("nodes::client", "the image may lack the EFS client");
    finding.severity = Severity::Warning;
    finding.address = Some(address.clone());
    finding.notes.push(format!("{image} is {system}, which has no package of it; a node without it fails at its boot"));
    finding.help = Some(format!("take {HAS_PACKAGE}, or an image that has amazon-efs-utils in it"));
    Some(finding)
}
