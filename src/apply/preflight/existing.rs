//! A file system that exists and is not ours: can it be linked and mounted as the spec wants? All of it is found out before
//! the first change, since nothing can be mended there by us.
//!
//! What can be linked: FSx for Lustre User Guide, "Overview of data repositories", "Linking your file system to an Amazon S3
//! bucket", and the API's CreateDataRepositoryAssociation. Who must be let in: User Guide, "File system access control with
//! Amazon VPC". As of November 2026.

use std::collections::BTreeMap;

use super::findings::{Subject, error, note};
use crate::bootstrap::SHARED_PATH;
use crate::catalog::fsx::{LINKS_MAX, LUSTRE_PORTS};
use crate::cloud::{LetIn, ServerGroup, Survey};
use crate::desired::{Address, Kind, Link, Pins, Place, link, storage_kind};
use crate::diagnostic::{Diagnostic, Severity};
use crate::observed::{Existing, Observed, OtherLink, Seen, State};
use crate::plan::Finding;
use crate::spec::{NodeEfa, Spec};

fn about(code: &'static str, title: &str) -> Finding {
    error(code, title).about(&Address::one(Kind::Fsx))
}

fn warning(code: &'static str, title: &str) -> Finding {
    Finding { severity: Severity::Warning, ..about(code, title) }
}

/// Nor does it move to another service: what is on its file system would have nowhere to go.
fn another_kind(spec: &Spec, observed: &Observed) -> Option<Diagnostic> {
    let own = observed.file_system()?;
    let (is, wanted) = (own.address.kind, storage_kind(spec.storage.service));
    (is != wanted).then(|| {
        Diagnostic::error("storage::kind", "a cluster cannot move to another kind of storage")
            .note(format!("the cluster has an {}, {}", is.noun(), own.id))
            .note(format!("the spec wants an {}", wanted.noun()))
            .help("undo the change; or `provision down`, which says what would be lost, and then `provision up`")
    })
}

/// A cluster keeps its file system for life: nothing would tell what is to become of the links on the other one.
pub(in crate::apply) fn another(spec: &Spec, pins: &Pins, observed: &Observed) -> Option<Diagnostic> {
    let wanted = spec.storage.existing.as_deref();
    let own = observed.file_system().map(|seen| seen.id.as_str());
    let linked = |seen: &Seen| seen.address.kind == Kind::Link && seen.file_system.as_deref() != own;
    let linked = observed.resources.iter().filter(|seen| linked(seen)).find_map(|seen| seen.file_system.as_deref());
    let is = match (&pins.place, linked) {
        (Some(_), _) => pins.existing.as_deref().map_or(own.map_or(Has::Own(""), Has::Own), Has::Existing),
        (None, Some(linked)) => Has::Existing(linked),
        (None, None) => Has::Own(own?),
    };
    let same = match is {
        Has::Own(_) => wanted.is_none(),
        Has::Existing(id) => wanted == Some(id),
    };
    if same {
        return another_kind(spec, observed);
    }
    let is = match is {
        Has::Own(id) => format!("the cluster has a file system of its own {id}"),
        Has::Existing(id) => format!("the cluster is linked to {id}, which exists and is not ours"),
    };
    let wants = match wanted {
        Some(id) => format!("the spec says `existing = \"{id}\"`"),
        None => "the spec wants one of its own".to_owned(),
    };
    Some(
        Diagnostic::error("storage::existing", "a cluster cannot move to another file system")
            .note(is.trim_end().to_owned())
            .note(wants)
            .help("undo the change; or `provision down`, which exports what is not in S3, and then `provision up`"),
    )
}

