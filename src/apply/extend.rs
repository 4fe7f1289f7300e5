//! `extend`: lets the nodes of a cluster live longer than their ttl.
//!
//! The new end is written into the record first, so that nodes made from then on get it too, and then onto every node as the
//! tag `provision:until`, which a node looks at when its time has come (docs/adr/0013). After a crash in between, `--until` can
//! be repeated as it was; a duration is counted from the ends of then, which may be the new ones.

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};

use super::lease::{self, Holder, IsDead, Refused};
use super::patience::patiently;
use super::prepare::{Failed, Prepared, Request, prepare};
use crate::cloud::{Class, Clock, Cloud, CloudError, Known, Overwrite, Update};
use crate::desired::{Address, NodeGroup, Resource, TAG_TTL, TAG_UNTIL, Tags, is_metadata_key};
use crate::observed::Node;
use crate::record::record_name;
use crate::spec::Market;

/// The furthest that an end may lie ahead: as far as a ttl may.
pub const MOST: SignedDuration = SignedDuration::from_hours(365 * 24);

/// How much longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Longer {
    /// So much later than the last of the nodes would end now.
    By(SignedDuration),
    /// Until then.
    Until(Timestamp),
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extended {
    pub nodes: usize,
    /// When the last of them would have ended.
    pub before: Timestamp,
    pub until: Timestamp,
}

/// Why nothing was extended.
#[derive(Debug, thiserror::Error)]
pub enum NotExtended {
    #[error(transparent)]
    Failed(#[from] Failed),
    #[error("another run is at work on the cluster")]
    Held(Holder),
    /// What was asked for cannot be.
    #[error("{what}")]
    Impossible { what: String, help: String },
}

impl From<CloudError> for NotExtended {
    fn from(error: CloudError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Refused> for NotExtended {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Held(holder) => Self::Held(holder),
            Refused::Gone => Self::impossible("another run has taken the lock at the same moment", "try again"),
            Refused::Cloud(error) => error.into(),
        }
    }
}

impl NotExtended {
    fn impossible(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Impossible { what: what.into(), help: help.into() }
    }
}

/// Sets a later end on all nodes of a cluster, under its lock. The request is one without a spec.
pub async fn extend<C: Cloud, K: Clock>(
    cloud: &C,
    clock: &K,
    request: &Request,
    longer: Longer,
    holder: Holder,
    is_dead: IsDead<'_>,
) -> Result<Extended, NotExtended> {
    let looked = prepare(cloud, clock, request).await?;
    // Refused before the lock where it can be.
    end(&looked, longer, clock.now())?;
    let acquired = lease::acquire(cloud, clock, &request.cluster, &looked.parameters, holder, is_dead).await?;
    let lease = acquired.lease;
    let done = async {
        // What the lock keeps from changing now.
        let looked = prepare(cloud, clock, request).await?;
        let extended = end(&looked, longer, clock.now())?;
        if lease.left(clock.now()).is_zero() {
            return Err(NotExtended::impossible("to look at the cluster took longer than the lock lasts", "try again"));
        }
        write(cloud, &looked, extended.until).await?;
        Ok(extended)
    }
    .await;
    let _ = lease.release(cloud).await;
    done
}

/// The new end, if there can be one.
fn end(looked: &Prepared, longer: Longer, now: Timestamp) -> Result<Extended, NotExtended> {
    let cluster = &looked.record.cluster;
    let nodes: Vec<&Node> = looked.observed.nodes.iter().filter(|node| node.exists()).collect();
    if nodes.is_empty() {
        return Err(NotExtended::impossible(
            format!("the cluster {cluster} has no nodes, so nothing ends"),
            "`provision up` makes them, with the `ttl` of the spec from then on",
        ));
    }
    let ids = |which: &dyn Fn(&Node) -> bool| {
        let ids: Vec<&str> = nodes.iter().filter(|node| which(node)).map(|node| node.id.as_str()).collect();
        (ids.len(), ids.into_iter().take(3).collect::<Vec<_>>().join(", "))
    };
    let (endless, named) = ids(&|node| !node.tags.contains_key(TAG_TTL));
    if endless > 0 {
        return Err(NotExtended::impossible(
            format!("{endless} of {} nodes do not say that they have a ttl: {named}", nodes.len()),
            "nodes run until `provision down` if they were launched without `ttl`, which a later `ttl` in the spec does not \
             change; those that an older version launched end by their first ttl and cannot be told otherwise",
        ));
    }
    let (deaf, named) = ids(&|node| node.tags.keys().any(|key| !is_metadata_key(key)));
    if deaf > 0 {
        return Err(NotExtended::impossible(
            format!("{deaf} of {} nodes cannot read their tags: {named}", nodes.len()),
            "EC2 shows no tags to an instance while the key of one has a character other than letters, digits and `+-=.,_:@`; \
             such keys in the spec's `tags` were there at the launch",
        ));
    }
    let before = nodes.iter().filter_map(|node| node.ends()).max().unwrap_or(now);
    // Up: an end only moves later.
    let whole = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil);
    let until = match longer {
        Longer::Until(until) => Some(until),
        Longer::By(by) => before.checked_add(by).ok(),
    };
    let until = until.and_then(|until| until.round(whole).ok()).filter(|until| until.duration_since(now) <= MOST);
    let Some(until) = until else {
        return Err(NotExtended::impossible("this end is more than 365 days away", "extend again later"));
    };
    if until <= now || until < before {
        return Err(NotExtended::impossible(
            format!(
                "nodes would end at {until:.0} then, and they do not end before {before:.0} now: an end only moves later"
            ),
            "to end nodes now, `provision down --keep-storage`",
        ));
    }
    Ok(Extended { nodes: nodes.len(), before, until })
}

async fn write<C: Cloud>(cloud: &C, looked: &Prepared, until: Timestamp) -> Result<(), NotExtended> {
    if !looked.is_new {
        let mut record = looked.record.clone();
        record.until = Some(until);
        let text = record.to_text().map_err(|why| CloudError::new("ssm:PutParameter", Class::Invalid, why))?;
        let name = record_name(&record.cluster);
        patiently(|| cloud.put_parameter(&name, &text, Overwrite::Yes)).await?;
    }
    let mut nodes: Vec<&Node> = looked.observed.nodes.iter().filter(|node| node.exists()).collect();
    nodes.sort_by(|a, b| (&a.address, &a.id).cmp(&(&b.address, &b.id)));
    for group in nodes.chunk_by(|a, b| a.address == b.address) {
        let Some(first) = group.first() else { continue };
        let update = retag(first, group.iter().map(|node| node.id.clone()).collect(), until);
        patiently(|| cloud.update(&update)).await?;
    }
    Ok(())
}

/// Nothing but a tag changes: of what else a group is, only its kind matters here.
fn retag(node: &Node, nodes: Vec<String>, until: Timestamp) -> Update {
    let count = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
    let group = NodeGroup {
        count,
        min_count: count,
        instance: node.instance.clone(),
        image: node.image.clone(),
        zone: node.zone.clone(),
        subnet: String::new(),
        market: Market::OnDemand,
        template: Address { kind: crate::desired::Kind::Template, ..node.address.clone() },
        max_away: None,
    };
    Update {
        address: node.address.clone(),
        id: node.id.clone(),
        arn: None,
        resource: Resource::Nodes(group),
        fields: std::collections::BTreeSet::new(),
        set_tags: Tags::from([(TAG_UNTIL.to_owned(), until.to_string())]),
        remove_tags: std::collections::BTreeSet::new(),
        nodes,
        token: String::new(),
        known: Known::default(),
    }
}
