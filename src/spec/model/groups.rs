//! `[[nodes]]`, typed: like the rest of the spec, legal as it is.

/// `[[nodes]]`: a group of equal nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nodes {
    /// `[a-z][a-z0-9-]{0,31}`
    pub name: String,
    /// The type that is taken: of several the first, until another is chosen ([`Nodes::only`]).
    pub instance: String,
    /// All types that it may be, in order of preference, the one that is taken among them; empty where there is but one.
    pub alternatives: Vec<Alternative>,
    pub count: u32,
    /// So many will do. None: all of them, or none.
    pub min_count: Option<u32>,
    pub image: Image,
    pub market: Market,
    /// On-demand groups only.
    pub capacity: Capacity,
    pub efa: NodeEfa,
    /// Resolved: true only where the type can be in a cluster placement group and nothing forbids it.
    pub placement: Placement,
    pub setup: Option<Setup>,
    /// How many of the group a change may take away at once. None: all.
    pub max_away: Option<MaxAway>,
    /// GiB of the root volume.
    pub root_volume_gib: u32,
}

/// One of the types that a group may be, with what depends on the type: it stands in [`Nodes`] under the same names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    pub instance: String,
    pub capacity: Capacity,
    pub efa: NodeEfa,
    pub placement: Placement,
}

impl Nodes {
    /// The fewest nodes that make the group worth having.
    pub fn least(&self) -> u32 {
        self.min_count.unwrap_or(self.count).min(self.count)
    }

    /// All types that it may be, in order of preference: one or more.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        let only = self.alternatives.is_empty().then_some(self.instance.as_str());
        only.into_iter().chain(self.alternatives.iter().map(|each| each.instance.as_str()))
    }

    /// Of some type it is found out whether there is room for it.
    pub fn is_asked_for(&self) -> bool {
        let of_types = self.alternatives.iter().map(|each| each.capacity);
        of_types.chain([self.capacity]).any(|capacity| match capacity {
            Capacity::None => false,
            Capacity::Probe | Capacity::Reserve | Capacity::ProbeIfPossible => true,
        })
    }

    /// As some of its types it is in a cluster placement group.
    pub fn may_be_placed(&self) -> bool {
        let of_types = self.alternatives.iter().map(|each| each.placement);
        of_types.chain([self.placement]).any(|placement| placement == Placement::Cluster)
    }

    /// Whether there is room for it, or for some of its types, has to be found out: the user has said so.
    pub fn insists_on_probe(&self) -> bool {
        let of_types = self.alternatives.iter().map(|each| each.capacity);
        of_types.chain([self.capacity]).any(|capacity| matches!(capacity, Capacity::Probe | Capacity::Reserve))
    }

    /// The group with fewer types to choose from, the first of them taken; None: none is left.
    pub fn only(&self, keep: impl Fn(&str) -> bool) -> Option<Self> {
        let mut kept: Vec<&Alternative> = self.alternatives.iter().filter(|each| keep(&each.instance)).collect();
        let Some(Alternative { instance, capacity, efa, placement }) = kept.first().copied() else {
            return (self.alternatives.is_empty() && keep(&self.instance)).then(|| self.clone());
        };
        if kept.len() == 1 {
            kept.clear();
        }
        let alternatives = kept.into_iter().cloned().collect();
        let (instance, capacity, efa, placement) = (instance.clone(), *capacity, *efa, *placement);
        Some(Self { instance, alternatives, capacity, efa, placement, ..self.clone() })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// Name of an SSM parameter that holds the image id.
    Parameter(String),
    /// `ami-…`
    Id(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Market {
    OnDemand,
    Spot,
    /// Id of the Capacity Block's reservation, `cr-…`.
    CapacityBlock(String),
    /// Id of an on-demand capacity reservation, `cr-…`.
    Reservation(String),
}

/// How many nodes of a group may be away at once while a change goes through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxAway {
    Nodes(u32),
    /// Of the group, 1 to 100; rounded down to whole nodes, but never to none.
    Percent(u32),
}

impl MaxAway {
    /// Of a group of so many.
    pub fn of(self, count: u32) -> u32 {
        match self {
            Self::Nodes(nodes) => nodes.max(1),
            Self::Percent(percent) => (count.saturating_mul(percent) / 100).max(1),
        }
    }
}

/// Whether it is found out that a zone has room for a group before a file system is made there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capacity {
    /// Nothing is asked.
    None,
    /// The capacity is reserved and given back at once. Who may not ask is told so.
    Probe,
    /// The capacity is reserved and kept until the nodes run in it.
    Reserve,
    /// The same, where the user has not said so: where it cannot be asked, nothing is asked.
    ProbeIfPossible,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeEfa {
    /// Every EFA interface that the type has.
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    Cluster,
    None,
}

/// The user's own script, run on a node after the mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// As written in the spec, relative to it.
    pub path: String,
    /// What the file holds.
    pub content: String,
}
