//! Nodes: launched by one request for a whole group, booted against the file system, and gone in their own time.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::clock::VirtualClock;
use super::efs::storage_of;
use super::settings::{Boot, Which};
use super::world::{Answer, Due, Key, Maker, Uses, World, refuse};
use crate::cloud::{Class, Create, Delete};
use crate::desired::{
    Address, InterfaceKind, Kind, LaunchTemplate, NodeGroup, Resource, TAG_CLUSTER, TAG_NODE, TAG_PRELOAD, Tags,
};
use crate::observed::{Node, NodeState, Preload, Report};
use crate::spec::Market;

/// How often a booting node tries to mount a file system that is not there yet.
const MOUNT_AGAIN: Duration = Duration::from_secs(10);

/// An EC2 instance.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    pub(super) state: NodeState,
    pub(super) instance: String,
    pub(super) image: String,
    pub(super) zone: String,
    pub(super) subnet: String,
    /// Of the subnet.
    pub(super) addresses: u32,
    pub(super) launched: Duration,
    pub(super) spot: bool,
    /// The reservation that it runs in, which may have ended since.
    pub(super) reservation: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) tags: Tags,
    pub(super) maker: Maker,
    pub(super) uses: Uses,
    pub(super) boot: Boot,
    /// Paths of datasets that it restores, in the spec's order.
    pub(super) preloads: Vec<String>,
    /// Booted, and trying to mount.
    waits: bool,
}

impl Machine {
    /// It has its addresses, and its place in security and placement group.
    pub(super) fn holds(&self) -> bool {
        self.state != NodeState::Terminated
    }

    /// As the port shows it.
    pub(super) fn observed(&self, address: &Address, id: &str) -> Node {
        let running = matches!(self.state, NodeState::Pending | NodeState::Running);
        let number = u32::from_str_radix(id.rsplit('-').next().unwrap_or_default(), 16).unwrap_or_default();
        Node {
            address: address.clone(),
            id: id.to_owned(),
            state: self.state,
            report: self.tags.get(TAG_NODE).and_then(|tag| Report::parse(tag)),
            preload: self.tags.get(TAG_PRELOAD).and_then(|tag| Preload::parse(tag)),
            instance: self.instance.clone(),
            image: self.image.clone(),
            zone: self.zone.clone(),
            private_ip: running.then(|| Ipv4Addr::from_bits(0x0a00_0000 + number).to_string()),
            launched: Some(VirtualClock::at(self.launched)),
            spot: self.spot,
            reason: self.reason.clone(),
            tags: self.tags.clone(),
        }
    }

    /// It bills or may bill again.
    pub(super) fn exists(&self) -> bool {
        match self.state {
            NodeState::Pending | NodeState::Running | NodeState::Stopping | NodeState::Stopped => true,
            NodeState::ShuttingDown | NodeState::Terminated => false,
        }
    }
}

impl World {
    pub(super) fn launch(&mut self, create: &Create, group: &NodeGroup) -> Answer<Vec<String>> {
        let zone = self.zone_of(&group.subnet)?;
        // EC2 knows a token per zone only.
        let scope = format!("ec2:RunInstances in {zone}");
        let template_id = create.known.ids.get(&group.template);
        let Create { count, least, tags, .. } = create;
        let parameters = format!("{template_id:?} {least} {count} {} {} {tags:?}", group.instance, group.subnet);
        let parameters = format!("{parameters} {:?}", target(create));
        // Also when they are terminated, for as long as they are shown.
        if let Some(made) = self.spent(&scope, &create.token, &parameters)?
            && made.iter().any(|id| self.nodes.get(id).is_some())
        {
            return Ok(made.to_vec());
        }
        let Some(template_id) = template_id else {
            return refuse(Class::Invalid, "MissingParameter", format!("the id of {} was not given", group.template));
        };
        let launch = self.needed(Kind::Template, template_id)?;
        let uses = launch.uses.clone();
        let Resource::Template(template) = launch.resource.clone() else {
            return refuse(Class::Invalid, "InvalidLaunchTemplateId", "not a launch template");
        };
        self.can_launch(&template, &uses)?;
        if create.least == 0 || create.least > create.count {
            return refuse(Class::Invalid, "InvalidParameterValue", "MinCount is from 1 to MaxCount");
        }
        let count = self.room_for(create, group, &zone, addresses_of(&template), &uses)?;

        let asked = (cluster_of(&create.tags), create.address.to_string());
        let most = self.asked.entry(asked).or_default();
        *most = group.count.max(*most);

        let tags: Tags =
            template.node_tags.iter().chain(&create.tags).map(|(key, value)| (key.clone(), value.clone())).collect();
        let made: Vec<String> =
            (0..count).map(|_| self.launch_one(create, group, &template, &zone, &tags, &uses)).collect();
        self.spend(&scope, &create.token, parameters, made.clone());
        Ok(made)
    }

