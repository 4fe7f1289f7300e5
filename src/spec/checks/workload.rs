//! `[workload]`: what the storage is for, where it is not sized by hand. Everything in it may be left out.

use jiff::SignedDuration;
use toml::de::DeValue;

use super::shapes;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::spec::fields::{At, Complained, Fields, Read, wrong_type};
use crate::spec::model::{Source, Workload};
use crate::spec::places::span;
use crate::spec::units::Quantity;

pub(in crate::spec) const KEYS: &[&str] = &[
    "dataset_size",
    "read",
    "write",
    "files",
    "latency",
    "file_size",
    "largest_file",
    "samples_per_gpu",
    "sample_size",
    "epoch",
    "checkpoint_size",
    "checkpoint_interval",
    "checkpoint_time",
    "shared_writes",
    "retention",
    "on_premises",
    "source",
    "source_region",
    "runs_per_month",
    "run_time",
];
pub(in crate::spec) const SOURCES: &[(&str, Source)] =
    &[("s3", Source::S3), ("on-premises-nfs", Source::OnPremisesNfs), ("none", Source::None)];

/// More runs than hours would each be shorter than a file system takes to be made.
const RUNS_PER_MONTH_MAX: u32 = 730;

pub(in crate::spec) fn read(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<Workload, Complained> {
    let dataset_size = size(fields, "dataset_size", "40 TiB", out);
    let read = rate(fields, "read", "20 GB/s", out);
    let write = rate(fields, "write", "5 GB/s", out);
    let files = whole(fields, "files", "2_000_000", u64::MAX, out);
    let latency = duration(fields, "latency", "1ms", out);
    let file_size = size(fields, "file_size", "20 MB", out);
    let largest_file = size(fields, "largest_file", "2 GB", out);
    let samples_per_gpu_milli = samples(fields, out);
    let sample_size = size(fields, "sample_size", "2 MB", out);
    let epoch = duration(fields, "epoch", "2h", out);
    let checkpoint_size = size(fields, "checkpoint_size", "100 GB", out);
    let checkpoint_interval = duration(fields, "checkpoint_interval", "30m", out);
    let checkpoint_time = duration(fields, "checkpoint_time", "60s", out);
    let shared_writes = fields.flag("shared_writes", out);
    let retention = duration(fields, "retention", "30d", out);
    let on_premises = fields.flag("on_premises", out);
    let source = fields.choice("source", SOURCES, out);
    let source_region = source_region(fields, source.ok().flatten(), out);
    let runs_per_month = whole(fields, "runs_per_month", "4", u64::from(RUNS_PER_MONTH_MAX), out);
    let run_time = duration(fields, "run_time", "72h", out);
    Ok(Workload {
        dataset_size: dataset_size?,
        read: read?,
        write: write?,
        files: files?,
        latency: latency?,
        file_size: file_size?,
        largest_file: largest_file?,
        samples_per_gpu_milli: samples_per_gpu_milli?,
        sample_size: sample_size?,
        epoch: epoch?,
        checkpoint_size: checkpoint_size?,
        checkpoint_interval: checkpoint_interval?,
        checkpoint_time: checkpoint_time?,
        shared_writes: shared_writes?.map(|each| each.value),
        retention: retention?,
        on_premises: on_premises?.map(|each| each.value),
        source: source?.map(|each| each.value),
        source_region: source_region?,
        runs_per_month: runs_per_month?.and_then(|runs| u32::try_from(runs).ok()),
        run_time: run_time?,
    })
}

fn size(fields: &Fields<'_, '_>, key: &str, example: &str, out: &mut Diagnostics) -> Result<Option<u64>, Complained> {
    let read = fields.size(key, example, out);
    bytes(read, out)
}

fn rate(fields: &Fields<'_, '_>, key: &str, example: &str, out: &mut Diagnostics) -> Result<Option<u64>, Complained> {
    let read = fields.rate(key, example, out);
    bytes(read, out)
}

fn bytes(read: Read<Quantity>, out: &mut Diagnostics) -> Result<Option<u64>, Complained> {
    let Some(At { value, span }) = read? else { return Ok(None) };
    match value.bytes() {
        Some(0) => Err(complain(span, "not above zero", out)),
        Some(bytes) => Ok(Some(bytes)),
        None => Err(complain(span, "more than 16 EiB", out)),
    }
}

fn whole(
    fields: &Fields<'_, '_>,
    key: &str,
    example: &str,
    most: u64,
    out: &mut Diagnostics,
) -> Result<Option<u64>, Complained> {
    let Some(At { value, span }) = fields.number(key, &format!("a whole number such as {example}"), out)? else {
        return Ok(None);
    };
    match u64::try_from(value) {
        Ok(0) | Err(_) => Err(complain(span, "not above zero", out)),
        Ok(number) if number > most => Err(complain(span, &format!("more than {most}"), out)),
        Ok(number) => Ok(Some(number)),
    }
}

fn duration(
    fields: &Fields<'_, '_>,
    key: &str,
    example: &str,
    out: &mut Diagnostics,
) -> Result<Option<SignedDuration>, Complained> {
    match fields.duration(key, example, out)? {
        Some(At { value, span }) if value <= SignedDuration::ZERO => Err(complain(span, "not above zero", out)),
        other => Ok(other.map(|each| each.value)),
    }
}

/// A number of samples a second, with three places at most: a video model may take a second and more for one.
fn samples(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<Option<u64>, Complained> {
    /// Digits before the point: a million samples a second is more than any GPU takes.
    const DIGITS_MAX: usize = 7;
    let Some(value) = fields.get("samples_per_gpu") else { return Ok(None) };
    let written = match value.get_ref() {
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        _ => return Err(wrong_type(value, "a number such as 40 or 0.5", out)),
    };
    let digits = written.replace('_', "");
    let (whole, part) = digits.split_once('.').unwrap_or((&digits, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > DIGITS_MAX || part.len() > 3 || !plain(whole) || !plain(part) {
        return Err(complain(span(value), "not a number from 0.001 to 9,999,999 with three places at most", out));
    }
    match format!("{whole}{part:0<3}").parse::<u64>() {
        Ok(milli) if milli > 0 => Ok(Some(milli)),
        _ => Err(complain(span(value), "not above zero", out)),
    }
}

fn source_region(
    fields: &Fields<'_, '_>,
    source: Option<At<Source>>,
    out: &mut Diagnostics,
) -> Result<Option<String>, Complained> {
    let Some(At { value, span }) = fields.text("source_region", "a string such as \"eu-west-1\"", out)? else {
        return Ok(None);
    };
    let complaint = Diagnostic::error("spec::workload", "the data cannot be in this region");
    if !shapes::is_region(&value) {
        out.push(complaint.at(span, "not a name of a region").help("write it like `\"eu-west-1\"`"));
        return Err(Complained);
    }
    if source.is_some_and(|source| source.value != Source::S3) {
        out.push(complaint.at(span, "goes with `source = \"s3\"` only").help("remove `source_region`"));
        return Err(Complained);
    }
    Ok(Some(value))
}

fn complain(span: Span, fault: &str, out: &mut Diagnostics) -> Complained {
    out.push(Diagnostic::error("spec::workload", "nothing can be asked of storage in this measure").at(span, fault));
    Complained
}
