//! The deployment record while a run goes on: what is intended is written before, what came of it afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::cloud::{Class, Cloud, CloudError, Overwrite};
use crate::desired::{Address, Kind};
use crate::record::{Linked, Record, Try, record_name};

/// Writes go one after another; what is not urgent travels with the next.
#[derive(Debug, Clone)]
pub(super) struct Store<C> {
    cloud: C,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    record: Record,
    /// It differs from what is in the cloud.
    dirty: bool,
    /// And in something that must be there before the next call.
    urgent: bool,
    /// Of a cache that is to be made in the place of another.
    next_links: Option<BTreeMap<Address, Linked>>,
}

/// What is about to be made.
#[derive(Debug, Clone)]
pub(super) struct Intent {
    pub address: Address,
    pub epoch: u32,
    /// How many there will be with it.
    pub count: u32,
}

impl<C: Cloud> Store<C> {
    pub(super) fn new(cloud: C, mut record: Record) -> Self {
        // What came of it is not to be found out for ever: such nodes may have come and gone.
        record.used |= record.may_have_launched();
        // That a move is begun is in the cloud before anything is given up for it.
        let urgent = record.moving.is_some();
        Self { cloud, inner: Arc::new(Mutex::new(Inner { record, dirty: false, urgent, next_links: None })) }
    }

    /// The links of the spec; written with the first intents.
    pub(super) async fn linked(&self, links: BTreeMap<Address, Linked>) {
        let mut inner = self.inner.lock().await;
        inner.dirty |= inner.record.links != links;
        inner.record.links = links;
    }

    /// Links whose imports are waited for; written with the first intents.
    pub(super) async fn importing(&self, links: BTreeSet<Address>) {
        let mut inner = self.inner.lock().await;
        inner.dirty |= inner.record.importing != links;
        inner.record.importing = links;
    }

    /// The metadata of the link is there.
    pub(super) async fn imported(&self, link: &Address) {
        let mut inner = self.inner.lock().await;
        inner.dirty |= inner.record.importing.remove(link);
    }

    /// The links of a cache that takes another's place. They are made with it: until then those of the other one count.
    pub(super) async fn linked_with_next_cache(&self, links: BTreeMap<Address, Linked>) {
        self.inner.lock().await.next_links = Some(links);
    }

    /// Returns once the intents are in the cloud: only then may their calls be sent.
    pub(super) async fn intend(&self, intents: &[Intent], now: Timestamp) -> Result<(), CloudError> {
        let mut inner = self.inner.lock().await;
        for Intent { address, epoch, count } in intents {
            let intent = Try { epoch: *epoch, done: false, at: now, count: *count };
            // Written with the first intents already: soon enough, and one write less.
            let written = inner.record.tries.get(address).is_some_and(|last| {
                !last.done
                    && last.epoch == *epoch
                    && last.count == *count
                    && now.duration_since(last.at).as_secs() < FRESH_S
            });
            if !written {
                inner.record.tries.insert(address.clone(), intent);
                inner.urgent = true;
            }
            if address.kind == Kind::FileCache
                && let Some(links) = inner.next_links.take()
            {
                inner.record.links = links;
                inner.urgent = true;
            }
            if address.kind == Kind::Nodes && inner.record.exported {
                inner.record.exported = false;
                inner.urgent = true;
            }
        }
        // Also what an earlier try could not write.
        if inner.urgent { self.write(&mut inner).await } else { Ok(()) }
    }

    /// Nobody knows whether it was made, or how late.
    pub(super) async fn unknown(&self, address: &Address, now: Timestamp) {
        let mut inner = self.inner.lock().await;
        if let Some(last) = inner.record.tries.get_mut(address).filter(|last| !last.done) {
            last.at = now;
            inner.dirty = true;
        }
    }

    /// It was made. Written with the next intents or at the end: until then the same token meets it.
    pub(super) async fn made(&self, address: &Address, epoch: u32, now: Timestamp) {
        let mut inner = self.inner.lock().await;
        if let Some(last) = inner.record.tries.get_mut(address).filter(|last| last.epoch == epoch) {
            (last.done, last.at) = (true, now);
            inner.dirty = true;
        }
        if address.kind == Kind::Nodes {
            inner.record.used = true;
        }
        if address.kind.is_storage() {
            inner.record.moving = None;
        }
    }

    /// The cluster is its users' from now on.
    pub(super) async fn handed_over(&self) {
        let mut inner = self.inner.lock().await;
        inner.dirty |= !inner.record.used;
        inner.record.used = true;
    }

    /// A call was refused, and nothing of it was made: that try has an end. So many are there already.
    pub(super) async fn refused(&self, address: &Address, there: u32) {
        let mut inner = self.inner.lock().await;
        if let Some(last) = inner.record.tries.get_mut(address) {
            (last.done, last.count) = (true, there);
            inner.dirty = true;
        }
    }

    /// Nodes were launched, perhaps fewer than were intended: so many of the group there should be now.
    pub(super) async fn launched(&self, address: &Address, epoch: u32, count: u32, now: Timestamp) {
        self.made(address, epoch, now).await;
        let mut inner = self.inner.lock().await;
        if let Some(last) = inner.record.tries.get_mut(address).filter(|last| last.epoch == epoch) {
            last.count = count;
        }
    }

