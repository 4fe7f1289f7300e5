//! How an export task gets on: rate and time left from the counts of FSx, and when it has stopped counting.

use std::collections::VecDeque;
use std::time::Duration;

use crate::observed::{Task, TaskState};

/// FSx refreshes the counts about every 30 seconds (API, DataRepositoryTaskStatus); a task that counts nothing for so long is
/// named.
pub(super) const STALLED: Duration = Duration::from_mins(10);

/// A rate is that of the last changes: files differ in size.
const SAMPLES: usize = 10;

/// What was seen of one task, from one look to the next.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// When the counts changed, and how many files were done then.
    samples: VecDeque<(Duration, u64)>,
    last: Option<(TaskState, u64, u64)>,
    moved: Duration,
    said: String,
    told: bool,
}

/// What a look says of a task that works.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pulse {
    /// In words; the same words as long as the counts are the same.
    pub(super) detail: String,
    /// How long the counts have stood still.
    pub(super) still: Duration,
    /// It has just been still for too long: worth a line, once a standstill.
    pub(super) stalls: bool,
}

impl Meter {
    pub(super) fn look(&mut self, task: &Task, waited: Duration) -> Pulse {
        let done = task.succeeded + task.failed;
        let counts = (task.state, task.total, done);
        if self.last != Some(counts) {
            if task.state == TaskState::Executing && self.samples.back().is_none_or(|(_, last)| *last != done) {
                self.samples.push_back((waited, done));
                if self.samples.len() > SAMPLES {
                    self.samples.pop_front();
                }
            }
            self.last = Some(counts);
            self.moved = waited;
            self.told = false;
            self.said = self.words(task, done);
        }
        let still = waited.saturating_sub(self.moved);
        let stalls = still >= STALLED && !self.told;
        self.told |= stalls;
        Pulse { detail: self.said.clone(), still, stalls }
    }

    fn words(&self, task: &Task, done: u64) -> String {
        if task.state == TaskState::Pending {
            return "the export waits for its turn".to_owned();
        }
        let failed = if task.failed > 0 { format!(", {} failed", task.failed) } else { String::new() };
        let counts = format!("exporting: {} of {} files{failed}", task.succeeded, task.total);
        let Some(rate) = self.files_per_minute() else { return counts };
        let left = task.total.saturating_sub(done);
        let speed = if rate >= 120 { format!("{} files/s", rate / 60) } else { format!("{rate} files/min") };
        format!("{counts}, {speed}, about {} left", span(left.saturating_mul(60) / rate))
    }

    /// None: not enough was seen.
    fn files_per_minute(&self) -> Option<u64> {
        let ((began, first), (now, last)) = (self.samples.front()?, self.samples.back()?);
        let seconds = now.saturating_sub(*began).as_secs();
        let rate = last.saturating_sub(*first).saturating_mul(60).checked_div(seconds)?;
        (rate > 0).then_some(rate)
    }
}

/// Seconds, for a person: `40 s`, `12 min`, `3 h 20 min`.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::Work;

    fn task(state: TaskState, succeeded: u64, total: u64) -> Task {
        Task {
            id: "task-1".to_owned(),
            file_system: "fs-1".to_owned(),
            work: Work::Export,
            state,
            paths: Vec::new(),
            total,
            succeeded,
            failed: 0,
            reason: None,
            report: None,
            started: None,
            tags: crate::desired::Tags::new(),
        }
    }

    const fn minutes(count: u64) -> Duration {
        Duration::from_secs(count * 60)
    }

    #[test]
    fn rate_and_time_left_come_from_the_last_changes() {
        let mut meter = Meter::default();
        let mut look = |state, done, at| meter.look(&task(state, done, 10_000), minutes(at)).detail;
        assert_eq!(look(TaskState::Pending, 0, 0), "the export waits for its turn");
        assert_eq!(look(TaskState::Executing, 0, 1), "exporting: 0 of 10000 files");
        let moving = look(TaskState::Executing, 1000, 2);
        assert_eq!(moving, "exporting: 1000 of 10000 files, 16 files/s, about 9 min left");
        assert_eq!(look(TaskState::Executing, 1000, 3), moving, "nothing new to say");
        // The fast beginning is forgotten in time.
        let slow = (4..20).map(|at| look(TaskState::Executing, 1000 + at, at)).last();
        assert_eq!(slow.as_deref(), Some("exporting: 1019 of 10000 files, 1 files/min, about 149 h 41 min left"));
    }

    #[test]
    fn a_standstill_is_told_once_and_ends_with_the_next_count() {
        let mut meter = Meter::default();
        let mut stalls = |done, at| meter.look(&task(TaskState::Executing, done, 9), minutes(at)).stalls;
        assert_eq!([stalls(1, 0), stalls(1, 9), stalls(1, 10), stalls(1, 11)], [false, false, true, false]);
        assert_eq!([stalls(2, 12), stalls(2, 21), stalls(2, 22)], [false, false, true]);
    }

    #[test]
    fn spans_are_told_in_two_units_at_most() {
        assert_eq!(
            [span(0), span(119), span(120), span(7199), span(12_000)],
            ["0 s", "119 s", "2 min", "119 min", "3 h 20 min"]
        );
    }
}
