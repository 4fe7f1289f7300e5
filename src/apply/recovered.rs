//! A cluster whose record is gone, told from the tags of what there is.

use std::collections::BTreeMap;

use super::prepare::{Failed, Request};
use crate::desired::TAG_DEPLOYMENT;
use crate::diagnostic::Diagnostic;
use crate::observed::Observed;
use crate::record::Record;

/// Without a record the tags tell which deployment there is, if any.
pub(super) fn recovered(request: &Request, observed: &Observed) -> Result<Record, Failed> {
    let resources = observed.resources.iter().map(|seen| (&seen.tags, &seen.id));
    let nodes = observed.nodes.iter().filter(|node| node.exists()).map(|node| (&node.tags, &node.id));
    let mut deployments: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (tags, id) in resources.chain(nodes) {
        if let Some(deployment) = tags.get(TAG_DEPLOYMENT) {
            deployments.entry(deployment).or_default().push(id);
        }
    }
    match deployments.len() {
        0 => Ok(Record::new(&request.cluster, &request.new_deployment)),
        1 => {
            let found = Record::new(&request.cluster, deployments.keys().next().copied().unwrap_or_default());
            // Who has used what is there, nobody knows.
            Ok(Record { used: true, ..found })
        }
        _ => {
            let mut diagnostic = Diagnostic::error(
                "cluster::ambiguous",
                "there are several deployments of this cluster and no record of which one counts",
            );
            for (deployment, ids) in deployments {
                diagnostic = diagnostic.note(format!("{deployment}: {}", ids.join(", ")));
            }
            Err(Failed::Refused(vec![diagnostic.help("remove the resources of all but one of them by hand")]))
        }
    }
}