/// What the cluster stands on.
enum Has<'a> {
    /// Its id, where it is known.
    Own(&'a str),
    Existing(&'a str),
}

/// Why it cannot be used at all: without it there is not even a place to plan for.
pub(in crate::apply) fn unusable(spec: &Spec, observed: &Observed, region: &str, account: &str) -> Option<Finding> {
    const CODE: &str = "storage::existing";
    let id = spec.storage.existing.as_ref()?;
    let look = format!("look at it: `aws fsx describe-file-systems --file-system-ids {id} --region {region}`");
    let Some(existing) = &observed.existing else {
        return Some(
            about(CODE, "there is no such file system in this region and account")
                .why(format!("{id} was not found in {region} of the account {account}"))
                .how(
                    "check the id, the region and the credentials: `aws fsx describe-file-systems` lists what there is",
                ),
        );
    };
    let Existing { service, state, lifecycle, endpoint, .. } = existing;
    if service != "LUSTRE" {
        return Some(
            about(CODE, "the file system is not FSx for Lustre")
                .why(format!("{id} is {service}"))
                .how("name a file system of FSx for Lustre, or remove `existing` to have one made"),
        );
    }
    match state {
        State::Ready | State::Updating if endpoint.is_some() => None,
        State::Ready | State::Updating => {
            Some(about(CODE, "the file system has no address to mount").why(format!("{id} is {lifecycle}")).how(look))
        }
        State::Creating => Some(
            about(CODE, "the file system is still being made")
                .why(format!("{id} is {lifecycle}"))
                .how("run this again once it is AVAILABLE"),
        ),
        State::Misconfigured | State::Failed | State::Deleting => {
            Some(about(CODE, "the file system cannot be used as it is").why(format!("{id} is {lifecycle}")).how(look))
        }
    }
}

/// What speaks against the links and the nodes of a plan.
pub(super) fn findings(spec: &Spec, survey: &Survey, observed: &Observed, place: &Place, region: &str) -> Vec<Finding> {
    let (Some(_), Some(existing)) = (&spec.storage.existing, &observed.existing) else { return Vec::new() };
    let mut findings = Vec::new();
    if !spec.datasets.is_empty() {
        findings.extend(no_links(existing));
        findings.extend(beside_others(spec, existing, observed));
    }
    findings.extend(efa(spec, existing));
    findings.extend(shared_folder(existing));
    findings.extend(zone(survey, existing, place));
    findings.extend(let_in(spec, survey, existing, observed, region));
    findings
}

/// What FSx refuses to link whatever the link.
fn no_links(existing: &Existing) -> Option<Finding> {
    let Existing { id, version, backup_days, legacy_link, .. } = existing;
    let finding = |why: String| about("storage::existing-links", "the file system cannot be linked to S3").why(why);
    let (deployment, media) = (existing.field("deployment"), existing.field("media"));
    if deployment.eq_ignore_ascii_case("scratch_1") {
        let why = format!("{id} is SCRATCH_1, and FSx links scratch-2, persistent-1 and persistent-2 alone");
        Some(finding(why).how("remove the datasets, or take another file system"))
    } else if media == "intelligent-tiering" {
        Some(finding(format!("{id} is on intelligent-tiering, which has no links")).how("remove the datasets"))
    } else if version.starts_with("2.10") {
        let why = format!("{id} is of Lustre {version}, and FSx links 2.12 and 2.15");
        Some(finding(why).how("its owner can upgrade it, or take another file system"))
    } else if *backup_days > 0 {
        let why = format!("{id} is backed up automatically, and FSx links no such file system");
        Some(finding(why).how(format!(
            "its owner can turn that off: `aws fsx update-file-system --file-system-id {id} --lustre-configuration \
             AutomaticBackupRetentionDays=0`"
        )))
    } else if let Some(path) = legacy_link {
        let why = format!("{id} was made with a link of the older kind to {path}, and has no other beside it");
        Some(finding(why).how("remove the datasets, or take another file system"))
    } else {
        None
    }
}

/// FSx lets no two links of a file system overlap, on either side.
fn beside_others(spec: &Spec, existing: &Existing, observed: &Observed) -> Vec<Finding> {
    let mut findings = Vec::new();
    let wanted: Vec<(Address, Link)> = spec.datasets.iter().map(link).collect();
    for (address, link) in &wanted {
        let against: Vec<String> = existing
            .links
            .iter()
            .filter(|other| both_ways(&other.path, &link.path) || both_ways(&other.s3, &link.s3()))
            .map(told)
            .collect();
        if !against.is_empty() {
            let mut finding = error("storage::overlap", "the file system has a link in the same place").about(address);
            finding.notes = against;
            finding.notes.push(format!(
                "FSx links neither overlapping paths nor overlapping prefixes: {} on {}",
                link.s3(),
                link.path
            ));
            findings.push(
                finding.how("take another `path` or prefix for the dataset, or use the link that is there without one"),
            );
        }
    }
    let ours: Vec<&Seen> = observed.resources.iter().filter(|seen| seen.address.kind == Kind::Link).collect();
    let more = wanted.iter().filter(|(address, _)| !ours.iter().any(|seen| seen.address == *address)).count();
    let all = existing.links.len() + ours.len() + more;
    if more > 0 && all > LINKS_MAX {
        findings.push(
            about("storage::too-many-links", "the file system would have too many links")
                .why(format!(
                    "{} has {} of others, and would have {all}; FSx allows {LINKS_MAX}",
                    existing.id,
                    existing.links.len()
                ))
                .how("link fewer datasets, or take another file system"),
        );
    }
    findings
}

fn told(other: &OtherLink) -> String {
    let OtherLink { id, path, s3, cluster } = other;
    let whose = cluster.as_ref().map(|cluster| format!(", of the cluster {cluster}")).unwrap_or_default();
    format!("{id} links {path} to {s3}{whose}")
}

/// One is the other, or below it.
fn both_ways(one: &str, other: &str) -> bool {
    let below = |path: &str, top: &str| {
        let (path, top) = (path.trim_end_matches('/'), top.trim_end_matches('/'));
        path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    below(one, other) || below(other, one)
}

fn efa(spec: &Spec, existing: &Existing) -> Option<Finding> {
    let id = &existing.id;
    let has = existing.field("efa") == "true";
    if spec.storage.efa && !has {
        return Some(
            about("storage::efa", "the file system has no EFA")
                .why(format!("{id} was made without, and that cannot be changed"))
                .how("remove `efa = true`: nodes then mount it over TCP"),
        );
    }
    let could = has && !spec.storage.efa && spec.nodes.iter().any(|group| group.efa == NodeEfa::On);
    could.then(|| {
        note("storage::efa", "the file system could be mounted over EFA")
            .about(&Address::one(Kind::Fsx))
            .why(format!("{id} has EFA, and so have the nodes"))
            .how("say `efa = true` under `[storage]`")
    })
}

/// What nodes share is theirs alone, unless somebody exports the root.
fn shared_folder(existing: &Existing) -> Option<Finding> {
    let over = existing.links.iter().find(|other| both_ways(&other.path, SHARED_PATH))?;
    Some(
        warning("storage::shared-folder", "somebody else's link covers what the nodes share").why(told(over)).why(
            format!("host files and markers of the nodes below {SHARED_PATH} may be exported there: some kilobytes"),
        ),
    )
}

fn zone(survey: &Survey, existing: &Existing, place: &Place) -> Option<Finding> {
    let subnet = survey.subnets.iter().find(|subnet| subnet.id == existing.subnet)?;
    (subnet.zone != place.zone).then(|| {
        warning("storage::zone", "nodes and file system are in different availability zones")
            .why(format!("{} is in {}, the nodes in {}", existing.id, subnet.zone, place.zone))
            .why(
                "AWS bills what they read and write as traffic between zones, and each request takes longer".to_owned(),
            )
            .how(format!("name a subnet in {} under `[network]`, if it offers the instance types", subnet.zone))
    })
}

/// Whether its servers and the nodes may speak to each other. Both sides open connections.
fn let_in(spec: &Spec, survey: &Survey, existing: &Existing, observed: &Observed, region: &str) -> Option<Finding> {
    const CODE: &str = "storage::not-let-in";
    let efa = spec.storage.efa;
    let id = &existing.id;
    let servers: BTreeMap<&str, &ServerGroup> = survey
        .server_groups
        .iter()
        .filter(|(_, group)| group.holds_servers)
        .map(|(id, group)| (id.as_str(), group))
        .collect();
    let needed = if efa { "all traffic" } else { "TCP 988 and 1018-1023" };
    let names = servers.keys().copied().collect::<Vec<_>>().join(", ");
    let Some(first) = servers.keys().next() else {
        return Some(
            warning("storage::unchecked", "whether the file system lets the nodes in could not be checked")
                .why(format!("the security groups of {id} were not seen"))
                .how(format!(
                    "see that they let in {needed} from the nodes' group, and that it lets in the same from them"
                )),
        );
    };
    let admits = |from: &str| lets(&servers, from, efa);
    if let Some(group) = &spec.network.security_group {
        let nodes = BTreeMap::from([(group.as_str(), survey.server_groups.get(group)?)]);
        if !admits(group) {
            return Some(
                about(CODE, "the file system does not let the nodes in")
                    .why(format!("{id} is in {names}, and no rule there lets in {needed} from {group}"))
                    .how(format!("its owner can add it: {}", command(region, first, group, efa))),
            );
        }
        if !servers.keys().any(|server| lets(&nodes, server, efa)) {
            return Some(
                about(CODE, "the nodes do not let the file system in")
                    .why(format!("no rule of {group} lets in {needed} from {names}, the file system's"))
                    .how(format!("add it: {}", command(region, group, first, efa))),
            );
        }
        return None;
    }
    let made = observed.find(&Address::one(Kind::SecurityGroup)).map(|seen| seen.id.as_str());
    let takes = servers.iter().find(|(id, group)| lets(&BTreeMap::from([(**id, **group)]), id, efa));
    let how = match takes {
        Some((own, _)) => {
            format!("put the nodes into its group, which lets itself in: `[network] security_group = \"{own}\"`")
        }
        None => format!(
            "name a group of yours for the nodes, `[network] security_group = \"sg-…\"`, that it lets in: {}",
            command(region, first, "sg-…", efa)
        ),
    };
    if admits(made.unwrap_or("")) {
        // By addresses, or by a rule that was added since. Back it goes only where the group of the nodes knows the servers.
        return Some(
            warning(CODE, "the file system's servers may not open connections to the nodes")
                .why(format!("the group that is made for the nodes lets in nobody but nodes, and {id} is in {names}"))
                .how(how),
        );
    }
    Some(
        about(CODE, "the file system does not let the nodes in")
            .why(format!(
                "{id} is in {names}, and no rule there lets in {needed} from a group that is made for the nodes"
            ))
            .how(how),
    )
}

/// Whether the rules of these groups together let in all that Lustre needs.
fn lets(groups: &BTreeMap<&str, &ServerGroup>, from: &str, efa: bool) -> bool {
    let any = |fits: &dyn Fn(&LetIn) -> bool| groups.values().flat_map(|group| &group.lets_in).any(fits);
    let named = |rule: &LetIn| rule.groups.contains(from);
    if efa {
        // By group alone: for EFA a rule for addresses does not count (EC2 User Guide, "Elastic Fabric Adapter").
        return any(&|rule| rule.all && named(rule));
    }
    LUSTRE_PORTS.iter().all(|(first, last)| {
        any(&|rule| {
            let ports = rule.all || (rule.from <= *first && rule.to >= *last);
            ports && (named(rule) || rule.private_addresses)
        })
    })
}

/// Ids alone stand in it, and they are of a shape that no shell minds.
fn command(region: &str, group: &str, from: &str, efa: bool) -> String {
    let pair = format!("UserIdGroupPairs=[{{GroupId={from}}}]");
    let rules = if efa {
        format!("'IpProtocol=-1,{pair}'")
    } else {
        let ports = LUSTRE_PORTS.map(|(first, last)| format!("'IpProtocol=tcp,FromPort={first},ToPort={last},{pair}'"));
        ports.join(" ")
    };
    format!("`aws ec2 authorize-security-group-ingress --region {region} --group-id {group} --ip-permissions {rules}`")
}
