//! What `[workload]` says twice must be the same thing, or nearly: a rate that is lower than what the samples need leaves
//! GPUs waiting, and nobody would see why.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::spec::demand;
use crate::spec::model::{Dataset, Nodes, Workload};
use crate::spec::places::Places;
use crate::spec::units;

/// What `files × file_size` may differ from `dataset_size` by: sizes in the middle are guesses. Factor 2 either way.
const FILES_FACTOR: u128 = 2;

/// Warns of everything that cannot all be true.
pub(in crate::spec) fn check(
    workload: &Workload,
    nodes: &[Nodes],
    datasets: &[Dataset],
    region: Option<&str>,
    places: &Places,
    out: &mut Diagnostics,
) {
    for Contradiction { key, label, note, help } in found(workload, nodes, datasets, region) {
        let mut complaint =
            Diagnostic::warning("spec::contradiction", "what the workload needs is told in two ways that do not agree");
        if let Some(span) = places.get(&format!("workload.{key}")) {
            complaint = complaint.at(span, label);
        }
        out.push(complaint.note(note).help(help));
    }
}

/// Two things that do not go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// Of `[workload]`.
    pub key: &'static str,
    pub label: String,
    pub note: String,
    pub help: String,
}

/// All of them, in the order of the keys.
pub fn found(workload: &Workload, nodes: &[Nodes], datasets: &[Dataset], region: Option<&str>) -> Vec<Contradiction> {
    let mut all = Vec::new();
    let mut push = |key, label: String, note: String, help: String| {
        all.push(Contradiction { key, label, note, help });
    };
    if let (Some(files), Some(given)) = (workload.bytes_of_files(), workload.dataset_size) {
        let (files, given) = (u128::from(files), u128::from(given));
        if files > given * FILES_FACTOR || given > files * FILES_FACTOR {
            push(
                "dataset_size",
                "not what the files add up to".to_owned(),
                format!("`files` × `file_size` is {}", units::at_least(clamp(files), "")),
                "correct one of the three, or leave one out".to_owned(),
            );
        }
    }
    let accelerators = demand::accelerators(nodes);
    let needs = [
        ("the samples need", workload.read_of_samples(accelerators), "`samples_per_gpu` × `sample_size`"),
        ("the epoch needs", workload.read_of_epoch(), "`epoch`"),
    ];
    for (what, needed, keys) in needs {
        if let (Some(read), Some(needed)) = (workload.read, needed)
            && read < needed
        {
            push(
                "read",
                format!("less than {what}"),
                format!("{keys} means {}", units::at_least(needed, "/s")),
                format!(
                    "leave `read` out: it follows from {keys}; or take `read = \"{}\"`",
                    units::at_least(needed, "/s")
                ),
            );
        }
    }
    if let (Some(write), Some(needed)) = (workload.write, workload.write_of_checkpoint())
        && write < needed
    {
        push(
            "write",
            "less than a checkpoint needs".to_owned(),
            format!("`checkpoint_size` in `checkpoint_time` means {}", units::at_least(needed, "/s")),
            format!("leave `write` out, or take `write = \"{}\"`", units::at_least(needed, "/s")),
        );
    }
    if let (Some(file), Some(largest)) = (workload.file_size, workload.largest_file)
        && file > largest
    {
        push(
            "largest_file",
            "smaller than `file_size`".to_owned(),
            "`file_size` is the size of a file in the middle".to_owned(),
            "swap the two, or leave one out".to_owned(),
        );
    }
    if let (Some(time), Some(interval)) = (workload.checkpoint_time, workload.checkpoint_interval)
        && time > interval
    {
        push(
            "checkpoint_time",
            "longer than `checkpoint_interval`".to_owned(),
            "the next checkpoint would begin before this one has ended".to_owned(),
            "allow less time, or write checkpoints less often".to_owned(),
        );
    }
    if let (Some(source), Some(region)) = (workload.source_region.as_deref(), region)
        && source != region
        && datasets.iter().any(|dataset| !dataset.import.is_empty())
    {
        push(
            "source_region",
            format!("the cluster is in {region}"),
            "FSx imports by itself from buckets in its own region only (User Guide, create-linked-dra)".to_owned(),
            "take `import = []` in `[[dataset]]`, or a bucket in the cluster's region".to_owned(),
        );
    }
    all
}

fn clamp(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
