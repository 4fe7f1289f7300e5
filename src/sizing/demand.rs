//! What the storage must do: every requirement as a number, with where it follows from, and all that had to be assumed.

use super::advice::{Assumption, Key, Requirement};
use super::amount::Amount;
use super::assume;
use super::question::{Question, Scan};
use crate::spec::units::at_least;
use crate::spec::{Dataset, Source, Workload, contradictions, demand};

/// Room left free, in percent of what is held: a file system that is nearly full slows down and cannot take the next
/// checkpoint.
pub(super) const ROOM_PERCENT: u128 = 10;
/// Checkpoints kept beside the data: the last good one and the one being written.
const CHECKPOINTS_KEPT: u64 = 2;

/// The whole demand, in bytes, bytes a second, microseconds and so many a second.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Demand {
    /// What is read.
    pub(super) dataset: u64,
    /// With checkpoints, without room.
    pub(super) held: u64,
    pub(super) files: u64,
    /// Asked of the storage.
    pub(super) read: u64,
    pub(super) write: u64,
    /// What GPUs take where nothing holds them up; None: nobody said, and it is what is asked for.
    pub(super) gpus_take: Option<u64>,
    pub(super) opens: u64,
    pub(super) latency_us: u64,
    pub(super) shared_writes: bool,
    pub(super) posix: bool,
    pub(super) s3_link: bool,
    pub(super) s3_import: bool,
    pub(super) s3_export: bool,
    pub(super) nfs_link: bool,
    /// The bucket is in another region.
    pub(super) elsewhere: bool,
    pub(super) durable: bool,
    pub(super) on_premises: bool,
    /// A node's part of reading and writing; None: no nodes are known.
    pub(super) node_read: Option<u64>,
    pub(super) node_write: Option<u64>,
    pub(super) runs_per_month: u64,
    pub(super) run_s: u64,
    pub(super) requirements: Vec<Requirement>,
    pub(super) assumptions: Vec<Assumption>,
    pub(super) contradictions: Vec<String>,
}

impl Demand {
    /// Bytes to hold, with room.
    pub(super) fn capacity(&self) -> u64 {
        clamp((u128::from(self.held) * (100 + ROOM_PERCENT)).div_ceil(100))
    }

    pub(super) fn of(question: &Question<'_>) -> Self {
        let nothing = Workload::default();
        let mut reader = Reader {
            question,
            workload: question.workload.unwrap_or(&nothing),
            accelerators: demand::accelerators(question.nodes),
            nodes: question.nodes.iter().map(|group| u64::from(group.count)).sum(),
            demand: Self::default(),
        };
        reader.amounts();
        reader.qualities();
        reader.runs();
        reader.contradict();
        reader.demand
    }
}

struct Reader<'a> {
    question: &'a Question<'a>,
    workload: &'a Workload,
    accelerators: Option<u64>,
    nodes: u64,
    demand: Demand,
}

