//! What is taken for granted where nobody says. Each shows up in the advice by name, with a reason, and with the key of
//! `[workload]` that would say it.

use jiff::SignedDuration;

/// A dataset of video that fits no node, and is no archive: 10 TB. Ours to choose.
pub(super) const DATASET: u64 = 10_000_000_000_000;
/// 20 MB: a clip of some seconds. Ours to choose; opens follow from it.
pub(super) const FILE: u64 = 20_000_000;
/// 250 MB/s: eight GPUs that train on decoded video take about 2 GB/s. Ours to choose.
pub(super) const READ_PER_GPU: u64 = 250_000_000;
/// What is written, against what is read: one part of ten. Ours to choose.
pub(super) const WRITE_SHARE: u64 = 10;
/// Sub-millisecond, as FSx for Lustre on SSD is designed for.
pub(super) const LATENCY_US: u64 = 1000;
/// One pass over the data in a day, where nothing tells of GPUs.
pub(super) const EPOCH: SignedDuration = SignedDuration::from_hours(24);
/// Four runs of a day: what is paid by use hangs on it.
pub(super) const RUNS_PER_MONTH: u64 = 4;
pub(super) const RUN: SignedDuration = SignedDuration::from_hours(24);
/// Longer than that nobody should trust a file system without replicas with what is nowhere else: 0.6% of the smallest
/// scratch file systems, and 6% of those of 50 TiB, lose something within a week (User Guide, using-fsx-lustre).
pub(super) const SCRATCH_MOST: SignedDuration = SignedDuration::from_hours(72);

/// How long a checkpoint may take: a tenth of the time between two of them, else a minute.
pub(super) fn checkpoint_time(interval: Option<SignedDuration>) -> SignedDuration {
    match interval {
        Some(interval) => (interval / 10).max(SignedDuration::from_secs(1)),
        None => SignedDuration::from_secs(60),
    }
}
