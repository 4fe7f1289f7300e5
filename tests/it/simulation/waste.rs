//! What a search for GPUs wastes in a day in which capacity comes and goes: the file system first, and then again and again
//! `up` until the nodes find room beside it, against room first, given back or held. The same days for all; all of it in
//! virtual time.
//!
//! Wasted is what is billed while no node of the cluster can work: minutes of the file system, and GPU-minutes of instances
//! that are reserved or run beside an incomplete cluster. The time in which a cluster comes up is in both.

use std::time::Duration;

use provision::apply::Outcome;
use provision::apply::event::Ending;
use provision::desired::Kind;
use provision::simulated::{Random, Settings, Simulated};
use provision::spec::{Capacity, Placement, Spec};
use tokio::time::{Instant, sleep, timeout};

use crate::lifecycle::harness::{self, CLUSTER};

const P5: &str = "p5.48xlarge";
const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];
const NODES: u32 = 4;
const GPUS: u32 = 8;
const DAY: Duration = Duration::from_hours(24);
/// How soon a person, or a script, tries again.
const AGAIN: Duration = Duration::from_mins(10);
const DAYS: u64 = 8;

#[derive(Debug, Clone, Copy, Default)]
struct Waste {
    storage_min: u64,
    gpu_min: u64,
    /// Clusters that were complete before the day was over.
    ready: u64,
}

impl std::ops::AddAssign for Waste {
    fn add_assign(&mut self, other: Self) {
        self.storage_min += other.storage_min;
        self.gpu_min += other.gpu_min;
        self.ready += other.ready;
    }
}

/// Each zone has room for a while, and then for longer not: GPUs are scarce. AWS's own delays.
fn day(seed: u64) -> Simulated {
    let mut random = Random::named(seed, "a day of capacity");
    let mut settings = Settings::seeded(seed);
    let mut changes = Vec::new();
    for zone in ZONES {
        settings.capacity.insert((P5.into(), zone.into()), 0);
        let mut at = random.below(6 * 3600);
        while at < DAY.as_secs() {
            changes.push((at, zone, *random.pick(&[NODES, NODES + 1, 2 * NODES])));
            at += 20 * 60 + random.below(2 * 3600);
            changes.push((at, zone, *random.pick(&[0, 1, NODES - 1])));
            at += 3600 + random.below(8 * 3600);
        }
    }
    let world = Simulated::new(settings);
    for (at, zone, count) in changes {
        world.capacity_at(Duration::from_secs(at), P5, zone, count);
    }
    world
}

fn spec(capacity: Capacity) -> Spec {
    let mut spec = harness::spec(&[NODES], &["/train"]);
    spec.nodes[0].capacity = capacity;
    if capacity == Capacity::Reserve {
        spec.nodes[0].placement = Placement::None;
    }
    spec
}

/// Until the cluster is complete, or the day over.
async fn search(world: &Simulated, capacity: Capacity) {
    let began = Instant::now();
    let spec = spec(capacity);
    for run in 0.. {
        let machine = harness::machine(world, &format!("laptop {run}"));
        if capacity != Capacity::None {
            machine.wait_for_capacity.set(Some(DAY.saturating_sub(began.elapsed())));
        }
        match machine.up(&spec).await {
            Ok(Outcome::Ran { report, .. }) if report.ending == Ending::Complete => return,
            Ok(Outcome::Ran { .. } | Outcome::NoRoom { .. }) => {}
            other => panic!("{other:?}"),
        }
        sleep(AGAIN).await;
    }
}

/// A look a minute at what is billed.
async fn watch(world: &Simulated) -> Waste {
    let mut waste = Waste::default();
    loop {
        sleep(Duration::from_mins(1)).await;
        let truth = world.truth(CLUSTER);
        waste.storage_min += u64::from(truth.file_system().is_some());
        let reserved = truth.resources.iter().filter(|seen| seen.address.kind == Kind::Reservation).count() as u64;
        let running = truth.nodes.iter().filter(|node| node.exists()).count() as u64;
        // A node that runs in what is reserved is billed once.
        waste.gpu_min += (reserved * u64::from(NODES)).max(running) * u64::from(GPUS);
        WASTE.with(|so_far| so_far.set(waste));
    }
}

thread_local! {
    static WASTE: std::cell::Cell<Waste> = const { std::cell::Cell::new(Waste { storage_min: 0, gpu_min: 0, ready: 0 }) };
}

fn wasted(seed: u64, capacity: Capacity) -> Waste {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    WASTE.with(|so_far| so_far.set(Waste::default()));
    let ready = runtime.block_on(async {
        let world = day(seed);
        let both = async {
            tokio::select! {
                () = search(&world, capacity) => {}
                waste = watch(&world) => unreachable!("{waste:?}"),
            }
        };
        timeout(DAY, both).await.is_ok()
    });
    Waste { ready: u64::from(ready), ..WASTE.with(std::cell::Cell::get) }
}

#[test]
fn room_first_wastes_a_small_part_of_what_storage_first_does() {
    let (mut storage_first, mut room_first, mut room_held) = (Waste::default(), Waste::default(), Waste::default());
    for seed in 0..DAYS {
        storage_first += wasted(seed, Capacity::None);
        room_first += wasted(seed, Capacity::Probe);
        room_held += wasted(seed, Capacity::Reserve);
    }
    #[expect(clippy::print_stdout, reason = "`make bench` shows it")]
    {
        println!("{DAYS} days of scarce GPUs, 3 zones, {NODES} × {P5}: wasted until the cluster was complete");
        for (name, waste) in [("storage first", storage_first), ("room first", room_first), ("room held", room_held)] {
            println!(
                "{name:14} {:6} file-system-minutes, {:6} GPU-minutes, {} of {DAYS} clusters complete within the day",
                waste.storage_min, waste.gpu_min, waste.ready
            );
        }
        #[expect(clippy::cast_precision_loss, reason = "a ratio for a person")]
        let ratio = storage_first.storage_min as f64 / room_first.storage_min.max(1) as f64;
        println!("ratio of file-system-minutes: {ratio:.1}");
    }
    assert!(room_first.storage_min * 4 < storage_first.storage_min, "{storage_first:?} {room_first:?}");
    assert!(room_first.ready >= storage_first.ready, "{storage_first:?} {room_first:?}");
    assert!(room_held.storage_min <= room_first.storage_min, "{room_first:?} {room_held:?}");
    assert!(room_held.ready >= room_first.ready, "{room_first:?} {room_held:?}");
}
