//! Speed of the file system: throughput, metadata IOPS, caches, EFA. Which goes with what is FSx's to say
//! (API model 2018-03-01, CreateFileSystemLustreConfiguration).

use super::storage::Frame;
use crate::catalog::fsx::{self, Kind};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::spec::fields::{At, Complained, Read, listed, similar, wrong_unit};
use crate::spec::model::{DriveCache, MetadataIops, ReadCache};
use crate::spec::places::span;
use crate::spec::units::{self, Quantity, Unit};

pub(super) struct Performance {
    pub(super) per_tib: Result<Option<u32>, Complained>,
    pub(super) throughput: Result<Option<u32>, Complained>,
    pub(super) metadata_iops: Result<Option<MetadataIops>, Complained>,
    pub(super) read_cache: Result<Option<ReadCache>, Complained>,
    pub(super) drive_cache: Result<Option<DriveCache>, Complained>,
    pub(super) efa: Result<bool, Complained>,
}

pub(super) fn read(frame: &Frame<'_, '_, '_>, efa: Read<bool>, out: &mut Diagnostics) -> Performance {
    let throughput = throughput(frame, out);
    Performance {
        per_tib: per_tib(frame, out),
        read_cache: read_cache(frame, throughput, out),
        throughput,
        metadata_iops: metadata_iops(frame, out),
        drive_cache: drive_cache(frame, out),
        efa: self::efa(frame, efa, out),
    }
}

/// Complains that a key does not go with the kind of file system.
pub(super) fn not_here(frame: &Frame<'_, '_, '_>, key: &str, at: Span, why: &str, out: &mut Diagnostics) -> Complained {
    out.push(
        Diagnostic::error("spec::not-with", "this key does not go with the file system")
            .at(at, format!("not with {}", frame.kind))
            .note(why)
            .help(format!("remove `{key}`")),
    );
    Complained
}

fn per_tib(frame: &Frame<'_, '_, '_>, out: &mut Diagnostics) -> Result<Option<u32>, Complained> {
    const KEY: &str = "throughput_per_tib";
    let legal = fsx::throughputs(frame.kind);
    if legal.is_empty() {
        let Some(value) = frame.fields.get(KEY) else { return Ok(None) };
        let why = if frame.kind == Kind::Persistent2IntelligentTiering {
            "its throughput is of the whole file system: `throughput = \"4000 MB/s\"`"
        } else {
            "it comes at 200 MB/s per TiB, no more and no less"
        };
        return Err(not_here(frame, KEY, span(value), why, out));
    }
    let rates = || legal.iter().map(|rate| format!("{rate} MB/s"));
    let Some(At { value, span }) = frame.fields.rate(KEY, "250 MB/s", out)? else {
        if frame.beside.workload.is_some() {
            return Ok(None);
        }
        return Err(frame.fields.missing(KEY, &format!("{KEY} = \"{} MB/s\"", legal[(legal.len() - 1) / 2]), out));
    };
    let rate = value.whole(Unit::Mb).and_then(|rate| u32::try_from(rate).ok()).filter(|rate| legal.contains(rate));
    if let Some(rate) = rate {
        return Ok(Some(rate));
    }
    let rates: Vec<String> = rates().collect();
    let mut complaint = Diagnostic::error("spec::throughput", "FSx for Lustre has no file system of this throughput")
        .at(span, "not one of those sold")
        .note(format!("{} comes at {} per TiB", frame.kind, listed(rates.iter().map(String::as_str))));
    if let Some(bytes) = value.bytes() {
        let nearest = legal.iter().min_by_key(|rate| (u64::from(**rate) * 1_000_000).abs_diff(bytes));
        complaint = complaint.help(format!("take `{KEY} = \"{} MB/s\"`", nearest.unwrap_or(&0)));
    }
    out.push(complaint);
    Err(Complained)
}

