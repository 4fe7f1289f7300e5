//! Capacity: what was reserved, how likely spot instances are to be had, and what of the account's limits is in use.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{
    CapacityReservation, CapacityReservationState, CapacityReservationType, InstanceLifecycleType, Tenancy,
};

use super::filter;
use crate::aws::Aws;
use crate::aws::convert::{timestamp, to_i32, to_u32};
use crate::aws::error::{Explain as _, found};
use crate::cloud::{CloudError, Reservation, SpotWish};

/// EC2 gives up to 1000 (EC2 API Reference, DescribeNetworkInterfaces).
const INTERFACES_A_PAGE: i32 = 1000;

/// How many instances of each type.
type Running = BTreeMap<String, u32>;

impl Aws {
    /// None: there is none.
    pub(in crate::aws) async fn reservation(&self, id: &str) -> Result<Option<Reservation>, CloudError> {
        // By id: there is no filter by it.
        let call = self.ec2.describe_capacity_reservations().capacity_reservation_ids(id);
        let answer = found(call.send().await.look("ec2:DescribeCapacityReservations"))?;
        let each = answer.and_then(|answer| answer.capacity_reservations).unwrap_or_default().into_iter().next();
        Ok(each.map(described))
    }

    /// Those with room, by id, that launches of these types fall into without naming them.
    pub(in crate::aws) async fn open_reservations(
        &self,
        types: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Reservation>, CloudError> {
        let filters = vec![
            filter("instance-type", types.iter().cloned()),
            filter("state", ["active"]),
            filter("instance-match-criteria", ["open"]),
            filter("instance-platform", ["Linux/UNIX"]),
            filter("tenancy", ["default"]),
        ];
        let call = self.ec2.describe_capacity_reservations().set_filters(Some(filters));
        let mut pages = call.into_paginator().send();
        let mut open = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.look("ec2:DescribeCapacityReservations")?;
            let all = page.capacity_reservations.unwrap_or_default();
            open.extend(
                all.into_iter().filter_map(|each| Some((each.capacity_reservation_id.clone()?, described(each)))),
            );
        }
        open.retain(|_, each| each.free > 0);
        Ok(open)
    }

    /// By the id of a zone of our region.
    pub(in crate::aws) async fn spot_scores(&self, wish: &SpotWish) -> Result<BTreeMap<String, u32>, CloudError> {
        let call = self
            .ec2
            .get_spot_placement_scores()
            .set_instance_types(Some(wish.types.clone()))
            .target_capacity(to_i32(wish.count))
            .single_availability_zone(true)
            .region_names(&self.region);
        let mut pages = call.into_paginator().send();
        let mut scores = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.look("ec2:GetSpotPlacementScores")?;
            let all = page.spot_placement_scores.unwrap_or_default();
            scores.extend(all.into_iter().filter_map(|each| Some((each.availability_zone_id?, to_u32(each.score)?))));
        }
        Ok(scores)
    }

    /// Running instances that count against a quota: on demand, and spot. Those of capacity blocks and on dedicated hosts
    /// count against neither (EC2 User Guide, "On-Demand Instance quotas").
    pub(in crate::aws) async fn running(&self, patterns: &BTreeSet<String>) -> Result<(Running, Running), CloudError> {
        let (mut on_demand, mut spot) = (Running::new(), Running::new());
        let filters = vec![
            filter("instance-state-name", ["pending", "running"]),
            filter("instance-type", patterns.iter().cloned()),
        ];
        self.each_instance(filters, |instance| {
            let of = match instance.instance_lifecycle() {
                None => &mut on_demand,
                Some(InstanceLifecycleType::Spot) => &mut spot,
                Some(_) => return,
            };
            let on_host = instance.placement().and_then(|place| place.tenancy()) == Some(&Tenancy::Host);
            if let Some(kind) = instance.instance_type().filter(|_| !on_host) {
                *of.entry(kind.as_str().to_owned()).or_default() += 1;
            }
        })
        .await?;
        Ok((on_demand, spot))
    }

    pub(in crate::aws) async fn interface_count(&self) -> Result<u32, CloudError> {
        let mut count = 0;
        let call = self.ec2.describe_network_interfaces().max_results(INTERFACES_A_PAGE);
        let mut pages = call.into_paginator().send();
        while let Some(page) = pages.next().await {
            count += page.look("ec2:DescribeNetworkInterfaces")?.network_interfaces().len();
        }
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }
}

fn described(each: CapacityReservation) -> Reservation {
    Reservation {
        state: each.state().map_or("unknown", CapacityReservationState::as_str).to_owned(),
        free: to_u32(each.available_instance_count).unwrap_or(0),
        is_block: each.reservation_type().map(|kind| *kind == CapacityReservationType::CapacityBlock),
        starts: each.start_date().and_then(timestamp),
        ends: each.end_date().and_then(timestamp),
        placement_group: each.placement_group_arn,
        instance: each.instance_type.unwrap_or_default(),
        zone: each.availability_zone.unwrap_or_default(),
    }
}
