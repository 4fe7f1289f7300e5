//! What AWS and others have published, worked out again from our tables.

use provision::catalog::fsx::{self, Kind};
use provision::catalog::prices::{Prices, Usd};
use provision::catalog::services;

use super::advice;

fn usd(text: &str) -> Usd {
    Usd::parse(text).expect(text)
}

fn price(item: &str) -> Usd {
    services::price(item, "us-east-1").expect(item).usd
}

/// Cents, as a bill has them.
fn cents(amount: Usd) -> i64 {
    (amount.micros() + 5000) / 10_000
}

/// FSx for Lustre User Guide, ssd-storage and hdd-storage: network and disk, MB/s for each TiB.
#[test]
fn performance_tables_of_the_user_guide() {
    let table = [
        (Kind::Scratch2Ssd, None, 200, 1300, 200, 100),
        (Kind::Persistent2Ssd, Some(125), 320, 1300, 125, 125),
        (Kind::Persistent2Ssd, Some(250), 640, 1300, 250, 250),
        (Kind::Persistent2Ssd, Some(500), 1300, 1300, 500, 500),
        (Kind::Persistent2Ssd, Some(1000), 2600, 2600, 1000, 1000),
        (Kind::Persistent1Ssd, Some(50), 250, 1300, 50, 50),
        (Kind::Persistent1Ssd, Some(100), 500, 1300, 100, 100),
        (Kind::Persistent1Ssd, Some(200), 750, 1300, 200, 200),
        (Kind::Persistent1Hdd, Some(12), 40, 375, 12, 12),
        (Kind::Persistent1Hdd, Some(40), 150, 1300, 40, 40),
    ];
    for (kind, rate, network, burst, read, write) in table {
        let given = fsx::tier(kind, rate).expect("sold").throughput(1000);
        let of = [given.network, given.network_burst, given.disk_read, given.disk_write];
        assert_eq!(of, [network, burst, read, write], "{kind} {rate:?}");
    }
}

/// The same guide, performance: 4.8 TiB at 1000 MB/s for each TiB give 4800 MB/s.
#[test]
fn the_example_of_the_user_guide() {
    let text = "[storage]\ncapacity = \"4.8 TiB\"\nthroughput_per_tib = \"1000 MB/s\"\n[workload]\nread = \"4800 MB/s\"\nfiles = 1000\nshared_writes = false\n";
    let current = advice(text).current.expect("all is said");
    assert!(current.meets, "{}", current.why);
    let disk = current.stages.iter().find(|stage| stage.stage.words() == "disk").expect("a stage");
    assert_eq!((disk.had.as_ref().map(ToString::to_string).as_deref(), disk.left_percent), (Some("4.8 GB/s"), Some(0)));
}

/// The same guide, managing-metadata-performance: automatic IOPS by capacity, and two opened files for each.
#[test]
fn metadata_of_the_user_guide() {
    for (gib, iops) in [(1200, 1500), (2400, 3000), (9600, 6000), (12_000, 12_000), (45_600, 12_000), (48_000, 24_000)]
    {
        assert_eq!(fsx::automatic_metadata_iops(gib), iops);
    }
    // 2.4 TiB come with 3000 IOPS: 6000 files a second, and not one more.
    let text = |files: u64| {
        format!(
            "[storage]\ncapacity = \"2.4 TiB\"\nthroughput_per_tib = \"250 MB/s\"\n[workload]\ndataset_size = \"1 TB\"\nread = \"100 MB/s\"\nfiles = {files}\n"
        )
    };
    assert!(advice(&text(60_000_000)).current.expect("all is said").meets);
    let short = advice(&text(60_000_001)).current.expect("all is said");
    assert!(!short.meets && short.why.contains("files opened 6,000/s of 6,001/s"), "{}", short.why);
}

/// The same guide, performance: 5 Gbps between one client and one server; one client reads 100 Gbps over TCP at most.
#[test]
fn throughput_to_one_client() {
    let node = |capacity: &str, read: &str| {
        let text = format!(
            "[storage]\ncapacity = \"{capacity}\"\nthroughput_per_tib = \"1000 MB/s\"\n[[nodes]]\nname = \"n\"\ninstance = \"p4d.24xlarge\"\ncount = 1\n[workload]\ndataset_size = \"1 TB\"\nfiles = 1000\nread = \"{read}\"\nshared_writes = false\n"
        );
        advice(&text).current.expect("all is said").meets
    };
    assert!(node("2.4 TiB", "625 MB/s") && !node("2.4 TiB", "626 MB/s"), "one server");
    assert!(node("7.2 TiB", "1875 MB/s") && !node("7.2 TiB", "1876 MB/s"), "three servers");
    assert!(node("100.8 TiB", "12500 MB/s") && !node("100.8 TiB", "12501 MB/s"), "a hundred gigabits");
}

/// c3x.dev, aws_fsx_lustre_file_system (from AWS's price list): 1.2 TB at 125 MB/s for each TiB, about 174 USD a month.
#[test]
fn the_smallest_file_system() {
    let text = "[storage]\ncapacity = \"1.2 TiB\"\nthroughput_per_tib = \"125 MB/s\"\n";
    assert_eq!(advice(text).current.expect("all is said").monthly, Some(usd("174")));
    let storage = Prices::builtin().storage_gb_month(Kind::Persistent2Ssd, Some(125), false).expect("priced");
    assert_eq!(storage.times(1200), usd("174"));
}

/// EFS price page: 132,000 GB-hours of a month of 744 hours are 177 GB-months, 53.10 USD.
#[test]
fn the_example_of_the_efs_price_page() {
    let gb_hours: u64 = 100 * 15 * 24 + 250 * 16 * 24;
    assert_eq!(gb_hours, 132_000);
    let gb_months = gb_hours / (31 * 24);
    assert_eq!((gb_months, price("efs/standard").times(gb_months)), (177, usd("53.10")));
}

/// S3 FAQ, S3 Express One Zone, examples 1 and 2.
#[test]
fn the_examples_of_the_s3_faq() {
    let (storage, put, get) = (price("s3-express/storage"), price("s3-express/put-1000"), price("s3-express/get-1000"));
    assert_eq!((cents(storage.times(10)), cents(put.times(1000)), cents(get.times(9000))), (110, 113, 27));
    // 10 KB of 1,048,576 in a GB, a million times up and nine million times down.
    let moved = |item: &str, count: u64| cents(price(item).part(10 * count, 1_048_576));
    assert_eq!((moved("s3-express/upload", 1_000_000), moved("s3-express/retrieval", 9_000_000)), (3, 5));
    assert_eq!(cents(storage.part(330_377, 100)), 36_341);
    assert_eq!((cents(put.part(5_242_880 * 30, 1000)), cents(get.part(10_485_760 * 30, 1000))), (17_773, 944));
}
