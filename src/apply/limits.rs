//! Names the quota that a refused creation met: the service that refuses says no more than that there is one.

use crate::catalog::instances;
use crate::catalog::quotas;
use crate::cloud::{Class, CloudError, LimitedBy, Remains};
use crate::desired::Resource;
use crate::spec::Market;

/// A launch was refused for what the nodes are: of another type there may be some. Nothing of it is there.
pub(super) fn refuses_type(error: &CloudError) -> bool {
    matches!(error.class, Class::Capacity | Class::NotOffered | Class::Quota) && error.remains == Remains::Nothing
}

/// A refusal for a quota with that quota's name; any other error as it is.
pub(super) fn named_for_quota(resource: &Resource, count: u32, error: CloudError) -> CloudError {
    if error.class == Class::Quota { named(resource, count, error) } else { error }
}

/// The error with the quota that `count` more of this count against, where the catalog knows one.
pub(super) fn named(resource: &Resource, count: u32, mut error: CloudError) -> CloudError {
    let (instance, is_spot) = match resource {
        Resource::Nodes(group) => (&group.instance, group.market == Market::Spot),
        // A reserved instance counts like one that runs (EC2 User Guide, "Capacity Reservation limits").
        Resource::Reservation(reservation) => (&reservation.instance, false),
        Resource::SecurityGroup(_)
        | Resource::Role(_)
        | Resource::InstanceProfile(_)
        | Resource::Placement(_)
        | Resource::Fsx(_)
        | Resource::Efs(_)
        | Resource::FileCache(_)
        | Resource::MountTarget(_)
        | Resource::Link(_)
        | Resource::Template(_) => return error,
    };
    if let (Some(quota), Some(facts)) = (quotas::of_instance(instance, is_spot), instances::get(instance)) {
        error.limit.get_or_insert_default().quota = Some(LimitedBy {
            service: quota.service.to_owned(),
            code: quota.code.to_owned(),
            name: quota.name.to_owned(),
            unit: quota.counts.unit().to_owned(),
            more: u64::from(count) * u64::from(facts.vcpus),
        });
    }
    error
}
