//! The time of day in a simulation: tokio's time, which tests run ahead of, counted from a fixed start.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::cloud::Clock;

/// Second 0 of every world: 2026-01-01T00:00:00Z.
const START_S: i64 = 1_767_225_600;

/// A clock that goes as fast as tokio's.
#[derive(Debug, Clone, Copy)]
pub struct VirtualClock {
    zero: Instant,
}

impl VirtualClock {
    pub(super) fn start() -> Self {
        Self { zero: Instant::now() }
    }

    /// Since the world began.
    pub fn elapsed(&self) -> Duration {
        self.zero.elapsed()
    }

    /// The time of day at a moment of the world.
    pub(super) fn at(elapsed: Duration) -> Timestamp {
        let start = Timestamp::from_second(START_S).expect("the start is a legal time");
        start.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Self::at(self.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn goes_with_tokio() {
        let clock = VirtualClock::start();
        assert_eq!(clock.now().to_string(), "2026-01-01T00:00:00Z");
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(clock.now().to_string(), "2026-01-01T01:00:00Z");
    }
}
