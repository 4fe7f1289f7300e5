//! What Amazon File Cache sells: one type at one rate, in two small sizes and steps from there (FSx API, CreateFileCache and
//! CreateFileCacheLustreConfiguration; Amazon File Cache User Guide, "Performance"; as of November 2026).

use super::fsx::Sizes;

/// StorageCapacity: 1200 GiB, 2400 GiB and multiples of 2400 GiB.
pub const SIZES: Sizes = Sizes { smallest_gib: 1200, step_gib: 2400 };

/// PerUnitStorageThroughput, MB/s per TiB: the only one.
pub const THROUGHPUT_PER_TIB: u32 = 1000;

/// MetadataConfiguration.StorageCapacity, GiB: the only one.
pub const METADATA_GIB: u32 = 2400;

/// The only version that a cache comes in.
pub const LUSTRE: &str = "2.12";

/// Addresses that its servers take: no page says how many there are. Counted as on FSx for Lustre, one for metadata and one for each
/// 2400 GiB; unverified.
pub const fn servers(capacity_gib: u32) -> u32 {
    1 + capacity_gib.div_ceil(SIZES.step_gib)
}
