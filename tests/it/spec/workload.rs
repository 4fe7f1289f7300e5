//! `[workload]`: what it takes, what it says twice, and a spec that is nothing else.

use jiff::SignedDuration;
use provision::diagnostic::Severity;
use provision::render::diagnostics::render;
use provision::spec::{self, Source};

use super::{CLUSTER, DATASET, NODES, STORAGE, load, read, snapshot};

const ALL: &str = r#"[workload]
dataset_size = "40 TB"
read = "20 GB/s"
write = "5 GB/s"
files = 2_000_000
latency = "1ms"
file_size = "20 MB"
largest_file = "2 GB"
samples_per_gpu = 2.5
sample_size = "20 MB"
epoch = "2h"
checkpoint_size = "100 GB"
checkpoint_interval = "30m"
checkpoint_time = "60s"
shared_writes = true
retention = "30d"
on_premises = false
source = "s3"
source_region = "us-east-1"
runs_per_month = 4
run_time = "72h"
"#;

#[test]
fn every_key_is_read() {
    let checked = read(&format!("{CLUSTER}[storage]\n{NODES}{ALL}"));
    assert_eq!(checked.diagnostics, vec![]);
    let workload = checked.spec.and_then(|spec| spec.workload).expect("valid");
    assert_eq!((workload.samples_per_gpu_milli, workload.file_size), (Some(2500), Some(20_000_000)));
    assert_eq!((workload.source, workload.source_region.as_deref()), (Some(Source::S3), Some("us-east-1")));
    assert_eq!(workload.retention, Some(SignedDuration::from_hours(720)));
    assert_eq!((workload.shared_writes, workload.on_premises), (Some(true), Some(false)));
    assert_eq!((workload.runs_per_month, workload.checkpoint_time), (Some(4), Some(SignedDuration::from_secs(60))));
}

#[test]
fn values_that_mean_nothing() {
    snapshot(
        "workload-values",
        &format!(
            "{CLUSTER}{STORAGE}{NODES}[workload]\nsamples_per_gpu = 0.0001\nsample_size = \"0 B\"\nepoch = \"-2h\"\n\
             runs_per_month = 731\nsource = \"on-premises-nfs\"\nsource_region = \"eu-west-1\"\nshared_writes = \"yes\"\n\
             sample_rate = 3\n"
        ),
    );
    for (written, milli) in [("40", 40_000), ("0.5", 500), ("1_000.25", 1_000_250)] {
        let checked = read(&format!("{CLUSTER}{STORAGE}{NODES}[workload]\nsamples_per_gpu = {written}\n"));
        let workload = checked.spec.and_then(|spec| spec.workload).expect(written);
        assert_eq!(workload.samples_per_gpu_milli, Some(milli), "{written}");
    }
    for written in ["0", "0.0", "-1", "1e3", "nan", "inf", "12345678", "0x10"] {
        let checked = read(&format!("{CLUSTER}{STORAGE}{NODES}[workload]\nsamples_per_gpu = {written}\n"));
        assert!(checked.spec.is_none() && !checked.diagnostics.is_empty(), "{written}");
    }
}

#[test]
fn what_is_told_in_two_ways() {
    snapshot(
        "workload-contradictions",
        &format!(
            "{CLUSTER}{STORAGE}{DATASET}{NODES}[workload]\ndataset_size = \"100 TB\"\nfiles = 1_000_000\nfile_size = \"10 MB\"\n\
             largest_file = \"1 MB\"\nread = \"1 GB/s\"\nwrite = \"1 GB/s\"\nsamples_per_gpu = 10\nsample_size = \"4 MB\"\n\
             epoch = \"10h\"\ncheckpoint_size = \"1 TB\"\ncheckpoint_time = \"1m\"\ncheckpoint_interval = \"30s\"\n\
             source_region = \"eu-west-1\"\n"
        ),
    );
}

#[test]
fn storage_may_be_left_out_where_the_workload_says_how_much() {
    let checked = read(&format!("{CLUSTER}{NODES}[workload]\nfiles = 1_000_000\nfile_size = \"10 MB\"\n"));
    assert_eq!(checked.diagnostics, vec![]);
    let spec = checked.spec.expect("valid");
    assert!(spec.open.deployment && spec.open.media && spec.open.efa);
    assert_eq!((spec.storage.capacity_gib, spec.storage.mount.as_str()), (None, "/fsx"));
    snapshot("workload-without-storage", &format!("{CLUSTER}{NODES}[workload]\nread = \"1 GB/s\"\n"));
    let said = read(&format!("{CLUSTER}[storage]\ndeployment = \"scratch-2\"\nefa = false\n{NODES}{ALL}"));
    let open = said.spec.expect("valid").open;
    assert!(!open.deployment && !open.efa && open.media);
}

#[test]
fn intelligent_tiering_is_sized_too() {
    let tiering = format!("{CLUSTER}[storage]\nmedia = \"intelligent-tiering\"\n{NODES}");
    assert!(read(&tiering).spec.is_none(), "three keys are missing");
    let checked = read(&format!("{tiering}[workload]\ndataset_size = \"40 TB\"\n"));
    assert_eq!(checked.diagnostics, vec![]);
    let storage = checked.spec.expect("valid").storage;
    assert_eq!((storage.throughput, storage.metadata_iops, storage.read_cache), (None, None, None));
    // What a cache may be hangs on the throughput.
    let cache = format!(
        "{CLUSTER}[storage]\nmedia = \"intelligent-tiering\"\nread_cache = \"640 GiB\"\n{NODES}[workload]\ndataset_size = \"40 TB\"\n"
    );
    snapshot("workload-cache-without-throughput", &cache);
}

#[test]
fn advice_takes_what_there_is() {
    let parts = |text: &str| {
        let read = spec::read_for_advice(text, &load);
        let errors = read.diagnostics.iter().any(|each| each.severity == Severity::Error);
        assert_eq!(read.parts.is_none(), errors, "{text}: {:?}", read.diagnostics);
        (read.parts, render("cluster.toml", text, &read.diagnostics, false))
    };
    let (empty, said) = parts("");
    let empty = empty.expect("nothing is wrong with nothing");
    assert!(said.is_empty() && empty.storage.is_none() && empty.workload.is_none() && empty.nodes.is_empty());
    let (work, said) = parts(ALL);
    assert!(said.is_empty(), "{said}");
    assert_eq!(work.expect("fine").workload.and_then(|work| work.files), Some(2_000_000));
    let (half, said) = parts(&format!("{CLUSTER}{DATASET}[storage]\ndeployment = \"scratch-2\"\n"));
    let half = half.expect("fine");
    assert!(said.is_empty() && !half.open.deployment && half.datasets.len() == 1);
    assert_eq!((half.name.as_deref(), half.region.as_deref()), (Some("x"), Some("us-east-1")));
    let existing = parts("[storage]\nexisting = \"fs-0123456789abcdef0\"\n");
    assert!(existing.0.is_some(), "{}", existing.1);
    for wrong in
        ["[storage]\ncapacity = \"5 TiB\"\n", "[[nodes]]\nname = \"x\"\n", "[nodes]\n", "[workload]\nx = 1\n", "="]
    {
        assert!(parts(wrong).0.is_none(), "{wrong}");
    }
}
