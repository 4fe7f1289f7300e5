//! A bucket that is not listed to its end: what was counted, and what samples say of the rest.
//!
//! The rest is a tree: all keys, those that begin with an `a`, those with `aa`, and so on. A sample goes down from a part of
//! the tree, at each fork to one branch by chance, until so few keys are left that one page holds all of them, and lets them
//! stand for as many as there were branches on its way, multiplied (Knuth, "Estimating the efficiency of backtrack programs",
//! 1975). That is right on average however keys are named; how far rounds of samples differ tells how far to trust it.

use super::sizes::{Sizes, real, whole};
use super::tally::{Found, How, Largest, Tally};

/// One estimate of the rest: a sample of each of its parts.
#[derive(Debug, Clone, Default)]
pub struct Round {
    files: f64,
    bytes: f64,
    markers: f64,
    archived: f64,
    sizes: Sizes,
}

impl Round {
    /// Objects that stand for `weight` times as many.
    pub fn add(&mut self, tally: &Tally, weight: f64) {
        self.files += weight * real(tally.files);
        self.bytes += weight * real(tally.bytes);
        self.markers += weight * real(tally.markers);
        self.archived += weight * real(tally.archived);
        self.sizes.add_all(&tally.sizes, weight);
    }
}

/// What is known while rounds come in.
#[derive(Debug, Clone)]
pub struct Estimate {
    counted: Tally,
    sampled: u64,
    largest: Option<Largest>,
    rounds: Vec<Round>,
}

impl Estimate {
    /// Begins with what was counted.
    pub fn beyond(counted: Tally) -> Self {
        Self { largest: counted.largest.clone(), counted, sampled: 0, rounds: Vec::new() }
    }

    /// Objects that were looked at, whatever they stand for.
    pub fn see(&mut self, tally: &Tally) {
        self.sampled += tally.objects();
        let larger = |largest: &&Largest| self.largest.as_ref().is_none_or(|known| known.bytes < largest.bytes);
        if let Some(largest) = tally.largest.as_ref().filter(larger) {
            self.largest = Some(largest.clone());
        }
    }

    pub fn round(&mut self, round: Round) {
        self.rounds.push(round);
    }

    pub fn rounds(&self) -> u32 {
        u32::try_from(self.rounds.len()).unwrap_or(u32::MAX)
    }

    /// The mean of all rounds, on top of what was counted.
    pub fn end(self) -> Found {
        let rounds = self.rounds();
        let Self { counted, sampled, largest, rounds: all } = self;
        let of = |figure: fn(&Round) -> f64| -> Vec<f64> { all.iter().map(figure).collect() };
        let (files, bytes) = (of(|round| round.files), of(|round| round.bytes));
        let (objects, markers, archived) = (counted.objects(), of(|round| round.markers), of(|round| round.archived));
        let total = |counted: u64, rest: &[f64]| whole(real(counted) + mean(rest));
        let error = |counted: u64, rest: &[f64]| permille(2.0 * standard_error(rest), real(counted) + mean(rest));
        let mut sizes = counted.sizes.clone();
        for round in &all {
            sizes.add_all(&round.sizes, 1.0 / f64::from(rounds.max(1)));
        }
        Found {
            files: total(counted.files, &files),
            bytes: total(counted.bytes, &bytes),
            markers: total(counted.markers, &markers),
            archived: total(counted.archived, &archived),
            largest,
            sizes,
            directories: None,
            how: How::Estimated {
                counted: objects,
                sampled,
                rounds,
                files_permille: error(counted.files, &files),
                bytes_permille: error(counted.bytes, &bytes),
            },
        }
    }
}

fn mean(all: &[f64]) -> f64 {
    if all.is_empty() { 0.0 } else { all.iter().sum::<f64>() / real(all.len() as u64) }
}

/// Of the mean.
fn standard_error(all: &[f64]) -> f64 {
    let (mean, count) = (mean(all), real(all.len() as u64));
    if count < 2.0 {
        return 0.0;
    }
    let squares: f64 = all.iter().map(|each| (each - mean).powi(2)).sum();
    (squares / (count - 1.0) / count).sqrt()
}

fn permille(part: f64, of: f64) -> u64 {
    if of > 0.0 { whole(part / of * 1000.0) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(sizes: &[u64]) -> Tally {
        let mut tally = Tally::below("");
        for (at, bytes) in sizes.iter().enumerate() {
            tally.add(&format!("{at:06}"), *bytes, false);
        }
        tally
    }

    #[test]
    fn rounds_are_averaged_on_top_of_what_was_counted() {
        let mut estimate = Estimate::beyond(tally(&[10, 10]));
        for weight in [3.0, 5.0] {
            let (mut round, seen) = (Round::default(), tally(&[20]));
            estimate.see(&seen);
            round.add(&seen, weight);
            estimate.round(round);
        }
        let found = estimate.end();
        assert_eq!((found.files, found.bytes), (6, 100));
        assert_eq!(found.largest.as_ref().map(|largest| largest.bytes), Some(20));
        assert_eq!(found.sizes.permille(400), Some(20));
        // Half the distance of two is the standard error of their mean: 1 file of 6, twice.
        let how = How::Estimated { counted: 2, sampled: 2, rounds: 2, files_permille: 333, bytes_permille: 400 };
        assert_eq!(found.how, how);
    }
}
