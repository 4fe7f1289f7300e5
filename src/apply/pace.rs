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
    /// Between the first looks.
    floor: Duration,
}

/// A wait looks again after this part of the time that it has waited already: what ends is seen at most that much late.
const FRACTION: u32 = 16;

/// No wait looks less often: a minute of eight GPU nodes costs more than a request.
const CEILING: Duration = Duration::from_secs(15);

impl Pace {
    /// How long to sleep before the next look.
    pub(super) fn pause(self, waited: Duration) -> Duration {
        (waited / FRACTION).clamp(self.floor, CEILING)
    }
}

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// Typical times: FSx for Lustre User Guide and field reports (aws-fsx-csi-driver#382: 7.6 min + 2.2 s a TiB;
/// awsome-distributed-training: associations of more than 10 min). Limits: twice what was ever reported.
pub(super) fn pace(kind: Kind, op: &Op) -> Pace {
    let (typical, limit, floor_ms) = match (kind, op) {
        (Kind::Fsx, Op::Delete { .. }) => (Some(minutes(5)), Some(minutes(60)), 150),
        (Kind::Fsx, _) => (Some(minutes(9)), Some(minutes(60)), 400),
        (Kind::Link, Op::Delete { .. }) => (Some(minutes(2)), Some(minutes(60)), 100),
        (Kind::Link, Op::Preload) => (None, None, 500),
        (Kind::Link, Op::Export) => (None, None, 100),
        (Kind::Link, _) => (Some(minutes(3)), Some(minutes(60)), 300),
        (Kind::Task, _) => (None, None, 200),
        (Kind::Nodes, Op::Delete { .. }) => (Some(minutes(2)), Some(minutes(30)), 100),
        // A node that is launched beside the storage waits for it first.
        (Kind::Nodes, _) => (Some(minutes(5)), Some(minutes(120)), 400),
        (Kind::SecurityGroup | Kind::Role | Kind::InstanceProfile | Kind::Placement | Kind::Template, _) => {
            (None, Some(minutes(20)), 250)
        }
    };
    Pace { typical, limit, floor: Duration::from_millis(floor_ms) }
}
