//! Limits of an account: which counts what, and by which code Service Quotas knows it. The limits themselves are the
//! account's own, and asked for.

use std::sync::LazyLock;

use super::fsx::Kind;
use super::table;

const DATA: &str = include_str!("data/quotas.tsv");

/// A limit of an account in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// As Service Quotas writes it: `ec2`
    pub service: &'static str,
    /// `L-417A185B`
    pub code: &'static str,
    pub name: &'static str,
    pub counts: Counts,
    /// Families or kinds that count; empty: whatever there is.
    of: Vec<&'static str>,
    /// AWS's pages agree on what counts.
    pub is_sure: bool,
}

/// What the number of a quota is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counts {
    OnDemandVcpus,
    SpotVcpus,
    FileSystems,
    StorageGib,
    /// Of each file system alone, and not of all together.
    StorageGibEach,
    ThroughputMbps,
    ReadCacheGib,
    NetworkInterfaces,
}

impl Counts {
    const ALL: [(&'static str, Self); 8] = [
        ("on-demand-vcpus", Self::OnDemandVcpus),
        ("spot-vcpus", Self::SpotVcpus),
        ("file-systems", Self::FileSystems),
        ("storage-gib", Self::StorageGib),
        ("storage-gib-each", Self::StorageGibEach),
        ("throughput-mbps", Self::ThroughputMbps),
        ("read-cache-gib", Self::ReadCacheGib),
        ("network-interfaces", Self::NetworkInterfaces),
    ];

    /// What stands behind the number; empty where the name of the quota says it.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::OnDemandVcpus | Self::SpotVcpus => " vCPUs",
            Self::StorageGib | Self::StorageGibEach | Self::ReadCacheGib => " GiB",
            Self::ThroughputMbps => " MB/s",
            Self::FileSystems | Self::NetworkInterfaces => "",
        }
    }
}

static QUOTAS: LazyLock<Vec<Quota>> = LazyLock::new(|| {
    table::rows(DATA)
        .map(|mut cells| {
            let (service, code, name, counts, of) =
                (cells.text(), cells.text(), cells.text(), cells.text(), cells.text());
            let counts = Counts::ALL.into_iter().find(|(word, _)| *word == counts);
            let of = if of == "-" { Vec::new() } else { of.split(',').collect() };
            let (_, counts) = counts.unwrap_or_else(|| panic!("catalog: {code} counts something unknown"));
            Quota { service, code, name, counts, of, is_sure: cells.flag() }
        })
        .collect()
});

/// All that are known.
pub fn all() -> &'static [Quota] {
    &QUOTAS
}

/// The one that running instances of a type count against.
pub fn of_instance(name: &str, spot: bool) -> Option<&'static Quota> {
    let counts = if spot { Counts::SpotVcpus } else { Counts::OnDemandVcpus };
    QUOTAS.iter().find(|quota| quota.counts == counts && quota.of.contains(&letters(name)))
}

/// Those that a file system counts against.
pub fn of_storage(kind: Kind) -> impl Iterator<Item = &'static Quota> {
    QUOTAS.iter().filter(move |quota| quota.service == "fsx" && quota.of.contains(&kind.sku()))
}

/// The one of network interfaces.
pub fn of_interfaces() -> Option<&'static Quota> {
    QUOTAS.iter().find(|quota| quota.counts == Counts::NetworkInterfaces)
}

impl Quota {
    /// Patterns of the instance types that may count: `p*`. Wider than the quota, never narrower.
    pub fn patterns(&self) -> impl Iterator<Item = String> {
        self.of.iter().map(|letters| format!("{letters}*"))
    }
}

/// `p` of `p5.48xlarge`, `gr` of `gr6.4xlarge`, `u` of `u-6tb1.metal`.
fn letters(name: &str) -> &str {
    name.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::instances;

    #[test]
    fn every_row_reads_and_no_code_occurs_twice() {
        let mut codes: Vec<&str> = all().iter().map(|quota| quota.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all().len());
        for quota in all() {
            let hex = quota.code.strip_prefix("L-").expect("a code");
            assert!(hex.len() == 8 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()), "{quota:?}");
        }
    }

    #[test]
    fn every_instance_type_but_macs_counts_against_one() {
        for each in instances::all() {
            let found = of_instance(each.name, false);
            assert_eq!(found.is_none(), each.architecture == instances::Architecture::Mac, "{}", each.name);
        }
        for (name, spot, code) in [
            ("p5.48xlarge", false, "L-417A185B"),
            ("p6-b200.48xlarge", false, "L-417A185B"),
            ("gr6.4xlarge", false, "L-DB2E81BA"),
            ("g6e.48xlarge", true, "L-3819A6DF"),
            ("trn2.48xlarge", false, "L-2C3B7624"),
            ("dl1.24xlarge", false, "L-6E869C2A"),
            ("im4gn.large", true, "L-34B43A08"),
            ("p5.48xlarge", true, "L-7212CCBC"),
        ] {
            assert_eq!(of_instance(name, spot).map(|quota| quota.code), Some(code), "{name}");
        }
    }

    #[test]
    fn every_kind_of_file_system_has_a_number_and_a_size() {
        for kind in Kind::ALL {
            let counts: Vec<Counts> = of_storage(kind).map(|quota| quota.counts).collect();
            assert!(counts.len() >= 2 && counts[0] == Counts::FileSystems, "{kind}: {counts:?}");
        }
        assert_eq!(of_interfaces().map(|quota| quota.service), Some("vpc"));
    }
}
