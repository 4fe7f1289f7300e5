//! When a call that failed is sent again, and after what pause.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::cloud::{Class, CloudError};

/// A fault that has not passed by then may last; what the SDK repeats by itself counts along (`src/aws/connect.rs`).
const TRANSIENT_LIMIT: Duration = Duration::from_secs(120);
/// What was made a moment ago is known everywhere by then (IAM User Guide, "Troubleshooting": "usually within seconds").
/// What is still unknown is gone, or was never there: that is for another look to tell.
const NOT_YET_LIMIT: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// One call and its repetitions.
#[derive(Debug)]
pub(super) struct Patience {
    began: Instant,
    pause: Duration,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), pause: FIRST_PAUSE }
    }

    /// The pause before the next try; None: it will not help.
    pub(super) fn next(&mut self, error: &CloudError) -> Option<Duration> {
        let again = match error.class {
            // Throttling slows a run down and never ends it.
            Class::Throttled => true,
            Class::NotYet => self.began.elapsed() < NOT_YET_LIMIT,
            Class::Transient => self.began.elapsed() < TRANSIENT_LIMIT,
            Class::Denied
            | Class::Credentials
            | Class::Quota
            | Class::Capacity
            | Class::ReservationFull
            | Class::NotOffered
            | Class::Conflict
            | Class::InUse
            | Class::Busy
            | Class::NotFound
            | Class::Invalid
            | Class::NotImplemented
            | Class::Unreachable
            | Class::Unknown => false,
        };
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        again.then_some(pause)
    }
}

/// Sends a call, and sends it again as long as that is right. For calls that may be repeated at will.
pub(super) async fn patiently<T, F>(send: impl Fn() -> F) -> Result<T, CloudError>
where
    F: Future<Output = Result<T, CloudError>>,
{
    let mut patience = Patience::new();
    loop {
        let error = match send().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match patience.next(&error) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(error),
        }
    }
}
