//! `existing` in `[storage]`: a file system that is there already. What it is, is not this file's to say: every key that
//! would is a mistake of its own.

use toml::Spanned;
use toml::de::DeValue;

use super::network::wrong_id;
use super::shapes;
use super::storage::{Beside, KEYS, mount};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::spec::fields::{Complained, Fields, text};
use crate::spec::model::{Compression, Deployment, Media, Service, Storage};
use crate::spec::places::span;

/// What goes with `existing`: how nodes use the file system, and not what it is.
const BESIDE: [&str; 4] = ["kind", "existing", "efa", "mount"];

pub(super) fn read(
    fields: &Fields<'_, '_>,
    existing: &Spanned<DeValue<'_>>,
    beside: &Beside<'_>,
    out: &mut Diagnostics,
) -> Result<Storage, Complained> {
    let id = text(existing, "a string such as \"fs-0123456789abcdef0\"", out).and_then(|id| {
        if shapes::is_id(&id.value, "fs") {
            return Ok(id.value);
        }
        out.push(wrong_id(&id, "fs"));
        Err(Complained)
    });
    let mount = mount(fields, Service::FsxLustre.default_mount(), out);
    let efa = fields.flag("efa", out);
    let mut fine = true;
    for key in KEYS.iter().filter(|key| !BESIDE.contains(key)) {
        if let Some(value) = fields.get(key) {
            fine = false;
            out.push(
                Diagnostic::error(
                    "spec::existing",
                    "this key says what a file system is to be, and `existing` names one",
                )
                .at(span(value), "not with `existing`")
                .help(format!("remove `{key}`, or remove `existing` to have a file system made")),
            );
        }
    }
    if let Some(workload) = beside.workload {
        fine = false;
        out.push(
            Diagnostic::error("spec::existing", "`[workload]` sizes a file system that is to be made")
                .at(workload, "not with `existing`")
                .help("remove `[workload]`: a file system that exists has its size"),
        );
    }
    let (existing, mount, efa) = (id?, mount?, efa?);
    if !fine {
        return Err(Complained);
    }
    Ok(Storage {
        service: Service::FsxLustre,
        existing: Some(existing),
        deployment: Deployment::Persistent2,
        media: Media::Ssd,
        capacity_gib: None,
        throughput_per_tib: None,
        throughput: None,
        read_cache: None,
        drive_cache: None,
        metadata_iops: None,
        compression: Compression::None,
        efa: efa.is_some_and(|efa| efa.value),
        mount,
        kms_key: None,
    })
}
