//! What advice says: which sentence comes first, what is assumed, and what rules out what.

use provision::catalog::prices::Prices;
use provision::sizing::advice::{Advice, Fit, Key, Outcome, Service, Stage};
use provision::sizing::{Bin, Question, Scan, advise};

use super::{advice, parts, question};

const VIDEO: &str = include_str!("workloads/3-video-pretrain.toml");

fn short(advice: &Advice, service: Service) -> Vec<Key> {
    let of = advice.options.iter().find(|option| option.service == service).expect("weighed");
    of.judgements.iter().filter(|each| each.outcome == Outcome::FallsShort).map(|each| each.key).collect()
}

#[test]
fn the_question_that_this_began_with() {
    let advice = advice(VIDEO);
    assert_eq!((advice.options[0].service, advice.options[0].fit), (Service::FsxLustre, Fit::Fits));
    for service in [
        Service::FileCache,
        Service::Efs,
        Service::FileGateway,
        Service::Mountpoint,
        Service::S3Express,
        Service::S3Files,
        Service::FsxOpenzfs,
        Service::FsxOntap,
        Service::LocalNvme,
    ] {
        assert!(!short(&advice, service).is_empty(), "{service:?} is not ruled out");
    }
    assert!(short(&advice, Service::Efs).contains(&Key::NodeRead), "1.5 GB/s for a node that reads 2.5");
    assert!(short(&advice, Service::FileGateway).contains(&Key::SharedWrites));
    let efs = advice.options.iter().find(|option| option.service == Service::Efs).expect("weighed");
    assert!(efs.verdict.contains("read of one node 1.57 GB/s of 2.5 GB/s (38% short)"), "{}", efs.verdict);
}

#[test]
fn what_waits_comes_first() {
    let slow = format!("{VIDEO}[storage]\ncapacity = \"48 TiB\"\nthroughput_per_tib = \"250 MB/s\"\n");
    let advice = advice(&slow);
    let idle = advice.time_and_money.idle.as_ref().expect("GPUs have a price");
    // 12 GB/s of disk, 5 of them written: 7 of 20 GB/s are read.
    assert_eq!(idle.wait_permille, 650);
    assert_eq!(
        advice.headline,
        "storage bound: 8 × p5.48xlarge wait 65% of the time; +9.67 USD/h of throughput saves 286 USD/h of GPU"
    );
    let better = idle.better.as_ref().expect("there is one");
    assert_eq!(better.configuration.throughput_mbps_per_tib, Some(500));
    let current = advice.current.as_ref().expect("all is said");
    assert!(!current.meets && current.bottleneck == Some(Stage::Disk), "{current:?}");
    assert_eq!(advice.chosen.as_ref().map(|chosen| chosen.configuration.capacity_gib), Some(Some(50_400)));
    assert_eq!(advice.frontier.iter().filter(|point| point.is_current).count(), 1);
}

#[test]
fn one_gpu_node_is_told_of_in_the_singular() {
    let text = "[storage]\ncapacity = \"1.2 TiB\"\nthroughput_per_tib = \"125 MB/s\"\n[[nodes]]\nname = \"n\"\ninstance = \"g6e.4xlarge\"\ncount = 1\n[workload]\nread = \"400 MB/s\"\nshared_writes = false\n";
    let told = advice(text);
    assert!(told.headline.starts_with("storage bound: 1 × g6e.4xlarge waits 63% of the time"), "{}", told.headline);
}

#[test]
fn nothing_said_is_everything_assumed() {
    let advice = advice("");
    assert!(advice.chosen.is_some() && advice.current.is_none());
    let assumed: Vec<&str> = advice.assumptions.iter().filter_map(|each| each.key.as_deref()).collect();
    for key in [
        "dataset_size",
        "epoch",
        "write",
        "file_size",
        "latency",
        "shared_writes",
        "source",
        "retention",
        "on_premises",
    ] {
        assert!(assumed.contains(&key), "{key} is not said to be assumed: {assumed:?}");
    }
    assert!(advice.assumptions.iter().all(|each| !each.why.is_empty() && !each.value.is_empty()));
}

