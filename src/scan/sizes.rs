//! Sizes of files in steps of a sixteenth: 16 counters for each power of two, whatever the number of files.

/// Counters for each power of two: a size is known to a sixteenth of itself.
const STEPS: usize = 16;
/// The logarithm of [`STEPS`].
const STEPS_LOG: u32 = STEPS.trailing_zeros();
/// One for empty files, then those of all sizes that 64 bits can say: files of 1 byte, and 64 powers of two.
const COUNTERS: usize = 1 + 65 * STEPS;

/// How sizes are spread. Counts are real numbers, since one object may stand for many.
#[derive(Debug, Clone, PartialEq)]
pub struct Sizes(Box<[Counter]>);

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Counter {
    files: f64,
    bytes: f64,
}

/// Files of sizes beyond `from` up to `to`, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bin {
    /// Included only if it is 0.
    pub from: u64,
    pub to: u64,
    pub files: u64,
    pub bytes: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self(vec![Counter::default(); COUNTERS].into_boxed_slice())
    }
}

/// Which counter a size belongs to: `(2^k, 2^(k+1)]` has sixteen of them, so that round sizes end a bin.
fn place(bytes: u64) -> usize {
    let Some(below) = bytes.checked_sub(1) else { return 0 };
    if below == 0 {
        return 1;
    }
    let power = below.ilog2();
    let step = if power >= STEPS_LOG { below >> (power - STEPS_LOG) } else { below << (STEPS_LOG - power) };
    let step = usize::try_from(step).unwrap_or(0) & (STEPS - 1);
    (1 + (power as usize + 1) * STEPS + step).min(COUNTERS - 1)
}

/// The power of two that a counter's sizes end with or lie below; 0 for empty files.
fn power_above(place: usize) -> u32 {
    u32::try_from(place.saturating_sub(1) / STEPS).unwrap_or(u32::MAX)
}

impl Sizes {
    /// Adds `weight` files of a size.
    pub fn add(&mut self, bytes: u64, weight: f64) {
        if let Some(counter) = self.0.get_mut(place(bytes)) {
            counter.files += weight;
            counter.bytes += weight * real(bytes);
        }
    }

    /// Adds another's, each file `weight` times.
    pub fn add_all(&mut self, other: &Self, weight: f64) {
        for (counter, more) in self.0.iter_mut().zip(&other.0) {
            counter.files += weight * more.files;
            counter.bytes += weight * more.bytes;
        }
    }

    /// The size that so many of each thousand files do not exceed, to a sixteenth. None: there are no files.
    pub fn permille(&self, permille: u16) -> Option<u64> {
        let all: f64 = self.0.iter().map(|counter| counter.files).sum();
        let wanted = all * f64::from(permille) / 1000.0;
        let mut seen = 0.0;
        let mut last = None;
        for counter in self.0.iter().filter(|counter| counter.files > 0.0) {
            seen += counter.files;
            last = Some(whole(counter.bytes / counter.files));
            if seen >= wanted {
                break;
            }
        }
        last
    }

    /// The spread in at most so many bins, each ending a power of two, or four, or sixteen … above the one before.
    pub fn bins(&self, most: usize) -> Vec<Bin> {
        let used = || self.0.iter().enumerate().filter(|(_, counter)| counter.files > 0.0);
        let (Some((first, _)), Some((last, _))) = (used().next(), used().next_back()) else { return Vec::new() };
        let (lowest, highest) = (power_above(first), power_above(last));
        let most = u32::try_from(most.max(1)).unwrap_or(u32::MAX);
        let width = (highest - lowest + 1).div_ceil(most).max(1);
        let mut bins: Vec<(Bin, Counter)> = (0..(highest - lowest + 1).div_ceil(width))
            .map(|index| {
                let end = lowest + (index + 1) * width - 1;
                let (start, to) = (end.checked_sub(width), power(end));
                let from = if index == 0 { 0 } else { start.map_or(0, power) };
                (Bin { from, to, files: 0, bytes: 0 }, Counter::default())
            })
            .collect();
        for (place, counter) in used() {
            let index = ((power_above(place) - lowest) / width) as usize;
            if let Some((_, sum)) = bins.get_mut(index) {
                sum.files += counter.files;
                sum.bytes += counter.bytes;
            }
        }
        let rounded = |(bin, sum): (Bin, Counter)| Bin { files: whole(sum.files), bytes: whole(sum.bytes), ..bin };
        bins.into_iter().map(rounded).collect()
    }
}

