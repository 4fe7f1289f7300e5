//! One run at a time: a lease in the cloud that expires by itself.
//!
//! Leases of a cluster are numbered parameters, `…/lock/<number>`, each created only if absent, which is atomic, and never
//! written over. Numbers begin at the second (Unix time) in which they are taken, since SSM wants half a minute between the deletion
//! of a name and its next creation. A lease is renewed, and one that has ended is taken over, by creating a higher number, never by
//! deleting the old one first. After every write of a lease the writer reads all of them and steps back if another run's is
//! alive. Both write before they read, so at least one sees the other: two may both step back, but never both go on, however
//! old the look was that they acted on.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::patience::patiently;
use crate::cloud::{Class, Clock, Cloud, CloudError, Overwrite, Written};
use crate::record;

/// How long a lease lasts without being renewed: long enough to outlast a slow call and its retries, short enough to wait for after a crash.
pub const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// How often the holder renews: two renewals may fail before the lease ends. Whoever takes over a dead run's lease does so at
/// least `LEASE - RENEW_EVERY` after its last call: no sooner than what that call made can be seen (`CONSISTENCY_WINDOW_S`).
pub const RENEW_EVERY: SignedDuration = SignedDuration::from_secs(20);

/// How much of a lease must be left for another mutating call: longer than clocks of two machines with NTP differ.
pub const MARGIN: SignedDuration = SignedDuration::from_secs(10);

/// Who holds a cluster, as others are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// `ana@laptop`
    pub who: String,
    /// Which machine, and which process on it since when: so that a later run there can tell that this one is dead.
    pub machine: String,
    pub process: u32,
    pub process_started: String,
    /// Random: two runs of one person are two.
    pub run: String,
    /// `up`, `down`
    pub command: String,
    pub since: Timestamp,
    pub until: Timestamp,
}

/// Why a lease was not had.
#[derive(Debug)]
pub enum Refused {
    Held(Holder),
    /// It was ours, it ended, and another run has been here since.
    Gone,
    Cloud(CloudError),
}

impl From<CloudError> for Refused {
    fn from(error: CloudError) -> Self {
        Self::Cloud(error)
    }
}

/// A lease that is ours.
#[derive(Debug, Clone)]
pub struct Lease {
    cluster: String,
    number: u32,
    /// The lowest number of this run that may still be there.
    oldest: u32,
    pub holder: Holder,
}

fn prefix(cluster: &str) -> String {
    format!("{}/lock/", record::path(cluster))
}

fn name(cluster: &str, number: u32) -> String {
    format!("{}{number}", prefix(cluster))
}

/// All leases among a cluster's parameters by number. One that cannot be read counts as held by nobody and expired.
fn leases(cluster: &str, parameters: &BTreeMap<String, String>) -> BTreeMap<u32, Option<Holder>> {
    parameters
        .iter()
        .filter_map(|(name, value)| {
            let number = name.strip_prefix(&prefix(cluster))?.parse().ok()?;
            Some((number, serde_json::from_str(value).ok()))
        })
        .collect()
}

/// Tells whether the run that holds a lease is known to be dead; its lease then counts as ended.
pub type IsDead<'a> = &'a (dyn Fn(&Holder) -> bool + Sync);

/// Who holds the cluster now.
pub fn holder(
    cluster: &str,
    parameters: &BTreeMap<String, String>,
    now: Timestamp,
    is_dead: IsDead<'_>,
) -> Option<Holder> {
    // A run that died while it renewed has two: it is waited for until the later one ends.
    let alive = |holder: &Holder| holder.until > now && !is_dead(holder);
    leases(cluster, parameters).into_values().flatten().filter(alive).max_by_key(|holder| holder.until)
}

/// Somebody had a lease when these parameters were read: what was seen then may have changed since.
pub fn was_held(cluster: &str, parameters: &BTreeMap<String, String>) -> bool {
    !leases(cluster, parameters).is_empty()
}

/// A lease that has just been taken.
#[derive(Debug)]
pub struct Acquired {
    pub lease: Lease,
    /// As they were read after it was ours.
    pub parameters: BTreeMap<String, String>,
    /// Leases of runs that ended without giving theirs back. They stay until [`Acquired::bury`].
    ended: BTreeMap<u32, Option<Holder>>,
}

impl Acquired {
    /// Until when those runs may have sent calls; None: there were none. Past the margin of its lease a run sends nothing.
    pub fn others_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.ended.values().map(|lease| lease.as_ref().map_or(now, |holder| (holder.until - MARGIN).min(now))).max()
    }

    /// Removes what those runs have left of the lock, once nothing more is to be learnt from it.
    pub async fn bury<C: Cloud>(&self, cloud: &C) -> Result<(), CloudError> {
        let names: Vec<String> = self.ended.keys().map(|number| name(&self.lease.cluster, *number)).collect();
        if names.is_empty() { Ok(()) } else { patiently(|| cloud.delete_parameters(&names)).await }
    }
}

