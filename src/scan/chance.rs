//! Chance that is the same each time: two scans of the same bucket take the same samples.

/// What one draw is from the next.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// For the n-th sample of a part of what is below a place.
    pub fn of(place: &str, round: u32, part: usize) -> Self {
        let seed = place.bytes().fold(GAMMA, |seed, byte| mixed(seed ^ u64::from(byte)));
        // Mixed, or samples beside each other would draw the same numbers one after the other.
        Self(mixed(seed.wrapping_add(u64::from(round) << 32).wrapping_add(part as u64)))
    }

    /// One of so many, 1 at least, each as likely as the others to within 2^-32 of it.
    pub fn one_of(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(GAMMA);
        let chosen = (u128::from(mixed(self.0)) * count.max(1) as u128) >> 64;
        usize::try_from(chosen).unwrap_or(0)
    }
}

const fn mixed(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_one_has_its_turn() {
        let mut seen = [0_u32; 7];
        for part in 0..100 {
            let mut chance = Chance::of("b/p", 1, part);
            for _ in 0..70 {
                seen[chance.one_of(7)] += 1;
            }
        }
        assert!(seen.iter().all(|count| (900..1100).contains(count)), "{seen:?}");
        assert_eq!(Chance::of("", 0, 0).one_of(1), 0);
    }
}
