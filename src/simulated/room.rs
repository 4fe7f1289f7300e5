//! Room for instances: how many of a type a zone has, what is reserved of them, and how that changes.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::clock::VirtualClock;
use super::nodes::Machine;
use super::storage::thing;
use super::world::{Answer, Due, Key, Refusal, Uses, World, refuse};
use crate::cloud::{Class, Create, Reservation, SpotWish};
use crate::desired::{CapacityReservation, Kind, Resource, TAG_ADDRESS};
use crate::observed::State;
use crate::spec::Market;

impl World {
    pub(super) fn is_offered(&self, instance: &str, zone: &str) -> Answer<()> {
        if self.settings.offerings.get(instance).is_some_and(|zones| !zones.contains(zone)) {
            return refuse(Class::NotOffered, "Unsupported", format!("{instance} is not offered in {zone}"));
        }
        Ok(())
    }

    /// Of instances that run and of those that are reserved.
    pub(super) fn may_have_more(&self, count: u32) -> Answer<()> {
        let running = self.nodes.all().filter(|(_, node)| node.holds() && !self.is_in_reservation(node)).count();
        let reserved: u32 = self.reservations().map(|reservation| reservation.count).sum();
        self.within_quota(Kind::Nodes, running + reserved as usize, count)
    }

    fn reservations(&self) -> impl Iterator<Item = &CapacityReservation> {
        self.things.all().filter_map(|(_, thing)| match &thing.resource {
            Resource::Reservation(reservation) => Some(reservation),
            _ => None,
        })
    }

    /// None: there is no end of them.
    pub(super) fn room(&self, instance: &str, zone: &str) -> Option<u32> {
        let capacity = *self.settings.capacity.get(&(instance.to_owned(), zone.to_owned()))?;
        let is_here = |node: &Machine| node.holds() && node.instance == instance && node.zone == zone;
        let nodes = self.nodes.all().filter(|(_, node)| is_here(node) && !self.is_in_reservation(node));
        let here = self.reservations().filter(|each| each.instance == instance && each.zone == zone);
        let busy = nodes.count() as u64 + here.map(|each| u64::from(each.count)).sum::<u64>();
        Some(u32::try_from(u64::from(capacity).saturating_sub(busy)).unwrap_or(u32::MAX))
    }

    /// Its place is one of a reservation that is there still.
    fn is_in_reservation(&self, node: &Machine) -> bool {
        node.reservation.as_ref().is_some_and(|id| self.things.get(&(Kind::Reservation, id.clone())).is_some())
    }

    /// Whether a launch fits into a reservation: EC2 takes none of another type or zone, and in a cluster placement group
    /// that it was not made in there is no place for it.
    pub(super) fn has_reserved(&self, id: &str, instance: &str, zone: &str, count: u32, uses: &Uses) -> Answer<()> {
        let thing = self.things.get(&(Kind::Reservation, id.to_owned()));
        let Some(Resource::Reservation(reservation)) = thing.map(|thing| &thing.resource) else {
            let message = format!("{id} does not exist");
            return refuse(Class::NotFound, "InvalidCapacityReservationId.NotFound", message);
        };
        if (reservation.instance.as_str(), reservation.zone.as_str()) != (instance, zone) {
            return refuse(Class::Invalid, "InvalidParameterCombination", format!("{id} is of another type or zone"));
        }
        if uses.contains_key(&Kind::Placement) {
            let message = format!("{id} was not reserved in the placement group");
            return refuse(Class::Capacity, "InsufficientInstanceCapacity", message);
        }
        let taken = self.nodes.all().filter(|(_, node)| node.holds() && node.reservation.as_deref() == Some(id));
        if taken.count() as u64 + u64::from(count) > u64::from(reservation.count) {
            return refuse(Class::ReservationFull, "ReservationCapacityExceeded", format!("{id} is full"));
        }
        Ok(())
    }