    /// The file system can be mounted, by whomever.
    pub(super) async fn available(&self) {
        let mut inner = self.inner.lock().await;
        inner.dirty |= !inner.record.available;
        inner.record.available = true;
    }

    /// Nodes have the file system mounted and are in their users' hands.
    pub(super) async fn ready(&self) {
        let mut inner = self.inner.lock().await;
        inner.dirty |= !inner.record.ready;
        inner.record.ready = true;
    }

    /// Returns once that is in the cloud which has to be there before anything else.
    pub(super) async fn begun(&self) -> Result<(), CloudError> {
        let mut inner = self.inner.lock().await;
        if inner.urgent { self.write(&mut inner).await } else { Ok(()) }
    }

    /// Returns once it is in the cloud that something is about to be changed or deleted.
    pub(super) async fn changes(&self, now: Timestamp) -> Result<(), CloudError> {
        let mut inner = self.inner.lock().await;
        if inner.record.changing.is_none() {
            inner.record.changing = Some(now);
            inner.urgent = true;
        }
        if inner.dirty || inner.urgent { self.write(&mut inner).await } else { Ok(()) }
    }

    /// Everything that was changed or deleted is seen to be so; or not, by now.
    pub(super) async fn changed(&self, all: bool, now: Timestamp) {
        let mut inner = self.inner.lock().await;
        if inner.record.changing.is_some() {
            inner.record.changing = (!all).then_some(now);
            inner.dirty = true;
        }
    }

    /// It is gone, but for so many. `remade`: another one is made in the same run, and that is what stands in the record.
    pub(super) async fn gone(&self, address: &Address, left: u32, remade: bool) {
        let mut inner = self.inner.lock().await;
        if address.kind.is_storage() {
            let on_another = |(address, last): (&Address, &Try)| address.kind == Kind::Nodes && last.count > 0;
            inner.record.used = inner.record.tries.iter().any(on_another);
            (inner.record.available, inner.record.ready, inner.record.moving) = (false, false, None);
            inner.dirty = true;
        }
        // They may have written before they went.
        inner.record.used |= address.kind == Kind::Nodes;
        if let Some(last) = inner.record.tries.get_mut(address).filter(|last| last.done || !remade) {
            // What was intended before has been deleted: another try needs another number.
            (last.done, last.count) = (true, left);
            inner.dirty = true;
        }
    }

    /// Which try at an address would be the next. One number is never used twice, so that no token meets what is gone.
    pub(super) async fn unused_epoch(&self, address: &Address) -> u32 {
        self.inner.lock().await.record.tries.get(address).map_or(0, |last| last.epoch + 1)
    }

    /// Since when capacity is waited for: from now on, unless an earlier run has begun to. None: no longer.
    pub(super) async fn waits(&self, now: Option<Timestamp>) -> Option<Timestamp> {
        let mut inner = self.inner.lock().await;
        let since = now.map(|now| inner.record.waiting.unwrap_or(now));
        inner.dirty |= inner.record.waiting != since;
        inner.record.waiting = since;
        since
    }

    pub(super) async fn record(&self) -> Record {
        self.inner.lock().await.record.clone()
    }

    /// Nothing on the file system is still owed to S3. Returns once that is in the cloud.
    pub(super) async fn exported(&self) -> Result<(), CloudError> {
        let mut inner = self.inner.lock().await;
        inner.urgent |= !inner.record.exported;
        inner.record.exported = true;
        if inner.urgent { self.write(&mut inner).await } else { Ok(()) }
    }

    pub(super) async fn tag_keys(&self, keys: Vec<String>) {
        let mut inner = self.inner.lock().await;
        if inner.record.tag_keys != keys {
            inner.record.tag_keys = keys;
            inner.dirty = true;
        }
    }

    /// Writes what has not been written.
    pub(super) async fn flush(&self) -> Result<(), CloudError> {
        let mut inner = self.inner.lock().await;
        if inner.dirty || inner.urgent { self.write(&mut inner).await } else { Ok(()) }
    }

    /// What `provision extend` has said, as long as it lies ahead.
    pub(super) async fn until(&self, now: Timestamp) -> Option<Timestamp> {
        self.inner.lock().await.record.until.filter(|until| *until > now)
    }

    pub(super) async fn was_done(&self, address: &Address) -> bool {
        self.inner.lock().await.record.tries.get(address).is_some_and(|last| last.done)
    }

    pub(super) async fn was_ready(&self) -> bool {
        self.inner.lock().await.record.ready
    }

    /// The cluster is no more.
    pub(super) async fn delete(&self) -> Result<(), CloudError> {
        let inner = self.inner.lock().await;
        self.cloud.delete_parameters(&[record_name(&inner.record.cluster)]).await
    }

    /// The lock is ours, so nobody else writes.
    async fn write(&self, inner: &mut Inner) -> Result<(), CloudError> {
        let invalid = |why| CloudError::new("ssm:PutParameter", Class::Invalid, why);
        let text = inner.record.to_text().map_err(invalid)?;
        self.cloud.put_parameter(&record_name(&inner.record.cluster), &text, Overwrite::Yes).await?;
        (inner.dirty, inner.urgent) = (false, false);
        Ok(())
    }
}

/// An intent written so many seconds ago is still accurate; see `CONSISTENCY_WINDOW_S`, of which it is a small part.
const FRESH_S: i64 = 10;
