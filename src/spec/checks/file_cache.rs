//! `kind = "file-cache"` in `[storage]`: its size, and what its datasets can be. Links of a cache are made with it: nothing flows by
//! itself, files load when they are read, and `down` exports.

use super::storage::{Beside, KEYS, kms_key, mount};
use crate::catalog::file_cache::SIZES;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::spec::fields::{At, Complained, Fields};
use crate::spec::model::{Dataset, Preload, Service, Storage};
use crate::spec::places::span;
use crate::spec::units;

/// What goes with it.
const BESIDE: [&str; 4] = ["kind", "capacity", "mount", "kms_key"];

pub(super) fn read(
    fields: &Fields<'_, '_>,
    kind: Span,
    beside: &Beside<'_>,
    out: &mut Diagnostics,
) -> Result<Storage, Complained> {
    let capacity_gib = capacity(fields, out);
    let mount = mount(fields, Service::FileCache.default_mount(), out);
    let kms_key = kms_key(fields, false, beside.region, out);
    let mut fine = true;
    for key in KEYS.iter().filter(|key| !BESIDE.contains(key)) {
        if let Some(value) = fields.get(key) {
            fine = false;
            out.push(
                Diagnostic::error("spec::not-with", "this key does not go with the file system")
                    .at(span(value), "not with `file-cache`")
                    .note(why_not(key))
                    .help(format!("remove `{key}`")),
            );
        }
    }
    if !beside.linked {
        fine = false;
        out.push(
            Diagnostic::error("spec::file-cache-datasets", "a cache needs something that it is before")
                .at(kind, "and there is no `[[dataset]]`")
                .note("what a cache links to is fixed when it is made")
                .help("add a `[[dataset]]`, 8 at most; or take `kind = \"fsx-lustre\"` for storage of its own"),
        );
    }
    let (capacity_gib, mount, kms_key) = (capacity_gib?, mount?, kms_key?);
    if !fine {
        return Err(Complained);
    }
    Ok(Storage { capacity_gib: Some(capacity_gib), ..Storage::of_other(Service::FileCache, mount, kms_key) })
}

/// Why a key of other kinds means nothing here.
fn why_not(key: &str) -> &'static str {
    match key {
        "existing" => "only file systems of FSx for Lustre that exist can be used",
        "deployment" | "media" => "caches come in one type, on SSD",
        "throughput" | "throughput_per_tib" => "a cache comes at 1000 MB/s per TiB, no more and no less",
        "metadata_iops" => "the metadata storage of a cache is 2400 GiB, no more and no less",
        "efa" => "caches are mounted over TCP",
        _ => "caches have no such setting",
    }
}

fn capacity(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<u32, Complained> {
    const KEY: &str = "capacity";
    let Some(At { value, span }) = fields.size(KEY, "1.2 TiB", out)? else {
        return Err(fields.missing(KEY, "capacity = \"1.2 TiB\"", out));
    };
    let gib = value.whole_gib_as_aws_writes();
    if let Some(gib) = gib.and_then(|gib| u32::try_from(gib).ok()).filter(|gib| SIZES.contains(*gib)) {
        return Ok(gib);
    }
    let mut complaint = Diagnostic::error("spec::capacity", "Amazon File Cache has no cache of this size")
        .at(span, "not one of those sold")
        .note("a cache comes as 1.2 TiB or a multiple of 2.4 TiB");
    let near = gib.map(|gib| [SIZES.at_most(gib), SIZES.at_least(gib)].into_iter().flatten().collect::<Vec<u32>>());
    let near: Vec<String> = near.into_iter().flatten().map(units::capacity).collect();
    if !near.is_empty() {
        complaint = complaint.help(format!("take {}", near.join(" or ")));
    }
    out.push(complaint);
    Err(Complained)
}

/// What a dataset of a cache cannot be, and what it is where the spec does not say.
pub(super) fn dataset(fields: &Fields<'_, '_>, dataset: Dataset, out: &mut Diagnostics) -> Result<Dataset, Complained> {
    let mut fine = true;
    let mut refuse = |key: &str, why: &str, help: &str| {
        fine = false;
        let at = fields.get(key).map_or(fields.span, span);
        out.push(
            Diagnostic::error("spec::file-cache-datasets", "a dataset of a cache cannot be this")
                .at(at, "not with `file-cache`")
                .note(why)
                .help(help),
        );
    };
    let said = |key: &str| fields.get(key).is_some();
    if said("import") && !dataset.import.is_empty() {
        refuse("import", "nothing flows into a cache by itself: a file loads when it is read", "remove `import`");
    }
    if !dataset.export.is_empty() {
        refuse("export", "a cache exports nothing by itself: `down` exports all that is not in S3", "remove `export`");
    }
    if said("preload") && dataset.preload == Preload::Metadata {
        refuse(
            "preload",
            "a cache reads the names of a directory when that is first listed",
            "remove `preload`, or take `\"data\"`: the nodes restore all of it",
        );
    }
    if said("import_chunk") {
        refuse("import_chunk", "a cache knows no such setting", "remove `import_chunk`");
    }
    if dataset.path == "/" {
        refuse("path", "FSx links no bucket to the root of a cache", "take a directory, such as `path = \"/data\"`");
    }
    if !fine {
        return Err(Complained);
    }
    let preload = if said("preload") { dataset.preload } else { Preload::None };
    Ok(Dataset { import: Vec::new(), preload, ..dataset })
}
