//! A Capacity Block that nodes are launched into: capacity that is there for a time that was bought.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::catalog::capacity_blocks::is_ahead;
use crate::desired::Address;

/// A Capacity Block, with the moments that matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CapacityBlock {
    /// `cr-…`
    pub id: String,
    /// The groups that are launched into it.
    pub groups: Vec<Address>,
    pub instance: String,
    pub zone: String,
    /// AWS's own word: `scheduled`, `active`, `expired`, …
    pub state: String,
    /// Null here and below: AWS does not say.
    #[schemars(with = "Option<String>")]
    pub starts: Option<Timestamp>,
    #[schemars(with = "Option<String>")]
    pub ends: Option<Timestamp>,
    /// From then on EC2 ends its instances.
    #[schemars(with = "Option<String>")]
    pub nodes_end: Option<Timestamp>,
    /// The last safe moment to begin `down`; null where that has nothing to export.
    #[schemars(with = "Option<String>")]
    pub export_by: Option<Timestamp>,
    /// When the last checkpoint has to be begun; null where none is known.
    #[schemars(with = "Option<String>")]
    pub checkpoint_by: Option<Timestamp>,
    /// Nodes that this plan launches into it.
    pub launches: u32,
}

impl CapacityBlock {
    /// Nodes are to be launched into it, and cannot be yet.
    pub fn is_awaited(&self) -> bool {
        self.launches > 0 && self.starts.is_some() && is_ahead(&self.state)
    }
}
