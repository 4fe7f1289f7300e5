use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::cloud::{Bucket, Class, Listed, Result as CloudResult};
use crate::scan::{Directories, How};
use crate::simulated::{Settings, Simulated};

/// A bucket in memory, in order.
#[derive(Debug, Clone)]
struct Shelf {
    keys: Arc<Vec<(String, u64)>>,
    /// Objects on a page at most, whatever was asked for.
    page: usize,
    asked: Arc<AtomicU64>,
}

impl Shelf {
    fn new(mut keys: Vec<(String, u64)>) -> Self {
        keys.sort();
        Self { keys: Arc::new(keys), page: 1000, asked: Arc::default() }
    }
}

impl Objects for Shelf {
    async fn list(&self, listing: &Listing) -> CloudResult<ListedPage> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let after = listing.token.as_deref().or(listing.after.as_deref());
        let from = self.keys.partition_point(|(key, _)| {
            key.as_str() < listing.prefix.as_str() || after.is_some_and(|after| key.as_str() <= after)
        });
        let below = |(key, _): &&(String, u64)| key.starts_with(&listing.prefix);
        let most = self.page.min(listing.most.into());
        let found = self.keys[from..].iter().take_while(below).take(most + 1);
        let mut objects: Vec<Listed> =
            found.map(|(key, bytes)| Listed { key: key.clone(), bytes: *bytes, is_archived: false }).collect();
        let more = objects.len() > most;
        objects.truncate(most);
        Ok(ListedPage { next: objects.last().filter(|_| more).map(|last| last.key.clone()), objects })
    }
}

fn target(prefix: &str, limit: u64) -> Target {
    Target { bucket: "acme".to_owned(), prefix: prefix.to_owned(), limit }
}

async fn scanned(shelf: &Shelf, prefix: &str, limit: u64) -> Found {
    let result = scan(shelf, &target(prefix, limit), &CancellationToken::new(), |_| {}).await;
    result.expect("the bucket is there")
}

/// How far an estimate is off and how far it may be, of each thousand.
fn off(found: &Found, files: u64) -> (u64, u64) {
    let How::Estimated { files_permille, .. } = found.how else { panic!("counted") };
    (found.files.abs_diff(files) * 1000 / files, files_permille)
}

#[tokio::test]
async fn all_pages_are_counted() {
    let shelf = Shelf::new((0..2500).map(|n| (format!("train/{:02}/{n:05}.mp4", n % 50), 1_000_000 + n)).collect());
    let mut pages = Vec::new();
    let stop = CancellationToken::new();
    let found = scan(&shelf, &target("train/", 2500), &stop, |progress| pages.push(progress)).await.expect("there");
    assert_eq!((found.files, found.bytes, found.how), (2500, 2_503_123_750, How::Counted));
    assert_eq!(found.directories, Some(Directories { count: 51, largest: Some(("train/00/".to_owned(), 50)) }));
    assert_eq!((pages.len(), shelf.asked.load(Ordering::Relaxed)), (3, 3));
    assert_eq!(scanned(&shelf, "else", 10).await.files, 0);
}

#[tokio::test]
async fn evenly_named_files_are_estimated_nearly_exactly() {
    let flat = Shelf::new((0..200_000).map(|n| (format!("v/clip-{n:08}.mp4"), 1000)).collect());
    let found = scanned(&flat, "v/", 5000).await;
    let (error, allowed) = off(&found, 200_000);
    assert!(error <= 20 && allowed <= 40, "{error} {allowed}");
    assert_eq!((found.sizes.permille(500), found.directories.is_none()), (Some(1000), true));

    let shards =
        Shelf::new((0..1000).flat_map(|class| (0..150).map(move |n| (format!("n{class:08}/{n}.jpg"), 100))).collect());
    let (error, allowed) = off(&scanned(&shards, "", 5000).await, 150_000);
    assert!(error <= 50 && allowed <= 100, "{error} {allowed}");
}

#[tokio::test]
async fn one_huge_directory_among_small_ones_is_seen() {
    let mut keys: Vec<(String, u64)> = (0..150_000).map(|n| (format!("all/big/{n:06}"), 10)).collect();
    for name in 'c'..='z' {
        keys.extend((0..20).map(|n| (format!("all/{name}/{n}"), 10)));
    }
    let all = keys.len() as u64;
    let (error, allowed) = off(&scanned(&Shelf::new(keys), "all/", 2000).await, all);
    assert!(error <= allowed.max(20) && allowed < 300, "{error} {allowed}");
}

#[tokio::test]
async fn what_is_seen_to_its_end_is_no_estimate() {
    let shelf = Shelf::new((0..7000).map(|n| (format!("{}/{n:04}", n % 9), 3)).collect());
    let found = scanned(&shelf, "", 4000).await;
    assert_eq!((found.files, found.bytes, found.how, found.directories), (7000, 21_000, How::Counted, None));
}

