//! Each call against recorded HTTP: the bytes of requests as golden files; answers good, bad, empty, paged.

mod cache;
mod data;
mod ec2;
mod efs;
mod existing;
mod failures;
mod fsx;
mod iam;
mod listing;
mod preflight;
mod pricing;
mod remote;
mod survey;
mod wire;

use std::collections::BTreeSet;

use crate::cloud::{Create, Delete, Known, Scope, Update};
use crate::desired::{Address, ClusterId, Kind, Resource, Tags};

fn cluster() -> ClusterId {
    ClusterId { cluster: "vision".to_owned(), region: "us-east-1".to_owned(), deployment: "d1".to_owned() }
}

fn tags(address: &Address) -> Tags {
    cluster().tags(address, "5bec", 1, &[("team".to_owned(), "a & b".to_owned())].into())
}

fn create(address: Address, resource: Resource) -> Create {
    let known = Known {
        ids: [
            (Address::one(Kind::SecurityGroup), "sg-0a".to_owned()),
            (Address::one(Kind::InstanceProfile), "provision-vision-us-east-1".to_owned()),
            (Address::one(Kind::Fsx), "fs-0a".to_owned()),
            (Address::one(Kind::Efs), "fs-0e".to_owned()),
            (Address::named(Kind::Template, "trainer"), "lt-0a".to_owned()),
        ]
        .into(),
        endpoint: Some(crate::bootstrap::Endpoint {
            file_system_id: "fs-0a".to_owned(),
            dns_name: "fs-0a.fsx.us-east-1.amazonaws.com".to_owned(),
            mount_name: "abcdefgh".to_owned(),
        }),
    };
    Create { tags: tags(&address), token: format!("p-{address}"), address, resource, count: 1, least: 1, known }
}

fn update(address: Address, id: &str, resource: Resource, fields: &[&str]) -> Update {
    Update {
        id: id.to_owned(),
        arn: Some(format!("arn:aws:x:us-east-1:123456789012:{id}")),
        resource,
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        set_tags: Tags::new(),
        remove_tags: BTreeSet::new(),
        nodes: Vec::new(),
        token: format!("u-{address}"),
        known: create(address.clone(), Resource::Placement(crate::desired::PlacementGroup { name: String::new() }))
            .known,
        address,
    }
}

fn delete(address: Address, ids: &[&str]) -> Delete {
    Delete { token: format!("d-{address}"), address, ids: ids.iter().map(|id| (*id).to_owned()).collect() }
}

fn scope() -> Scope {
    let addresses = [
        Address::one(Kind::SecurityGroup),
        Address::one(Kind::Role),
        Address::one(Kind::InstanceProfile),
        Address::named(Kind::Placement, "trainer"),
        Address::named(Kind::Template, "trainer"),
    ];
    Scope {
        cluster: "vision".to_owned(),
        deployment: Some("d1".to_owned()),
        names: addresses
            .into_iter()
            .filter_map(|address| cluster().name(&address).map(|name| (address, name)))
            .collect(),
        file_system: None,
        existing: None,
    }
}
