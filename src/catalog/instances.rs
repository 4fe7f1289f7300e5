//! EC2 instance types: what each has and can do. Cut from AWS's own answers by `tools/instance_types.py`.
//!
//! The table grows old: a type that is not in here may exist all the same, so an unknown family is never an error.

use std::sync::LazyLock;

use super::table::{self, Cells};

const DATA: &str = include_str!("data/instances.tsv");
const LUSTRE_EFA: &str = include_str!("data/lustre_efa.tsv");
const NETWORK: &str = include_str!("data/instance_network.tsv");

/// One instance type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, as in DescribeInstanceTypes")]
pub struct InstanceType {
    pub name: &'static str,
    pub architecture: Architecture,
    pub vcpus: u32,
    pub memory_mib: u64,
    /// None: CPUs only.
    pub accelerators: Option<Accelerators>,
    pub network_cards: u32,
    /// How many interfaces each of the cards takes.
    pub interfaces_per_card: u32,
    /// How many EFA interfaces it can have; 0: no EFA.
    pub efa_interfaces: u32,
    /// The first card that takes EFA; 1 where card 0 is for ENA alone (p6-b300).
    pub efa_first_card: u32,
    /// Whether interfaces of type `efa-only` are known to work; false also where nobody has written it down.
    pub efa_only: bool,
    /// None: no NVMe instance store.
    pub nvme: Option<Nvme>,
    /// Generation of the Nitro System; None: Xen, or not known.
    pub nitro: Option<u8>,
    /// Can reach an EFA-enabled FSx for Lustre file system over EFA.
    pub lustre_efa: bool,
    /// Can be in a cluster placement group.
    pub cluster_placement: bool,
    /// Sold as Capacity Blocks.
    pub capacity_block: bool,
    pub spot: bool,
}

impl InstanceType {
    /// `p5` of `p5.48xlarge`.
    pub fn family(&self) -> &'static str {
        family(self.name)
    }

    /// How many EFA interfaces AWS's own set-up gives the Lustre client by default, where the type has so many. 0: it reaches
    /// file systems over TCP only. More is possible, but a file system has 1,024 EFA connections for all its clients.
    pub fn lustre_efa_interfaces(&self) -> u32 {
        if !self.lustre_efa {
            return 0;
        }
        let others = if self.network_cards > 1 { "several-cards" } else { "one-card" };
        let given = |name: &str| LUSTRE_EFA_INTERFACES.iter().find(|(each, _)| *each == name).map(|(_, count)| *count);
        given(self.name).or_else(|| given(others)).unwrap_or(1).min(self.efa_interfaces)
    }
}

/// How fast the network of an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// Of all its network cards together.
    pub gbps: u32,
    /// False: AWS says "up to", and gives it for a while only.
    pub sustained: bool,
}

static NETWORKS: LazyLock<Vec<(&str, Network)>> = LazyLock::new(|| {
    table::rows(NETWORK)
        .map(|mut cells| (cells.text(), Network { gbps: cells.number(), sustained: cells.flag() }))
        .collect()
});

impl InstanceType {
    /// None: the table has GPU types only.
    pub fn network(&self) -> Option<Network> {
        NETWORKS.iter().find(|(name, _)| *name == self.name).map(|(_, network)| *network)
    }
}

static LUSTRE_EFA_INTERFACES: LazyLock<Vec<(&str, u32)>> =
    LazyLock::new(|| table::rows(LUSTRE_EFA).map(|mut cells| (cells.text(), cells.number())).collect());

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    X86_64,
    Arm64,
    /// macOS hosts, which run no Linux.
    Mac,
}

/// GPUs, Trainium and their like; all of a node's are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accelerators {
    pub count: u32,
    pub name: &'static str,
    pub memory_mib: u64,
}

/// Local NVMe disks, all of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nvme {
    pub count: u32,
    pub gb: u32,
}

/// Sorted by family, then name: a family's sizes stand together (`-` sorts before `.`, so by name alone `c7i-flex` would
/// stand inside `c7i`).
static TYPES: LazyLock<Vec<InstanceType>> = LazyLock::new(|| {
    let mut types: Vec<InstanceType> = table::rows(DATA).map(read).collect();
    types.sort_by_key(|each| (each.family(), each.name));
    types
});

fn read(mut cells: Cells) -> InstanceType {
    let name = cells.text();
    let architecture = match cells.text() {
        "x86_64" => Architecture::X86_64,
        "arm64" => Architecture::Arm64,
        _ => Architecture::Mac,
    };
    let (vcpus, memory_mib) = (cells.number(), cells.number());
    let (count, accelerator, accelerator_mib) = (cells.number(), cells.text(), cells.number());
    let (network_cards, interfaces_per_card) = (cells.number(), cells.number());
    let (efa_interfaces, efa_first_card, efa_only) = (cells.number(), cells.number(), cells.flag());
    let (disks, gb) = (cells.number(), cells.number());
    InstanceType {
        name,
        architecture,
        vcpus,
        memory_mib,
        accelerators: (count > 0).then_some(Accelerators { count, name: accelerator, memory_mib: accelerator_mib }),
        network_cards,
        interfaces_per_card,
        efa_interfaces,
        efa_first_card,
        efa_only,
        nvme: (disks > 0).then_some(Nvme { count: disks, gb }),
        nitro: cells.maybe(),
        lustre_efa: cells.flag(),
        cluster_placement: cells.flag(),
        capacity_block: cells.flag(),
        spot: cells.flag(),
    }
}

/// The day the table was cut.
pub fn date() -> &'static str {
    table::header(DATA, "date")
}

/// All types, a family's together.
pub fn all() -> &'static [InstanceType] {
    &TYPES
}