    /// Everything that the template names is there.
    fn can_launch(&self, template: &LaunchTemplate, uses: &Uses) -> Answer<()> {
        for (kind, id) in uses {
            match kind {
                Kind::SecurityGroup | Kind::Placement => {
                    self.needed(*kind, id)?;
                }
                Kind::InstanceProfile => {
                    let role = match &self.needed(*kind, id)?.resource {
                        Resource::InstanceProfile(profile) => profile.role.clone(),
                        _ => String::new(),
                    };
                    if role.is_empty() {
                        return refuse(
                            Class::Invalid,
                            "InvalidParameterValue",
                            format!("instance profile {id} has no role"),
                        );
                    }
                    self.needed(Kind::Role, &role)?;
                }
                // Booting finds out about the file system, not launching.
                Kind::Role
                | Kind::Reservation
                | Kind::Fsx
                | Kind::Efs
                | Kind::MountTarget
                | Kind::FileCache
                | Kind::Link
                | Kind::Task
                | Kind::Template
                | Kind::Nodes => {}
            }
        }
        if !self.settings.images.values().any(|image| image.id == template.image) {
            return refuse(Class::Invalid, "InvalidAMIID.NotFound", format!("{} does not exist", template.image));
        }
        Ok(())
    }

    /// How many can be launched. Only for want of capacity are they fewer than were asked for: whether EC2 launches fewer
    /// where a quota or a subnet has no room for all, its documentation does not say.
    fn room_for(&self, create: &Create, group: &NodeGroup, zone: &str, addresses: u32, uses: &Uses) -> Answer<u32> {
        let (instance, count) = (&group.instance, create.count);
        self.is_offered(instance, zone)?;
        self.is_reserved(&group.market)?;
        // What is reserved counts already.
        if target(create).is_none() {
            self.may_have_more(count)?;
        }
        if count * addresses > self.free_addresses(&group.subnet) {
            let message = format!("{} has too few free addresses", group.subnet);
            return refuse(Class::Capacity, "InsufficientFreeAddressesInSubnet", message);
        }
        // Of the pool, or of the reservation that the call names.
        if let Some(id) = target(create) {
            self.has_reserved(id, instance, zone, count, uses)?;
            return Ok(count);
        }
        self.has_capacity(instance, zone, create.least)?;
        Ok(self.room(instance, zone).map_or(count, |room| room.min(count)))
    }

    /// An instance of somebody else's, running for ever.
    pub(super) fn plant_node(&mut self, group: &NodeGroup, tags: Tags) -> String {
        let id = self.id("i");
        let node = Machine {
            state: NodeState::Running,
            instance: group.instance.clone(),
            image: group.image.clone(),
            zone: group.zone.clone(),
            subnet: group.subnet.clone(),
            addresses: 1,
            launched: self.now,
            spot: group.market == Market::Spot,
            reservation: None,
            reason: None,
            tags,
            maker: Maker::Others,
            uses: Uses::new(),
            boot: Boot::Silent,
            preloads: Vec::new(),
            waits: false,
        };
        self.nodes.put(id.clone(), node, self.now, self.now);
        id
    }

    fn launch_one(
        &mut self,
        create: &Create,
        group: &NodeGroup,
        template: &LaunchTemplate,
        zone: &str,
        tags: &Tags,
        uses: &Uses,
    ) -> String {
        let id = self.id("i");
        self.lived_on.0.extend(storage_of(uses).map(|(_, id)| id));
        let node = Machine {
            state: NodeState::Pending,
            instance: group.instance.clone(),
            image: template.image.clone(),
            zone: zone.to_owned(),
            subnet: group.subnet.clone(),
            addresses: addresses_of(template),
            launched: self.now,
            spot: template.market == Market::Spot,
            reservation: target(create).cloned(),
            reason: None,
            tags: tags.clone(),
            maker: Maker::Clients,
            uses: uses.clone(),
            boot: self.boot_of(&create.address),
            preloads: template
                .boot
                .datasets
                .iter()
                .filter(|dataset| dataset.preload_data)
                .map(|dataset| dataset.path.clone())
                .collect(),
            waits: false,
        };
        let shown = self.shown();
        self.nodes.put(id.clone(), node, self.now, shown);
        self.later(self.settings.delays.node_pending, Due::NodeRuns(id.clone()));
        id
    }

