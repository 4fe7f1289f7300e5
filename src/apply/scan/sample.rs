//! Samples of the keys beyond a limit, which stand for all of them: see `crate::scan::Estimate` for why that is right.
//!
//! Nobody has to know how keys are named: branches of the tree of keys are found by asking for the first key beyond one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{NotScanned, Progress, Target, page};
use crate::cloud::{Listed, Listing, OBJECTS_A_PAGE, Objects};
use crate::scan::{Chance, Estimate, Found, How, Round, Tally};

/// Into so many parts the rest is divided, each of which is sampled in each round: with fewer, one large directory among
/// small ones is hit or missed by chance; each costs some dozen requests a round.
const PARTS: usize = 32;
/// Fewer say nothing of how far they differ.
const LEAST_ROUNDS: u32 = 4;
const MOST_ROUNDS: u32 = 32;
/// Requests after which no further round begins: as many as counting has taken, and not fewer than these.
const LEAST_REQUESTS: u64 = 500;
/// Branches of a fork that are told one by one: all digits and letters.
const MOST_BRANCHES: usize = 64;
/// Requests under way. S3 answers thousands a second; a person waits for some hundred round trips.
const AT_ONCE: usize = 8;
/// Sorts behind everything that begins as what is before it.
const LAST: char = '\u{10ffff}';

/// Some keys: those with a prefix, beyond one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    prefix: String,
    after: Option<String>,
}

/// What a part turns out to be.
#[derive(Debug)]
enum Opened {
    /// One page holds all of it.
    Leaf(Tally),
    Fork {
        /// The key that is no longer than what all have in common.
        alone: Option<Tally>,
        branches: Vec<Part>,
        /// The keys beyond the branches, where those are too many to be told.
        rest: Option<Part>,
    },
}

#[derive(Debug, Clone)]
struct Sampler<O> {
    objects: O,
    bucket: String,
    /// What chance begins with.
    place: String,
    stop: CancellationToken,
    asked: Arc<AtomicU64>,
}

/// Estimates all that is beyond `after`.
pub(super) async fn beyond<O>(
    objects: &O,
    target: &Target,
    counted: Tally,
    after: Option<String>,
    stop: &CancellationToken,
    mut told: impl FnMut(Progress),
) -> Result<Found, NotScanned>
where
    O: Objects + Clone + Send + Sync + 'static,
{
    let sampler = Sampler {
        objects: objects.clone(),
        bucket: target.bucket.clone(),
        place: format!("{}/{}", target.bucket, target.prefix),
        stop: stop.clone(),
        asked: Arc::new(AtomicU64::new(0)),
    };
    let enough = (counted.objects() / u64::from(OBJECTS_A_PAGE)).max(LEAST_REQUESTS);
    let mut estimate = Estimate::beyond(counted);
    let mut known = Vec::new();
    let mut parts = VecDeque::from([Part { prefix: target.prefix.clone(), after }]);
    while parts.len() < PARTS
        && let Some(part) = parts.pop_front()
    {
        match sampler.open(&part).await? {
            Opened::Leaf(tally) => known.push(tally),
            Opened::Fork { alone, branches, rest } => {
                known.extend(alone);
                parts.extend(branches);
                parts.extend(rest);
            }
        }
    }
    for tally in &known {
        estimate.see(tally);
    }
    let mut seen: u64 = known.iter().map(Tally::objects).sum();
    for number in 0..MOST_ROUNDS {
        let is_enough = number >= LEAST_ROUNDS && sampler.asked.load(Ordering::Relaxed) >= enough;
        if is_enough || (parts.is_empty() && number > 0) {
            break;
        }
        let mut round = Round::default();
        for tally in &known {
            round.add(tally, 1.0);
        }
        for (tally, weight) in sampler.round(number, parts.make_contiguous()).await? {
            seen += tally.objects();
            estimate.see(&tally);
            round.add(&tally, weight);
        }
        estimate.round(round);
        told(Progress::Sampled { rounds: number + 1, objects: seen });
    }
    let mut found = estimate.end();
    if parts.is_empty() {
        // All of it was seen on the way down, out of order.
        found.how = How::Counted;
    }
    Ok(found)
}

