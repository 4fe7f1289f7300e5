//! What Amazon EFS sells, as far as a spec can choose it.

/// Most that ProvisionedThroughputInMibps may say, where a region allows as much (EFS API, CreateFileSystem; as of November 2026).
pub const PROVISIONED_MAX_MIBPS: u32 = 3414;

/// Where mount targets listen (EFS User Guide, "Using VPC security groups").
pub const NFS_PORT: u16 = 2049;
