//! Zones whose capacity comes and goes, and runs that are killed at any request: a file system is made only where every group
//! was just granted room, what was reserved is given back, and nothing is left of a search in vain.

use std::time::Duration;

use provision::apply::Outcome;
use provision::apply::event::{Ending, Failure};
use provision::apply::prepare::Failed as Unprepared;
use provision::cloud::Class;
use provision::desired::Kind;
use provision::simulated::{Fault, Lag, Random, Simulated, When, check, check_clean};
use provision::spec::{Capacity, Spec};
use tokio::time::{sleep, timeout};

use super::story::Sky;
use super::{Failed, seeds};
use crate::lifecycle::harness::{self, CLUSTER, Machine, quick};

const P5: &str = "p5.48xlarge";
const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];
/// From the grant to the file system: the group and its rules are made in between, and a storm may delay each call.
const SOON: Duration = Duration::from_mins(10);
const LONGEST: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug)]
struct Search {
    seed: u64,
    lag_s: u64,
    groups: Vec<u32>,
    /// By zone, at first.
    rooms: Vec<u32>,
    /// Seconds after the beginning: a zone has so many then.
    changes: Vec<(u64, usize, u32)>,
    runs: Vec<Attempt>,
}

#[derive(Debug)]
struct Attempt {
    rest_s: u64,
    sky: Sky,
    crash: Option<(usize, When)>,
    /// `--wait-for-capacity`
    wait_s: Option<u64>,
}

impl Search {
    fn draw(seed: u64) -> Self {
        let mut random = Random::named(seed, "room");
        let random = &mut random;
        let groups: Vec<u32> = (0..*random.pick(&[1, 1, 2])).map(|_| *random.pick(&[1, 2, 4])).collect();
        let all: u32 = groups.iter().sum();
        let room = |random: &mut Random| *random.pick(&[0, all - 1, all, all, 2 * all]);
        let rooms = (0..ZONES.len()).map(|_| room(random)).collect();
        let count = *random.pick(&[0, 0, 2, 6]);
        let changes = (0..count).map(|_| (random.below(3000), *random.pick(&[0, 1, 2]), room(random))).collect();
        let runs = (0..*random.pick(&[1, 2, 3]))
            .map(|_| Attempt {
                rest_s: *random.pick(&[0, 1, 40, 700]),
                sky: *random.pick(&[Sky::Fair, Sky::Throttled, Sky::Rough]),
                crash: (random.below(3) > 0).then(|| {
                    let when = *random.pick(&[When::Before, When::After]);
                    (*random.pick(&(1..=40).collect::<Vec<usize>>()), when)
                }),
                wait_s: (random.below(3) == 0).then(|| 60 + random.below(4000)),
            })
            .collect();
        Self { seed, lag_s: *random.pick(&[0, 0, 2, 10, 30]), groups, rooms, changes, runs }
    }

    fn spec(&self) -> Spec {
        let mut spec = harness::spec(&self.groups, &["/train"]);
        spec.nodes.iter_mut().for_each(|group| group.capacity = Capacity::Probe);
        spec
    }

    fn world(&self) -> Simulated {
        let mut settings = quick(self.seed);
        let lag = Duration::from_secs(self.lag_s);
        settings.lag = Lag { resources: lag, tags: lag, parameters: Duration::ZERO };
        for (zone, room) in ZONES.iter().zip(&self.rooms) {
            settings.capacity.insert((P5.into(), (*zone).into()), *room);
        }
        let world = Simulated::new(settings);
        for (at_s, zone, room) in &self.changes {
            world.capacity_at(Duration::from_secs(*at_s), P5, ZONES[*zone], *room);
        }
        world
    }

    async fn live(&self, world: &Simulated) -> Result<(), String> {
        world.watch();
        let spec = self.spec();
        let names: Vec<String> = spec.nodes.iter().map(|group| group.name.clone()).collect();
        let holds = || {
            let broken = world.broken().into_iter().chain(check(world)).map(|each| each.to_string());
            let broken: Vec<String> = broken.chain(world.housed_without_room(&names, SOON)).collect();
            if broken.is_empty() { Ok(()) } else { Err(broken.join("; ")) }
        };
        for (nth, attempt) in self.runs.iter().enumerate() {
            sleep(Duration::from_secs(attempt.rest_s)).await;
            let machine = harness::machine(world, &format!("laptop {nth}"));
            let ended = self.attempt(attempt, &machine, &spec).await?;
            holds().map_err(|why| format!("{why} (run {nth})"))?;
            if ended {
                not_reserved(world)?;
            }
        }
        // In the end there is room wherever the cluster has come to live, and no change that is still to come takes it away.
        sleep(self.changes.iter().map(|(at, ..)| Duration::from_secs(*at)).max().unwrap_or_default()).await;
        world.adjust(|settings| settings.capacity.clear());
        let machine = harness::machine(world, "desk");
        let outcome = timeout(LONGEST, machine.up(&spec)).await.map_err(|_| "hangs: the last up".to_owned())?;
        complete(&outcome, "the last up")?;
        holds()?;
        not_reserved(world)?;
        let machine = harness::machine(world, "desk again");
        let outcome = timeout(LONGEST, machine.down()).await.map_err(|_| "hangs: down".to_owned())?;
        complete(&outcome, "down")?;
        holds()?;
        check_clean(world).first().map_or(Ok(()), |left| Err(left.to_string()))
    }

    /// Whether it came to an end.
    async fn attempt(&self, attempt: &Attempt, machine: &Machine, spec: &Spec) -> Result<bool, String> {
        machine.cloud.weather(attempt.sky.weather());
        if let Some((number, when)) = attempt.crash {
            machine.cloud.fault_at(number, Fault::Crash(when));
        }
        machine.wait_for_capacity.set(attempt.wait_s.map(Duration::from_secs));
        let ends = async {
            tokio::select! {
                biased;
                () = machine.cloud.crashed() => None,
                outcome = machine.up(spec) => Some(outcome),
            }
        };
        let outcome = timeout(LONGEST, ends).await.map_err(|_| "hangs: up".to_owned())?;
        match outcome {
            None => return Ok(false),
            Some(Ok(Outcome::Nothing(_) | Outcome::NoRoom { .. })) => {}
            Some(Ok(Outcome::Ran { report, .. })) if report.ending == Ending::Complete => {}
            Some(Ok(Outcome::Ran { report, .. })) => {
                for (address, failure) in &report.failures {
                    let Failure::Cloud { error } = failure else { return Err(format!("ended: {address}: {failure}")) };
                    // Where nothing changes, what was granted is there.
                    let went = error.class == Class::Capacity && !self.changes.is_empty();
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

fn search(seed: u64) -> Result<(), Failed> {
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
    for seed in seeds() {
        if let Err(Failed { why, history }) = search(seed) {
            panic!("seed {seed}: {why}\n{history}");
        }
    }
}
