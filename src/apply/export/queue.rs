//! Waiting for the queue of automatic export, as far as anybody can tell: docs/adr/0011.
//!
//! What flows out by itself waits in a queue, and the queue goes with automatic export. New and changed files are not lost by
//! that: the export task that follows takes them. Deletions are, since a task copies and never deletes. So this wait is a
//! courtesy with an end, and never a reason to stop.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::progress::span;
use crate::apply::context::Context;
use crate::apply::event::{Failure, What};
use crate::apply::wait::SAY_AGAIN;
use crate::cloud::{Class, Clock, Cloud, CloudError, QueuePoint};
use crate::desired::Address;

/// An empty queue counts after so long (fsx-dra.md, "Recommended procedure": three consecutive minutes; points come up to two
/// minutes late).
const QUIET: Duration = Duration::from_mins(3);
/// A queue of which CloudWatch tells nothing at all has not been in use for minutes: only what came in the last one is not known.
const UNTOLD: Duration = Duration::from_mins(1);
/// An older point says nothing of now. A point bears the beginning of its minute, and comes up to two minutes after its end.
const FRESH: SignedDuration = SignedDuration::from_mins(4);
/// The age may rise while the queue is worked off (field: a million files, 58 s a minute), and a task is faster: without
/// a new lowest age for so long, the task takes over.
const NO_BETTER: Duration = Duration::from_mins(10);
/// However much better it gets.
const LIMIT: Duration = Duration::from_mins(60);
/// Between two looks: a sixteenth of the time waited (docs/adr/0007), within these. CloudWatch has a new point a minute.
const SHORTEST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(20);
/// Links that begin to wait together look together.
const TOGETHER: Duration = Duration::from_secs(1);

/// The last answer, shared by all links: there is one queue a file system.
pub(in crate::apply) type LastLook = Mutex<Option<(Instant, Answer)>>;
type Answer = Result<Vec<QueuePoint>, CloudError>;

/// Returns when the queue is empty, or when waiting helps no more; says which. `deletes`: deletions flow out too.
pub(super) async fn drained<C: Cloud, K: Clock>(
    context: &Context<C, K>,
    index: usize,
    address: &Address,
    file_system: &str,
    deletes: bool,
) -> Result<(), Failure> {
    let began = Instant::now();
    let mut queue = Queue { deletes, lowest: None, quiet_since: None };
    let (mut said, mut said_at) = (String::new(), began);
    loop {
        let answer = look(context, file_system).await;
        match queue.judge(&answer, context.clock.now(), began.elapsed()) {
            Judgement::GoOn(why) => {
                context.note(index, address, why);
                return Ok(());
            }
            Judgement::Wait(detail) => {
                if detail != said || said_at.elapsed() > SAY_AGAIN {
                    said.clone_from(&detail);
                    said_at = Instant::now();
                    context.emit(What::Waiting {
                        step: index,
                        address: address.clone(),
                        detail,
                        waited_s: began.elapsed().as_secs(),
                        typical_s: None,
                    });
                }
            }
        }
        context.pause((began.elapsed() / 16).clamp(SHORTEST, LONGEST)).await?;
    }
}

/// One request for all links that wait at the same time.
async fn look<C: Cloud, K: Clock>(context: &Context<C, K>, file_system: &str) -> Answer {
    let mut last = context.queue.lock().await;
    if let Some((_, answer)) = last.as_ref().filter(|(at, _)| at.elapsed() < TOGETHER) {
        return answer.clone();
    }
    let started = Instant::now();
    let answer = context.cloud.export_queue(file_system, context.clock.now()).await;
    last.insert((started, answer)).1.clone()
}

#[derive(Debug)]
struct Queue {
    deletes: bool,
    /// The lowest age, and when it was seen first.
    lowest: Option<(u64, Duration)>,
    quiet_since: Option<Duration>,
}

#[derive(Debug, PartialEq, Eq)]
enum Judgement {
    Wait(String),
    GoOn(String),
}

impl Queue {
    fn judge(&mut self, answer: &Answer, now: Timestamp, waited: Duration) -> Judgement {
        let newest = match answer {
            Ok(points) => {
                points.iter().filter(|point| now.duration_since(point.at) <= FRESH).max_by_key(|point| point.at)
            }
            Err(error) if error.class == Class::Denied => {
                let text = "the queue of automatic export cannot be seen (cloudwatch:GetMetricData is not allowed)";
                return Judgement::GoOn(self.uncertain(text));
            }
            // Not there at all (an endpoint of somebody's own), or not to be asked so: asking again does not help.
            Err(error) if !error.class.passes() => {
                let text = "CloudWatch cannot be asked for the queue of automatic export";
                return Judgement::GoOn(self.uncertain(text));
            }
            Err(_) => None,
        };
        match newest {
            Some(point) if point.age_s > 0 => self.behind(point.age_s, waited),
            Some(_) => self.quiet("the queue of automatic export is empty", true, QUIET, waited),
            None => {
                let text = match answer {
                    Ok(_) => {
                        "CloudWatch tells nothing of the queue of automatic export, which does not say that it is empty"
                    }
                    Err(_) => "CloudWatch does not answer, so nothing is known of the queue of automatic export",
                };
                let was_told = matches!(answer, Ok(points) if !points.is_empty());
                self.quiet(text, false, if was_told { QUIET } else { UNTOLD }, waited)
            }
        }
    }

