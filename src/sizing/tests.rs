use proptest::prelude::*;

use super::*;
use crate::spec::{Compression, Deployment, Media};

fn storage(deployment: Deployment, media: Media, efa: bool) -> Storage {
    Storage {
        service: Service::FsxLustre,
        existing: None,
        deployment,
        media,
        capacity_gib: None,
        throughput_per_tib: None,
        throughput: None,
        read_cache: None,
        drive_cache: None,
        metadata_iops: (deployment == Deployment::Persistent2).then_some(MetadataIops::Auto),
        compression: Compression::Lz4,
        efa,
        mount: "/fsx".to_owned(),
        kms_key: None,
    }
}

fn workload(tb: u64, read_gb: u64, write_gb: u64, files: u64) -> Workload {
    Workload {
        dataset_size: Some(tb * 1_000_000_000_000),
        read: Some(read_gb * 1_000_000_000),
        write: Some(write_gb * 1_000_000_000),
        files: Some(files),
        latency: None,
    }
}

#[test]
fn the_example_of_the_design() {
    let asked = Workload { dataset_size: Some(40 << 40), ..workload(0, 20, 5, 2_000_000) };
    let sized = size(&storage(Deployment::Persistent2, Media::Ssd, false), &asked).expect("can be done");
    // 25 GB/s: 100.8 TiB at 250 MB/s (21,168 USD), 50.4 TiB at 500 (17,136), or 48 TiB to hold the data at 1000 (28,800).
    assert_eq!((sized.capacity_gib, sized.throughput_per_tib), (Some(50_400), Some(500)));
    assert_eq!(sized.metadata_iops, Some(MetadataIops::Auto));
}

#[test]
fn what_the_spec_fixes_is_kept() {
    let open = storage(Deployment::Persistent2, Media::Ssd, false);
    let fixed = Storage { throughput_per_tib: Some(1000), ..open.clone() };
    let sized = size(&fixed, &workload(1, 1, 0, 1)).expect("can be done");
    assert_eq!((sized.capacity_gib, sized.throughput_per_tib), (Some(1200), Some(1000)));

    let fixed = Storage { capacity_gib: Some(9600), ..open.clone() };
    let sized = size(&fixed, &workload(1, 4, 0, 1)).expect("can be done");
    assert_eq!((sized.capacity_gib, sized.throughput_per_tib), (Some(9600), Some(500)));

    let both = Storage { capacity_gib: Some(1200), throughput_per_tib: Some(125), ..open.clone() };
    assert_eq!(size(&both, &workload(1000, 99, 0, 1)), Ok(both), "taken at its word");

    let small = Storage { capacity_gib: Some(1200), ..open };
    let complaint = size(&small, &workload(10, 0, 0, 1)).expect_err("cannot hold it");
    assert_eq!(complaint.code, "sizing::none");
    assert!(complaint.help.expect("says how to go on").contains("`capacity = \"1.2 TiB\"`"));
}

#[test]
fn tiny_files_buy_metadata_iops_or_space_whichever_is_cheaper() {
    let open = storage(Deployment::Persistent2, Media::Ssd, false);
    // 1 TB of 10 kB files at 1 GB/s: 100,000 opened a second, so 50,000 IOPS.
    let sized = size(&open, &workload(1, 1, 0, 100_000_000)).expect("can be done");
    assert_eq!(sized.metadata_iops, Some(MetadataIops::Provisioned(60_000)));
    assert_eq!(size(&open, &workload(1, 100, 0, 100_000_000)).expect_err("5 million IOPS").code, "sizing::none");
}

#[test]
fn tiering_is_only_measured() {
    let tiering =
        Storage { throughput: Some(4000), ..storage(Deployment::Persistent2, Media::IntelligentTiering, false) };
    assert_eq!(size(&tiering, &workload(9000, 3, 1, 1)), Ok(tiering.clone()));
    assert!(size(&tiering, &workload(1, 3, 2, 1)).is_err());
}

