//! Looking at what is being waited for: one request a kind, shared by all that wait for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::cloud::{Cloud, CloudError, Scope};
use crate::desired::Kind;
use crate::observed::Observed;

#[derive(Debug)]
pub(super) struct Watch<C> {
    cloud: C,
    scope: StdMutex<Scope>,
    latest: BTreeMap<Kind, Mutex<Option<Look>>>,
}

/// An answer is as old as its question: the machine may have slept between the two.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub started: Instant,
    pub observed: Arc<Observed>,
}

impl<C: Cloud> Watch<C> {
    pub(super) fn new(cloud: C, scope: Scope) -> Self {
        let latest = Kind::ALL.into_iter().map(|kind| (kind, Mutex::new(None))).collect();
        Self { cloud, scope: StdMutex::new(scope), latest }
    }

    /// From now on the file system is asked for by its id.
    pub(super) fn file_system(&self, id: &str) {
        self.scope.lock().unwrap_or_else(PoisonError::into_inner).file_system = Some(id.to_owned());
    }

    /// The latest look, however old; None: there was none.
    pub(super) async fn latest(&self, kind: Kind) -> Option<Arc<Observed>> {
        let latest = self.latest.get(&kind)?.lock().await;
        latest.as_ref().map(|look| Arc::clone(&look.observed))
    }

    /// A look that was begun at `not_before` or later: the latest one if it is young enough, else a new one.
    pub(super) async fn look(&self, kind: Kind, not_before: Instant) -> Result<Look, CloudError> {
        let Some(latest) = self.latest.get(&kind) else {
            return Ok(Look { started: Instant::now(), observed: Arc::default() });
        };
        let mut latest = latest.lock().await;
        if let Some(look) = latest.as_ref().filter(|look| look.started >= not_before) {
            return Ok(look.clone());
        }
        let started = Instant::now();
        let scope = self.scope.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let observed = Arc::new(self.cloud.observe(&scope, &[kind]).await?);
        Ok(latest.insert(Look { started, observed }).clone())
    }
}
