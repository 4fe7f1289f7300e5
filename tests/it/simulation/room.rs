//! Zones whose capacity comes and goes, and runs that are killed or stopped at any request: a file system is made only where
//! every group was just granted room, what was reserved is given back, what was held is there for the launch, and nothing is
//! left of a search in vain. Some runs may move: a file system goes only if no node was ever launched beside it, and there is
//! never more than one.

use std::collections::BTreeMap;
use std::time::Duration;

use provision::apply::Outcome;
use provision::apply::event::{Ending, Event, Failure, What};
use provision::apply::prepare::Failed as Unprepared;
use provision::cloud::Class;
use provision::desired::Kind;
use provision::plan::{Options, Purpose};
use provision::simulated::{Fault, Lag, Random, Simulated, When, check, check_clean};
use provision::spec::{Alternative, Capacity, Placement, Spec};
use tokio::time::{Instant, sleep, timeout};

use super::story::Sky;
use super::{Failed, seeds};
use crate::lifecycle::harness::{self, CLUSTER, Machine, quick};

const P5: &str = "p5.48xlarge";
const P5E: &str = "p5e.48xlarge";
const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];
/// From the grant to the file system: the group and its rules are made in between, and a storm may delay each call.
const SOON: Duration = Duration::from_mins(10);
/// EC2 shows ended instances no longer.
const FORGOTTEN: Duration = Duration::from_secs(2 * 3600);
/// After it zones stay as they are.
const LAST_CHANGE: Duration = Duration::from_secs(3000);
const LONGEST: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug)]
struct Search {
    seed: u64,
    lag_s: u64,
    groups: Vec<u32>,
    /// By group: kept until the nodes run.
    held: Vec<bool>,
    /// By zone, at first.
    rooms: Vec<u32>,
    /// Seconds after the beginning: a zone has so many then.
    changes: Vec<(u64, usize, u32)>,
    runs: Vec<Attempt>,
    /// By group, how its room is found out; empty: by asking.
    kinds: Vec<Capacity>,
    /// By zone at first, of a second type that would do; empty: none would.
    others: Vec<u32>,
    /// How that changes.
    others_change: Vec<(u64, usize, u32)>,
}

#[derive(Debug)]
struct Attempt {
    rest_s: u64,
    sky: Sky,
    crash: Option<(usize, When)>,
    /// The user asks to stop.
    stop_s: Option<u64>,
    /// `--wait-for-capacity`
    wait_s: Option<u64>,
    /// `--move-if-empty`
    moves: bool,
    /// After it AWS ends all nodes, and forgets them; their zone has no more.
    loses_nodes: bool,
}

impl Search {
    fn draw(seed: u64) -> Self {
        let mut random = Random::named(seed, "room");
        let random = &mut random;
        let groups: Vec<u32> = (0..*random.pick(&[1, 1, 2])).map(|_| *random.pick(&[1, 2, 4])).collect();
        let mut of_holds = Random::named(seed, "held");
        let held = groups.iter().map(|_| of_holds.below(3) > 0).collect();
        let all: u32 = groups.iter().sum();
        let room = |random: &mut Random| *random.pick(&[0, all - 1, all, all, 2 * all]);
        let rooms = (0..ZONES.len()).map(|_| room(random)).collect();
        let count = *random.pick(&[0, 0, 2, 6]);
        let changes =
            (0..count).map(|_| (random.below(LAST_CHANGE.as_secs()), *random.pick(&[0, 1, 2]), room(random))).collect();
        let runs = (0..*random.pick(&[1, 2, 3]))
            .map(|_| Attempt {
                rest_s: *random.pick(&[0, 1, 40, 700]),
                sky: *random.pick(&[Sky::Fair, Sky::Throttled, Sky::Rough]),
                crash: (random.below(3) > 0).then(|| {
                    let when = *random.pick(&[When::Before, When::After]);
                    (*random.pick(&(1..=90).collect::<Vec<usize>>()), when)
                }),
                stop_s: (of_holds.below(5) == 0).then(|| of_holds.below(30)),
                wait_s: (random.below(3) == 0).then(|| 60 + random.below(4000)),
                moves: false,
                loses_nodes: false,
            })
            .collect();
        let lag_s = *random.pick(&[0, 0, 2, 10, 30]);
        let (kinds, others, others_change) = (Vec::new(), Vec::new(), Vec::new());
        Self { seed, lag_s, groups, held, rooms, changes, runs, kinds, others, others_change }.moving().with_types()
    }

