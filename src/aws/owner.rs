//! Whose a thing is. Pure.
//!
//! Ours is what carries our cluster's name, and our deployment's id where that is known, in its tags. A stranger is of
//! interest only if it stands in our way: by a name that we want, or as a leftover of another deployment of the same name.

use crate::cloud::{Class, CloudError, Create, Scope};
use crate::desired::{Address, ClusterId, Kind, TAG_ADDRESS, TAG_CLUSTER, TAG_DEPLOYMENT, Tags};
use crate::observed::Foreign;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    Ours(Address),
    Foreign(Foreign),
    /// None of our business.
    Other,
}

/// Tells by its tags and its name whose a thing of a kind is.
pub(super) fn owner(scope: &Scope, kind: Kind, name: Option<&str>, id: &str, tags: &Tags) -> Owner {
    let wanted = name.and_then(|name| scope.names.iter().find(|(address, each)| address.kind == kind && *each == name));
    let foreign = |address: Option<Address>, why: String| {
        let address =
            address.or_else(|| wanted.map(|(address, _)| address.clone())).unwrap_or_else(|| Address::one(kind));
        Owner::Foreign(Foreign { address, id: id.to_owned(), why })
    };
    match tags.get(TAG_CLUSTER) {
        Some(cluster) if *cluster == scope.cluster => {}
        Some(other) if wanted.is_some() => return foreign(None, format!("its tag `{TAG_CLUSTER}` says `{other}`")),
        None if wanted.is_some() => return foreign(None, format!("has no tag `{TAG_CLUSTER}`")),
        _ => return Owner::Other,
    }
    let tagged = tags.get(TAG_ADDRESS);
    let address = tagged.and_then(|text| text.parse::<Address>().ok()).filter(|address| address.kind == kind);
    if let Some(ours) = &scope.deployment {
        match tags.get(TAG_DEPLOYMENT) {
            Some(theirs) if theirs == ours => {}
            Some(theirs) => {
                return foreign(address, format!("belongs to deployment `{theirs}` of the same cluster name"));
            }
            None => return foreign(address, format!("has no tag `{TAG_DEPLOYMENT}`")),
        }
    }
    match (address, tagged) {
        (Some(address), _) => Owner::Ours(address),
        (None, Some(text)) => {
            foreign(None, format!("its tag `{TAG_ADDRESS}` says `{text}`, which is no {}", kind.noun()))
        }
        (None, None) => foreign(None, format!("has no tag `{TAG_ADDRESS}`")),
    }
}

/// The names to look for of a kind that is told by name: those wanted, else the one that our cluster's has.
pub(super) fn names(scope: &Scope, region: &str, kind: Kind) -> Vec<String> {
    let wanted: Vec<String> =
        scope.names.iter().filter(|(address, _)| address.kind == kind).map(|(_, name)| name.clone()).collect();
    if !wanted.is_empty() {
        return wanted;
    }
    let cluster = ClusterId { cluster: scope.cluster.clone(), region: region.to_owned(), deployment: String::new() };
    match kind {
        Kind::SecurityGroup | Kind::Role | Kind::InstanceProfile => {
            cluster.name(&Address::one(kind)).into_iter().collect()
        }
        // Named after a group of the spec, which only its wanted names tell; or by nothing.
        Kind::Placement
        | Kind::Reservation
        | Kind::Template
        | Kind::Fsx
        | Kind::Efs
        | Kind::MountTarget
        | Kind::FileCache
        | Kind::Link
        | Kind::Task
        | Kind::Nodes => Vec::new(),
    }
}

/// Lets pass what exists by the name that we want and was made by an earlier try of ours.
pub(super) fn adopt(create: &Create, operation: &str, name: &str, tags: &Tags) -> Result<(), CloudError> {
    let differs =
        [TAG_CLUSTER, TAG_DEPLOYMENT, TAG_ADDRESS].into_iter().find(|key| tags.get(*key) != create.tags.get(*key));
    let Some(key) = differs else { return Ok(()) };
    let why = tags.get(key).map_or_else(|| format!("no tag `{key}`"), |value| format!("the tag `{key}` = `{value}`"));
    Err(CloudError::new(operation, Class::Conflict, format!("`{name}` exists without our tags: it has {why}"))
        .about(&create.address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope {
            cluster: "vision".to_owned(),
            deployment: Some("d1".to_owned()),
            names: [(Address::one(Kind::SecurityGroup), "provision/vision".to_owned())].into(),
            file_system: None,
            existing: None,
        }
    }

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn why(owner: Owner) -> String {
        match owner {
            Owner::Foreign(foreign) => format!("{}: {}", foreign.address, foreign.why),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn ours_needs_cluster_deployment_and_address() {
        let all = tags(&[(TAG_CLUSTER, "vision"), (TAG_DEPLOYMENT, "d1"), (TAG_ADDRESS, "fsx")]);
        assert_eq!(owner(&scope(), Kind::Fsx, None, "fs-1", &all), Owner::Ours(Address::one(Kind::Fsx)));
        assert_eq!(
            why(owner(&scope(), Kind::Link, None, "dra-1", &all)),
            "link: its tag `provision:address` says `fsx`, which is no link to S3"
        );
        let other = tags(&[(TAG_CLUSTER, "vision"), (TAG_DEPLOYMENT, "d2"), (TAG_ADDRESS, "nodes.a")]);
        assert_eq!(
            why(owner(&scope(), Kind::Nodes, None, "i-1", &other)),
            "nodes.a: belongs to deployment `d2` of the same cluster name"
        );
        let any = Scope { deployment: None, ..scope() };
        assert_eq!(owner(&any, Kind::Nodes, None, "i-1", &other), Owner::Ours(Address::named(Kind::Nodes, "a")));
    }

    #[test]
    fn a_prefix_of_the_name_is_not_the_name() {
        let near = tags(&[(TAG_CLUSTER, "vision-2"), (TAG_DEPLOYMENT, "d1"), (TAG_ADDRESS, "fsx")]);
        assert_eq!(owner(&scope(), Kind::Fsx, None, "fs-1", &near), Owner::Other);
    }

    #[test]
    fn a_stranger_counts_only_by_a_wanted_name() {
        let kind = Kind::SecurityGroup;
        assert_eq!(
            why(owner(&scope(), kind, Some("provision/vision"), "sg-1", &Tags::new())),
            "security-group: has no tag `provision:cluster`"
        );
        assert_eq!(owner(&scope(), kind, Some("provision/else"), "sg-1", &Tags::new()), Owner::Other);
        assert_eq!(owner(&scope(), Kind::Placement, Some("provision/vision"), "pg", &Tags::new()), Owner::Other);
    }
}