fn throughput(frame: &Frame<'_, '_, '_>, out: &mut Diagnostics) -> Result<Option<u32>, Complained> {
    const KEY: &str = "throughput";
    const STEP: u64 = fsx::TIERING_THROUGHPUT_STEP as u64;
    const MAX: u64 = fsx::TIERING_THROUGHPUT_MAX as u64;
    if frame.kind != Kind::Persistent2IntelligentTiering {
        let Some(value) = frame.fields.get(KEY) else { return Ok(None) };
        let why = if frame.kind == Kind::Scratch2Ssd {
            "its throughput follows its capacity: 200 MB/s per TiB"
        } else {
            "its throughput is given per TiB: `throughput_per_tib`"
        };
        return Err(not_here(frame, KEY, span(value), why, out));
    }
    let Some(At { value, span }) = frame.fields.rate(KEY, "4000 MB/s", out)? else {
        if frame.beside.workload.is_some() {
            return Ok(None);
        }
        return Err(frame.fields.missing(KEY, "throughput = \"4000 MB/s\"", out));
    };
    match value.whole(Unit::Mb) {
        Some(rate) if (STEP..=MAX).contains(&rate) && rate.is_multiple_of(STEP) => Ok(u32::try_from(rate).ok()),
        _ => {
            let asked = value.bytes().unwrap_or(u64::MAX).div_ceil(1_000_000);
            let nearest = asked.min(MAX).next_multiple_of(STEP).clamp(STEP, MAX);
            out.push(
                Diagnostic::error("spec::throughput", "FSx for Lustre has no file system of this throughput")
                    .at(span, "not one of those sold")
                    .note(format!("{} comes in multiples of {STEP} MB/s, to {MAX} MB/s", frame.kind))
                    .help(format!("take `throughput = \"{nearest} MB/s\"`")),
            );
            Err(Complained)
        }
    }
}

fn metadata_iops(frame: &Frame<'_, '_, '_>, out: &mut Diagnostics) -> Result<Option<MetadataIops>, Complained> {
    const KEY: &str = "metadata_iops";
    let tiering = frame.kind == Kind::Persistent2IntelligentTiering;
    let legal: Vec<u32> = match frame.kind {
        Kind::Persistent2Ssd => fsx::metadata_iops().collect(),
        Kind::Persistent2IntelligentTiering => fsx::METADATA_IOPS_TIERING.to_vec(),
        Kind::Scratch2Ssd | Kind::Persistent1Ssd | Kind::Persistent1Hdd => {
            let Some(value) = frame.fields.get(KEY) else { return Ok(None) };
            return Err(not_here(frame, KEY, span(value), "only `persistent-2` lets metadata IOPS be chosen", out));
        }
    };
    let Some(value) = frame.fields.get(KEY) else {
        return match (tiering, frame.beside.workload) {
            (false, _) => Ok(Some(MetadataIops::Auto)),
            (true, Some(_)) => Ok(None),
            (true, None) => Err(frame.fields.missing(KEY, "metadata_iops = 6000", out)),
        };
    };
    let at = span(value);
    if let toml::de::DeValue::String(word) = value.get_ref() {
        if word == "auto" && !tiering {
            return Ok(Some(MetadataIops::Auto));
        }
        let (label, help) = if word == "auto" {
            ("not automatic on intelligent-tiering", "take `metadata_iops = 6000` or `metadata_iops = 12000`")
        } else {
            ("must be a whole number such as 6000, or \"auto\"", "take `metadata_iops = \"auto\"`")
        };
        let help = if tiering { "take `metadata_iops = 6000` or `metadata_iops = 12000`" } else { help };
        out.push(Diagnostic::error("spec::metadata-iops", NO_METADATA_IOPS).at(at, label).help(help));
        return Err(Complained);
    }
    let expected = if tiering { "6000 or 12000" } else { "a whole number such as 6000, or \"auto\"" };
    let Some(At { value: asked, .. }) = frame.fields.number(KEY, expected, out)? else { return Ok(None) };
    if let Some(iops) = legal.iter().find(|iops| i64::from(**iops) == asked) {
        return Ok(Some(MetadataIops::Provisioned(*iops)));
    }
    let sold = if tiering { "6000 or 12000" } else { "1500, 3000, 6000, 12000 or a multiple of 12000 to 192000" };
    let above = legal.iter().find(|iops| i64::from(**iops) > asked).or(legal.last()).copied().unwrap_or_default();
    out.push(
        Diagnostic::error("spec::metadata-iops", NO_METADATA_IOPS)
            .at(at, "not one of those sold")
            .note(format!("{} comes with {sold}", frame.kind))
            .help(format!("take `metadata_iops = {above}`")),
    );
    Err(Complained)
}