#[test]
fn the_largest_workload_does_not_overflow() {
    let all = Workload {
        dataset_size: Some(u64::MAX),
        read: Some(u64::MAX),
        write: Some(u64::MAX),
        files: Some(u64::MAX),
        latency: None,
    };
    for (deployment, media) in [
        (Deployment::Scratch2, Media::Ssd),
        (Deployment::Persistent2, Media::Ssd),
        (Deployment::Persistent1, Media::Hdd),
    ] {
        assert!(size(&storage(deployment, media, false), &all).is_err());
    }
}

/// Whether a file system does the work, said again in other words.
fn does_it(tier: &Tier, gib: u32, iops: Option<u32>, workload: &Workload) -> bool {
    let of = |value: Option<u64>| f64::from(u32::try_from(value.unwrap_or(0) / 1_000_000).expect("small enough"));
    let (megabytes, read, write) = (of(workload.dataset_size), of(workload.read), of(workload.write));
    let holds = f64::from(gib) * 1.073_741_824 * 1000.0 >= megabytes * 1.1;
    let tib = f64::from(gib) / 1000.0;
    let busy = read / (f64::from(tier.disk_read) * tib) + write / (f64::from(tier.disk_write) * tib);
    let files = f64::from(u32::try_from(workload.files.unwrap_or(0)).expect("small enough"));
    let opens = files * read / megabytes;
    holds && busy <= 1.000_000_001 && iops.is_none_or(|iops| f64::from(iops) * 2.0 + 1e-6 >= opens)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_legal_that_does_it_is_cheaper(
        tb in 1..60_u64, read in 0..15_u64, write in 0..6_u64, files in 1..20_000_000_u64, which in 0..5_usize,
    ) {
        let (deployment, media, efa) = [
            (Deployment::Scratch2, Media::Ssd, false),
            (Deployment::Persistent1, Media::Ssd, false),
            (Deployment::Persistent1, Media::Hdd, false),
            (Deployment::Persistent2, Media::Ssd, false),
            (Deployment::Persistent2, Media::Ssd, true),
        ][which];
        let open = storage(deployment, media, efa);
        let asked = workload(tb, read, write, files);
        let kind = open.kind();
        let mut cheapest: Option<Usd> = None;
        for tier in fsx::tiers(kind) {
            let sizes = if efa { tier.efa_sizes } else { Some(tier.sizes) };
            for gib in (1200..=480_000).step_by(600).filter(|gib| sizes.is_some_and(|sizes| sizes.contains(*gib))) {
                let automatic = fsx::automatic_metadata_iops(gib);
                let levels: Vec<Option<MetadataIops>> = if kind == Kind::Persistent2Ssd {
                    let provisioned = fsx::metadata_iops().map(|iops| Some(MetadataIops::Provisioned(iops)));
                    provisioned.chain([Some(MetadataIops::Auto)]).collect()
                } else {
                    vec![None]
                };
                for level in levels {
                    let iops = level.map(|level| match level {
                        MetadataIops::Auto => automatic,
                        MetadataIops::Provisioned(iops) => iops,
                    });
                    if does_it(tier, gib, iops, &asked) {
                        let cost = month(kind, tier.per_tib, gib, level).expect("priced");
                        cheapest = Some(cheapest.map_or(cost, |least| least.min(cost)));
                    }
                }
            }
        }
        if let Ok(sized) = size(&open, &asked) {
            let gib = sized.capacity_gib.expect("filled");
            let legal = fsx::capacity_step(kind, sized.throughput_per_tib, efa).expect("sold").contains(gib);
            prop_assert!(legal, "{gib} GiB at {:?}", sized.throughput_per_tib);
            let cost = month(kind, sized.throughput_per_tib, gib, sized.metadata_iops).expect("priced");
            // HDD may need more than the brute force looks at.
            if gib <= 480_000 {
                prop_assert_eq!(Some(cost), cheapest, "{:?}", sized);
            }
        } else {
            prop_assert_eq!(cheapest, None);
        }
    }
}
