//! `kind = "efs"` in `[storage]`: what goes with an EFS file system, and why the rest does not.

use super::storage::{Beside, KEYS, kms_key, mount};
use crate::catalog::efs;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::spec::fields::{At, Complained, Fields, similar, wrong_unit};
use crate::spec::model::{EfsThroughput, Service, Storage};
use crate::spec::places::span;
use crate::spec::units::{self, Quantity, Unit};

/// What goes with it.
const BESIDE: [&str; 4] = ["kind", "throughput", "mount", "kms_key"];

pub(super) fn read(
    fields: &Fields<'_, '_>,
    kind: Span,
    beside: &Beside<'_>,
    out: &mut Diagnostics,
) -> Result<Storage, Complained> {
    let throughput = throughput(fields, out);
    let service = throughput.map(Service::Efs);
    let mount = mount(fields, Service::Efs(EfsThroughput::Elastic).default_mount(), out);
    let kms_key = kms_key(fields, false, beside.region, out);
    let mut fine = true;
    for key in KEYS.iter().filter(|key| !BESIDE.contains(key)) {
        if let Some(value) = fields.get(key) {
            fine = false;
            out.push(
                Diagnostic::error("spec::not-with", "this key does not go with the file system")
                    .at(span(value), "not with `efs`")
                    .note(why_not(key))
                    .help(format!("remove `{key}`")),
            );
        }
    }
    if beside.linked {
        fine = false;
        out.push(
            Diagnostic::error("spec::efs-datasets", "EFS cannot be linked to S3")
                .at(kind, "has no links to S3")
                .note("nothing flows between EFS and S3 by itself, and this file has `[[dataset]]`")
                .help(
                    "remove the datasets, and copy with AWS DataSync or `aws s3 sync` in a `setup` script; or take `kind = \"fsx-lustre\"` or `\"file-cache\"`",
                ),
        );
    }
    let (service, mount, kms_key) = (service?, mount?, kms_key?);
    if !fine {
        return Err(Complained);
    }
    Ok(Storage::of_other(service, mount, kms_key))
}

/// Why a key of other kinds means nothing here.
fn why_not(key: &str) -> &'static str {
    match key {
        "existing" => "only file systems of FSx for Lustre that exist can be used",
        "deployment" | "media" => "EFS has no such types: it is in every zone of the region, on what AWS chooses",
        "capacity" => "EFS has no size: it grows with what is on it, and shrinks with it",
        "throughput_per_tib" => "its throughput is of the whole: `throughput = \"elastic\"`, or a rate",
        "efa" => "EFS is mounted over TCP",
        _ => "EFS has no such setting",
    }
}

fn throughput(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<EfsThroughput, Complained> {
    const EXPECTED: &str = "\"elastic\" or a rate such as \"256 MiB/s\"";
    let Some(At { value, span }) = fields.text("throughput", &format!("a string: {EXPECTED}"), out)? else {
        return Ok(EfsThroughput::Elastic);
    };
    if value == "elastic" {
        return Ok(EfsThroughput::Elastic);
    }
    let meant = similar(&value, ["elastic", "bursting"].into_iter());
    if meant.is_some() {
        let mut complaint = Diagnostic::error("spec::value", "this word is not known here")
            .at(span, "not a value of `throughput`")
            .help("take `throughput = \"elastic\"`");
        if meant == Some("bursting") {
            complaint = complaint.note("bursting throughput hangs on how much is stored: little data would be slow");
        }
        out.push(complaint);
        return Err(Complained);
    }
    let rate = Quantity::rate(&value).map_err(|error| wrong_unit(span, &error, units::RATE_UNITS, "256 MiB/s", out))?;
    match rate.whole(Unit::Mib).and_then(|mib| u32::try_from(mib).ok()) {
        Some(mib) if (1..=efs::PROVISIONED_MAX_MIBPS).contains(&mib) => Ok(EfsThroughput::Provisioned(mib)),
        _ => {
            out.push(
                Diagnostic::error("spec::throughput", "EFS has no file system of this throughput")
                    .at(span, "not one of those sold")
                    .note(format!(
                        "it is a whole number of MiB/s from 1 to {}, and in some regions to less",
                        efs::PROVISIONED_MAX_MIBPS
                    ))
                    .help(
                        "take `throughput = \"elastic\"`: as fast as it is used, paid for by what is read and written",
                    ),
            );
            Err(Complained)
        }
    }
}
