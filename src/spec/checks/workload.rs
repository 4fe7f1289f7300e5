//! `[workload]`: what the storage is for, where it is not sized by hand.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::spec::fields::{At, Complained, Fields, Read};
use crate::spec::model::Workload;
use crate::spec::units::Quantity;

pub(in crate::spec) const KEYS: &[&str] = &["dataset_size", "read", "write", "files", "latency"];

pub(in crate::spec) fn read(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<Workload, Complained> {
    let size = fields.size("dataset_size", "40 TiB", out);
    let size = bytes(size, out);
    let read = fields.rate("read", "20 GB/s", out);
    let read = bytes(read, out);
    let write = fields.rate("write", "5 GB/s", out);
    let write = bytes(write, out);
    let files = files(fields, out);
    let latency = fields.duration("latency", "1ms", out).and_then(|latency| match latency {
        Some(At { value, span }) if value <= jiff::SignedDuration::ZERO => {
            out.push(
                Diagnostic::error("spec::workload", "nothing can be asked of storage in this measure")
                    .at(span, "not above zero"),
            );
            Err(Complained)
        }
        other => Ok(other.map(|latency| latency.value)),
    });
    Ok(Workload { dataset_size: size?, read: read?, write: write?, files: files?, latency: latency? })
}

fn bytes(read: Read<Quantity>, out: &mut Diagnostics) -> Result<Option<u64>, Complained> {
    let Some(At { value, span }) = read? else { return Ok(None) };
    match value.bytes() {
        Some(0) => Err(complain(span, "not above zero", out)),
        Some(bytes) => Ok(Some(bytes)),
        None => Err(complain(span, "more than 16 EiB", out)),
    }
}

fn files(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<Option<u64>, Complained> {
    let Some(At { value, span }) = fields.number("files", "a whole number such as 2_000_000", out)? else {
        return Ok(None);
    };
    match u64::try_from(value) {
        Ok(files) if files > 0 => Ok(Some(files)),
        _ => Err(complain(span, "not above zero", out)),
    }
}

fn complain(span: crate::diagnostic::Span, fault: &str, out: &mut Diagnostics) -> Complained {
    out.push(Diagnostic::error("spec::workload", "nothing can be asked of storage in this measure").at(span, fault));
    Complained
}
