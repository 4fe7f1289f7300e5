//! Size of the file system.
//!
//! AWS writes "1.2 TiB" for 1200 GiB, so a TiB is first read as 1000 GiB, and as 1024 GiB only where that alone is a size
//! that is sold (`9.375 TiB` is 9600 GiB). Decimal units are exact bytes.

use super::performance::not_here;
use super::storage::Frame;
use crate::catalog::fsx::{self, Kind, Sizes};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::spec::fields::{At, Complained};
use crate::spec::places::span;
use crate::spec::units::{self, Quantity, Unit};

const KEY: &str = "capacity";

pub(super) fn read(
    frame: &Frame<'_, '_, '_>,
    per_tib: Result<Option<u32>, Complained>,
    out: &mut Diagnostics,
) -> Result<Option<u32>, Complained> {
    if frame.kind == Kind::Persistent2IntelligentTiering {
        let Some(value) = frame.fields.get(KEY) else { return Ok(None) };
        return Err(not_here(frame, KEY, span(value), "it grows and shrinks with what it holds", out));
    }
    let Some(At { value: asked, span }) = frame.fields.size(KEY, "4.8 TiB", out)? else {
        match frame.beside.workload {
            Some(_) if frame.beside.dataset_size => return Ok(None),
            Some(span) => {
                out.push(
                    Diagnostic::error("spec::missing", "a required key is missing")
                        .at(span, "has no `dataset_size`, and `[storage]` no `capacity`")
                        .help("add `dataset_size = \"40 TiB\"`"),
                );
                return Err(Complained);
            }
            None => {}
        }
        let example = example(frame, per_tib.ok().flatten());
        return Err(frame.fields.missing(KEY, &format!("{KEY} = \"{example}\""), out));
    };
    let throughput = per_tib.ok().flatten();
    let efa = frame.efa.unwrap_or(false) && frame.kind == Kind::Persistent2Ssd;
    // HDD and EFA sizes hang on the throughput; where that is wrong or left to `[workload]` there is no one set of them.
    let sizes = if frame.efa.is_none() || per_tib.is_err() && efa {
        None
    } else {
        fsx::capacity_step(frame.kind, throughput, efa)
    };
    let mut legal: Vec<Sizes> = match sizes {
        Some(sizes) => vec![sizes],
        // What the sizes hang on is wrong itself or not said: then any size that is sold under any of it will do.
        None => fsx::tiers(frame.kind).filter_map(|tier| if efa { tier.efa_sizes } else { Some(tier.sizes) }).collect(),
    };
    legal.dedup();
    let readings = [asked.whole_gib_as_aws_writes(), asked.whole(Unit::Gib)];
    let sold = |gib: &u32| legal.iter().any(|sizes| sizes.contains(*gib));
    let found = readings.into_iter().flatten().filter_map(|gib| u32::try_from(gib).ok()).find(sold);
    if let Some(gib) = found {
        return Ok(Some(gib));
    }
    out.push(no_such_size(frame, asked, throughput, efa, &legal).at_label(span));
    Err(Complained)
}

/// A size to paste that is sold, whatever throughput will be chosen.
fn example(frame: &Frame<'_, '_, '_>, throughput: Option<u32>) -> String {
    let efa = frame.efa.unwrap_or(false) && frame.kind == Kind::Persistent2Ssd;
    units::capacity(match fsx::capacity_step(frame.kind, throughput, efa) {
        Some(sizes) if sizes.smallest_gib < sizes.step_gib => sizes.step_gib * 2,
        Some(sizes) => sizes.step_gib,
        // Multiples of every throughput's step.
        None if efa => 38_400,
        None => 18_000,
    })
}

/// A complaint whose label is known, waiting for its place.
struct Unplaced {
    complaint: Diagnostic,
    label: &'static str,
}

impl Unplaced {
    fn at_label(self, span: crate::diagnostic::Span) -> Diagnostic {
        self.complaint.at(span, self.label)
    }
}

fn no_such_size(
    frame: &Frame<'_, '_, '_>,
    asked: Quantity,
    throughput: Option<u32>,
    efa: bool,
    legal: &[Sizes],
) -> Unplaced {
    let bytes = asked.bytes_as_aws_writes().unwrap_or(u64::MAX);
    let gib = Unit::Gib.bytes();
    let below = legal.iter().filter_map(|sizes| sizes.at_most(bytes / gib)).max();
    let above = legal.iter().filter_map(|sizes| sizes.at_least(bytes.div_ceil(gib))).min();
    let label = match (below, above) {
        (Some(_), Some(_)) => "between two sizes",
        (None, _) => "below the smallest size",
        (Some(_), None) => "above the largest size",
    };
    let help = match (below, above) {
        (Some(below), Some(above)) => {
            format!("take {} or {}", offer(below, bytes), offer(above, bytes))
        }
        (Some(only), None) | (None, Some(only)) => format!("take {}", offer(only, bytes)),
        (None, None) => "take a size that is sold".to_owned(),
    };
    let mut complaint = Diagnostic::error("spec::capacity", "FSx for Lustre has no file system of this size");
    for sizes in legal {
        complaint = complaint.note(sold_as(frame, throughput, efa, *sizes));
    }
    if matches!(asked.unit, Unit::Gb | Unit::Tb | Unit::Pb | Unit::Mb | Unit::Kb | Unit::B) {
        complaint = complaint.note(format!("{asked} is {} GiB: FSx counts in GiB", bytes / gib));
    }
    Unplaced { complaint: complaint.help(help), label }
}

/// "`persistent-2` on SSD comes as 1.2 TiB or a multiple of 2.4 TiB"
fn sold_as(frame: &Frame<'_, '_, '_>, throughput: Option<u32>, efa: bool, sizes: Sizes) -> String {
    let hangs_on_throughput = efa || frame.kind == Kind::Persistent1Hdd;
    let with = if efa { " with EFA" } else { "" };
    let at = match throughput {
        Some(rate) if hangs_on_throughput => format!(" at {rate} MB/s per TiB"),
        _ => String::new(),
    };
    let step = units::capacity(sizes.step_gib);
    if sizes.smallest_gib == sizes.step_gib {
        format!("{}{with}{at} comes as a multiple of {step}", frame.kind)
    } else {
        format!("{}{with}{at} comes as {} or a multiple of {step}", frame.kind, units::capacity(sizes.smallest_gib))
    }
}

/// "4.8 TiB (4% less)"
fn offer(gib: u32, asked_bytes: u64) -> String {
    let (offered, asked) = (u128::from(gib) * u128::from(Unit::Gib.bytes()), u128::from(asked_bytes.max(1)));
    let percent = (offered.abs_diff(asked) * 100 + asked / 2) / asked;
    let direction = if offered < asked { "less" } else { "more" };
    match percent {
        0 => format!("{} (under 1% {direction})", units::capacity(gib)),
        // "Ten times more" helps nobody who typed a wrong unit.
        1000.. => units::capacity(gib),
        _ => format!("{} ({percent}% {direction})", units::capacity(gib)),
    }
}