    fn behind(&mut self, age_s: u64, waited: Duration) -> Judgement {
        self.quiet_since = None;
        let (lowest, since) = *self.lowest.get_or_insert((age_s, waited));
        if age_s < lowest {
            self.lowest = Some((age_s, waited));
        } else if waited.saturating_sub(since) >= NO_BETTER {
            let text = format!(
                "automatic export is {} behind and has not caught up for {}",
                span(age_s),
                span(NO_BETTER.as_secs())
            );
            return Judgement::GoOn(self.uncertain(&text));
        }
        if waited >= LIMIT {
            let text = format!("automatic export is still {} behind after {}", span(age_s), span(LIMIT.as_secs()));
            return Judgement::GoOn(self.uncertain(&text));
        }
        Judgement::Wait(format!("automatic export is {} behind", span(age_s)))
    }

    /// Nothing waits, or nothing is told. What a task takes along is not waited for.
    fn quiet(&mut self, what: &str, certain: bool, long: Duration, waited: Duration) -> Judgement {
        let since = *self.quiet_since.get_or_insert(waited);
        if self.deletes && waited.saturating_sub(since) < long {
            return Judgement::Wait(format!("{what}: looking for {} whether a deletion comes", span(long.as_secs())));
        }
        Judgement::GoOn(if certain { what.to_owned() } else { self.uncertain(what) })
    }

    /// What follows from not knowing.
    fn uncertain(&self, what: &str) -> String {
        let rest = if self.deletes { "; a deletion that is still in it may not reach S3" } else { "" };
        format!("{what}: the export takes what is new or changed{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).expect("a time")
    }

    /// The newest point, a minute old.
    fn told(age_s: u64) -> Vec<QueuePoint> {
        let at = |seconds| now() - SignedDuration::from_secs(seconds);
        vec![QueuePoint { at: at(120), age_s: 999 }, QueuePoint { at: at(60), age_s }]
    }

    fn queue(deletes: bool) -> Queue {
        Queue { deletes, lowest: None, quiet_since: None }
    }

    fn goes_on(judgement: &Judgement) -> bool {
        matches!(judgement, Judgement::GoOn(_))
    }

    /// The minute in which a queue that answers so is waited for no more.
    fn ends(deletes: bool, answer: impl Fn(u64) -> Answer) -> (u64, String) {
        let mut queue = queue(deletes);
        for minute in 0..200 {
            if let Judgement::GoOn(why) = queue.judge(&answer(minute), now(), Duration::from_mins(minute)) {
                return (minute, why);
            }
        }
        panic!("it waits for ever")
    }

    #[test]
    fn no_data_is_not_an_empty_queue() {
        let (silent, empty) = (ends(false, |_| Ok(Vec::new())), ends(false, |_| Ok(told(0))));
        assert_eq!((silent.0, empty.0), (0, 0), "a task takes along what waits");
        assert!(silent.1.contains("does not say that it is empty") && !empty.1.contains("does not say"));
        let (silent, empty) = (ends(true, |_| Ok(Vec::new())), ends(true, |_| Ok(told(0))));
        assert_eq!((silent.0, empty.0), (1, 3), "deletions flow out: a point may be late");
        assert!(silent.1.contains("may not reach S3") && !empty.1.contains("may not"), "{silent:?} {empty:?}");
    }

    #[test]
    fn a_late_point_begins_the_wait_anew() {
        let old = QueuePoint { at: now() - SignedDuration::from_mins(9), age_s: 30 };
        let answer = |minute| if minute == 2 { Ok(told(30)) } else { Ok(vec![old]) };
        assert_eq!(ends(true, answer).0, 6);
    }

    #[test]
    fn a_point_of_long_ago_says_nothing() {
        let old = QueuePoint { at: now() - SignedDuration::from_mins(5), age_s: 300 };
        assert!(goes_on(&queue(false).judge(&Ok(vec![old]), now(), Duration::ZERO)));
        let recent = QueuePoint { at: now() - SignedDuration::from_mins(2), age_s: 300 };
        assert!(!goes_on(&queue(false).judge(&Ok(vec![recent, old]), now(), Duration::ZERO)));
    }

    #[test]
    fn a_queue_that_falls_is_waited_for_and_one_that_does_not_is_left() {
        assert_eq!(ends(false, |minute| Ok(told(600_u64.saturating_sub(minute * 40)))).0, 15);
        let (minute, why) = ends(true, |_| Ok(told(500)));
        assert_eq!(minute, 10);
        assert!(why.contains("8 min behind") && why.contains("may not reach S3"), "{why}");
        assert_eq!(ends(false, |minute| Ok(told(500 + minute * 58))).0, 10, "it rises");
        assert_eq!(ends(false, |minute| Ok(told(100_000 - minute))).0, 60, "it falls for ever");
    }

    #[test]
    fn what_cannot_be_asked_is_not_waited_for() {
        let denied = |class| Err(CloudError::new("cloudwatch:GetMetricData", class, "no"));
        let (minute, why) = ends(true, |_| denied(Class::Denied));
        assert!(minute == 0 && why.contains("cloudwatch:GetMetricData is not allowed"), "{why}");
        assert_eq!(ends(true, |_| denied(Class::Unreachable)).0, 1, "an outage may pass");
        assert_eq!(ends(true, |_| denied(Class::Unknown)).0, 0, "an endpoint without CloudWatch");
        assert_eq!(ends(false, |_| denied(Class::Throttled)).0, 0);
    }
}
