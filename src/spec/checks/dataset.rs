//! `[[dataset]]`: one link between a directory and a bucket.

use super::{file_cache, layout, shapes};
use crate::catalog::fsx;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::spec::fields::{At, Complained, Fields, Read};
use crate::spec::model::{Dataset, Flow, Preload, Service};
use crate::spec::units::Unit;

pub(in crate::spec) const KEYS: &[&str] =
    &["s3", "path", "import", "export", "preload", "allow_delete_in_s3", "export_on_down", "import_chunk", "layout"];

pub(in crate::spec) const FLOWS: &[(&str, Flow)] =
    &[("new", Flow::New), ("changed", Flow::Changed), ("deleted", Flow::Deleted)];
pub(in crate::spec) const PRELOADS: &[(&str, Preload)] =
    &[("none", Preload::None), ("metadata", Preload::Metadata), ("data", Preload::Data)];

/// Both ends of a link, as far as they could be read: enough to see what overlaps, whatever else is wrong.
#[derive(Debug, Clone, Default)]
pub(in crate::spec) struct Ends {
    /// Bucket and prefix.
    pub(in crate::spec) s3: Option<(String, String)>,
    pub(in crate::spec) path: Option<String>,
}

/// `service`: what the cluster's storage is, where that could be read.
pub(in crate::spec) fn read(
    fields: &Fields<'_, '_>,
    service: Option<Service>,
    out: &mut Diagnostics,
) -> (Ends, Result<Dataset, Complained>) {
    let (s3, path) = (s3(fields, out), path(fields, out));
    let ends = Ends { s3: s3.clone().ok(), path: path.clone().ok() };
    let mut read = whole(fields, s3, path, out);
    if service == Some(Service::FileCache) {
        read = read.and_then(|dataset| file_cache::dataset(fields, dataset, out));
    }
    (ends, read)
}

fn whole(
    fields: &Fields<'_, '_>,
    s3: Result<(String, String), Complained>,
    path: Result<String, Complained>,
    out: &mut Diagnostics,
) -> Result<Dataset, Complained> {
    let import = fields.choices("import", FLOWS, out);
    let export = export(fields, out);
    let preload = fields.choice("preload", PRELOADS, out);
    let export_on_down = fields.flag("export_on_down", out);
    let import_chunk_mib = import_chunk(fields, out);
    let layout = layout::read(fields, out);
    let (bucket, prefix) = s3?;
    Ok(Dataset {
        bucket,
        prefix,
        path: path?,
        import: import?.map_or_else(|| vec![Flow::New, Flow::Changed, Flow::Deleted], |flows| flows.value),
        export: export?,
        preload: preload?.map_or(Preload::Metadata, |preload| preload.value),
        export_on_down: export_on_down?.is_none_or(|flag| flag.value),
        import_chunk_mib: import_chunk_mib?,
        layout: layout?,
    })
}

