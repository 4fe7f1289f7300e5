//! On-demand capacity reservations of ours: for a moment, to learn whether a zone has room, or until the nodes run in it.

use aws_sdk_ec2::types::{
    CapacityReservation as SdkReservation, CapacityReservationInstancePlatform, CapacityReservationState,
    CapacityReservationTenancy, EndDateType, InstanceMatchCriteria, ResourceType,
};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::filter;
use crate::aws::Aws;
use crate::aws::connect::launch_settings;
use crate::aws::convert::{ec2_specification, ec2_tags, fields, made, timestamp, to_i32, to_u32};
use crate::aws::error::{Explain as _, gone_is_success, unsupported_is_unknown};
use crate::aws::owner::{Owner, owner};
use crate::cloud::{Class, CloudError, Create, Delete, Scope};
use crate::desired::{CapacityReservation, Kind, Resource, TAG_CLUSTER};
use crate::observed::{Observed, Seen, State};

/// Of those that can still be billed: what has ended stands there for a while, and is in nobody's way.
const ALIVE: [&str; 2] = ["active", "pending"];

impl Aws {
    pub(in crate::aws) async fn observe_reservations(&self, scope: &Scope) -> Result<Observed, CloudError> {
        let filters = vec![filter(&format!("tag:{TAG_CLUSTER}"), [&scope.cluster]), filter("state", ALIVE)];
        let call = self.ec2.describe_capacity_reservations().set_filters(Some(filters));
        let mut pages = call.into_paginator().send();
        let mut observed = Observed::default();
        while let Some(page) = pages.next().await {
            let page = page.look("ec2:DescribeCapacityReservations")?;
            for each in page.capacity_reservations.unwrap_or_default() {
                let id = each.capacity_reservation_id().unwrap_or_default();
                let tags = ec2_tags(each.tags());
                match owner(scope, Kind::Reservation, None, id, &tags) {
                    Owner::Other => {}
                    Owner::Foreign(foreign) => observed.foreign.push(foreign),
                    Owner::Ours(address) => observed.resources.push(Seen {
                        address,
                        id: id.to_owned(),
                        arn: each.capacity_reservation_arn().map(str::to_owned),
                        state: state(&each),
                        lifecycle: each.state().map_or("", CapacityReservationState::as_str).to_owned(),
                        reason: None,
                        fields: fields(&Resource::Reservation(wanted(&each))),
                        tags,
                        endpoint: None,
                        file_system: None,
                    }),
                }
            }
        }
        Ok(observed)
    }

    /// Only who names it launches into it: nobody else's instances take what was asked for.
    pub(in crate::aws) async fn create_reservation(
        &self,
        create: &Create,
        wanted: &CapacityReservation,
    ) -> Result<Seen, CloudError> {
        let operation = "ec2:CreateCapacityReservation";
        let answer = self
            .ec2
            .create_capacity_reservation()
            .client_token(&create.token)
            .instance_type(&wanted.instance)
            .instance_platform(CapacityReservationInstancePlatform::LinuxUnix)
            .tenancy(CapacityReservationTenancy::Default)
            .availability_zone(&wanted.zone)
            .instance_count(to_i32(wanted.count))
            .instance_match_criteria(InstanceMatchCriteria::Targeted)
            .end_date_type(EndDateType::Limited)
            .end_date(DateTime::from_secs(wanted.ends.as_second()))
            .tag_specifications(ec2_specification(ResourceType::CapacityReservation, &create.tags))
            .customize()
            .config_override(launch_settings())
            .send()
            .await
            .create(operation)
            .map_err(unsupported_is_unknown)?;
        let there = answer.capacity_reservation.unwrap_or_else(|| SdkReservation::builder().build());
        let Some(id) = there.capacity_reservation_id() else {
            return Err(CloudError::new(operation, Class::Unknown, "the answer names no reservation"));
        };
        Ok(Seen { state: state(&there), ..made(create, id, there.capacity_reservation_arn.clone()) })
    }

    pub(in crate::aws) async fn cancel_reservations(&self, delete: &Delete) -> Result<(), CloudError> {
        for id in &delete.ids {
            let call = self.ec2.cancel_capacity_reservation().capacity_reservation_id(id);
            let outcome = gone_is_success(call.send().await.change("ec2:CancelCapacityReservation").map(|_| ()));
            let Err(error) = outcome else { continue };
            // One that has ended already cannot be cancelled; what EC2 calls that, a look knows better than a code.
            let may_have_ended = matches!(error.class, Class::Invalid | Class::Conflict | Class::Unknown);
            let there = if may_have_ended { self.reservation(id).await? } else { return Err(error) };
            if there.is_some_and(|there| ALIVE.contains(&there.state.as_str())) {
                return Err(error);
            }
        }
        Ok(())
    }
}

fn state(each: &SdkReservation) -> State {
    match each.state() {
        Some(CapacityReservationState::Pending) => State::Creating,
        Some(CapacityReservationState::Active) => State::Ready,
        // `cancelled`, `expired`, `failed`, and what no reservation of ours ever is.
        _ => State::Deleting,
    }
}

fn wanted(each: &SdkReservation) -> CapacityReservation {
    CapacityReservation {
        instance: each.instance_type().unwrap_or_default().to_owned(),
        count: to_u32(each.total_instance_count()).unwrap_or(0),
        zone: each.availability_zone().unwrap_or_default().to_owned(),
        ends: each.end_date().and_then(timestamp).unwrap_or(Timestamp::MAX),
    }
}