    /// How the next node of a group turns out.
    fn boot_of(&mut self, address: &Address) -> Boot {
        let next = self.launches.entry(address.name.clone()).or_default();
        let index = *next;
        *next += 1;
        let fits = |which: &Which| match which {
            Which::All => true,
            Which::Group(name) => *name == address.name,
            Which::Node(name, nth) => *name == address.name && *nth == index,
        };
        self.settings.nodes.iter().rev().find(|(which, _)| fits(which)).map_or(Boot::Ready, |(_, boot)| boot.clone())
    }

    pub(super) fn node_runs(&mut self, id: &str) {
        if let Some(node) = self.nodes.get_mut(id).filter(|node| node.state == NodeState::Pending) {
            node.state = NodeState::Running;
            self.later(self.settings.delays.node_boot, Due::NodeBooted(id.to_owned()));
        }
    }

    /// A node that can mount says how it is; one that cannot waits for the file system.
    pub(super) fn node_booted(&mut self, id: &str) {
        let Some(node) = self.nodes.get(id).filter(|node| node.state == NodeState::Running) else { return };
        let mounts = self.can_mount(&node.uses);
        let report = match &node.boot {
            Boot::Ready => "ready".to_owned(),
            Boot::Degraded(why) => format!("degraded: {why}"),
            Boot::Failed(why) => format!("failed: {why}"),
            Boot::Silent => return,
        };
        if mounts || matches!(node.boot, Boot::Failed(_)) {
            let shown = self.tags_shown();
            self.note(format!("{id} reports {report}"));
            self.nodes.change(id, self.now, shown, |node| {
                node.waits = false;
                node.tags.insert(TAG_NODE.to_owned(), report);
            });
            self.begin_preload(id);
        } else if let Some(node) = self.nodes.get_mut(id) {
            node.waits = true;
        }
    }

    /// A file system has come: the nodes that wait for it find it at their next try.
    pub(super) fn mount_waiting(&mut self, file_system: &str) {
        self.try_again(|(_, id)| id == file_system);
    }

    /// A group lets more in: perhaps those that wait for an EFS.
    pub(super) fn reach_waiting(&mut self) {
        self.try_again(|(kind, _)| kind == Kind::Efs);
    }

    fn try_again(&mut self, of: impl Fn(Key) -> bool) {
        let waits = |node: &Machine| node.waits && storage_of(&node.uses).is_some_and(&of);
        let nodes: Vec<String> = self.nodes.all().filter(|(_, node)| waits(node)).map(|(id, _)| id.clone()).collect();
        for id in nodes {
            if let Some(node) = self.nodes.get_mut(&id) {
                node.waits = false;
            }
            self.later(MOUNT_AGAIN, Due::NodeBooted(id));
        }
    }

    pub(super) fn terminate(&mut self, delete: &Delete) {
        for id in &delete.ids {
            if self.nodes.get(id).is_some_and(|node| node.maker == Maker::Others) {
                self.ledger.touched.push(format!("instance {id} was terminated"));
            }
            self.end_node(id, None);
        }
    }

    pub(super) fn end_node(&mut self, id: &str, reason: Option<&str>) {
        if !self.nodes.get(id).is_some_and(Machine::exists) {
            return;
        }
        let shown = self.shown();
        self.nodes.change(id, self.now, shown, |node| {
            node.state = NodeState::ShuttingDown;
            node.reason = reason.map(ToOwned::to_owned);
        });
        self.later(self.settings.delays.node_shutting_down, Due::NodeTerminated(id.to_owned()));
    }

    pub(super) fn node_terminated(&mut self, id: &str) {
        if let Some(node) = self.nodes.get_mut(id) {
            node.state = NodeState::Terminated;
            self.later(self.settings.delays.node_shown, Due::NodeForgotten(id.to_owned()));
        }
    }

    pub(super) fn node_forgotten(&mut self, id: &str) {
        self.nodes.remove(id, self.now, self.now);
    }
}

/// The reservation that a launch names.
fn target(create: &Create) -> Option<&String> {
    create.known.ids.get(&Address::named(Kind::Reservation, &create.address.name))
}

/// Interfaces for EFA alone have no address.
fn addresses_of(template: &LaunchTemplate) -> u32 {
    let with_address = template.interfaces.iter().filter(|each| each.kind != InterfaceKind::EfaOnly).count();
    u32::try_from(with_address).unwrap_or(u32::MAX).max(1)
}

pub(super) fn cluster_of(tags: &Tags) -> String {
    tags.get(TAG_CLUSTER).cloned().unwrap_or_default()
}