#[test]
fn a_scan_goes_before_what_is_assumed_and_after_what_is_said() {
    let scan = Scan {
        objects: 100_000,
        bytes: 2_000_000_000_000,
        largest: 50_000_000,
        sampled: false,
        histogram: vec![Bin { up_to: 50_000_000, objects: 100_000, bytes: 2_000_000_000_000 }],
    };
    let asked = |text: &str| {
        let parts = parts(text);
        let question = Question { scan: Some(&scan), ..question(&parts) };
        advise(&question)
    };
    let found = asked("[workload]\nread = \"1 GB/s\"\n");
    let capacity = found.requirements.iter().find(|each| each.key == Key::Capacity).expect("always");
    assert_eq!((capacity.wanted.to_string().as_str(), capacity.assumed), ("2.2 TB", false));
    assert!(capacity.because.starts_with("counted in S3"));
    let opens = found.requirements.iter().find(|each| each.key == Key::Opens).expect("always");
    assert_eq!(opens.wanted.to_string(), "50/s");
    let said = asked("[workload]\ndataset_size = \"10 TB\"\nread = \"1 GB/s\"\n");
    assert!(said.contradictions.iter().any(|each| each.contains("2 TB were found")), "{:?}", said.contradictions);
}

#[test]
fn what_is_not_verified_keeps_its_mark() {
    let advice = advice(VIDEO);
    let gateway = advice.options.iter().find(|option| option.service == Service::FileGateway).expect("weighed");
    assert!(gateway.verdict.ends_with("(a figure is not verified)."), "{}", gateway.verdict);
    assert!(gateway.judgements.iter().any(|each| !each.source.verified) && gateway.monthly.is_none());
    for option in &advice.options {
        for judgement in &option.judgements {
            assert!(
                !judgement.source.text.is_empty() && !judgement.source.date.is_empty(),
                "{} {judgement:?}",
                option.id
            );
        }
    }
}

#[test]
fn prices_of_another_region_are_said_to_be() {
    let parts = parts(VIDEO);
    let frankfurt = Prices::builtin_of("eu-central-1").expect("has a table");
    let told = advise(&Question { region: "eu-central-1", prices: frankfurt, ..question(&parts) });
    assert_eq!(told.prices.region, "eu-central-1");
    let efs = told.options.iter().find(|option| option.service == Service::Efs).expect("weighed");
    assert!(efs.costs.iter().all(|line| !line.source.verified && line.source.text.ends_with("of us-east-1")));
    let nowhere = Prices::default();
    let told = advise(&Question { region: "af-south-1", prices: &nowhere, ..question(&parts) });
    assert_eq!((told.prices.region.as_str(), told.chosen.is_some()), ("us-east-1", true));
}

#[test]
fn the_largest_numbers_do_not_panic() {
    let text = "[[nodes]]\nname = \"n\"\ninstance = \"p5.48xlarge\"\ncount = 1000\n[workload]\ndataset_size = \"16383 PiB\"\nread = \"16383 PiB/s\"\nwrite = \"16383 PiB/s\"\nfiles = 9_223_372_036_854_775_807\nlatency = \"1ns\"\ncheckpoint_size = \"16383 PiB\"\nrun_time = \"100000d\"\nruns_per_month = 730\nsource = \"s3\"\n";
    let advice = advice(text);
    assert!(
        advice.chosen.is_none() && advice.headline.starts_with("nothing meets every requirement"),
        "{}",
        advice.headline
    );
    let small = super::advice(
        "[workload]\ndataset_size = \"1 B\"\nread = \"1 B/s\"\nwrite = \"1 B/s\"\nfiles = 1\nlatency = \"90000d\"\n",
    );
    assert!(small.chosen.is_some());
}
