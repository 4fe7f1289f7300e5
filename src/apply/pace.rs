//! How often to look while waiting, how long a thing usually takes, and when to give up.

use std::time::Duration;

use crate::desired::Kind;
use crate::plan::Op;

/// The pace of one kind of wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// What a person is told to expect; None where nobody can know.
    pub(super) typical: Option<Duration>,
    /// None: as long as it gets on.
    pub(super) limit: Option<Duration>,
    /// Before the first look: nothing of the kind is ever done sooner.
    first: Duration,
    /// Between the next ones.
    floor: Duration,
}

/// A wait looks again after this part of the time that it has waited already: what ends is seen at most that much late.
const FRACTION: u32 = 16;

/// No wait looks less often: a minute of eight GPU nodes costs more than a request.
const CEILING: Duration = Duration::from_secs(15);

impl Pace {
    /// How long to sleep before the next look.
    pub(super) fn pause(self, waited: Duration) -> Duration {
        let first = self.first.saturating_sub(waited);
        (waited / FRACTION).clamp(self.floor, CEILING).max(first)
    }

    /// The same, after another of the kind has taken so long in this run: the first look comes when this one may be done.
    pub(super) fn after(self, other: Option<Duration>) -> Self {
        Self { first: other.map_or(self.first, |other| other.min(CEILING)), ..self }
    }
}

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// Typical times: FSx for Lustre User Guide and field reports (aws-fsx-csi-driver#382: 7.6 min + 2.2 s a TiB;
/// awsome-distributed-training: associations of more than 10 min). Limits: twice what was ever reported.
pub(super) fn pace(kind: Kind, op: &Op) -> Pace {
    let (typical, limit, first_ms, floor_ms) = match (kind, op) {
        // A cache as a file system, of which it is made: no page gives a figure of its own.
        (Kind::Fsx | Kind::FileCache, Op::Delete { .. }) => (Some(minutes(5)), Some(minutes(60)), 0, 150),
        (Kind::Fsx | Kind::FileCache, _) => (Some(minutes(9)), Some(minutes(60)), 2000, 500),
        // Neither has a figure: EFS says "a few seconds" and "up to a minute or so" at most.
        (Kind::Efs, _) => (Some(Duration::from_secs(15)), Some(minutes(30)), 500, 300),
        (Kind::MountTarget, _) => (Some(minutes(2)), Some(minutes(30)), 500, 300),
        (Kind::Link, Op::Delete { .. }) => (Some(minutes(2)), Some(minutes(60)), 0, 100),
        (Kind::Link, Op::Preload) => (None, None, 300, 400),
        (Kind::Link, Op::Export) => (None, None, 0, 100),
        (Kind::Link, _) => (Some(minutes(3)), Some(minutes(60)), 800, 400),
        (Kind::Task, _) => (None, None, 0, 200),
        (Kind::Nodes, Op::Delete { .. }) => (Some(minutes(2)), Some(minutes(30)), 0, 100),
        // A node that is launched beside the storage waits for it first.
        (Kind::Nodes, _) => (Some(minutes(5)), Some(minutes(120)), 1500, 700),
        (
            Kind::SecurityGroup
            | Kind::Role
            | Kind::InstanceProfile
            | Kind::Placement
            | Kind::Reservation
            | Kind::Template,
            _,
        ) => (None, Some(minutes(20)), 0, 100),
    };
    Pace { typical, limit, first: Duration::from_millis(first_ms), floor: Duration::from_millis(floor_ms) }
}
