//! Lists what is below a prefix of a bucket: to its end, or up to a limit, with samples of what lies behind it.
//!
//! It keeps one page at a time and counters (`crate::scan`), so its memory does not grow with the bucket. What it asks is a
//! list of names and sizes; no object is read.

mod sample;

use tokio_util::sync::CancellationToken;

use super::patience::patiently;
use crate::cloud::{CloudError, ListedPage, Listing, OBJECTS_A_PAGE, Objects};
use crate::scan::{Found, Tally};

/// What to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub bucket: String,
    pub prefix: String,
    /// So many objects are counted; a larger bucket is estimated. 1 at least.
    pub limit: u64,
}

/// How far a scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So far.
    Counted { objects: u64, bytes: u64 },
    /// Beyond the limit: so many rounds of samples are done.
    Sampled { rounds: u32, objects: u64 },
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotScanned {
    #[error(transparent)]
    Cloud(#[from] CloudError),
    #[error("interrupted")]
    Interrupted,
    /// The bucket lists its keys in no order, and holds more than the limit: no sample could be drawn.
    #[error("the bucket lists its objects in no order")]
    Unordered,
}

/// Lists it; `told` hears of every page.
pub async fn scan<O>(
    objects: &O,
    target: &Target,
    stop: &CancellationToken,
    mut told: impl FnMut(Progress),
) -> Result<Found, NotScanned>
where
    O: Objects + Clone + Send + Sync + 'static,
{
    let mut tally = Tally::below(&target.prefix);
    let mut listing = Listing::of(&target.bucket, &target.prefix);
    loop {
        let left = target.limit.max(1).saturating_sub(tally.objects());
        listing.most = u16::try_from(left).unwrap_or(u16::MAX).min(OBJECTS_A_PAGE);
        let page = page(objects, &listing, stop).await?;
        for object in &page.objects {
            tally.add(&object.key, object.bytes, object.is_archived);
        }
        told(Progress::Counted { objects: tally.objects(), bytes: tally.bytes() });
        let Some(next) = page.next else { return Ok(tally.end()) };
        if tally.objects() >= target.limit {
            if !tally.is_in_order() {
                return Err(NotScanned::Unordered);
            }
            let after = page.objects.last().map(|last| last.key.clone());
            return sample::beyond(objects, target, tally, after, stop, told).await;
        }
        listing.token = Some(next);
    }
}

/// One page, as patiently as all that only looks, unless the user has had enough.
async fn page<O: Objects>(objects: &O, listing: &Listing, stop: &CancellationToken) -> Result<ListedPage, NotScanned> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(NotScanned::Interrupted),
        page = patiently(|| objects.list(listing)) => Ok(page?),
    }
}

#[cfg(test)]
mod tests;
