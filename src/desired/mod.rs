//! What a spec means as resources: addresses, fields, dependencies, names, tags, tokens. Pure.

mod fields;
mod names;
pub mod policy;
mod resource;

pub use fields::{deployment_text, flows_text, market_text, media_text};
pub use names::{ClusterId, TAG_ADDRESS, TAG_CLUSTER, TAG_DEPLOYMENT, TAG_EPOCH, TAG_NODE, TAG_SPEC, digest, link_name};
pub use resource::{
    Address, Fields, FileSystem, InstanceProfile, Interface, InterfaceKind, Kind, LaunchTemplate, Link, NodeGroup, NotAnAddress,
    PlacementGroup, Reference, Resource, Role, Rule, SecurityGroup, Tags, s3_url,
};
