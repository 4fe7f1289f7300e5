//! What a spec means as resources: addresses, fields, dependencies, names, tags, tokens. Pure.

mod alternatives;
mod build;
mod favour;
mod fields;
mod flows;
mod names;
mod place;
pub mod policy;
mod resource;
mod sized;

pub use alternatives::{Considered, considered};
pub use build::{Desired, Point, Settled, Wanted, build, build_offline, link, storage_kind};
pub use fields::{deployment_text, efs_throughput_text, market_text, media_text};
pub use flows::{flows_of, flows_sentence, flows_text};
pub use names::{
    ClusterId, DISCARD, EXPORT_REPORTS, HELD, IAM_PATH, NO_PEERS, PEER_DIGITS, PROBED, TAG_ADDRESS, TAG_CLUSTER,
    TAG_DEPLOYMENT, TAG_EPOCH, TAG_FILE_SYSTEM, TAG_NODE, TAG_PEERS, TAG_PRELOAD, TAG_SPEC, TAG_TTL, TAG_UNEXPORTED,
    TAG_UNTIL, digest, is_metadata_key, link_name,
};
pub use place::{
    Candidate, Choice, PinnedImage, Pins, Place, RuledOut, addresses_needed, candidates, choose, image_key, offered,
};
pub use resource::{
    Address, CapacityReservation, Efs, Fields, FileCache, FileSystem, InstanceProfile, Interface, InterfaceKind, Kind,
    LaunchTemplate, Link, MountTarget, NodeGroup, NotAnAddress, PlacementGroup, Reference, Resource, Role, Rule,
    SecurityGroup, Tags, s3_url,
};
pub use sized::{Chosen, PinnedStorage, choose_storage};