    /// How much of what is wanted a zone has, by its id, from 1 to 9 as LocalStack has it; AWS's own way is not known.
    pub(super) fn scores(&self, wish: &SpotWish) -> BTreeMap<String, u32> {
        let score = |zone: &str| {
            let offered = wish.types.iter().filter(|each| self.is_offered(each, zone).is_ok());
            let of_type = |each: &String| match self.room(each, zone) {
                Some(room) if room < wish.count => 1 + 8 * room / wish.count,
                Some(_) | None => 9,
            };
            offered.map(of_type).max()
        };
        let zones = self.settings.subnets.iter();
        zones.filter_map(|subnet| Some((subnet.zone_id.clone(), score(&subnet.zone)?))).collect()
    }

    /// One that a test has set, in the state of the hour.
    pub(super) fn reserved_by_others(&self, id: &str) -> Option<Reservation> {
        let mut found = self.settings.reservations.get(id)?.clone();
        let now = VirtualClock::at(self.now);
        let has_passed = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if found.state == "scheduled" && has_passed(found.starts) {
            "active".clone_into(&mut found.state);
        }
        if found.state == "active" && has_passed(found.ends) {
            "expired".clone_into(&mut found.state);
        }
        Some(found)
    }

    /// Nothing is launched into a reservation that has not begun or has ended.
    pub(super) fn is_reserved(&self, market: &Market) -> Answer<()> {
        let (Market::CapacityBlock(id) | Market::Reservation(id)) = market else { return Ok(()) };
        match self.reserved_by_others(id) {
            Some(found) if found.state != "active" => {
                let message = format!("{id} is {}", found.state);
                refuse(Class::ReservationFull, "ReservationCapacityExceeded", message)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A refusal names the zones that have enough, as EC2 does.
    pub(super) fn has_capacity(&self, instance: &str, zone: &str, count: u32) -> Answer<()> {
        let fits = |zone: &str| self.room(instance, zone).is_none_or(|room| room >= count);
        if fits(zone) {
            return Ok(());
        }
        let zones = self.offered_in(instance);
        let elsewhere = zones.into_iter().filter(|each| each != zone && fits(each)).collect();
        let message = format!("not enough {instance} in {zone}");
        Err(Refusal { class: Class::Capacity, code: "InsufficientInstanceCapacity", message, elsewhere })
    }

    pub(super) fn reserve(&mut self, create: &Create, wanted: &CapacityReservation) -> Answer<String> {
        let operation = "ec2:CreateCapacityReservation";
        let parameters = format!("{:?} {:?}", create.resource, create.tags);
        if let Some(id) = self.made_by_token(operation, Kind::Reservation, create, &parameters)? {
            return Ok(id);
        }
        let CapacityReservation { instance, count, zone, ends } = wanted;
        self.is_offered(instance, zone)?;
        let Ok(left) = std::time::Duration::try_from(ends.duration_since(VirtualClock::at(self.now))) else {
            return refuse(Class::Invalid, "InvalidParameterValue", "the end date lies in the past");
        };
        self.may_have_more(*count)?;
        self.has_capacity(instance, zone, *count)?;
        self.granted.push((self.now, create.address.name.clone(), zone.clone()));
        let id = self.id("cr");
        let key = (Kind::Reservation, id.clone());
        self.put(key.clone(), thing(create, State::Ready, []));
        self.later(left, Due::Expires(key));
        self.spend(operation, &create.token, parameters, vec![id.clone()]);
        Ok(id)
    }

    /// A file system is made in a zone. What is reserved there at this moment counts as granted.
    pub(super) fn house(&mut self, zone: String) {
        let reserved = self.things.all().filter_map(|(_, thing)| match &thing.resource {
            Resource::Reservation(reservation) if reservation.zone == zone => {
                Some(thing.tags.get(TAG_ADDRESS)?.split_once('.')?.1.to_owned())
            }
            _ => None,
        });
        let granted: Vec<_> = reserved.map(|group| (self.now, group, zone.clone())).collect();
        self.granted.extend(granted);
        self.housed.push((self.now, zone));
    }

    pub(super) fn expires(&mut self, key: &Key) {
        let shown = self.shown();
        if self.things.remove(key, self.now, shown).is_some() {
            self.note(format!("{} has expired", key.1));
        }
    }

    pub(super) fn capacity_is(&mut self, instance: &str, zone: &str, count: u32) {
        self.note(format!("{zone} has {count} × {instance} now"));
        self.settings.capacity.insert((instance.to_owned(), zone.to_owned()), count);
    }
}
