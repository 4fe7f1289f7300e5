//! What has to be known before a plan: which questions are open, what is settled once and for all, and what speaks against
//! the plan. Pure: `prepare` asks.

use std::collections::BTreeSet;

use crate::catalog::instances::{self, Architecture};
use crate::cloud::{Bucket, Questions, Survey};
use crate::desired::{self, Address, Kind, Pins, Place, addresses_needed, candidates, image_key, link};
use crate::diagnostic::{Diagnostic, Severity};
use crate::observed::Observed;
use crate::plan::{self, Finding, Plan};
use crate::spec::{Dataset, Image, NodeEfa, Nodes, Spec};

/// Only what is not settled and not there already.
pub(super) fn questions(spec: &Spec, pins: &Pins, observed: &Observed) -> Questions {
    let mut questions = Questions::default();
    let grows = spec.nodes.iter().any(|group| {
        let address = Address::named(Kind::Nodes, &group.name);
        observed.nodes_of(&address).count() < group.count as usize
    });
    if pins.place.is_none() || grows || observed.file_system().is_none() {
        questions.subnets = Some(match &pins.place {
            Some(place) => vec![place.subnet.clone()],
            None => spec.network.subnets.clone(),
        });
        questions.instance_types = spec.nodes.iter().map(|group| group.instance.clone()).collect();
    }
    for group in spec.nodes.iter().filter(|group| !pins.images.contains_key(&image_key(&group.image))) {
        match &group.image {
            Image::Parameter(name) => questions.image_parameters.insert(name.clone()),
            Image::Id(id) => questions.images.insert(id.clone()),
        };
    }
    for dataset in &spec.datasets {
        if observed.find(&link(dataset).0).is_none() {
            questions.buckets.insert(dataset.bucket.clone());
        }
    }
    if observed.file_system().is_none() {
        questions.security_group.clone_from(&spec.network.security_group);
        questions.instance_profile.clone_from(&spec.cluster.instance_profile);
    }
    questions
}

