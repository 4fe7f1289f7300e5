//! Keeps the lease of a run alive beside whatever else the run does, and lets a changing call through only while it is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::event::Failure;
use super::lease::{Lease, RENEW_EVERY, Refused};
use crate::cloud::{Clock, Cloud, CloudError};

/// After a renewal that failed: well below what the lease has left then.
const TRY_AGAIN: Duration = Duration::from_secs(4);
/// How often a call that may not be sent looks whether it may.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A lease that could not be renewed for so long is given up: as long as a wait puts up with unanswered looks.
const GIVE_UP: Duration = Duration::from_mins(15);

/// A lease that is renewed until it is released or lost.
#[derive(Debug)]
pub(super) struct Keeper<C, K> {
    cloud: C,
    clock: K,
    shared: Arc<Shared>,
    /// Ends the task, after the renewal that it is about.
    done: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    lease: Mutex<Lease>,
    /// Why the latest renewal failed.
    error: Mutex<Option<CloudError>>,
    lost: CancellationToken,
}

impl Shared {
    fn lease(&self) -> MutexGuard<'_, Lease> {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self) -> MutexGuard<'_, Option<CloudError>> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Cloud, K: Clock> Keeper<C, K> {
    /// Renews from now on.
    pub(super) fn new(lease: Lease, cloud: C, clock: K) -> Self {
        let lost = CancellationToken::new();
        let shared = Arc::new(Shared { lease: Mutex::new(lease), error: Mutex::default(), lost });
        let done = CancellationToken::new();
        let task = tokio::spawn(keep(cloud.clone(), clock.clone(), Arc::clone(&shared), done.clone()));
        Self { cloud, clock, shared, done, task: Mutex::new(Some(task)) }
    }

    pub(super) fn run(&self) -> String {
        self.shared.lease().holder.run.clone()
    }

    /// Another run has the cluster.
    pub(super) fn is_lost(&self) -> bool {
        self.shared.lost.is_cancelled()
    }

    pub(super) async fn lost(&self) {
        self.shared.lost.cancelled().await;
    }

    /// A changing call may be sent now.
    pub(super) fn is_safe(&self) -> bool {
        !self.is_lost() && !self.left().is_zero()
    }

    /// How long the lease is good for another call; zero: not at all.
    fn left(&self) -> Duration {
        self.shared.lease().left(self.clock.now())
    }

    /// Returns once a changing call may be sent: at once, or when a renewal that is late has come through.
    pub(super) async fn safe(&self) -> Result<(), Failure> {
        let began = Instant::now();
        loop {
            if self.is_lost() {
                return Err(Failure::LostLock);
            }
            if !self.left().is_zero() {
                return Ok(());
            }
            if let Some(error) = self.shared.error().clone()
                && (!error.class.passes() || began.elapsed() > GIVE_UP)
            {
                return Err(Failure::Cloud { error });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Returns when a call that is on its way must not be repeated any more: the lease is lost, or about to end.
    pub(super) async fn unsafe_again(&self) {
        loop {
            let left = self.left();
            if left.is_zero() || self.is_lost() {
                return;
            }
            tokio::select! {
                biased;
                () = self.lost() => {}
                // In small steps: a timer does not count the time for which a machine sleeps, and the time of day does.
                () = tokio::time::sleep(left.min(LOOK_AGAIN)) => {}
            }
        }
    }

    /// Ends renewing, and gives the lease to who goes on with it. None: it is lost.
    pub(super) async fn hand_over(self) -> Option<Lease> {
        self.done.cancel();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            // It neither panics nor is it aborted.
            let _ = task.await;
        }
        (!self.is_lost()).then(|| self.shared.lease().clone())
    }

    /// Gives the lease back. A renewal on its way is waited for: handled later it would bring the lease to life again.
    pub(super) async fn release(&self) -> Result<(), CloudError> {
        self.done.cancel();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            // It neither panics nor is it aborted.
            let _ = task.await;
        }
        if self.is_lost() {
            return Ok(());
        }
        let lease = self.shared.lease().clone();
        lease.release(&self.cloud).await
    }
}

async fn keep<C: Cloud, K: Clock>(cloud: C, clock: K, shared: Arc<Shared>, done: CancellationToken) {
    let mut pause = Duration::from_secs(RENEW_EVERY.as_secs().unsigned_abs());
    loop {
        tokio::select! {
            biased;
            () = done.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let mut lease = shared.lease().clone();
        let renewed = lease.renew(&cloud, &clock).await;
        pause = match renewed {
            Ok(()) => {
                *shared.lease() = lease;
                *shared.error() = None;
                Duration::from_secs(RENEW_EVERY.as_secs().unsigned_abs())
            }
            Err(Refused::Held(_) | Refused::Gone) => {
                shared.lost.cancel();
                return;
            }
            Err(Refused::Cloud(error)) => {
                *shared.error() = Some(error);
                TRY_AGAIN
            }
        };
    }
}