#[tokio::test]
async fn names_in_any_alphabet_end() {
    let letters: Vec<char> = ('一'..='十').step_by(7).chain('a'..='f').collect();
    let keys = letters
        .iter()
        .flat_map(|a| letters.iter().flat_map(move |b| (0..3).map(move |n| format!("{a}{b}{}", "x".repeat(n)))));
    let keys: Vec<(String, u64)> = keys.map(|key| (key, 1)).collect();
    let all = keys.len() as u64;
    assert!(all > 10_000, "{all}");
    let (error, allowed) = off(&scanned(&Shelf::new(keys), "", 100).await, all);
    assert!(error <= allowed + 100, "{error} {allowed}");
}

#[tokio::test]
async fn two_scans_say_the_same() {
    let shelf = Shelf::new((0..60_000).map(|n| (format!("{:x}/{n}", n * 7919 % 4096), n)).collect());
    assert_eq!(scanned(&shelf, "", 3000).await, scanned(&shelf, "", 3000).await);
}

#[tokio::test]
async fn ctrl_c_ends_it() {
    let shelf = Shelf::new((0..9000).map(|n| (format!("{n:04}"), 1)).collect());
    for limit in [9000, 2000] {
        let stop = CancellationToken::new();
        let told = |progress| {
            if matches!(progress, Progress::Counted { objects: 2000, .. } | Progress::Sampled { .. }) {
                stop.cancel();
            }
        };
        let ended = scan(&shelf, &target("", limit), &stop, told).await;
        assert_eq!(ended, Err(NotScanned::Interrupted));
    }
}

#[tokio::test]
async fn no_order_no_samples() {
    let shelf = Shelf {
        keys: Arc::new(vec![("b".to_owned(), 1), ("a".to_owned(), 1), ("c".to_owned(), 1)]),
        page: 1000,
        asked: Arc::default(),
    };
    let ended = scan(&shelf, &target("", 2), &CancellationToken::new(), |_| {}).await;
    assert_eq!(ended, Err(NotScanned::Unordered));
    assert_eq!(scanned(&shelf, "", 9).await.directories, None);
}

#[tokio::test(start_paused = true)]
async fn the_cloud_refuses() {
    let mut settings = Settings::default();
    settings.objects.insert("acme".to_owned(), BTreeMap::from([("a".to_owned(), 7)]));
    settings.buckets.insert("gone".to_owned(), Bucket::Missing);
    settings.buckets.insert("theirs".to_owned(), Bucket::Denied { region: None });
    let cloud = Simulated::new(settings);
    let look = async |bucket: &str| {
        let target = Target { bucket: bucket.to_owned(), ..target("", 10) };
        scan(&cloud, &target, &CancellationToken::new(), |_| {}).await
    };
    assert_eq!(look("acme").await.expect("there").bytes, 7);
    for (bucket, class) in [("gone", Class::NotFound), ("theirs", Class::Denied)] {
        let Err(NotScanned::Cloud(error)) = look(bucket).await else { panic!("{bucket} is listed") };
        assert_eq!(error.class, class);
    }
}

proptest! {
    // What holds of most samples, and not of all, is looked at for the same ones each time.
    #![proptest_config(ProptestConfig { cases: 24, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever keys are called: here over pages of ten, so that a few thousand are a large bucket.
    #[test]
    fn what_is_said_of_an_error_holds(
        names in prop::collection::btree_set("[ab]{1,3}/[0-9]{1,4}", 400..900), copies in 3..6_u64,
    ) {
        let keys: Vec<(String, u64)> =
            names.iter().flat_map(|name| (0..copies).map(move |copy| (format!("{name}-{copy}"), copy))).collect();
        let all = keys.len() as u64;
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let found = runtime.block_on(scanned(&Shelf { page: 10, ..Shelf::new(keys) }, "", 100));
        let (error, allowed) = off(&found, all);
        // Four rounds say little of how far rounds differ: thrice what they say, and some more.
        prop_assert!(error <= 3 * allowed + 50, "off by {error}, said {allowed}");
    }
}

/// One estimate may be off; the mean of many is not, or samples would not stand for what they stand for.
#[tokio::test]
async fn estimates_are_right_on_average() {
    let (mut told, mut there) = (0, 0);
    for shape in 0..40_u64 {
        // Lopsided: a third of the keys in one branch of many.
        let keys = (0..3000_u64).map(|n| match n % 3 {
            0 => (format!("{shape}/big/{:05}", n * 7919 % 90_001), 1),
            _ => (format!("{shape}/{:x}/{}", n * (shape + 3) % (20 + shape), n), 1),
        });
        let shelf = Shelf { page: 10, ..Shelf::new(keys.collect()) };
        // Each prefix has its own chance.
        told += scanned(&shelf, &format!("{shape}/"), 100).await.files;
        there += 3000;
    }
    assert!(told.abs_diff(there) <= there / 25, "{told} of {there}");
}
