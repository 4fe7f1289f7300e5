//! EC2: security group, placement group, capacity, launch template, nodes; and what is looked at before a plan.

mod capacity;
mod dependents;
mod nodes;
mod placement;
mod reservation;
mod security_group;
mod servers;
mod survey;
mod template;
mod trial;

use aws_sdk_ec2::types::Filter;

/// EC2 filters: any of the values.
fn filter(name: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Filter {
    Filter::builder().name(name).set_values(Some(values.into_iter().map(Into::into).collect())).build()
}