fn s3(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<(String, String), Complained> {
    const EXAMPLE: &str = "s3 = \"s3://acme-video/train\"";
    let Some(At { value, span }) = fields.text("s3", "a string such as \"s3://acme-video/train\"", out)? else {
        return Err(fields.missing("s3", EXAMPLE, out));
    };
    if value.starts_with("arn:") || value.starts_with("s3://arn:") {
        out.push(
            wrong_uri(span, "an ARN")
                .note("FSx links buckets; access points are not supported")
                .help(format!("write it like `{EXAMPLE}`")),
        );
        return Err(Complained);
    }
    let Some(rest) = value.strip_prefix("s3://") else {
        out.push(wrong_uri(span, "must start with `s3://`").help(format!("write it like `{EXAMPLE}`")));
        return Err(Complained);
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if let Some((fault, why)) = bucket_fault(bucket) {
        out.push(wrong_uri(span, fault).note(why));
        return Err(Complained);
    }
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    if let Some(fault) = prefix_fault(prefix) {
        out.push(
            wrong_uri(span, fault)
                .note("what stands below this prefix becomes paths of files, so it must look like one"),
        );
        return Err(Complained);
    }
    Ok((bucket.to_owned(), prefix.to_owned()))
}

fn wrong_uri(span: Span, fault: &str) -> Diagnostic {
    Diagnostic::error("spec::s3", "this is no place in S3 that can be linked").at(span, fault)
}

/// What is wrong with a bucket's name (Amazon S3 User Guide, bucket naming rules), and why.
fn bucket_fault(bucket: &str) -> Option<(&'static str, &'static str)> {
    const RULES: &str =
        "bucket names have 3 to 63 small letters, digits, `-` and `.`, with a letter or digit at both ends";
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if bucket.is_empty() {
        return Some(("names no bucket", RULES));
    }
    for suffix in ["--x-s3", "--xa-s3", "--table-s3"] {
        if bucket.ends_with(suffix) {
            return Some(("a directory or table bucket", "FSx links general purpose buckets only"));
        }
    }
    for suffix in ["-s3alias", "--ol-s3", ".mrap"] {
        if bucket.ends_with(suffix) {
            return Some(("an access point", "FSx links buckets; access points are not supported"));
        }
    }
    for prefix in ["xn--", "sthree-", "amzn-s3-demo-"] {
        if bucket.starts_with(prefix) {
            return Some(("a reserved name", "no bucket may start with `xn--`, `sthree-` or `amzn-s3-demo-`"));
        }
    }
    let bytes = bucket.as_bytes();
    let plain = bytes.iter().all(|byte| inner(*byte) || b"-.".contains(byte));
    let ends = bytes.first().is_some_and(|byte| inner(*byte)) && bytes.last().is_some_and(|byte| inner(*byte));
    let address = bucket.split('.').count() == 4 && bytes.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let fine = (3..=63).contains(&bucket.len()) && plain && ends && !bucket.contains("..") && !address;
    (!fine).then_some(("no bucket has this name", RULES))
}

fn prefix_fault(prefix: &str) -> Option<&'static str> {
    /// Longest key of an object, bytes.
    const LONGEST: usize = 1024;
    if prefix.is_empty() {
        None
    } else if prefix.len() > LONGEST {
        Some("longer than a key may be (1024 bytes)")
    } else {
        shapes::parts_fault(prefix)
    }
}

fn path(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<String, Complained> {
    let Some(At { value, span }) = fields.text("path", "a string such as \"/train\"", out)? else {
        return Err(fields.missing("path", "path = \"/train\"", out));
    };
    if let Some(fault) = shapes::path_fault(&value) {
        let mut complaint = Diagnostic::error("spec::path", "the file system can have no such path")
            .at(span, fault)
            .note("`path` is a directory below the mount, such as `/train`");
        if !value.starts_with('/') && shapes::path_fault(&format!("/{value}")).is_none() {
            complaint = complaint.help(format!("write `path = \"/{value}\"`"));
        }
        out.push(complaint);
        return Err(Complained);
    }
    let trimmed = value.trim_end_matches('/');
    Ok(if trimmed.is_empty() { "/".to_owned() } else { trimmed.to_owned() })
}

fn export(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<Vec<Flow>, Complained> {
    let export = fields.choices("export", FLOWS, out);
    let allowed = fields.flag("allow_delete_in_s3", out);
    let (Some(export), allowed) = (export?, allowed?) else { return Ok(Vec::new()) };
    if export.value.contains(&Flow::Deleted) && !allowed.is_some_and(|allowed| allowed.value) {
        out.push(
            Diagnostic::error("spec::delete-in-s3", "deleting a file would delete its object in S3")
                .at(export.span, "with \"deleted\"")
                .note("without versioning on the bucket, that object is gone for good")
                .help("leave \"deleted\" out, or say `allow_delete_in_s3 = true` in this dataset"),
        );
        return Err(Complained);
    }
    Ok(export.value)
}

fn import_chunk(fields: &Fields<'_, '_>, out: &mut Diagnostics) -> Result<Option<u32>, Complained> {
    let read: Read<_> = fields.size("import_chunk", "1024 MiB", out);
    let Some(At { value, span }) = read? else { return Ok(None) };
    match value.whole(Unit::Mib).and_then(|mib| u32::try_from(mib).ok()) {
        Some(mib) if (1..=fsx::IMPORT_CHUNK_MAX_MIB).contains(&mib) => Ok(Some(mib)),
        _ => {
            out.push(
                Diagnostic::error("spec::import-chunk", "files cannot be imported in chunks of this size")
                    .at(span, "not one of those possible")
                    .note(format!(
                        "a whole number of MiB from 1 MiB to {} MiB; FSx's own default is 1024 MiB",
                        fsx::IMPORT_CHUNK_MAX_MIB
                    )),
            );
            Err(Complained)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names() {
        for good in ["abc", "acme-video", "my.bucket.1", "1a2", "192.168.1.1a"] {
            assert_eq!(bucket_fault(good), None, "{good}");
        }
        let long = "a".repeat(64);
        for bad in [
            "",
            "ab",
            &long,
            "Acme",
            "-ab",
            "ab-",
            "a..b",
            "a_b",
            "192.168.1.1",
            "x--x-s3",
            "y-s3alias",
            "xn--a",
            "ü12",
        ] {
            assert!(bucket_fault(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn prefixes() {
        for good in ["", "train", "a/b c/ü"] {
            assert_eq!(prefix_fault(good), None, "{good}");
        }
        let long = "a/".repeat(600);
        for bad in ["/", "a//b", "../a", "a/.", "a\nb", &long] {
            assert!(prefix_fault(bad).is_some(), "{bad:?}");
        }
    }
}