/// Takes the lease.
pub async fn acquire<C: Cloud, K: Clock>(
    cloud: &C,
    clock: &K,
    cluster: &str,
    parameters: &BTreeMap<String, String>,
    mut holder: Holder,
    is_dead: IsDead<'_>,
) -> Result<Acquired, Refused> {
    let before = leases(cluster, parameters);
    if let Some(other) = self::holder(cluster, parameters, clock.now(), is_dead) {
        return Err(Refused::Held(other));
    }
    let now = u32::try_from(clock.now().as_second()).unwrap_or_default();
    let number = before.keys().max().map_or(now, |highest| now.max(highest + 1));
    holder.until = clock.now() + LEASE;
    let text = encode(&holder)?;
    let written = patiently(|| write(cloud, cluster, number, &text)).await?;
    let after = patiently(|| all(cloud, cluster)).await?;
    let found = leases(cluster, &after);
    if written == Written::Exists {
        // Another run was faster, or our own first try was answered by nobody: the value tells.
        match found.get(&number).cloned().flatten() {
            Some(there) if there.run == holder.run => {}
            Some(there) => return Err(Refused::Held(there)),
            None => return Err(Refused::Gone),
        }
    }
    if let Some(other) = other_alive(&found, number, clock.now(), is_dead) {
        patiently(|| forget(cloud, cluster, number)).await?;
        return Err(Refused::Held(other));
    }
    let ended = found.into_iter().filter(|(other, _)| *other != number).collect();
    Ok(Acquired {
        lease: Lease { cluster: cluster.to_owned(), number, oldest: number, holder },
        parameters: after,
        ended,
    })
}

impl Lease {
    /// How long it is good for another changing call; zero: not at all.
    pub fn left(&self, now: Timestamp) -> Duration {
        Duration::try_from(self.holder.until.duration_since(now) - MARGIN).unwrap_or(Duration::ZERO)
    }

    /// Prolongs it, unless another run has one. One attempt: whoever fails may try again, also when it has ended meanwhile.
    ///
    /// The next number is taken as anybody would take it, and only then the old one is given up. Whoever takes over removes
    /// the leases that have ended, so that the old one's still being there tells that nobody did, however late this comes.
    pub async fn renew<C: Cloud, K: Clock>(&mut self, cloud: &C, clock: &K) -> Result<(), Refused> {
        let number = self.number + 1;
        let mut holder = self.holder.clone();
        holder.until = clock.now() + LEASE;
        let written = write(cloud, &self.cluster, number, &encode(&holder)?).await?;
        let found = leases(&self.cluster, &all(cloud, &self.cluster).await?);
        let is_ours = |number: u32| found.get(&number).is_some_and(|lease| self.is_of_this_run(lease.as_ref()));
        if written == Written::Exists {
            match found.get(&number).cloned().flatten() {
                // Our own, from a try whose answer was lost: as old as that try.
                Some(there) if there.run == holder.run => holder = there,
                _ => return Err(Refused::Gone),
            }
        }
        let other = other_alive(&found, number, clock.now(), &|other| other.run == holder.run);
        if other.is_some() || !is_ours(self.number) {
            patiently(|| forget(cloud, &self.cluster, number)).await?;
            return Err(other.map_or(Refused::Gone, Refused::Held));
        }
        (self.number, self.holder) = (number, holder);
        // They are of no use any more; those that stay are removed with the last one.
        let before: Vec<String> = (self.oldest..number).map(|number| name(&self.cluster, number)).collect();
        if cloud.delete_parameters(&before).await.is_ok() {
            self.oldest = number;
        }
        Ok(())
    }

    fn is_of_this_run(&self, holder: Option<&Holder>) -> bool {
        holder.is_some_and(|holder| holder.run == self.holder.run)
    }

    /// Gives it back; others need not wait for its end.
    pub async fn release<C: Cloud>(self, cloud: &C) -> Result<(), CloudError> {
        // Also what a renewal whose answer was lost has made.
        let names: Vec<String> = (self.oldest..=self.number + 1).map(|number| name(&self.cluster, number)).collect();
        patiently(|| cloud.delete_parameters(&names)).await
    }
}

fn other_alive(
    found: &BTreeMap<u32, Option<Holder>>,
    ours: u32,
    now: Timestamp,
    is_dead: IsDead<'_>,
) -> Option<Holder> {
    let others = found.iter().filter(|(number, _)| **number != ours).filter_map(|(_, lease)| lease.clone());
    others.into_iter().find(|lease| lease.until > now && !is_dead(lease))
}

async fn all<C: Cloud>(cloud: &C, cluster: &str) -> Result<BTreeMap<String, String>, CloudError> {
    cloud.parameters(&record::path(cluster)).await
}

async fn write<C: Cloud>(cloud: &C, cluster: &str, number: u32, text: &str) -> Result<Written, CloudError> {
    cloud.put_parameter(&name(cluster, number), text, Overwrite::No).await
}

async fn forget<C: Cloud>(cloud: &C, cluster: &str, number: u32) -> Result<(), CloudError> {
    cloud.delete_parameters(&[name(cluster, number)]).await
}

fn encode(holder: &Holder) -> Result<String, CloudError> {
    serde_json::to_string(holder).map_err(|why| CloudError::new("ssm:PutParameter", Class::Invalid, why.to_string()))
}