    /// Another type for two of five searches, where it is needed: the first is scarce there.
    fn with_types(mut self) -> Self {
        let random = &mut Random::named(self.seed, "types");
        if random.below(5) > 1 {
            return self;
        }
        let all: u32 = self.groups.iter().sum();
        let room = |random: &mut Random| *random.pick(&[0, all - 1, all, 2 * all]);
        self.rooms.iter_mut().for_each(|of_first| *of_first = *random.pick(&[0, all - 1, *of_first]));
        self.others = ZONES.iter().map(|_| room(random)).collect();
        let changes = *random.pick(&[0, 2, 4]);
        self.others_change =
            (0..changes).map(|_| (random.below(900), *random.pick(&[0, 1, 2]), room(random))).collect();
        self
    }

    /// From a stream of its own, so that what a seed meant before it means still. Half of the searches know no moves. In the
    /// others some groups are not asked for, and zones change within the seconds in which a file system is made.
    fn moving(mut self) -> Self {
        let random = &mut Random::named(self.seed, "moves");
        if random.below(2) == 0 {
            return self;
        }
        for attempt in &mut self.runs {
            attempt.moves = random.below(4) > 0;
            attempt.loses_nodes = random.below(3) == 0;
            if let Some((number, _)) = &mut attempt.crash {
                *number += *random.pick(&[0, 20, 40, 60, 80, 100]);
            }
        }
        let all: u32 = self.groups.iter().sum();
        // The first zone has room, and has none by the time of the launch.
        self.rooms[0] = *random.pick(&[all, all, 0]);
        self.changes.push((2 + random.below(8), 0, *random.pick(&[0, 0, all - 1])));
        for _ in 0..*random.pick(&[0, 1, 3, 6]) {
            let room = *random.pick(&[0, all - 1, all, all]);
            self.changes.push((2 + random.below(60), *random.pick(&[0, 1, 2]), room));
        }
        let kinds = [Capacity::Probe, Capacity::None];
        self.kinds = self.groups.iter().map(|_| *random.pick(&kinds)).collect();
        // What is held is there for the launch: most moves are of groups that hold nothing.
        if random.below(4) > 0 {
            self.held.fill(false);
        }
        self
    }

    fn changes_at_all(&self) -> bool {
        !(self.changes.is_empty() && self.others_change.is_empty())
    }

    fn spec(&self) -> Spec {
        let mut spec = harness::spec(&self.groups, &["/train"]);
        for (at, (group, held)) in spec.nodes.iter_mut().zip(&self.held).enumerate() {
            group.capacity = match self.kinds.get(at) {
                Some(Capacity::None) => Capacity::None,
                _ if *held => Capacity::Reserve,
                _ => Capacity::Probe,
            };
            if group.capacity == Capacity::Reserve {
                group.placement = Placement::None;
            }
            let (capacity, efa, placement) = (group.capacity, group.efa, group.placement);
            let each = |instance: &str| Alternative { instance: instance.to_owned(), capacity, efa, placement };
            if !self.others.is_empty() {
                group.alternatives = vec![each(P5), each(P5E)];
            }
        }
        spec
    }

