//! A workload in the measures that file systems are sold in.

use std::fmt;

use crate::catalog::fsx::Tier;
use crate::spec::Workload;
use crate::spec::units::Unit;

/// Room left free: a file system that is nearly full slows down and cannot take the next checkpoint.
const HEADROOM_PERCENT: u128 = 10;
/// Files opened and closed a second for each metadata IOPS (User Guide, managing-metadata-performance).
const OPENS_PER_IOPS: u128 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Need {
    bytes: u64,
    pub(super) read: u64,
    pub(super) write: u64,
    pub(super) metadata_iops: u64,
}

impl Need {
    pub(super) fn of(workload: &Workload) -> Self {
        let (bytes, read) = (workload.bytes().unwrap_or(0), workload.read.unwrap_or(0));
        let metadata_iops = metadata_iops(bytes, read, workload.files.unwrap_or(0));
        Self { bytes, read, write: workload.write.unwrap_or(0), metadata_iops }
    }

    /// The least GiB of a tier that hold the data and give the throughput from disk, since training reads more than fits
    /// into the servers' memory. Reading and writing share the disks.
    pub(super) fn capacity_gib(&self, tier: &Tier) -> Option<u64> {
        let held = (u128::from(self.bytes) * (100 + HEADROOM_PERCENT)).div_ceil(100 * u128::from(Unit::Gib.bytes()));
        let (read_rate, write_rate) = (u128::from(tier.disk_read), u128::from(tier.disk_write));
        // MB/s per TiB of 1000 GiB are kB/s per GiB.
        let busy = u128::from(self.read) * write_rate + u128::from(self.write) * read_rate;
        let fast = busy.div_ceil(1000 * read_rate * write_rate);
        u64::try_from(held.max(fast)).ok()
    }
}

/// Every file is opened once while the whole data is read through at the rate asked for.
fn metadata_iops(bytes: u64, read: u64, files: u64) -> u64 {
    if bytes == 0 {
        return 0;
    }
    let iops = (u128::from(files) * u128::from(read)).div_ceil(u128::from(bytes) * OPENS_PER_IOPS);
    u64::try_from(iops).unwrap_or(u64::MAX)
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gb = |bytes: u64| bytes.div_ceil(Unit::Gb.bytes());
        write!(f, "{} GB and a tenth of room", gb(self.bytes))?;
        write!(f, ", {} GB/s of reading and {} GB/s of writing from disk", gb(self.read), gb(self.write))?;
        if self.metadata_iops > 0 {
            write!(f, ", {} metadata IOPS", self.metadata_iops)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_of_small_files() {
        // 2 million files of 20 MB at 20 GB/s: 1000 opened a second.
        assert_eq!(metadata_iops(40_000_000_000_000, 20_000_000_000, 2_000_000), 500);
        assert_eq!(metadata_iops(0, 1, 1), 0);
        assert_eq!(metadata_iops(1, u64::MAX, u64::MAX), u64::MAX);
    }
}
