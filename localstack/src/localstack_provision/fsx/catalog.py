"""What AWS allows for a Lustre file system, as tables.

Sources: FSx API reference (CreateFileSystem, CreateFileSystemLustreConfiguration), user guide pages
"Deployment and storage class options", "Managing storage capacity", "Managing metadata performance",
"EFA-enabled file systems", "Getting started" (sizes) and "IP addresses for file systems". November 2026.
"""

from dataclasses import dataclass

SSD, HDD, TIERING = "SSD", "HDD", "INTELLIGENT_TIERING"
SCRATCH_1, SCRATCH_2 = "SCRATCH_1", "SCRATCH_2"
PERSISTENT_1, PERSISTENT_2 = "PERSISTENT_1", "PERSISTENT_2"

DEFAULT_DEPLOYMENT = SCRATCH_1
PERSISTENT = (PERSISTENT_1, PERSISTENT_2)

STORAGE_TYPES = {
    SCRATCH_1: (SSD,),
    SCRATCH_2: (SSD,),
    PERSISTENT_1: (SSD, HDD),
    PERSISTENT_2: (SSD, TIERING),
}

VERSIONS = {
    SCRATCH_1: ("2.10",),
    SCRATCH_2: ("2.10", "2.12", "2.15"),
    PERSISTENT_1: ("2.10", "2.12", "2.15"),
    PERSISTENT_2: ("2.12", "2.15"),
}
VERSIONS_WITH_ASSOCIATIONS = ("2.12", "2.15")

# (deployment, storage type) → legal PerUnitStorageThroughput, MB/s per TiB. Absent: must not be given.
THROUGHPUT_PER_UNIT = {
    (PERSISTENT_1, SSD): (50, 100, 200),
    (PERSISTENT_1, HDD): (12, 40),
    (PERSISTENT_2, SSD): (125, 250, 500, 1000),
}


@dataclass(frozen=True)
class Sizes:
    """Legal StorageCapacity in GiB: `small` values, then multiples of `step`."""

    step: int
    small: tuple[int, ...] = ()

    def allows(self, capacity: int) -> bool:
        return capacity in self.small or (capacity > 0 and capacity % self.step == 0)

    def describe(self) -> str:
        listed = "".join(f"{size}, " for size in self.small)
        return f"{listed}or a multiple of {self.step} GiB"


SSD_SIZES = Sizes(2400, (1200,))
SCRATCH_1_SIZES = Sizes(3600, (1200, 2400))
HDD_SIZES = {12: Sizes(6000), 40: Sizes(1800)}
EFA_SIZES = {125: Sizes(38400), 250: Sizes(19200), 500: Sizes(9600), 1000: Sizes(4800)}

# Intelligent-Tiering, MB/s and GiB.
TIERING_THROUGHPUT_STEP = 4000
TIERING_THROUGHPUT_MAX = 2_000_000
READ_CACHE_MODES = ("NO_CACHE", "USER_PROVISIONED", "PROPORTIONAL_TO_THROUGHPUT_CAPACITY")
READ_CACHE_GIB_PER_STEP = (32, 131072)

METADATA_IOPS_SSD = (1500, 3000, 6000, 12000, *range(24000, 192001, 12000))
METADATA_IOPS_TIERING = (6000, 12000)
METADATA_IOPS_PER_SERVER = 12000

# Storage per object server, GiB: the number of servers is the number of network interfaces.
SERVER_GIB = {SCRATCH_1: 3600, SCRATCH_2: 2400, PERSISTENT_1: 2400, PERSISTENT_2: 2400}
SERVER_GIB_HDD = {12: 6000, 40: 1800}
SERVER_GIB_EFA = {125: 38400, 250: 19200, 500: 9600, 1000: 4800}

MAX_ASSOCIATIONS = 8
MAX_TAGS = 50
LOG_LEVELS = ("DISABLED", "WARN_ONLY", "ERROR_ONLY", "WARN_ERROR")
EVENTS = ("NEW", "CHANGED", "DELETED")
LUSTRE_PORT = 988


def sizes(deployment: str, storage: str, throughput: int | None, efa: bool) -> Sizes:
    """Returns the legal capacities of a file system that has a capacity at all."""
    if storage == HDD:
        return HDD_SIZES[throughput]
    if efa:
        return EFA_SIZES[throughput]
    return SCRATCH_1_SIZES if deployment == SCRATCH_1 else SSD_SIZES


def automatic_metadata_iops(capacity: int) -> int:
    """Returns what Mode=AUTOMATIC gives to an SSD file system of a capacity in GiB."""
    if capacity <= 1200:
        return 1500
    if capacity <= 2400:
        return 3000
    if capacity <= 9600:
        return 6000
    if capacity < 48000:
        return 12000
    return 12000 * (capacity // 24000)


def default_version(deployment: str, with_metadata: bool) -> str:
    if deployment == PERSISTENT_2:
        return "2.15" if with_metadata else "2.12"
    return "2.10"


def interface_count(deployment: str, storage: str, capacity: int, throughput: int, iops: int, efa: bool) -> int:
    """Returns how many servers, and so network interfaces and addresses, a file system has."""
    if storage == TIERING:
        object_servers = throughput // TIERING_THROUGHPUT_STEP
    else:
        per_server = SERVER_GIB[deployment]
        if storage == HDD:
            per_server = SERVER_GIB_HDD[throughput]
        elif efa:
            per_server = SERVER_GIB_EFA[throughput]
        object_servers = -(-capacity // per_server)
    metadata_servers = max(1, -(-iops // METADATA_IOPS_PER_SERVER))
    return object_servers + metadata_servers