    fn world(&self) -> Simulated {
        let mut settings = quick(self.seed);
        let lag = Duration::from_secs(self.lag_s);
        settings.lag = Lag { resources: lag, tags: lag, parameters: Duration::ZERO };
        for (zone, room) in ZONES.iter().zip(&self.rooms) {
            settings.capacity.insert((P5.into(), (*zone).into()), *room);
        }
        for (zone, room) in ZONES.iter().zip(&self.others) {
            settings.capacity.insert((P5E.into(), (*zone).into()), *room);
        }
        let world = Simulated::new(settings);
        for (at_s, zone, room) in &self.changes {
            world.capacity_at(Duration::from_secs(*at_s), P5, ZONES[*zone], *room);
        }
        for (at_s, zone, room) in &self.others_change {
            world.capacity_at(Duration::from_secs(*at_s), P5E, ZONES[*zone], *room);
        }
        world
    }

    /// Says how often the cluster has moved.
    async fn live(&self, world: &Simulated) -> Result<usize, String> {
        let mut moves = 0;
        world.watch();
        let began = Instant::now();
        let spec = self.spec();
        let asked = spec.nodes.iter().filter(|group| group.is_asked_for());
        let names: Vec<String> = asked.map(|group| group.name.clone()).collect();
        let holds = || {
            let broken = world.broken().into_iter().chain(check(world)).map(|each| each.to_string());
            let broken: Vec<String> = broken.chain(world.housed_without_room(&names, SOON)).collect();
            if broken.is_empty() { Ok(()) } else { Err(broken.join("; ")) }
        };
        for (nth, attempt) in self.runs.iter().enumerate() {
            sleep(Duration::from_secs(attempt.rest_s)).await;
            let machine = harness::machine(world, &format!("laptop {nth}"));
            let ended = self.attempt(attempt, &machine, &spec, nth == 0).await?;
            let moved = |event: &Event| matches!(event.what, What::Moves { .. });
            moves += machine.events.borrow().iter().filter(|event| moved(event)).count();
            holds().map_err(|why| format!("{why} (run {nth})"))?;
            if attempt.loses_nodes {
                lose_nodes(world).await;
            }
            if ended {
                not_reserved(world)?;
            }
        }
        // In the end there is room wherever the cluster has come to live, and it stays.
        let last = self.changes.iter().chain(&self.others_change).map(|(at_s, ..)| Duration::from_secs(at_s + 1)).max();
        sleep(last.unwrap_or_default().saturating_sub(began.elapsed())).await;
        world.adjust(|settings| settings.capacity.clear());
        let machine = harness::machine(world, "desk");
        let outcome = timeout(LONGEST, machine.up(&spec)).await.map_err(|_| "hangs: the last up".to_owned())?;
        complete(&outcome, "the last up")?;
        of_one_type(world)?;
        holds()?;
        if let Some(id) = world.deleted_after_a_launch().first() {
            return Err(format!("data-safe: {id} was deleted by an up, and had nodes"));
        }
        not_reserved(world)?;
        let machine = harness::machine(world, "desk again");
        let outcome = timeout(LONGEST, machine.down()).await.map_err(|_| "hangs: down".to_owned())?;
        complete(&outcome, "down")?;
        holds()?;
        check_clean(world).first().map_or(Ok(moves), |left| Err(left.to_string()))
    }

