//! What follows from `[workload]` and `[[nodes]]` by arithmetic alone, with nothing assumed.

use jiff::SignedDuration;

use super::model::{Nodes, Workload};
use crate::catalog::instances;

/// GPUs (or Trainium chips and their like) of all groups; None: of a type nobody knows, or there are none.
pub fn accelerators(nodes: &[Nodes]) -> Option<u64> {
    let each = nodes.iter().map(|group| {
        let facts = instances::get(&group.instance)?;
        Some(u64::from(facts.accelerators.as_ref().map_or(0, |each| each.count)) * u64::from(group.count))
    });
    each.sum::<Option<u64>>().filter(|count| *count > 0)
}

impl Workload {
    /// Bytes that are read: as written, else as many files of the size in the middle.
    pub fn bytes(&self) -> Option<u64> {
        self.dataset_size.or_else(|| self.bytes_of_files())
    }

    /// Files times their size.
    pub fn bytes_of_files(&self) -> Option<u64> {
        Some(self.files?.saturating_mul(self.file_size?))
    }

    /// Bytes a second that so many GPUs take.
    pub fn read_of_samples(&self, accelerators: Option<u64>) -> Option<u64> {
        let milli = u128::from(self.samples_per_gpu_milli?) * u128::from(accelerators?);
        Some(clamp((milli.saturating_mul(u128::from(self.sample_size?))).div_ceil(1000)))
    }

    /// Bytes a second that read everything once in an epoch.
    pub fn read_of_epoch(&self) -> Option<u64> {
        Some(per(self.bytes()?, self.epoch?))
    }

    /// Bytes a second that write a checkpoint in the time allowed.
    pub fn write_of_checkpoint(&self) -> Option<u64> {
        Some(per(self.checkpoint_size?, self.checkpoint_time?))
    }
}

/// Bytes a second that move so many in so long, rounded up.
pub fn per(bytes: u64, time: SignedDuration) -> u64 {
    let nanoseconds = u128::try_from(time.as_nanos()).unwrap_or(0).max(1);
    clamp((u128::from(bytes) * 1_000_000_000).div_ceil(nanoseconds))
}

fn clamp(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_from_what_is_given() {
        let workload = Workload {
            files: Some(2_000_000),
            file_size: Some(20_000_000),
            samples_per_gpu_milli: Some(2500),
            sample_size: Some(2_000_000),
            epoch: Some(SignedDuration::from_hours(2)),
            checkpoint_size: Some(100_000_000_000),
            checkpoint_time: Some(SignedDuration::from_secs(60)),
            ..Workload::default()
        };
        assert_eq!(workload.bytes(), Some(40_000_000_000_000));
        assert_eq!(workload.read_of_samples(Some(64)), Some(320_000_000), "64 GPUs × 2.5 a second × 2 MB");
        assert_eq!(workload.read_of_epoch(), Some(5_555_555_556));
        assert_eq!(workload.write_of_checkpoint(), Some(1_666_666_667));
        assert_eq!(workload.read_of_samples(None), None);
        let huge = Workload { samples_per_gpu_milli: Some(u64::MAX), sample_size: Some(u64::MAX), ..workload };
        assert_eq!(huge.read_of_samples(Some(u64::MAX)), Some(u64::MAX));
        assert_eq!(per(u64::MAX, SignedDuration::from_nanos(1)), u64::MAX);
    }
}