/// The facts of a type, if it is in the table.
pub fn get(name: &str) -> Option<&'static InstanceType> {
    let place = TYPES.binary_search_by_key(&(family(name), name), |each| (each.family(), each.name)).ok()?;
    Some(&TYPES[place])
}

/// Whether any size of this type's family is in the table.
pub fn family_known(name: &str) -> bool {
    sizes(family(name)).next().is_some()
}

/// The known sizes of a family such as `p5`.
pub fn sizes(family_name: &str) -> impl Iterator<Item = &'static InstanceType> {
    let start = TYPES.partition_point(|each| family(each.name) < family_name);
    TYPES[start..].iter().take_while(move |each| each.family() == family_name)
}

/// The type that was most likely meant: a size of the same family where there is one, else any name very like it.
pub fn similar(name: &str) -> Option<&'static str> {
    let closest = |types: &mut dyn Iterator<Item = &'static InstanceType>, at_least: f64| {
        types
            .map(|each| (strsim::jaro_winkler(name, each.name), each.name))
            .filter(|(likeness, _)| *likeness >= at_least)
            // Of equals the first by name, so that two runs say the same.
            .max_by(|one, other| one.0.total_cmp(&other.0).then_with(|| other.1.cmp(one.1)))
            .map(|(_, name)| name)
    };
    // Within a family anything is likelier than another family; across families only what is nearly the same name.
    closest(&mut sizes(family(name)), 0.0).or_else(|| closest(&mut TYPES.iter(), 0.93))
}

fn family(name: &str) -> &str {
    name.split_once('.').map_or(name, |(family, _)| family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_reads_and_no_name_occurs_twice() {
        assert!(TYPES.len() > 1200, "{}", TYPES.len());
        for pair in TYPES.windows(2) {
            assert_ne!(pair[0].name, pair[1].name, "twice");
        }
        for each in all() {
            assert!(each.efa_interfaces <= each.network_cards, "{}: at most one EFA a card", each.name);
            assert!(each.vcpus > 0 && each.network_cards > 0 && each.interfaces_per_card > 0, "{}", each.name);
        }
        assert_eq!(date(), "2026-11-22");
    }

    #[test]
    fn every_type_is_found_by_name_and_by_family() {
        for each in all() {
            assert_eq!(get(each.name), Some(each));
            assert!(sizes(each.family()).any(|size| size == each), "{}", each.name);
        }
    }

    #[test]
    fn known_types_are_as_the_fact_sheet_says() {
        let p5 = get("p5.48xlarge").expect("in the table");
        assert_eq!((p5.vcpus, p5.memory_mib, p5.network_cards, p5.efa_interfaces), (192, 2_097_152, 32, 32));
        assert_eq!(p5.accelerators, Some(Accelerators { count: 8, name: "H100", memory_mib: 81920 }));
        assert_eq!(p5.nvme, Some(Nvme { count: 8, gb: 3800 }));
        assert!(p5.lustre_efa && p5.capacity_block && p5.cluster_placement && p5.efa_only);

        let trn2 = get("trn2.48xlarge").expect("in the table");
        assert!(trn2.efa_interfaces == 16 && !trn2.lustre_efa, "FSx excludes trn2 from Lustre over EFA");
        let b300 = get("p6-b300.48xlarge").expect("in the table");
        assert_eq!((b300.network_cards, b300.efa_interfaces, b300.efa_first_card), (17, 16, 1));
        for (name, lustre_efa) in
            [("p4d.24xlarge", false), ("g5.48xlarge", false), ("g6e.48xlarge", true), ("p5e.48xlarge", true)]
        {
            assert_eq!(get(name).expect(name).lustre_efa, lustre_efa, "{name}");
        }
        assert!(!get("t3.micro").expect("in the table").cluster_placement);
        assert!(get("p3.16xlarge").is_some() && get("p6e-gb200.36xlarge").is_some(), "what moto lacks is added");
    }

    #[test]
    fn lustre_uses_some_of_the_efa_interfaces() {
        for (name, interfaces) in [
            ("p5.48xlarge", 8),
            ("p6-b300.48xlarge", 16),
            ("g6e.24xlarge", 2),
            ("g6e.48xlarge", 2),
            ("g6e.12xlarge", 1),
            ("p4d.24xlarge", 0),
            ("trn2.48xlarge", 0),
            ("t3.micro", 0),
        ] {
            assert_eq!(get(name).expect(name).lustre_efa_interfaces(), interfaces, "{name}");
        }
        for (name, _) in LUSTRE_EFA_INTERFACES.iter().filter(|(name, _)| name.contains('.')) {
            assert!(get(name).expect(name).lustre_efa, "{name}");
        }
    }

    #[test]
    fn networks_are_of_types_that_there_are() {
        for (name, network) in NETWORKS.iter() {
            let facts = get(name).expect(name);
            assert!(network.gbps >= 10 && (network.sustained || facts.network_cards == 1), "{name}");
            assert!(facts.accelerators.is_some(), "{name}");
        }
        let network = |name: &str| get(name).expect(name).network();
        assert_eq!(network("p5.48xlarge"), Some(Network { gbps: 3200, sustained: true }));
        assert_eq!(network("t3.micro"), None);
    }

    #[test]
    fn did_you_mean() {
        assert_eq!(similar("p5.48xlrage"), Some("p5.48xlarge"));
        assert_eq!(similar("p5.24xlarge"), Some("p5.4xlarge"));
        assert_eq!(similar("p5n.48xlarge"), Some("p5en.48xlarge"));
        assert_eq!(similar("zebra"), None);
        assert!(family_known("g6e.1234xlarge") && !family_known("q9.large") && !family_known(""));
    }
}