const NO_METADATA_IOPS: &str = "FSx for Lustre has no file system with these metadata IOPS";

fn read_cache(
    frame: &Frame<'_, '_, '_>,
    throughput: Result<Option<u32>, Complained>,
    out: &mut Diagnostics,
) -> Result<Option<ReadCache>, Complained> {
    const KEY: &str = "read_cache";
    const EXAMPLE: &str = "\"proportional\", \"none\" or a size such as \"640 GiB\"";
    if frame.kind != Kind::Persistent2IntelligentTiering {
        let Some(value) = frame.fields.get(KEY) else { return Ok(None) };
        return Err(not_here(
            frame,
            KEY,
            span(value),
            "only intelligent-tiering has an SSD read cache to be sized",
            out,
        ));
    }
    let Some(At { value, span }) = frame.fields.text(KEY, EXAMPLE, out)? else {
        if frame.beside.workload.is_some() {
            return Ok(None);
        }
        return Err(frame.fields.missing(KEY, "read_cache = \"proportional\"", out));
    };
    match value.as_str() {
        "none" => return Ok(Some(ReadCache::None)),
        "proportional" => return Ok(Some(ReadCache::ProportionalToThroughput)),
        word => {
            if let Some(meant) = similar(word, ["none", "proportional"].into_iter()) {
                out.push(
                    Diagnostic::error("spec::value", "this word is not known here")
                        .at(span, "not a value of `read_cache`")
                        .help(format!("did you mean `\"{meant}\"`?")),
                );
                return Err(Complained);
            }
        }
    }
    let size = Quantity::size(&value).map_err(|error| wrong_unit(span, &error, units::SIZE_UNITS, "640 GiB", out))?;
    // The bounds hang on the throughput: without one there is nothing to compare with.
    let Some(throughput) = throughput? else {
        return Err(frame.fields.missing("throughput", "throughput = \"4000 MB/s\"", out));
    };
    let servers = throughput / fsx::TIERING_THROUGHPUT_STEP;
    let (least, most) =
        (servers.saturating_mul(fsx::READ_CACHE_MIN_GIB), servers.saturating_mul(fsx::READ_CACHE_MAX_GIB));
    match size.whole(Unit::Gib).and_then(|gib| u32::try_from(gib).ok()) {
        Some(gib) if (least..=most).contains(&gib) => Ok(Some(ReadCache::Provisioned(gib))),
        _ => {
            out.push(
                Diagnostic::error("spec::read-cache", "FSx for Lustre has no read cache of this size")
                    .at(span, "not one of those sold")
                    .note(format!("at this throughput it is a whole number of GiB from {least} GiB to {most} GiB"))
                    .help("or take `read_cache = \"proportional\"`: 5 GiB for each MB/s"),
            );
            Err(Complained)
        }
    }
}

fn drive_cache(frame: &Frame<'_, '_, '_>, out: &mut Diagnostics) -> Result<Option<DriveCache>, Complained> {
    const KEY: &str = "drive_cache";
    if frame.kind != Kind::Persistent1Hdd {
        let Some(value) = frame.fields.get(KEY) else { return Ok(None) };
        return Err(not_here(frame, KEY, span(value), "only HDD has an SSD cache before it", out));
    }
    let chosen = frame.fields.choice(KEY, &[("none", DriveCache::None), ("read", DriveCache::Read)], out)?;
    Ok(Some(chosen.map_or(DriveCache::None, |chosen| chosen.value)))
}

fn efa(frame: &Frame<'_, '_, '_>, efa: Read<bool>, out: &mut Diagnostics) -> Result<bool, Complained> {
    let Some(At { value: true, span }) = efa? else { return Ok(false) };
    match frame.kind {
        Kind::Persistent2Ssd | Kind::Persistent2IntelligentTiering => Ok(true),
        Kind::Scratch2Ssd | Kind::Persistent1Ssd | Kind::Persistent1Hdd => {
            out.push(
                Diagnostic::error("spec::efa", "this file system cannot be reached over EFA")
                    .at(span, format!("not with {}", frame.kind))
                    .note("EFA comes with `persistent-2` only")
                    .help("take `deployment = \"persistent-2\"`, or `efa = false`"),
            );
            Err(Complained)
        }
    }
}
