//! A second solver, written apart from the first: its own tables, its own arithmetic, every size one after another. What the
//! first one chooses must be legal, do the work, and cost what the cheapest of all these costs.

use std::fmt::Write as _;

use proptest::prelude::*;
use provision::sizing::advice::{Advice, Configuration, Outcome};

use super::advice;

/// Largest size looked at, GiB: beyond it the second solver says nothing.
const LARGEST: u64 = 480_000;

/// Workloads for each promise: one takes the second solver some tens of milliseconds.
const CASES: u32 = 32;

/// As the User Guide's tables have them: per TiB of 1000 GiB, and us-east-1's price of a GB and month in tenths of a cent.
struct Sold {
    deployment: &'static str,
    media: &'static str,
    rate: Option<u64>,
    smallest: u64,
    step: u64,
    efa_step: Option<u64>,
    network: u64,
    read: u64,
    write: u64,
    price: u64,
}

#[rustfmt::skip]
const SOLD: [Sold; 10] = [
    Sold { deployment: "scratch-2",    media: "ssd", rate: None,       smallest: 1200, step: 2400, efa_step: None,         network: 200,  read: 200,  write: 100,  price: 140 },
    Sold { deployment: "persistent-1", media: "ssd", rate: Some(50),   smallest: 1200, step: 2400, efa_step: None,         network: 250,  read: 50,   write: 50,   price: 140 },
    Sold { deployment: "persistent-1", media: "ssd", rate: Some(100),  smallest: 1200, step: 2400, efa_step: None,         network: 500,  read: 100,  write: 100,  price: 190 },
    Sold { deployment: "persistent-1", media: "ssd", rate: Some(200),  smallest: 1200, step: 2400, efa_step: None,         network: 750,  read: 200,  write: 200,  price: 290 },
    Sold { deployment: "persistent-1", media: "hdd", rate: Some(12),   smallest: 6000, step: 6000, efa_step: None,         network: 40,   read: 12,   write: 12,   price: 25 },
    Sold { deployment: "persistent-1", media: "hdd", rate: Some(40),   smallest: 1800, step: 1800, efa_step: None,         network: 150,  read: 40,   write: 40,   price: 83 },
    Sold { deployment: "persistent-2", media: "ssd", rate: Some(125),  smallest: 1200, step: 2400, efa_step: Some(38_400), network: 320,  read: 125,  write: 125,  price: 145 },
    Sold { deployment: "persistent-2", media: "ssd", rate: Some(250),  smallest: 1200, step: 2400, efa_step: Some(19_200), network: 640,  read: 250,  write: 250,  price: 210 },
    Sold { deployment: "persistent-2", media: "ssd", rate: Some(500),  smallest: 1200, step: 2400, efa_step: Some(9600),   network: 1300, read: 500,  write: 500,  price: 340 },
    Sold { deployment: "persistent-2", media: "ssd", rate: Some(1000), smallest: 1200, step: 2400, efa_step: Some(4800),   network: 2600, read: 1000, write: 1000, price: 600 },
];

/// What is asked for, in MB and MB/s, so that all sums are exact.
#[derive(Debug, Clone)]
struct Asked {
    megabytes: u64,
    read: u64,
    write: u64,
    files: u64,
    latency_ms: u64,
    durable: bool,
    linked: bool,
    /// MB/s for each TiB, where the spec fixes them.
    rate: Option<u64>,
    /// Type, how many, Gbps of one network card, whether it reaches Lustre over EFA, and how fast then (Gbps).
    nodes: Option<(&'static str, u64, u64, Option<u64>)>,
}

impl Asked {
    fn spec(&self) -> String {
        let mut text = String::from("[cluster]\nname = \"x\"\nregion = \"us-east-1\"\n");
        if self.linked {
            text.push_str("[[dataset]]\ns3 = \"s3://acme/train\"\npath = \"/train\"\n");
        }
        if let Some((instance, count, ..)) = self.nodes {
            let _ = write!(text, "[[nodes]]\nname = \"n\"\ninstance = \"{instance}\"\ncount = {count}\n");
        }
        if let Some(rate) = self.rate {
            let _ = write!(text, "[storage]\nthroughput_per_tib = \"{rate} MB/s\"\n");
        }
        let _ = write!(
            text,
            "[workload]\ndataset_size = \"{} MB\"\nread = \"{} MB/s\"\nwrite = \"{} MB/s\"\nfiles = {}\nlatency = \"{}ms\"\n",
            self.megabytes, self.read, self.write, self.files, self.latency_ms
        );
        if !self.durable {
            text.push_str("retention = \"1d\"\n");
        }
        if !self.linked {
            text.push_str("source = \"none\"\n");
        }
        text
    }