/// Fixes what is fixed once: the place and the images. Complaints are about what cannot be settled.
pub(super) fn settle(spec: &Spec, questions: &Questions, survey: &Survey, pins: &mut Pins) -> Vec<Diagnostic> {
    let mut complaints = Vec::new();
    for id in questions.subnets.iter().flatten().filter(|id| !survey.subnets.iter().any(|subnet| subnet.id == **id)) {
        complaints.push(
            Diagnostic::error("place::subnet", "there is no such subnet in this region")
                .note(format!("`{id}` was not found")),
        );
    }
    if pins.place.is_none() && complaints.is_empty() {
        match desired::choose(spec, survey) {
            Ok(place) => pins.place = Some(place),
            Err(complaint) => complaints.push(complaint),
        }
    }
    for group in &spec.nodes {
        let key = image_key(&group.image);
        let asked = match &group.image {
            Image::Parameter(name) => name,
            Image::Id(id) => id,
        };
        if !pins.images.contains_key(&key) {
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

/// What the survey says against the plan. Everything at once, each with what to do.
pub(super) fn findings(spec: &Spec, survey: &Survey, observed: &Observed, place: &Place, plan: &Plan) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut told = BTreeSet::new();
    for dataset in &spec.datasets {
        let finding =
            survey.buckets.get(&dataset.bucket).and_then(|bucket| bucket_finding(dataset, bucket, &plan.region));
        // One bucket of several datasets is one problem.
        findings.extend(finding.filter(|_| told.insert(&dataset.bucket)));
    }
    findings.extend(no_public_address(spec, plan));
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
    if let (Some(group), Some(facts)) = (&spec.network.security_group, &survey.security_group) {
        let enough = if spec.storage.efa { facts.all_in && facts.all_out } else { facts.lustre_in || facts.all_in };
        if facts.vpc != place.vpc {
            findings.push(noted(
                "network::security-group",
                "the security group is in another VPC",
                format!("{group} is in {}, the cluster in {}", facts.vpc, place.vpc),
            ));
        } else if !enough {
            let needed = if spec.storage.efa { "all traffic in and out" } else { "TCP 988 and 1018-1023 in" };
            findings.push(noted(
                "network::security-group",
                "the security group does not let Lustre through",
                format!("{group} needs a rule: {needed}, from and to itself"),
            ));
        }
    } else if let Some(group) = spec.network.security_group.as_ref().filter(|_| observed.file_system().is_none()) {
        findings.push(noted(
            "network::security-group",
            "there is no such security group in this region",
            format!("`{group}` was not found"),
        ));
    }
    if let Some(profile) =
        spec.cluster.instance_profile.as_ref().filter(|_| observed.file_system().is_none() && !survey.instance_profile)
    {
        findings.push(noted(
            "cluster::instance-profile",
            "there is no such instance profile",
            format!("`{profile}` was not found"),
        ));
    }
    findings
}

/// What a plan from the spec alone leaves open.
pub(super) fn not_compared(spec: &Spec, region: Option<&str>) -> Finding {
    let mut finding = noted(
        "plan::offline",
        "this plan was made from the spec alone",
        "what exists was not looked at: to create may be to change, to replace or nothing at all, and what is dangerous about it is \
         not known"
            .to_owned(),
    );
    finding.severity = Severity::Note;
    let images: BTreeSet<String> = spec.nodes.iter().map(|group| format!("`{}`", image_key(&group.image))).collect();
    let images: Vec<String> = images.into_iter().collect();
    finding.notes.push(format!(
        "not known: the availability zone and the subnet; whether there is an image {}",
        images.join(", ")
    ));
    if region.is_none() {
        finding.notes.push("not known: the region, and with it every price; the spec does not name one".to_owned());
    }
    finding
        .notes
        .push("not looked at: credentials and permissions, quotas, capacity, free addresses, buckets".to_owned());
    finding.help = Some(
        "`provision plan` without `--offline` compares; only such a plan can be applied with `up --plan`".to_owned(),
    );
    finding
}

/// EC2 gives no public address to an instance with several interfaces (EC2 User Guide, "EFA and network cards"; API,
/// RunInstances), and the default subnets have no other way out.
pub(super) fn no_public_address(spec: &Spec, plan: &Plan) -> Option<Finding> {
    let launches = |group: &&Nodes| {
        let address = Address::named(Kind::Nodes, &group.name);
        plan.steps.iter().any(|step| step.address == address && matches!(step.op, plan::Op::Create { .. }))
    };
    let several = |group: &&Nodes| {
        group.efa == NodeEfa::On && instances::get(&group.instance).is_some_and(|facts| facts.network_cards > 1)
    };
    let groups: Vec<String> =
        spec.nodes.iter().filter(launches).filter(several).map(|group| format!("nodes.{}", group.name)).collect();
    if groups.is_empty() || !spec.network.subnets.is_empty() {
        return None;
    }
    let note = format!(
        "{} have several network interfaces, to which EC2 gives none; in a default subnet they then reach neither packages nor AWS",
        groups.join(", ")
    );
    let mut finding = noted("network::no-address", "nodes get no public address", note);
    finding.severity = Severity::Warning;
    finding.help = Some("name private subnets with a NAT gateway: `[network] subnets = [\"subnet-…\"]`".to_owned());
    Some(finding)
}

fn bucket_finding(dataset: &Dataset, bucket: &Bucket, region: &str) -> Option<Finding> {
    let name = &dataset.bucket;
    let mut finding = match bucket {
        Bucket::Missing => {
            let mut finding = noted("dataset::bucket", "there is no such bucket", format!("`{name}` was not found"));
            finding.help = Some(format!("check the name, or make it: `aws s3 mb s3://{name} --region {region}`"));
            finding
        }
        Bucket::InRegion(there) if there != region && !dataset.import.is_empty() => {
            let mut finding = noted(
                "dataset::region",
                "automatic import needs the bucket in the cluster's region",
                format!("`{name}` is in {there}, the cluster in {region}"),
            );
            finding.help =
                Some("say `import = []` for this dataset, or take a bucket or a cluster in the same region".to_owned());
            finding
        }
        Bucket::InRegion(_) => return None,
        Bucket::Denied { region: _ } => {
            let mut finding = noted(
                "dataset::denied",
                "the bucket cannot be seen with these credentials",
                format!("s3:ListBucket on `{name}` is refused"),
            );
            finding.severity = Severity::Warning;
            finding.help = Some("FSx checks s3:Get*, s3:List* and s3:PutObject of whoever links a bucket".to_owned());
            finding
        }
    };
    finding.address = Some(link(dataset).0);
    Some(finding)
}

fn noted(code: &'static str, title: &str, note: String) -> Finding {
    let mut finding = error(code, title);
    finding.notes.push(note);
    finding
}

fn error(code: &'static str, title: &str) -> Finding {
    Finding { severity: Severity::Error, code, address: None, title: title.to_owned(), notes: Vec::new(), help: None }
}