    /// Whether it came to an end.
    async fn attempt(&self, attempt: &Attempt, machine: &Machine, spec: &Spec, first: bool) -> Result<bool, String> {
        machine.cloud.weather(attempt.sky.weather());
        if let Some((number, when)) = attempt.crash {
            machine.cloud.fault_at(number, Fault::Crash(when));
        }
        machine.wait_for_capacity.set(attempt.wait_s.map(Duration::from_secs));
        let stops = async {
            match attempt.stop_s {
                Some(stop_s) => sleep(Duration::from_secs(stop_s)).await,
                None => std::future::pending().await,
            }
            machine.stop.cancel();
            std::future::pending::<()>().await;
        };
        let options = Options { move_if_empty: attempt.moves, ..Options::default() };
        let ends = async {
            tokio::select! {
                biased;
                () = machine.cloud.crashed() => None,
                outcome = machine.run(Purpose::Up, Some(spec), options) => Some(outcome),
                () = stops => None,
            }
        };
        let outcome = timeout(LONGEST, ends).await.map_err(|_| "hangs: up".to_owned())?;
        match outcome {
            None => return Ok(false),
            Some(Ok(Outcome::Nothing(_) | Outcome::NoRoom { .. })) => {}
            // Stopped at its first look, it has not even seen what a dead run has left.
            Some(Ok(Outcome::Declined)) if attempt.stop_s.is_some() => return Ok(first),
            Some(Ok(Outcome::Ran { report, .. })) if report.ending == Ending::Complete => {}
            Some(Ok(Outcome::Ran { report, .. })) if report.ending == Ending::Interrupted => {}
            Some(Ok(Outcome::Ran { report, .. })) => {
                for (address, failure) in &report.failures {
                    let Failure::Cloud { error } = failure else { return Err(format!("ended: {address}: {failure}")) };
                    // Where nothing changes, what was granted is there; and what is held is there in any case.
                    let is_held = spec
                        .nodes
                        .iter()
                        .any(|group| group.name == address.name && group.capacity == Capacity::Reserve);
                    let went = error.class == Class::Capacity && self.changes_at_all() && !(first && is_held);
                    if !went && !error.class.passes() {
                        return Err(format!("ended: {address}: {error}"));
                    }
                }
            }
            Some(Err(Unprepared::Cloud(error) | Unprepared::Unsecured(Failure::Cloud { error }))) => {
                // A call whose answers were lost may have reserved something, which then stands in the record.
                return if error.class.passes() { Ok(false) } else { Err(format!("ended: {error}")) };
            }
            Some(other) => return Err(format!("ended: {other:?}")),
        }
        Ok(true)
    }
}

async fn lose_nodes(world: &Simulated) {
    let nodes = world.truth(CLUSTER).nodes;
    for node in &nodes {
        world.interrupt(&node.id, "Server.SpotInstanceTermination");
        world.adjust(|settings| {
            settings.capacity.insert((P5.into(), node.zone.clone()), 0);
        });
    }
    if !nodes.is_empty() {
        sleep(FORGOTTEN).await;
    }
}

/// A job over nodes of two types goes at the pace of the slower one.
fn of_one_type(world: &Simulated) -> Result<(), String> {
    let mut types: BTreeMap<String, String> = BTreeMap::new();
    for node in world.truth(CLUSTER).nodes.iter().filter(|node| node.exists()) {
        let first = types.entry(node.address.name.clone()).or_insert_with(|| node.instance.clone());
        if *first != node.instance {
            return Err(format!("types: {} has {first} and {}", node.address, node.instance));
        }
    }
    Ok(())
}

fn not_reserved(world: &Simulated) -> Result<(), String> {
    let truth = world.truth(CLUSTER);
    let held = truth.resources.iter().find(|seen| seen.address.kind == Kind::Reservation);
    held.map_or(Ok(()), |seen| Err(format!("reserved: {} outlives its purpose", seen.id)))
}

fn complete(outcome: &Result<Outcome, Unprepared>, what: &str) -> Result<(), String> {
    match outcome {
        Ok(Outcome::Nothing(_)) => Ok(()),
        Ok(Outcome::Ran { report, .. }) if report.ending == Ending::Complete => Ok(()),
        other => Err(format!("{what} ended with {other:?}")),
    }
}

fn search(seed: u64) -> Result<usize, Failed> {
    let search = Search::draw(seed);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let world = search.world();
        let lived = search.live(&world).await;
        lived.map_err(|why| Failed { why: format!("{why}\n{search:#?}"), history: world.history() })
    })
}

#[test]
fn no_file_system_is_made_where_the_nodes_have_no_room() {
    let (mut searches, mut moves) = (0, 0);
    for seed in seeds() {
        match search(seed) {
            Ok(moved) => (searches, moves) = (searches + 1, moves + moved),
            Err(Failed { why, history }) => panic!("seed {seed}: {why}\n{history}"),
        }
    }
    assert!(searches < 300 || moves > searches / 20, "{moves} moves in {searches} searches");
}
