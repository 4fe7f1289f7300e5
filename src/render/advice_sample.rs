//! Advice made by hand, with everything in it that advice can have: what nobody knows, what is unverified, hostile words.

use crate::catalog::prices::Usd;
use crate::sizing::Amount;
use crate::sizing::advice::{
    Advice, Assumption, Better, Candidate, Configuration, CostLine, Evaluated, FORMAT_VERSION, FirstEpoch, Fit,
    Headroom, Idle, Judgement, Keeping, Key, Outcome, Point, PricesOf, Provision, Requirement, Service, Source, Stage,
    TimeAndMoney,
};

fn source(text: &str, verified: bool) -> Source {
    Source { text: text.to_owned(), date: "2026-11-20".to_owned(), verified }
}

pub(super) fn usd(dollars: i64) -> Usd {
    Usd::from_micros(dollars * 1_000_000)
}

pub(super) fn configuration(deployment: &str, media: &str, gib: u32, rate: Option<u32>) -> Configuration {
    let tib = f64::from(gib) / 1000.0;
    let words = match rate {
        Some(rate) => format!("{deployment} on {}, {tib} TiB, {rate} MB/s per TiB", media.to_uppercase()),
        None => format!("{deployment} on {}, {tib} TiB", media.to_uppercase()),
    };
    Configuration {
        deployment: deployment.to_owned(),
        media: media.to_owned(),
        capacity_gib: Some(gib),
        throughput_mbps_per_tib: rate,
        throughput_mbps: None,
        metadata_iops: None,
        cache: None,
        efa: false,
        words,
        spec_lines: vec![
            format!("deployment         = \"{deployment}\""),
            format!("capacity           = \"{tib} TiB\""),
            format!("throughput_per_tib = \"{} MB/s\"", rate.unwrap_or(0)),
        ],
    }
}

fn judgement(key: Key, outcome: Outcome, wanted: Amount, had: Option<Amount>, short: Option<u64>) -> Judgement {
    let source = source("EFS User Guide, Amazon EFS quotas", outcome != Outcome::Unknown);
    Judgement { key, outcome, wanted, had, short_percent: short, note: None, source }
}

fn candidate(
    rank: u32,
    service: Service,
    name: &str,
    fit: Fit,
    monthly: Option<Usd>,
    judgements: Vec<Judgement>,
) -> Candidate {
    Candidate {
        rank,
        id: format!("option-{rank}"),
        service,
        name: name.to_owned(),
        fit,
        size: (fit == Fit::Fits).then(|| "50.4 TiB, 500 MB/s per TiB".to_owned()),
        configuration: None,
        judgements,
        several_zones: Some(false),
        monthly,
        costs: vec![CostLine {
            what: "50,400 GB stored".to_owned(),
            quantity: 50_400,
            price: Some(Usd::from_micros(340_000)),
            monthly,
            source: source("AWS Price List", true),
        }],
        verdict: match fit {
            Fit::Fits => "Reads and writes as fast as is needed, and shows S3 as files.".to_owned(),
            Fit::Unknown => "Nobody knows how fast it opens files.".to_owned(),
            Fit::FallsShort => "Writes too slowly for the checkpoints.".to_owned(),
        },
        provision: match service {
            Service::FsxLustre => Provision::Kind { kind: "fsx-lustre".to_owned() },
            Service::Efs => Provision::Kind { kind: "efs".to_owned() },
            _ => Provision::AdviceOnly { why: "an appliance, not a file system for GPU nodes".to_owned() },
        },
    }
}

/// The frontier of a few tiers; the fourth one at 500 MB/s is chosen.
pub(super) fn frontier() -> Vec<Point> {
    let mut points = Vec::new();
    for (deployment, media, rate, price, sizes) in [
        ("persistent-1", "hdd", Some(12), 25, 4..8_u32),
        ("persistent-2", "ssd", Some(125), 145, 4..12),
        ("persistent-2", "ssd", Some(250), 210, 11..16),
        ("persistent-2", "ssd", Some(500), 340, 18..30),
        ("persistent-2", "ssd", Some(1000), 600, 30..60),
    ] {
        for steps in sizes {
            let gib = steps * 2400;
            let read = u64::from(gib) * u64::from(rate.unwrap_or(0)) * 1000;
            let monthly = Usd::from_micros(i64::from(gib) * price * 1000);
            let wait = 1000 - (read / 20_000_000).min(1000);
            points.push(Point {
                configuration: configuration(deployment, media, gib, rate),
                monthly,
                hourly: monthly.month_to_hour(),
                read,
                write: read,
                meets: read >= 20_000_000_000,
                is_chosen: rate == Some(500) && steps == 21,
                is_current: rate == Some(250) && steps == 12,
                wait_permille: Some(wait),
                idle_hourly: Some(usd(440).part(wait, 1000)),
            });
        }
    }
    points
}

fn evaluated(configuration: Configuration, meets: bool, monthly: i64, left: i64) -> Evaluated {
    let stage = |stage, wanted: u64, had: Option<u64>, left_percent, verified| Headroom {
        stage,
        wanted: Amount::BytesPerSecond(wanted),
        had: had.map(Amount::BytesPerSecond),
        left_percent,
        source: source("FSx for Lustre User Guide, performance", verified),
    };
    Evaluated {
        configuration,
        meets,
        monthly: Some(usd(monthly)),
        hourly: Some(usd(monthly).month_to_hour()),
        stages: vec![
            stage(Stage::ClientNetwork, 20_000_000_000, Some(100_000_000_000), Some(80), true),
            stage(Stage::Disk, 25_000_000_000, Some(25_200_000_000), Some(left), true),
            stage(Stage::S3Import, 20_000_000_000, None, None, false),
        ],
        bottleneck: Some(Stage::Disk),
        why: "The cheapest that holds 44 TB and reads 20 GB/s while 5 GB/s are written.".to_owned(),
        wait_permille: Some(if meets { 0 } else { 370 }),
    }
}

