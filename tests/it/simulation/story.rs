//! A life, drawn from a seed: plain data, so that one that failed can be kept in a file.

use std::time::Duration;

use provision::desired::Kind;
use provision::simulated::{Lag, QueueTold, Random, Settings, Simulated, Weather, WhileCreating};
use serde::{Deserialize, Serialize};

use super::wish::Wish;
use crate::lifecycle::harness::quick;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Story {
    /// Fixes what chance brings inside the world.
    pub seed: u64,
    /// Everything made, changed or deleted may be seen so much later.
    pub lag_s: u64,
    /// FSx refuses to delete a file system that is being created.
    pub creation_holds: bool,
    /// As slow as AWS, or so quick that a run is mostly its own requests.
    pub slow: bool,
    /// A cluster `video-2` of somebody else's is there, and other strangers.
    pub neighbours: bool,
    /// What CloudWatch says of the queue of automatic export.
    #[serde(default)]
    pub queue: Queue,
    /// Exports count nothing for so long that it is told.
    #[serde(default)]
    pub exports_stall: bool,
    /// On a file system of somebody else's, with a link and files of theirs on it.
    #[serde(default)]
    pub existing: bool,
    /// Whether there is room for the nodes is found out before the file system is made.
    #[serde(default)]
    pub asks: bool,
    /// Every zone has little room, and the groups can do with fewer nodes.
    #[serde(default)]
    pub scarce: Option<Scarce>,
    /// All specs of a life are of one kind.
    #[serde(default)]
    pub storage: Keeps,
    pub acts: Vec<Act>,
    /// After all acts: `up` again in fair weather, or `down` at once; `down` is always the end.
    pub last_up: Option<Wish>,
    /// On another machine than everything before.
    pub elsewhere: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Queue {
    #[default]
    Truth,
    Silence,
    Stuck,
    Falling,
    /// Nobody may look.
    Denied,
}

impl Queue {
    const fn told(self) -> QueueTold {
        match self {
            Self::Truth => QueueTold::Truth,
            Self::Silence | Self::Denied => QueueTold::Silence,
            Self::Stuck => QueueTold::Stuck(700),
            Self::Falling => QueueTold::Falling { from_s: 1200, a_minute: 60 },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scarce {
    /// Nodes, in each zone, beside those of the neighbours.
    pub room: u32,
    /// So much of a group is enough, but no less than one node.
    pub least_percent: u32,
}

impl Scarce {
    fn draw(random: &mut Random) -> Self {
        Self { room: *random.pick(&[1, 2, 4, 6]), least_percent: *random.pick(&[0, 0, 50, 75]) }
    }

    pub(super) fn least(self, count: u32) -> u32 {
        (count * self.least_percent / 100).max(1)
    }
}

/// What the files are on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Keeps {
    #[default]
    Fsx,
    Efs,
    FileCache,
}

impl Keeps {
    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Fsx => Kind::Fsx,
            Self::Efs => Kind::Efs,
            Self::FileCache => Kind::FileCache,
        }
    }
}

/// One command, and what befalls it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Act {
    /// Nothing happens for so long before.
    pub rest_s: u64,
    pub before: Vec<Hand>,
    pub command: Command,
    pub host: Host,
    pub weather: Sky,
    pub end: End,
    /// The machine sleeps for a while.
    #[serde(default)]
    pub sleep: Option<Nap>,
    /// Another run meanwhile.
    pub beside: Option<Beside>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Nap {
    pub at_ms: u64,
    pub for_s: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Command {
    Up(Wish),
    /// With `--replace-storage`: the file system is made anew at another size.
    Replace(Wish),
    Down,
    KeepStorage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Host {
    Laptop,
    Desk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Sky {
    Fair,
    /// Only throttling, and much of it.
    Throttled,
    Rough,
    Stormy,
}

impl Sky {
    pub(super) const fn weather(self) -> Weather {
        let fair = Weather { fail_before: 0, fail_after: 0, throttle: 0, slow: 0, hang: 0, crash: 0 };
        match self {
            Self::Fair => fair,
            Self::Throttled => Weather { throttle: 300, ..fair },
            Self::Rough => Weather { fail_before: 20, fail_after: 20, throttle: 40, slow: 20, hang: 5, ..fair },
            Self::Stormy => Weather { fail_before: 80, fail_after: 80, throttle: 100, slow: 60, hang: 30, ..fair },
        }
    }
}

/// How a run's process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum End {
    ByItself,
    /// Killed at its n-th request, before or after the cloud has handled it.
    CrashBefore(usize),
    CrashAfter(usize),
    /// Killed at a moment: also between an answer and the next step.
    Killed {
        at_ms: u64,
    },
    /// Ctrl-C, once.
    Asked {
        at_ms: u64,
    },
    /// Its credentials expire.
    Expired {
        at_ms: u64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Beside {
    pub command: Command,
    pub host: Host,
    pub after_ms: u64,
    pub end: End,
}

/// What somebody does by hand, or AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Hand {
    /// Files are written below every dataset of the cluster.
    Writes,
    TerminatesNode,
    StopsNode,
    /// Deletes a link below which nothing waits for export.
    DeletesLink,
    RetagsStorage,
    ClosesSecurityGroup,
    DeletesTemplate,
    /// The next file system or link turns out FAILED.
    NextStorageFails,
    NextLinkFails,
    /// The next node of the first group fails to boot.
    NextNodeFails,
    /// The next exports leave files behind.
    ExportsFail,
}

const HANDS: [Hand; 11] = [
    Hand::Writes,
    Hand::TerminatesNode,
    Hand::StopsNode,
    Hand::DeletesLink,
    Hand::RetagsStorage,
    Hand::ClosesSecurityGroup,
    Hand::DeletesTemplate,
    Hand::NextStorageFails,
    Hand::NextLinkFails,
    Hand::NextNodeFails,
    Hand::ExportsFail,
];

impl Story {
    pub(super) fn draw(seed: u64) -> Self {
        let mut random = Random::named(seed, "story");
        let random = &mut random;
        // Drawn apart: what was added later changes no life of before.
        let mut data = Random::named(seed, "data");
        let mut wish = Wish::draw(random);
        let mut acts: Vec<Act> = (0..=random.below(4)).map(|nth| Act::draw(nth, &mut wish, random)).collect();
        if random.below(6) == 0 {
            let nth = *random.pick(&(0..acts.len()).collect::<Vec<_>>());
            acts[nth].fall_asleep(&wish, random);
        }
        // From chances of their own: the other lives stay what they were, and so do all that tests/mutants.toml names.
        let existing = Random::named(seed, "existing 15").below(5) == 0;
        let mut scarce = Random::named(seed, "min-count 51");
        let storage = match Random::named(seed, "storage 75").below(8) {
            0 if !existing => Keeps::Efs,
            1 if !existing => Keeps::FileCache,
            _ => Keeps::Fsx,
        };
        Self {
            seed,
            lag_s: *random.pick(&[0, 0, 2, 10, 30]),
            creation_holds: random.below(4) == 0,
            slow: random.below(5) == 0,
            neighbours: random.below(4) == 0,
            queue: *data.pick(&[
                Queue::Truth,
                Queue::Truth,
                Queue::Silence,
                Queue::Stuck,
                Queue::Falling,
                Queue::Denied,
            ]),
            exports_stall: data.below(12) == 0,
            existing,
            scarce: (scarce.below(5) == 0).then(|| Scarce::draw(&mut scarce)),
            storage,
            // Like `existing`.
            asks: Random::named(seed, "asks 45").below(4) == 0,
            acts,
            last_up: (random.below(3) > 0).then(|| {
                if random.below(3) == 0 {
                    wish.change(random);
                }
                wish
            }),
            elsewhere: random.below(3) == 0,
        }
    }

    pub(super) fn world(&self) -> Simulated {
        let world = Simulated::new(self.settings());
        if self.queue == Queue::Denied {
            world.deny("cloudwatch:GetMetricData");
        }
        world
    }

    fn settings(&self) -> Settings {
        let lag = Duration::from_secs(self.lag_s);
        let mut settings = if self.slow { Settings::seeded(self.seed) } else { quick(self.seed) };
        settings.delays.growth_interval = Duration::ZERO;
        settings.queue = self.queue.told();
        // Who could be asked for files outside of links would have to be given an answer by a user: lifecycle/nodes.rs does.
        settings.offline.insert("*".to_owned());
        if self.exports_stall {
            settings.delays.task = Duration::from_mins(12);
        }
        settings.lag = Lag { resources: lag, tags: lag, parameters: Duration::ZERO };
        settings.while_creating = if self.creation_holds { WhileCreating::Refused } else { WhileCreating::Deletable };
        settings
    }
}

impl Act {
    fn draw(nth: u64, wish: &mut Wish, random: &mut Random) -> Self {
        let hands = if nth == 0 { 0 } else { random.below(3) };
        let command = Command::draw(nth, wish, random);
        Self {
            rest_s: *random.pick(&[0, 0, 1, 20, 100]),
            before: (0..hands).map(|_| *random.pick(&HANDS)).collect(),
            command,
            host: Host::draw(random),
            weather: *random.pick(&[Sky::Fair, Sky::Fair, Sky::Throttled, Sky::Rough, Sky::Rough, Sky::Stormy]),
            end: End::draw(random),
            sleep: None,
            beside: (random.below(5) == 0).then(|| Beside {
                command: Command::draw(1, &mut wish.clone(), random),
                host: Host::draw(random),
                after_ms: random.below(20_000),
                end: End::draw(random),
            }),
        }
    }
}

impl Act {
    /// For a moment, or long enough to lose the lease; meanwhile somebody else goes on.
    fn fall_asleep(&mut self, wish: &Wish, random: &mut Random) {
        let nap = Nap { at_ms: random.below(20_000), for_s: *random.pick(&[5, 40, 70, 100, 130, 200, 300]) };
        self.sleep = Some(nap);
        self.end = End::ByItself;
        self.beside = Some(Beside {
            command: Command::draw(1, &mut wish.clone(), random),
            host: Host::Desk,
            after_ms: nap.at_ms + random.below(60_000),
            end: End::ByItself,
        });
        self.host = Host::Laptop;
    }
}

impl Command {
    fn draw(nth: u64, wish: &mut Wish, random: &mut Random) -> Self {
        if nth == 0 {
            return Self::Up(wish.clone());
        }
        match random.below(10) {
            0..3 => Self::Down,
            3 => Self::KeepStorage,
            4 => {
                wish.capacity_gib = if wish.capacity_gib == 2400 { 4800 } else { 2400 };
                Self::Replace(wish.clone())
            }
            5 => Self::Up(wish.clone()),
            _ => {
                for _ in 0..=random.below(2) {
                    wish.change(random);
                }
                Self::Up(wish.clone())
            }
        }
    }
}

impl Host {
    fn draw(random: &mut Random) -> Self {
        if random.below(3) == 0 { Self::Desk } else { Self::Laptop }
    }
}

impl End {
    fn draw(random: &mut Random) -> Self {
        let at = *random.pick(&(1..=90).collect::<Vec<usize>>());
        let at_ms = random.below(40_000);
        match random.below(12) {
            0..3 => Self::CrashBefore(at),
            3..6 => Self::CrashAfter(at),
            6 => Self::Killed { at_ms },
            7 => Self::Asked { at_ms },
            8 => Self::Expired { at_ms },
            _ => Self::ByItself,
        }
    }
}