/// The sizes that a bin of this power ends with: `2^power`.
fn power(power: u32) -> u64 {
    1_u64.checked_shl(power).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a sixteenth is all that is asked for")]
pub(super) const fn real(number: u64) -> f64 {
    number as f64
}

/// To the nearest; what is negative or no number is 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "such casts saturate, and NaN is 0")]
pub(super) const fn whole(number: f64) -> u64 {
    number.round() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sizes(all: &[u64]) -> Sizes {
        let mut sizes = Sizes::default();
        for bytes in all {
            sizes.add(*bytes, 1.0);
        }
        sizes
    }

    #[test]
    fn nothing_has_no_sizes() {
        assert_eq!(Sizes::default().permille(500), None);
        assert_eq!(Sizes::default().bins(8), []);
    }

    #[test]
    fn few_bins_hold_all() {
        let bin = |from, to, files, bytes| Bin { from, to, files, bytes };
        assert_eq!(sizes(&[0, 0]).bins(8), [bin(0, 1, 2, 0)]);
        let mib = 1 << 20;
        let spread = sizes(&[mib, mib, 3 * mib, 4 * mib, 64 * mib]);
        let found = spread.bins(4);
        assert_eq!(found.len(), 4, "{found:?}");
        assert_eq!(found.iter().map(|bin| bin.files).collect::<Vec<_>>(), [2, 2, 0, 1], "{found:?}");
        assert_eq!(found[0].to, 2 * mib);
        assert_eq!(found.last().map(|bin| bin.bytes), Some(64 * mib));
        assert_eq!(sizes(&[0, u64::MAX]).bins(5).len(), 5);
    }

    #[test]
    fn the_median_of_many_and_few() {
        let spread = sizes(&[1000; 99].into_iter().chain([1 << 40]).collect::<Vec<u64>>());
        assert_eq!(
            (spread.permille(500), spread.permille(990), spread.permille(1000)),
            (Some(1000), Some(1000), Some(1 << 40))
        );
    }

    proptest! {
        #[test]
        fn a_size_is_known_to_a_sixteenth(bytes in any::<u64>()) {
            let told = sizes(&[bytes]).permille(500).expect("one file");
            prop_assert!(told.abs_diff(bytes) <= bytes / 16 + 1);
        }

        #[test]
        fn places_are_in_the_order_of_sizes_and_end_at_powers(a in any::<u64>(), b in any::<u64>(), power in 0..63_u32) {
            prop_assert!(a > b || place(a) <= place(b));
            let round = 1_u64 << power;
            prop_assert!(place(round) < place(round + 1));
            prop_assert_eq!(power_above(place(round)), power);
        }

        #[test]
        fn bins_lose_nothing(all in prop::collection::vec(0..=u64::from(u32::MAX), 1..50), most in 1..20_usize) {
            let bins = sizes(&all).bins(most);
            prop_assert!(bins.len() <= most);
            prop_assert_eq!(bins.iter().map(|bin| bin.files).sum::<u64>(), all.len() as u64);
            prop_assert_eq!(bins.iter().map(|bin| bin.bytes).sum::<u64>(), all.iter().sum::<u64>());
            for pair in bins.windows(2) {
                prop_assert_eq!(pair[0].to, pair[1].from);
            }
            for bytes in &all {
                let held = |bin: &Bin| (bin.from < *bytes || bin.from == 0) && *bytes <= bin.to;
                prop_assert!(bins.iter().any(|bin| held(bin) && bin.files > 0), "{bytes} in {bins:?}");
            }
        }
    }
}