pub(super) fn advice() -> Advice {
    use Outcome::{FallsShort, Meets, Unknown};
    let rate = Amount::BytesPerSecond;
    let gb = 1_000_000_000;
    let fits = || vec![judgement(Key::Read, Meets, rate(20 * gb), Some(rate(25 * gb)), None)];
    let mut gateway = judgement(Key::SharedWrites, FallsShort, Amount::words("yes"), None, None);
    gateway.note = Some("one appliance writes a prefix at a time".to_owned());
    Advice {
        format_version: FORMAT_VERSION,
        region: "eu-south-2".to_owned(),
        prices: PricesOf {
            region: "us-east-1".to_owned(),
            date: Some("2026-11-20".to_owned()),
            source: "AWS Price List".to_owned(),
        },
        headline: "storage bound: 8 × p5.48xlarge wait 37% of the time; +9.10 USD/h of throughput saves 162.80 USD/h of GPU"
            .to_owned(),
        requirements: vec![
            Requirement {
                key: Key::Capacity,
                wanted: Amount::Bytes(44_000 * gb),
                because: "`dataset_size` in `[workload]`".to_owned(),
                assumed: false,
            },
            Requirement {
                key: Key::Read,
                wanted: rate(20 * gb),
                because: "8 nodes × 8 GPUs × 156 samples/s × 2 MB".to_owned(),
                assumed: true,
            },
        ],
        assumptions: vec![Assumption {
            key: Some("sample_size".to_owned()),
            what: "one sample".to_owned(),
            value: "2 MB".to_owned(),
            why: "a video frame group as most loaders read it".to_owned(),
        }],
        contradictions: vec!["`read` is 5 GB/s, and `epoch` needs 20 GB/s: the larger one counts.".to_owned()],
        options: vec![
            candidate(1, Service::FsxLustre, "FSx for Lustre, persistent-2 on SSD", Fit::Fits, Some(usd(17_136)), fits()),
            candidate(
                2,
                Service::FsxOpenzfs,
                "FSx for OpenZFS, single zone, SSD",
                Fit::Unknown,
                None,
                vec![judgement(Key::Opens, Unknown, Amount::PerSecond(12_000), None, None)],
            ),
            candidate(
                3,
                Service::Efs,
                "Amazon EFS, regional, elastic throughput",
                Fit::FallsShort,
                Some(usd(912_345)),
                vec![
                    judgement(Key::Read, Meets, rate(20 * gb), Some(rate(60 * gb)), None),
                    judgement(Key::Write, FallsShort, rate(8 * gb), Some(rate(5 * gb)), Some(38)),
                    judgement(Key::Latency, FallsShort, Amount::Microseconds(1000), Some(Amount::Microseconds(2700)), Some(170)),
                    judgement(Key::Opens, Unknown, Amount::PerSecond(12_000), None, None),
                ],
            ),
            candidate(4, Service::FileGateway, "Storage Gateway (S3 File Gateway)", Fit::FallsShort, None, vec![gateway]),
        ],
        current: Some(evaluated(configuration("persistent-2", "ssd", 28_800, Some(250)), false, 6048, -37)),
        chosen: Some(evaluated(configuration("persistent-2", "ssd", 50_400, Some(500)), true, 17_136, 1)),
        frontier: frontier(),
        time_and_money: TimeAndMoney {
            first_epoch: Some(FirstEpoch {
                lazy_s: 9000,
                bound_by: Some("S3 import".to_owned()),
                restore_s: 4000,
                preloaded_s: 6200,
                epoch_s: 2200,
                difference: Some(usd(340)),
                sentence: "The first epoch takes 2 h 30 min lazily and 1 h 43 min with `preload = \"data\"`.".to_owned(),
            }),
            keeping: Some(Keeping {
                runs_per_month: 4,
                hours_per_run: 72,
                keep_monthly: usd(17_136),
                anew_monthly: usd(8200),
                anew_waiting: usd(1440),
                sentence: "Deleted after each of 4 runs and imported again it costs 8,200 USD a month instead of 17,136.".to_owned(),
            }),
            idle: Some(Idle {
                nodes: "8 × p5.48xlarge".to_owned(),
                nodes_hourly: usd(440),
                wait_permille: 370,
                idle_hourly: Usd::from_micros(162_800_000),
                better: Some(Better {
                    configuration: configuration("persistent-2", "ssd", 50_400, Some(500)),
                    costs_hourly: Usd::from_micros(9_100_000),
                    saves_hourly: Usd::from_micros(162_800_000),
                }),
                sentence:
                    "storage bound: 8 × p5.48xlarge wait 37% of the time; +9.10 USD/h of throughput saves 162.80 USD/h of GPU"
                        .to_owned(),
            }),
        },
    }
}

/// Nothing does it, and names mean harm.
pub(super) fn hopeless() -> Advice {
    let all = advice();
    let mut options = all.options.clone();
    options.remove(0);
    options[0].name = "a <script>alert(1)</script> | `x` \u{1b}[31m @everyone".to_owned();
    Advice {
        headline: "nothing meets <b>all</b> & everything".to_owned(),
        options,
        current: None,
        chosen: None,
        frontier: Vec::new(),
        time_and_money: TimeAndMoney::default(),
        assumptions: Vec::new(),
        contradictions: Vec::new(),
        ..all
    }
}
