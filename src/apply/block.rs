//! Capacity Blocks that have not begun: `up` makes nothing before, unless it is told to wait, and then waits first.
//!
//! A block begins at a time that is known, so the wait needs nothing written down: interrupted, it is said again and ends
//! at the same time. Storage is made after it: beside nodes that are days away it would be billed for nothing.

use std::time::Duration;

use jiff::Timestamp;

use super::converge::Session;
use super::event::{Event, FORMAT_VERSION, Failure, What};
use super::keeper::Keeper;
use super::lease::Lease;
use super::patience::patiently;
use super::prepare::{Failed, Prepared};
use crate::catalog::capacity_blocks::is_ahead;
use crate::cloud::{Clock, Cloud, Questions};
use crate::plan::{CapacityBlock, Purpose};

/// A line in so long says that the run is alive. A machine that slept is back in time all the same.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// A block that should have begun is looked at again after so long, at first and at most.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
const LOOK_LESS: Duration = Duration::from_secs(30);

/// What `up` was refused for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotBegun {
    /// Those into which nodes are to be launched, and cannot be yet.
    pub blocks: Vec<CapacityBlock>,
    /// How long it was to be waited at most; None: not at all.
    pub wait: Option<Duration>,
}

/// How the wait ended.
pub(super) enum Waited {
    /// All have begun, or are no longer on their way: a new look tells.
    Begun,
    /// It was to be waited for so long, and no longer.
    NotBegun,
    Stopped,
}

/// Blocks that are to be waited for before anything is made.
fn awaited(prepared: &Prepared) -> impl Iterator<Item = &CapacityBlock> {
    prepared.plan.blocks.iter().filter(|block| block.is_awaited())
}

/// When the last of them begins; None: there is nothing to wait for.
fn begins(prepared: &Prepared) -> Option<Timestamp> {
    awaited(prepared).filter_map(|block| block.starts).max()
}

pub(super) fn is_awaited(session: &Session<'_>, prepared: &Prepared) -> bool {
    session.request.purpose == Purpose::Up && begins(prepared).is_some()
}

/// Why the run ends here: a block begins later than the user waits.
pub(super) fn refusal(session: &Session<'_>, prepared: &Prepared, now: Timestamp) -> Option<NotBegun> {
    if !is_awaited(session, prepared) {
        return None;
    }
    let wait = session.wait_for_capacity;
    let reaches = wait.and_then(|wait| now.checked_add(wait).ok()).zip(begins(prepared));
    let is_long_enough = reaches.is_some_and(|(until, begins)| until >= begins);
    (!is_long_enough).then(|| not_begun(session, prepared))
}

pub(super) fn not_begun(session: &Session<'_>, prepared: &Prepared) -> NotBegun {
    NotBegun { blocks: awaited(prepared).cloned().collect(), wait: session.wait_for_capacity }
}

/// Waits until all have begun, with the lock kept: whoever else is at the cluster meanwhile would be overtaken.
pub(super) async fn wait<C: Cloud, K: Clock>(
    cloud: &C,
    clock: &K,
    session: &Session<'_>,
    prepared: &Prepared,
    lease: Lease,
) -> Result<(Waited, Lease), Failed> {
    let keeper = Keeper::new(lease, cloud.clone(), clock.clone());
    let began = clock.now();
    let until = session.wait_for_capacity.and_then(|wait| began.checked_add(wait).ok()).unwrap_or(began);
    let (mut late, mut told) = (Duration::ZERO, None::<Timestamp>);
    let waited = loop {
        let now = clock.now();
        let left = match begins(prepared) {
            Some(begins) if begins > now => length(now, begins).min(LONGEST_PAUSE),
            // What was true at the look may be by now what it says.
            Some(_) | None if !is_still_ahead(cloud, prepared).await => break Waited::Begun,
            Some(_) | None => {
                late = (late * 2).clamp(LOOK_AGAIN, LOOK_LESS);
                late.min(length(now, until))
            }
        };
        if left.is_zero() {
            break Waited::NotBegun;
        }
        // Of one that is late, too, a line an hour is enough.
        let is_time = told.is_none_or(|told| length(told, now) >= LONGEST_PAUSE);
        for block in awaited(prepared).filter(|_| is_time) {
            let Some(starts) = block.starts else { continue };
            told = Some(now);
            let what = What::BlockAhead { block: block.id.clone(), starts, pause_s: left.as_secs() };
            let elapsed_s = length(began, now).as_secs_f64();
            let _ = session.events.send(Event { format_version: FORMAT_VERSION, at: now, elapsed_s, what });
        }
        tokio::select! {
            biased;
            () = session.stop.cancelled() => break Waited::Stopped,
            () = keeper.lost() => break Waited::Stopped,
            () = tokio::time::sleep(left) => {}
        }
    };
    let lease = keeper.hand_over().await.ok_or(Failed::Unsecured(Failure::LostLock))?;
    Ok((waited, lease))
}

/// What nobody tells is not waited for: the launch tells.
async fn is_still_ahead<C: Cloud>(cloud: &C, prepared: &Prepared) -> bool {
    let reservations = awaited(prepared).map(|block| block.id.clone()).collect();
    let questions = Questions { reservations, ..Questions::default() };
    match patiently(|| cloud.survey(&questions)).await {
        Ok(survey) => survey.reservations.values().flatten().any(|found| is_ahead(&found.state)),
        Err(_) => false,
    }
}

fn length(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