    fn opens(&self) -> u64 {
        u64::try_from((u128::from(self.files) * u128::from(self.read)).div_ceil(u128::from(self.megabytes)))
            .expect("small")
    }

    /// Whether a node gets its part: one card over TCP and 5 Gbps from each server, or what EFA gives.
    fn feeds(&self, servers: u64, efa: bool) -> bool {
        let Some((_, count, card, over_efa)) = self.nodes else { return true };
        let gbps = match over_efa.filter(|_| efa) {
            Some(gbps) => gbps,
            None => card.min(100).min(5 * servers),
        };
        // Megabits a second.
        self.read.max(self.write) * 8 <= gbps * 1000 * count
    }

    fn holds(&self, gib: u64) -> bool {
        u128::from(gib) * (1 << 30) * 10 >= u128::from(self.megabytes) * 1_000_000 * 11
    }
}

/// The automatic metadata IOPS of the User Guide's table.
fn automatic(gib: u64) -> u64 {
    match gib {
        ..2400 => 1500,
        2400..4800 => 3000,
        4800..12_000 => 6000,
        12_000..48_000 => 12_000,
        _ => (12_000 * (gib / 24_000)).min(192_000),
    }
}

/// Cents×10 a month of the cheapest that does everything: with known metadata, and of older types besides.
#[derive(Debug, Default, PartialEq, Eq)]
struct Cheapest {
    known: Option<u64>,
    unknown: Option<u64>,
}

fn note(least: &mut Option<u64>, cost: u64) {
    *least = Some(least.map_or(cost, |before| before.min(cost)));
}

fn cheapest(asked: &Asked) -> Cheapest {
    let mut found = Cheapest::default();
    for sold in &SOLD {
        let other_rate = asked.rate.is_some() && sold.rate != asked.rate;
        if other_rate || sold.deployment == "scratch-2" && asked.durable {
            continue;
        }
        let caches: &[bool] = if sold.media == "hdd" { &[false, true] } else { &[false] };
        let with_efa = asked.nodes.is_some_and(|(.., efa)| efa.is_some()) && sold.efa_step.is_some();
        for efa in [false, true].into_iter().filter(|efa| !efa || with_efa) {
            let step = if efa { sold.efa_step.expect("sold with EFA") } else { sold.step };
            let first = if efa { step } else { sold.smallest };
            let sizes = std::iter::once(first).chain((1..).map(|count| count * step).filter(|gib| *gib != first));
            for gib in sizes.take_while(|gib| *gib <= LARGEST).filter(|gib| asked.holds(*gib)) {
                let server = match (efa, sold.media) {
                    (true, _) => step,
                    (false, "hdd") => sold.step,
                    (false, _) => 2400,
                };
                for cached in caches {
                    // A fifth is cache, 200 MB/s for each TiB of it, if everything is in it.
                    let all_in = *cached && u128::from(gib) * (1 << 30) >= u128::from(asked.megabytes) * 5_000_000;
                    let read_rate = if all_in { sold.read.max(40) } else { sold.read };
                    let latency = if sold.media == "hdd" && !all_in { 9 } else { 1 };
                    // MB/s × 1000: what the disks do in all.
                    let (reads, writes) = (read_rate * gib, sold.write * gib);
                    let busy = u128::from(asked.read * 1000) * u128::from(writes)
                        + u128::from(asked.write * 1000) * u128::from(reads);
                    let fits = busy <= u128::from(reads) * u128::from(writes)
                        && (asked.read + asked.write) * 1000 <= sold.network * gib
                        && latency <= asked.latency_ms
                        && asked.feeds(gib.div_ceil(server), efa);
                    if !fits {
                        continue;
                    }
                    let price = match (sold.rate, cached) {
                        (Some(12), true) => 41,
                        (Some(40), true) => 99,
                        (_, _) => sold.price,
                    };
                    if sold.deployment != "persistent-2" {
                        note(&mut found.unknown, gib * price);
                        continue;
                    }
                    let included = automatic(gib);
                    let levels = [1500, 3000, 6000].into_iter().chain((1..=16).map(|count| count * 12_000));
                    for iops in levels.filter(|iops| *iops >= included && iops * 2 >= asked.opens()) {
                        note(&mut found.known, gib * price + (iops - included) * 55);
                    }
                }
            }
        }
    }
    if !asked.linked && asked.rate.is_none() {
        for cost in tiering(asked) {
            note(&mut found.known, cost);
        }
    }
    found
}

/// Every intelligent-tiering file system up to 400 GB/s that does it.
fn tiering(asked: &Asked) -> Vec<u64> {
    let gib = (asked.megabytes * 1_000_000).div_ceil(1 << 30);
    let gb = asked.megabytes.div_ceil(1000);
    let mut costs = Vec::new();
    for servers in 1..=100_u64 {
        let enough = (asked.read + asked.write) <= servers * 4000 && asked.feeds(servers, false);
        let over_efa = (asked.read + asked.write) <= servers * 4000 && asked.feeds(servers, true);
        if !(enough || over_efa && asked.nodes.is_some_and(|(.., efa)| efa.is_some())) {
            continue;
        }
        let own = (servers * 32).max(gib);
        let caches = [0, servers * 20_000].into_iter().chain((own <= servers * 131_072).then_some(own));
        for cache in caches {
            let latency = if cache >= gib { 1 } else { 50 };
            for iops in [6000, 12_000_u64] {
                if latency <= asked.latency_ms && iops * 2 >= asked.opens() {
                    let tenths = servers * 4000 * 520 + gb * 23 + cache * 90 + iops * 55;
                    // Watching over costs 0.6 of a thousandth a GB: kept apart, since it is no whole number.
                    costs.push(tenths * 10 + gb * 6);
                }
            }
        }
    }
    // Back to thousandths; what is lost is less than one.
    costs.into_iter().map(|cost| cost / 10).collect()
}

fn asked() -> impl Strategy<Value = Asked> {
    let nodes = prop::sample::select(vec![
        None,
        Some(("p5.48xlarge", 100, Some(700))),
        Some(("p4d.24xlarge", 100, None)),
        Some(("g6e.8xlarge", 25, Some(25))),
        Some(("g6e.4xlarge", 20, None)),
    ]);
    // Small datasets as often as large ones: what binds is another thing then.
    let megabytes = (prop::sample::select(vec![1_u64, 1000, 1_000_000, 10_000_000]), 1..6_u64)
        .prop_map(|(unit, count)| unit * count);
    let amounts = (megabytes, 1..20_000_u64, 1..6000_u64, 1..300_000_000_u64);
    let rate = prop::sample::select(vec![None, None, Some(125), Some(500), Some(1000)]);
    let rest = (
        prop::sample::select(vec![1_u64, 10, 100]),
        any::<bool>(),
        any::<bool>(),
        rate,
        nodes,
        prop::sample::select(vec![1_u64, 1, 2, 4, 32]),
    );
    (amounts, rest).prop_map(|((megabytes, read, write, files), (latency_ms, durable, linked, rate, nodes, count))| {
        Asked {
            megabytes,
            read,
            write,
            files,
            latency_ms,
            durable,
            linked,
            rate,
            // A node alone has EFA only if it is asked for.
            nodes: nodes.map(|(name, card, efa)| (name, count, card, efa.filter(|_| count > 1))),
        }
    })
}

fn thousandths(advice: &Advice) -> Option<u64> {
    let monthly = advice.chosen.as_ref()?.monthly?.micros();
    u64::try_from(monthly / 1000).ok()
}

fn is_known(configuration: &Configuration) -> bool {
    configuration.deployment == "persistent-2"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn the_chosen_one_is_the_cheapest_of_all(asked in asked()) {
        let advice = advice(&asked.spec());
        let all = cheapest(&asked);
        let Some(chosen) = &advice.chosen else {
            prop_assert_eq!(all, Cheapest::default(), "nothing was chosen");
            return Ok(());
        };
        if chosen.configuration.capacity_gib.is_some_and(|gib| u64::from(gib) > LARGEST)
            || chosen.configuration.throughput_mbps.is_some_and(|rate| rate > 400_000) {
            return Ok(());
        }
        let least = if is_known(&chosen.configuration) { all.known } else { all.unknown };
        prop_assert_eq!(thousandths(&advice), least, "{:?}", chosen.configuration);
        // What is known goes before what is not.
        prop_assert!(is_known(&chosen.configuration) || all.known.is_none(), "{:?} and {:?}", chosen.configuration, all);
    }

    #[test]
    fn the_chosen_one_is_legal_and_does_the_work(asked in asked()) {
        let text = asked.spec();
        let advice = advice(&text);
        let Some(chosen) = &advice.chosen else { return Ok(()) };
        // The lines to paste make a spec that nobody complains about, without the workload.
        let bare = text.split(if asked.rate.is_some() { "[storage]" } else { "[workload]" }).next().expect("a beginning");
        let pasted = format!("{bare}[storage]\n{}\n", chosen.configuration.spec_lines.join("\n"));
        let read = provision::spec::read_for_advice(&pasted, &|_| Err("none".to_owned()));
        prop_assert!(read.parts.is_some() && read.diagnostics.is_empty(), "{pasted}\n{:?}", read.diagnostics);
        let open = Asked { rate: None, ..asked.clone() }.spec();
        let again = super::advice(&format!("{open}[storage]\n{}\n", chosen.configuration.spec_lines.join("\n")));
        let current = again.current.expect("all is said");
        prop_assert_eq!((current.meets, current.monthly), (true, chosen.monthly));
        prop_assert_eq!(&current.configuration, &chosen.configuration);
        prop_assert!(current.stages.iter().all(|stage| {
            stage.stage == provision::sizing::advice::Stage::S3Import || stage.left_percent.is_none_or(|left| left >= 0)
        }), "{:?}", current.stages);
        let option = advice.options.iter().find(|option| option.configuration.as_ref() == Some(&chosen.configuration));
        let option = option.expect("it is among the options");
        prop_assert!(option.judgements.iter().all(|judgement| judgement.outcome != Outcome::FallsShort));
    }

    #[test]
    fn more_is_never_cheaper(asked in asked(), times in 1..5_u64, more in (0..5000_u64, 0..2000_u64, 0..50_000_000_u64)) {
        // As many times the data in as many times the files: fewer files in more data would be opened less often.
        let larger = Asked {
            megabytes: asked.megabytes * times,
            files: asked.files * times + more.2,
            read: asked.read + more.0,
            write: asked.write + more.1,
            ..asked.clone()
        };
        let (one, other) = (advice(&asked.spec()), advice(&larger.spec()));
        let known = |advice: &Advice| advice.chosen.as_ref().is_some_and(|chosen| is_known(&chosen.configuration));
        if known(&one) && known(&other) {
            prop_assert!(thousandths(&one) <= thousandths(&other), "{:?} and {:?}", one.chosen, other.chosen);
        }
        prop_assert!(known(&one) || !known(&other), "what is not to be had is not to be had for more");
    }

    #[test]
    fn the_frontier_only_rises(asked in asked()) {
        let advice = advice(&asked.spec());
        let points: Vec<_> = advice.frontier.iter().filter(|point| !point.is_chosen).collect();
        for pair in points.windows(2) {
            prop_assert!(pair[0].monthly < pair[1].monthly && pair[0].read < pair[1].read, "{:?}", pair);
        }
        prop_assert_eq!(advice.frontier.iter().filter(|point| point.is_chosen).count(), usize::from(advice.chosen.is_some()));
    }
}