impl Reader<'_> {
    fn require(&mut self, key: Key, wanted: Amount, because: impl Into<String>, assumed: bool) {
        self.demand.requirements.push(Requirement { key, wanted, because: because.into(), assumed });
    }

    fn assume(&mut self, key: Option<&str>, what: &str, value: impl Into<String>, why: impl Into<String>) {
        let (key, what) = (key.map(str::to_owned), what.to_owned());
        self.demand.assumptions.push(Assumption { key, what, value: value.into(), why: why.into() });
    }

    fn amounts(&mut self) {
        let dataset_assumed = self.dataset();
        let read_assumed = self.reading(dataset_assumed);
        let write_assumed = self.writing();
        self.opens(dataset_assumed || read_assumed);
        self.per_node(read_assumed, write_assumed);
    }

    /// What is held. True: assumed.
    fn dataset(&mut self) -> bool {
        let (bytes, because, assumed) = match (self.workload, self.question.scan) {
            (Workload { dataset_size: Some(bytes), .. }, _) => (*bytes, "`dataset_size`".to_owned(), false),
            (work, _) if work.bytes().is_some() => {
                (work.bytes().unwrap_or(0), "`files` × `file_size`".to_owned(), false)
            }
            (_, Some(Scan { bytes, sampled, .. })) => {
                let how = if *sampled { "estimated from a part of the listing" } else { "counted in S3" };
                (*bytes, how.to_owned(), *sampled)
            }
            _ => {
                let bytes = self.of_storage().unwrap_or(assume::DATASET);
                let why = if self.of_storage().is_some() {
                    "what the capacity in `[storage]` holds, less a tenth"
                } else {
                    "nobody said, and nothing was listed: a middling dataset of video"
                };
                self.assume(Some("dataset_size"), "the dataset", Amount::Bytes(bytes).to_string(), why);
                (bytes, "assumed".to_owned(), true)
            }
        };
        self.demand.dataset = bytes;
        let mut because = because;
        let kept = self.workload.checkpoint_size.map_or(0, |size| size.saturating_mul(CHECKPOINTS_KEPT));
        if kept > 0 {
            because.push_str(" and two checkpoints");
            let value = Amount::Bytes(kept).to_string();
            self.assume(None, "checkpoints kept on it", value, "the last good one and the one being written");
        }
        self.demand.held = bytes.saturating_add(kept);
        because.push_str(", and a tenth of room");
        self.require(Key::Capacity, Amount::Bytes(self.demand.capacity()), because, assumed);
        assumed
    }

    fn of_storage(&self) -> Option<u64> {
        let gib = self.question.storage?.capacity_gib?;
        Some(clamp(u128::from(gib) * (1 << 30) * 100 / (100 + ROOM_PERCENT)))
    }

    fn reading(&mut self, dataset_assumed: bool) -> bool {
        let work = self.workload;
        let dataset = self.demand.dataset;
        let samples = work.read_of_samples(self.accelerators);
        let epoch = work.epoch.map(|epoch| demand::per(dataset, epoch));
        self.demand.gpus_take = samples.or(epoch).or(work.read);
        let (rate, because, assumed) = if let Some(read) = work.read {
            (read, "`read`".to_owned(), false)
        } else if let (Some(rate), true) = (samples, samples >= epoch) {
            let (gpus, size) = (self.accelerators.unwrap_or(0), work.sample_size.unwrap_or(0));
            let each = milli(work.samples_per_gpu_milli.unwrap_or(0));
            (rate, format!("{} × {each} samples/s × {}", count(gpus, "GPU"), Amount::Bytes(size)), false)
        } else if let Some(rate) = epoch {
            (rate, "the whole dataset in one `epoch`".to_owned(), dataset_assumed)
        } else if let Some(gpus) = self.accelerators {
            let rate = gpus.saturating_mul(assume::READ_PER_GPU);
            let each = Amount::BytesPerSecond(assume::READ_PER_GPU).to_string();
            let why = "neither `read` nor samples nor an epoch is given: what decoding video feeds a GPU with";
            self.assume(Some("read"), "reading for each GPU", each.clone(), why);
            (rate, format!("{} × {each}", count(gpus, "GPU")), true)
        } else {
            let rate = demand::per(dataset, assume::EPOCH);
            self.assume(
                Some("epoch"),
                "one pass over the dataset",
                "24 h",
                "no rate, no samples and no GPUs are given",
            );
            (rate, "the whole dataset in 24 h".to_owned(), true)
        };
        self.demand.read = rate;
        self.require(Key::Read, Amount::BytesPerSecond(rate), because, assumed);
        assumed
    }

    fn writing(&mut self) -> bool {
        let work = self.workload;
        let silent = work.write.is_none() && work.checkpoint_size.is_none() && work.shared_writes == Some(false);
        let (rate, because, assumed) = if let Some(write) = work.write {
            (write, "`write`".to_owned(), false)
        } else if let Some(rate) = work.write_of_checkpoint() {
            (rate, "`checkpoint_size` in `checkpoint_time`".to_owned(), false)
        } else if let Some(size) = work.checkpoint_size {
            let time = assume::checkpoint_time(work.checkpoint_interval);
            let why = if work.checkpoint_interval.is_some() {
                "a tenth of `checkpoint_interval`: training stands still meanwhile"
            } else {
                "training stands still meanwhile"
            };
            self.assume(Some("checkpoint_time"), "writing a checkpoint", format!("{} s", time.as_secs()), why);
            (demand::per(size, time), format!("`checkpoint_size` in {} s", time.as_secs()), true)
        } else if silent {
            (0, "no checkpoint and no `write`, and `shared_writes = false`".to_owned(), false)
        } else {
            let rate = self.demand.read / assume::WRITE_SHARE;
            let why = "neither `write` nor a checkpoint is given: a tenth of what is read";
            self.assume(Some("write"), "writing", Amount::BytesPerSecond(rate).to_string(), why);
            (rate, "a tenth of what is read".to_owned(), true)
        };
        self.demand.write = rate;
        if rate > 0 {
            self.require(Key::Write, Amount::BytesPerSecond(rate), because, assumed);
            let why = "reading goes on while checkpoints are written, and both share the disks";
            self.assume(None, "reading and writing", "at the same time", why);
        }
        assumed
    }

    /// Every file is opened once while all of it is read through at the rate asked for.
    fn opens(&mut self, assumed: bool) {
        let dataset = self.demand.dataset;
        let size = self.workload.file_size;
        let (files, because, files_assumed) = match (self.workload.files, self.question.scan, size) {
            (Some(files), _, _) => (files, "`files`".to_owned(), false),
            (None, Some(scan), _) => (scan.objects, "the objects in S3".to_owned(), scan.sampled),
            (None, None, Some(size)) => (dataset.div_ceil(size.max(1)), "the dataset ÷ `file_size`".to_owned(), false),
            (None, None, None) => {
                let size = Amount::Bytes(assume::FILE).to_string();
                self.assume(Some("file_size"), "a file", size.clone(), "neither `files` nor `file_size` is given");
                (dataset.div_ceil(assume::FILE), format!("files of {size}"), true)
            }
        };
        self.demand.files = files.max(1);
        let opens = (u128::from(files) * u128::from(self.demand.read)).div_ceil(u128::from(dataset.max(1)));
        self.demand.opens = clamp(opens);
        let because = format!("{because}, each opened once while everything is read through");
        self.require(Key::Opens, Amount::PerSecond(self.demand.opens), because, assumed || files_assumed);
    }

    /// The node with the most to do: by its GPUs where there are some, else all alike.
    fn per_node(&mut self, read_assumed: bool, write_assumed: bool) {
        if self.nodes == 0 {
            return;
        }
        let share = super::network::largest_share(self.question.nodes);
        let (read, write) = (share.of(self.demand.read), share.of(self.demand.write));
        (self.demand.node_read, self.demand.node_write) = (Some(read), Some(write));
        let nodes = if self.nodes == 1 { "the only node".to_owned() } else { format!("one of {} nodes", self.nodes) };
        self.require(Key::NodeRead, Amount::BytesPerSecond(read), format!("the part of {nodes}"), read_assumed);
        if write > 0 {
            self.require(Key::NodeWrite, Amount::BytesPerSecond(write), format!("the part of {nodes}"), write_assumed);
        }
    }

    fn qualities(&mut self) {
        let work = self.workload;
        self.latency();
        let several = self.nodes > 1 || self.nodes == 0;
        let shared = work.shared_writes.unwrap_or(several) && self.demand.write > 0;
        self.demand.shared_writes = shared;
        if work.shared_writes.is_none() && self.demand.write > 0 {
            let value = if several { "yes" } else { "no" };
            let why = if several { "all nodes write their part of a checkpoint" } else { "there is one node" };
            self.assume(Some("shared_writes"), "several nodes write the same directories", value, why);
        }
        if shared {
            let because = if work.shared_writes.is_some() { "`shared_writes`" } else { "assumed" };
            self.require(Key::SharedWrites, Amount::words("yes"), because, work.shared_writes.is_none());
        }
        self.demand.posix = self.demand.write > 0;
        if self.demand.posix {
            let why = "checkpoints are written under another name, then renamed; logs are appended to";
            self.assume(None, "files are written in place, renamed and locked", "yes", why);
            self.require(Key::Posix, Amount::words("yes"), "assumed", true);
        }
        self.links();
        self.durability();
        self.demand.on_premises = work.on_premises == Some(true);
        if self.demand.on_premises {
            self.require(Key::OnPremises, Amount::words("yes"), "`on_premises`", false);
        } else if work.on_premises.is_none() {
            let why = "nobody said otherwise";
            self.assume(Some("on_premises"), "machines outside of AWS read and write it, too", "no", why);
        }
    }

    fn latency(&mut self) {
        let (microseconds, because) = match self.workload.latency {
            Some(latency) => (u64::try_from(latency.as_micros()).unwrap_or(0).max(1), "`latency`"),
            None => (assume::LATENCY_US, "assumed"),
        };
        self.demand.latency_us = microseconds;
        let assumed = self.workload.latency.is_none();
        if assumed {
            let why = "training reads small pieces in random order; say more where it streams";
            self.assume(
                Some("latency"),
                "the first byte of a read",
                Amount::Microseconds(microseconds).to_string(),
                why,
            );
        }
        self.require(Key::Latency, Amount::Microseconds(microseconds), because, assumed);
    }

    fn links(&mut self) {
        let datasets = self.question.datasets;
        let source = self.workload.source;
        self.demand.s3_link = !datasets.is_empty() || source == Some(Source::S3);
        self.demand.nfs_link = source == Some(Source::OnPremisesNfs) && datasets.is_empty();
        self.demand.elsewhere =
            self.workload.source_region.as_deref().is_some_and(|region| region != self.question.region);
        let because = if datasets.is_empty() { "`source = \"s3\"`" } else { "`[[dataset]]`" };
        if self.demand.s3_link {
            self.require(Key::S3Link, Amount::words("yes"), because, false);
        } else if source.is_none() {
            let why = "there is no `[[dataset]]`, and `source` is not given";
            self.assume(Some("source"), "where the data is now", "not in S3", why);
        }
        if self.demand.nfs_link {
            self.require(Key::NfsLink, Amount::words("yes"), "`source = \"on-premises-nfs\"`", false);
        }
        let flows = |flow: fn(&Dataset) -> bool| datasets.iter().any(flow);
        self.demand.s3_import = flows(|dataset| !dataset.import.is_empty());
        self.demand.s3_export = flows(|dataset| !dataset.export.is_empty());
        if self.demand.s3_import {
            self.require(Key::S3Import, Amount::words("yes"), "`import` in `[[dataset]]`", false);
        }
        if self.demand.s3_export {
            self.require(Key::S3Export, Amount::words("yes"), "`export` in `[[dataset]]`", false);
        }
    }

    fn durability(&mut self) {
        let retention = self.workload.retention;
        self.demand.durable = retention.is_none_or(|retention| retention > assume::SCRATCH_MOST);
        if self.demand.durable {
            let because = if retention.is_some() { "`retention`" } else { "assumed" };
            self.require(Key::Durability, Amount::words("yes"), because, retention.is_none());
        }
        if retention.is_none() {
            let why = "a lost checkpoint costs more than the difference";
            self.assume(Some("retention"), "what is not in S3 survives the loss of a disk", "yes", why);
        }
    }

    fn runs(&mut self) {
        let work = self.workload;
        self.demand.runs_per_month = work.runs_per_month.map_or(assume::RUNS_PER_MONTH, u64::from);
        if work.runs_per_month.is_none() {
            let why = "it matters to costs by use and to keeping the file system between runs";
            self.assume(Some("runs_per_month"), "runs a month", assume::RUNS_PER_MONTH.to_string(), why);
        }
        let time = work.run_time.unwrap_or(assume::RUN);
        self.demand.run_s = u64::try_from(time.as_secs()).unwrap_or(0).max(1);
        if work.run_time.is_none() {
            let why = "it matters to costs by use and to keeping the file system between runs";
            self.assume(Some("run_time"), "one run", "24 h", why);
        }
    }

    fn contradict(&mut self) {
        let Question { workload, nodes, datasets, region, .. } = *self.question;
        let Some(workload) = workload else { return };
        let said = contradictions(workload, nodes, datasets, Some(region).filter(|region| !region.is_empty()));
        self.demand
            .contradictions
            .extend(said.into_iter().map(|each| format!("`{}` is {}: {}.", each.key, each.label, each.note)));
        if let (Some(given), Some(scan)) = (workload.dataset_size, self.question.scan) {
            let (given, found) = (u128::from(given), u128::from(scan.bytes));
            if found > given * 2 || given > found * 2 {
                let found = at_least(scan.bytes, "");
                self.demand.contradictions.push(format!("`dataset_size` is not what lies in S3: {found} were found."));
            }
        }
    }
}

/// "1 GPU", "8 GPUs"
fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// `2.5` of 2500.
fn milli(value: u64) -> String {
    let (whole, part) = (value / 1000, value % 1000);
    match format!("{part:03}").trim_end_matches('0') {
        "" => whole.to_string(),
        part => format!("{whole}.{part}"),
    }
}

pub(super) fn clamp(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
