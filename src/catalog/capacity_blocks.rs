//! Capacity Blocks for ML: when EC2 ends what runs in one.

use jiff::{SignedDuration, Timestamp};

/// Instances are ended from so long before the end of their block on (EC2 User Guide, "Capacity Blocks for ML").
const ENDED_BEFORE: SignedDuration = SignedDuration::from_mins(30);
/// Those of an UltraServer.
const ULTRASERVER_ENDED_BEFORE: SignedDuration = SignedDuration::from_mins(60);
/// Types that are sold as parts of an UltraServer alone; the other one, `trn2u.48xlarge`, is not in the table of types.
const ULTRASERVERS: [&str; 2] = ["p6e-gb200.", "trn2u."];

/// From when on the instances of a block are ended.
pub fn nodes_end(instance: &str, block_ends: Timestamp) -> Timestamp {
    let is_ultra = ULTRASERVERS.iter().any(|family| instance.starts_with(family));
    let before = if is_ultra { ULTRASERVER_ENDED_BEFORE } else { ENDED_BEFORE };
    block_ends.checked_sub(before).unwrap_or(block_ends)
}

/// It may still become active: AWS's own words for a reservation that is on its way (EC2 API Reference, CapacityReservation).
pub fn is_ahead(state: &str) -> bool {
    matches!(state, "scheduled" | "pending" | "assessing" | "delayed" | "payment-pending")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_end_before_their_block() {
        let ends: Timestamp = "2026-12-08T11:30:00Z".parse().expect("a time");
        for (instance, at) in [("p5.48xlarge", "2026-12-08T11:00:00Z"), ("p6e-gb200.36xlarge", "2026-12-08T10:30:00Z")]
        {
            assert_eq!(nodes_end(instance, ends).to_string(), at, "{instance}");
        }
    }
}