impl<O> Sampler<O>
where
    O: Objects + Clone + Send + Sync + 'static,
{
    /// A sample of each part, some at once; in the order of the parts, since sums of real numbers hang on it.
    async fn round(&self, number: u32, parts: &[Part]) -> Result<Vec<(Tally, f64)>, NotScanned> {
        let mut found = Vec::with_capacity(parts.len());
        let mut waiting = parts.iter().cloned().enumerate();
        let mut running = JoinSet::new();
        loop {
            while running.len() < AT_ONCE
                && let Some((index, part)) = waiting.next()
            {
                let sampler = self.clone();
                let chance = Chance::of(&self.place, number, index);
                running.spawn(async move { (index, sampler.sample(part, chance).await) });
            }
            match running.join_next().await {
                None => break,
                Some(Ok((index, sample))) => found.push((index, sample?)),
                Some(Err(ended)) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
                Some(Err(_)) => return Err(NotScanned::Interrupted),
            }
        }
        found.sort_by_key(|(index, _)| *index);
        Ok(found.into_iter().flat_map(|(_, sample)| sample).collect())
    }

    /// Goes down one branch at each fork, and takes what is met with what it stands for.
    async fn sample(&self, mut part: Part, mut chance: Chance) -> Result<Vec<(Tally, f64)>, NotScanned> {
        let (mut found, mut weight) = (Vec::new(), 1.0);
        loop {
            match self.open(&part).await? {
                Opened::Leaf(tally) => {
                    found.push((tally, weight));
                    return Ok(found);
                }
                Opened::Fork { alone, mut branches, rest } => {
                    found.extend(alone.map(|tally| (tally, weight)));
                    // The rest may well be as much as all branches, so it gets as many chances.
                    if let Some(rest) = rest {
                        weight *= 2.0;
                        if chance.one_of(2) == 0 {
                            part = rest;
                            continue;
                        }
                    }
                    if branches.is_empty() {
                        return Ok(found);
                    }
                    let branch = chance.one_of(branches.len());
                    weight *= f64::from(u32::try_from(branches.len()).unwrap_or(u32::MAX));
                    part = branches.swap_remove(branch);
                }
            }
        }
    }

    async fn open(&self, part: &Part) -> Result<Opened, NotScanned> {
        let (first_page, is_all) = self.ask(part, OBJECTS_A_PAGE).await?;
        let (Some(first), Some(last), false) = (first_page.first(), first_page.last(), is_all) else {
            return Ok(Opened::Leaf(tally(&first_page)));
        };
        let mut common = in_common(&first.key, &last.key).to_owned();
        // What the page has in common, keys behind it may not have.
        while common.len() > part.prefix.len()
            && let Some(beyond) = self.first(&part.prefix, format!("{common}{LAST}")).await?
        {
            common.truncate(in_common(&common, &beyond.key).len());
        }
        let (mut alone, mut branches, mut rest) = (None, Vec::new(), None);
        let mut next = Some(first.clone());
        while let Some(object) = next {
            let Some(branch) = object.key.get(common.len()..).and_then(|rest| rest.chars().next()) else {
                next = self.first(&common, object.key.clone()).await?;
                alone = Some(tally(&[object]));
                continue;
            };
            let prefix = format!("{common}{branch}");
            let end = format!("{prefix}{LAST}");
            branches.push(Part { prefix, after: part.after.clone() });
            if branches.len() == MOST_BRANCHES {
                rest = Some(Part { prefix: common, after: Some(end) });
                break;
            }
            next = self.first(&common, end).await?;
        }
        Ok(Opened::Fork { alone, branches, rest })
    }

    /// The first object beyond a key.
    async fn first(&self, prefix: &str, after: String) -> Result<Option<Listed>, NotScanned> {
        let part = Part { prefix: prefix.to_owned(), after: Some(after) };
        Ok(self.ask(&part, 1).await?.0.into_iter().next())
    }

    /// A page, and whether nothing lies behind it.
    async fn ask(&self, part: &Part, most: u16) -> Result<(Vec<Listed>, bool), NotScanned> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut listing = Listing::of(&self.bucket, &part.prefix);
        listing.after.clone_from(&part.after);
        listing.most = most;
        let page = page(&self.objects, &listing, &self.stop).await?;
        Ok((page.objects, page.next.is_none()))
    }
}

fn tally(objects: &[Listed]) -> Tally {
    let mut tally = Tally::below("");
    for object in objects {
        tally.add(&object.key, object.bytes, object.is_archived);
    }
    tally
}

/// What both begin with, in whole characters.
fn in_common<'a>(one: &'a str, other: &str) -> &'a str {
    let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    one.get(..same).unwrap_or_default()
}
