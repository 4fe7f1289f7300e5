//! What a month costs beside FSx for Lustre, at the size and use asked for.

use super::advice::{CostLine, Service, Source};
use super::demand::{Demand, clamp};
use super::network::servers_for;
use super::others::{line, moved_gb};
use super::question::Question;
use crate::spec::units;

const GB: u64 = 1_000_000_000;
/// What Mountpoint and the NFS layer of S3 Files ask S3 for at a time (mountpoint-s3, doc/CONFIGURATION.md).
const PART: u64 = 8 << 20;
/// Capacities of File Cache: 1.2 TiB, 2.4 TiB and multiples of it; 1000 MB/s for each TiB (API: CreateFileCache).
const CACHE_SMALLEST_GIB: u64 = 1200;
const CACHE_STEP_GIB: u64 = 2400;
const CACHE_RATE_PER_GIB: u64 = 1_000_000;
/// ThroughputCapacity of OpenZFS, MB/s (API: CreateFileSystemOpenZFSConfiguration, SINGLE_AZ_2).
const OPENZFS: [u64; 9] = [160, 320, 640, 1280, 2560, 3840, 5120, 7680, 10_240];
/// ThroughputCapacityPerHAPair of ONTAP, MB/s (API: SINGLE_AZ_2), and how many pairs there can be.
const ONTAP_PAIR: [u64; 3] = [1536, 3072, 6144];
const ONTAP_PAIRS: u64 = 12;

/// The size that it is priced at, in words, and the lines of its bill.
pub(super) fn of(service: Service, question: &Question<'_>, demand: &Demand) -> (Option<String>, Vec<CostLine>) {
    let region = question.region;
    let held = demand.held.div_ceil(GB);
    let (read, written) = (moved_gb(demand.read, demand), moved_gb(demand.write, demand));
    let gets = clamp((u128::from(read) * u128::from(GB)).div_ceil(u128::from(PART)));
    let get = |item| line(item, "thousand GETs of 8 MiB", gets.div_ceil(1000), region);
    match service {
        // Priced by its own search.
        Service::FsxLustre => (None, Vec::new()),
        Service::FileCache => {
            let gib = cache_gib(demand);
            let mut lines = vec![line("file-cache/storage", "GB of cache", gib, region)];
            lines.extend(in_s3(demand, region));
            (Some(u32::try_from(gib).map_or_else(|_| format!("{gib} GiB"), units::capacity)), lines)
        }
        Service::Efs => {
            let lines = vec![
                line("efs/standard", "GB stored", held, region),
                line("efs/read", "GB read", read, region),
                line("efs/write", "GB written", written, region),
            ];
            (Some(format!("{held} GB, {read} GB read and {written} GB written a month")), lines)
        }
        Service::FileGateway => {
            let mut lines = in_s3(demand, region);
            let most = line("file-gateway/written-most", "gateway-month at most", 1, region);
            let by_use = line("file-gateway/written", "GB written", written, region);
            lines.push(if by_use.monthly > most.monthly { most } else { by_use });
            lines.push(unknown("the appliance: an instance of 16 vCPUs and disks for its cache"));
            (Some(format!("{held} GB in S3")), lines)
        }
        Service::Mountpoint => {
            let mut lines = in_s3(demand, region);
            lines.push(get("s3/get-1000"));
            (Some(format!("{held} GB in S3")), lines)
        }
        Service::S3Express => {
            let lines = vec![
                line("s3-express/storage", "GB stored", held, region),
                get("s3-express/get-1000"),
                line("s3-express/retrieval", "GB retrieved", read, region),
                line("s3-express/upload", "GB uploaded", written, region),
            ];
            (Some(format!("{held} GB in a directory bucket")), lines)
        }
        Service::S3Files => {
            let mut lines = in_s3(demand, region);
            lines.push(get("s3/get-1000"));
            lines.push(line("s3-files/write", "GB written", written, region));
            (Some(format!("{held} GB in S3, large reads straight from it")), lines)
        }
        Service::FsxOpenzfs => {
            let wanted = demand.read.saturating_add(demand.write).div_ceil(1_000_000);
            let rate = OPENZFS.into_iter().find(|rate| *rate >= wanted).unwrap_or(OPENZFS[OPENZFS.len() - 1]);
            let gib = demand.capacity().div_ceil(1 << 30);
            let lines = vec![
                line("fsx-openzfs/ssd", "GB of SSD", gib, region),
                line("fsx-openzfs/throughput", "MB/s", rate, region),
            ];
            (Some(format!("{gib} GiB at {rate} MB/s")), lines)
        }
        Service::FsxOntap => {
            let wanted = demand.read.saturating_add(demand.write).div_ceil(1_000_000);
            let rate = ontap(wanted);
            let gib = demand.capacity().div_ceil(1 << 30);
            let lines = vec![
                line("fsx-ontap/ssd", "GB of SSD", gib, region),
                line("fsx-ontap/throughput", "MB/s", rate, region),
            ];
            (Some(format!("{gib} GiB at {rate} MB/s")), lines)
        }
        Service::LocalNvme => (None, vec![included()]),
    }
}

/// Large enough for the dataset, since it is read again and again, and fast enough for the nodes.
fn cache_gib(demand: &Demand) -> u64 {
    let held = demand.capacity().div_ceil(1 << 30);
    let rate = demand.read.saturating_add(demand.write).div_ceil(CACHE_RATE_PER_GIB);
    // A node reaches a server of 2400 GiB at 5 Gbps, as with Lustre.
    let node = demand.node_read.unwrap_or(0).max(demand.node_write.unwrap_or(0));
    let servers = u64::from(servers_for(node)).saturating_sub(1) * CACHE_STEP_GIB + 1;
    match held.max(rate).max(servers) {
        0..=CACHE_SMALLEST_GIB => CACHE_SMALLEST_GIB,
        gib => gib.div_ceil(CACHE_STEP_GIB).saturating_mul(CACHE_STEP_GIB),
    }
}

/// The fewest MB/s of ONTAP that are enough, else the most that it has.
fn ontap(wanted: u64) -> u64 {
    let each = ONTAP_PAIR.into_iter().flat_map(|rate| (1..=ONTAP_PAIRS).map(move |pairs| rate * pairs));
    each.filter(|rate| *rate >= wanted).min().unwrap_or(ONTAP_PAIR[ONTAP_PAIR.len() - 1] * ONTAP_PAIRS)
}

/// What stays in S3 beside it. FSx for Lustre has its datasets there, too: it is told for all or for none.
fn in_s3(demand: &Demand, region: &str) -> Vec<CostLine> {
    if demand.s3_link {
        return Vec::new();
    }
    vec![line("s3/standard", "GB in S3", demand.held.div_ceil(GB), region)]
}

fn unknown(what: &str) -> CostLine {
    let source = Source { text: "no price is known".to_owned(), date: String::new(), verified: false };
    CostLine { what: what.to_owned(), quantity: 1, price: None, monthly: None, source }
}

fn included() -> CostLine {
    use crate::catalog::prices::Usd;
    let source =
        Source { text: "EC2 prices".to_owned(), date: crate::catalog::instances::date().to_owned(), verified: true };
    let what = "in the price of the nodes".to_owned();
    CostLine { what, quantity: 1, price: Some(Usd::ZERO), monthly: Some(Usd::ZERO), source }
}
