//! `[storage]`: one file system. What it is, where it is mounted, what it is encrypted with; its size and speed are
//! [`super::capacity`]'s and [`super::performance`]'s.

use super::{capacity, efs, existing, file_cache, performance, shapes};
use crate::catalog::fsx::Kind;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::spec::fields::{At, Complained, Fields, Read};
use crate::spec::model::{Compression, Deployment, Media, Service, Storage};

pub(in crate::spec) const KEYS: &[&str] = &[
    "kind",
    "existing",
    "deployment",
    "media",
    "capacity",
    "throughput_per_tib",
    "throughput",
    "metadata_iops",
    "read_cache",
    "drive_cache",
    "compression",
    "efa",
    "mount",
    "kms_key",
];

pub(in crate::spec) const DEPLOYMENTS: &[(&str, Deployment)] = &[
    ("scratch-2", Deployment::Scratch2),
    ("persistent-1", Deployment::Persistent1),
    ("persistent-2", Deployment::Persistent2),
];
pub(in crate::spec) const MEDIA: &[(&str, Media)] =
    &[("ssd", Media::Ssd), ("hdd", Media::Hdd), ("intelligent-tiering", Media::IntelligentTiering)];
pub(in crate::spec) const COMPRESSIONS: &[(&str, Compression)] =
    &[("lz4", Compression::Lz4), ("none", Compression::None)];

/// The kinds of storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::spec) enum StorageKind {
    FsxLustre,
    Efs,
    FileCache,
}

pub(in crate::spec) const KINDS: &[(&str, StorageKind)] =
    &[("fsx-lustre", StorageKind::FsxLustre), ("efs", StorageKind::Efs), ("file-cache", StorageKind::FileCache)];

/// What rules about size and speed hang on. A part is None when it could not be read, and its rules are skipped.
pub(super) struct Frame<'f, 't, 'i> {
    pub(super) fields: &'f Fields<'t, 'i>,
    pub(super) kind: Kind,
    pub(super) efa: Option<bool>,
    pub(super) beside: &'f Beside<'f>,
}

/// What the rest of the file says that matters here.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::spec) struct Beside<'r> {
    pub(in crate::spec) region: Option<&'r str>,
    /// Where `[workload]` is, which sizes what is left out.
    pub(in crate::spec) workload: Option<Span>,
    /// Whether that says how much there is to hold.
    pub(in crate::spec) dataset_size: bool,
    /// Whether there is any `[[dataset]]`.
    pub(in crate::spec) linked: bool,
}

pub(in crate::spec) fn read(
    fields: &Fields<'_, '_>,
    beside: &Beside<'_>,
    out: &mut Diagnostics,
) -> Result<Storage, Complained> {
    let service = fields.choice("kind", KINDS, out);
    match service {
        Ok(Some(At { value: StorageKind::Efs, span })) => return efs::read(fields, span, beside, out),
        Ok(Some(At { value: StorageKind::FileCache, span })) => return file_cache::read(fields, span, beside, out),
        Ok(Some(At { value: StorageKind::FsxLustre, .. }) | None) | Err(_) => {}
    }
    if let Some(existing) = fields.get("existing") {
        let storage = existing::read(fields, existing, beside, out);
        service?;
        return storage;
    }
    let deployment = fields.choice("deployment", DEPLOYMENTS, out);
    let media = fields.choice("media", MEDIA, out);
    let compression = fields.choice("compression", COMPRESSIONS, out);
    let mount = mount(fields, Service::FsxLustre.default_mount(), out);
    let efa = fields.flag("efa", out);
    let kind = kind(deployment, media, out);
    let is_scratch = deployment.is_ok_and(|at| at.is_some_and(|at| at.value == Deployment::Scratch2));
    let kms_key = kms_key(fields, is_scratch, beside.region, out);

    // Without a kind no other rule makes sense; a second complaint about the same mistake would be noise.
    let media_at = media.ok().flatten().map(|media| media.span);
    let (kind, deployment, media) = kind?;
    let flag = efa.map(|efa| efa.is_some_and(|efa| efa.value));
    let frame = Frame { fields, kind, efa: flag.ok(), beside };
    let linked = linked(&frame, media_at, out);
    let performance = performance::read(&frame, efa, out);
    let capacity = capacity::read(&frame, performance.per_tib, out);
    service?;
    linked?;
    Ok(Storage {
        service: Service::FsxLustre,
        existing: None,
        deployment,
        media,
        capacity_gib: capacity?,
        throughput_per_tib: performance.per_tib?,
        throughput: performance.throughput?,
        read_cache: performance.read_cache?,
        drive_cache: performance.drive_cache?,
        metadata_iops: performance.metadata_iops?,
        compression: compression?.map_or(Compression::Lz4, |compression| compression.value),
        efa: performance.efa?,
        mount: mount?,
        kms_key: kms_key?,
    })
}

fn kind(
    deployment: Read<Deployment>,
    media: Read<Media>,
    out: &mut Diagnostics,
) -> Result<(Kind, Deployment, Media), Complained> {
    let (deployment, media) = (deployment?, media?);
    let deployed = deployment.map_or(Deployment::Persistent2, |deployment| deployment.value);
    let medium = media.map_or(Media::Ssd, |media| media.value);
    if let Some(kind) = kind_of(deployed, medium) {
        return Ok((kind, deployed, medium));
    }
    let only = match medium {
        Media::Hdd => "`hdd` comes with `deployment = \"persistent-1\"` only",
        Media::IntelligentTiering => "`intelligent-tiering` comes with `deployment = \"persistent-2\"` only",
        Media::Ssd => "`ssd` comes with every deployment type",
    };
    let mut complaint = Diagnostic::error("spec::media", "no deployment type has these media")
        .note(only)
        .help("take `media = \"ssd\"`, or change `deployment`");
    if let Some(place) = media.map(|media| media.span).or(deployment.map(|deployment| deployment.span)) {
        let deployed = DEPLOYMENTS.iter().find(|(_, each)| *each == deployed).map_or("", |(word, _)| word);
        complaint = complaint.at(place, format!("not with `{deployed}`"));
    }
    out.push(complaint);
    Err(Complained)
}

/// The catalog's kind of a deployment type on some media, if it is sold.
pub(in crate::spec) fn kind_of(deployment: Deployment, media: Media) -> Option<Kind> {
    match (deployment, media) {
        (Deployment::Scratch2, Media::Ssd) => Some(Kind::Scratch2Ssd),
        (Deployment::Persistent1, Media::Ssd) => Some(Kind::Persistent1Ssd),
        (Deployment::Persistent1, Media::Hdd) => Some(Kind::Persistent1Hdd),
        (Deployment::Persistent2, Media::Ssd) => Some(Kind::Persistent2Ssd),
        (Deployment::Persistent2, Media::IntelligentTiering) => Some(Kind::Persistent2IntelligentTiering),
        (Deployment::Scratch2 | Deployment::Persistent2, Media::Hdd)
        | (Deployment::Scratch2 | Deployment::Persistent1, Media::IntelligentTiering) => None,
    }
}

/// Intelligent-tiering has no links (User Guide, overview-dra-data-repo).
fn linked(frame: &Frame<'_, '_, '_>, media: Option<Span>, out: &mut Diagnostics) -> Result<(), Complained> {
    if frame.kind != Kind::Persistent2IntelligentTiering || !frame.beside.linked {
        return Ok(());
    }
    out.push(
        Diagnostic::error("spec::media", "file systems on these media cannot be linked to S3")
            .at(media.unwrap_or(frame.fields.span), "has no links to S3")
            .note("FSx refuses links on intelligent-tiering, and this file has `[[dataset]]`")
            .help("take `media = \"ssd\"`, or remove the datasets"),
    );
    Err(Complained)
}

/// `default`: where the spec does not say.
pub(super) fn mount(fields: &Fields<'_, '_>, default: &str, out: &mut Diagnostics) -> Result<String, Complained> {
    /// What a node cannot do without: nothing may be mounted over or below.
    const SYSTEM: [&str; 12] =
        ["/etc", "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/boot", "/dev", "/proc", "/sys", "/run"];
    /// What holds things that a node needs (`/opt/amazon/efa`, users' keys in `/home`): fine below, not over.
    const SHARED: [&str; 9] =
        ["/home", "/opt", "/root", "/tmp", "/var", "/var/lib", "/var/log", "/var/run", "/var/tmp"];
    /// Longer ones meet limits of mount units' names.
    const LONGEST: usize = 200;

    let Some(At { value, span }) = fields.text("mount", "a string such as \"/fsx\"", out)? else {
        return Ok(default.to_owned());
    };
    let path = value.strip_suffix('/').unwrap_or(&value);
    let below = |parent: &&str| path == *parent || path.strip_prefix(*parent).is_some_and(|rest| rest.starts_with('/'));
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let fault = if let Some(fault) = shapes::path_fault(&value) {
        fault
    } else if path.is_empty() {
        "the root of the node's own file system"
    } else if path.len() > LONGEST {
        "longer than 200 characters"
    } else if !path.chars().all(plain) {
        "has a character other than letters, digits and `._-`"
    } else if SYSTEM.iter().any(below) || SHARED.contains(&path) {
        "a directory that the node itself needs"
    } else {
        return Ok(path.to_owned());
    };
    out.push(
        Diagnostic::error("spec::mount", "the file system cannot be mounted there")
            .at(span, fault)
            .help(format!("take a directory of its own, such as `mount = \"{default}\"`")),
    );
    Err(Complained)
}

pub(super) fn kms_key(
    fields: &Fields<'_, '_>,
    is_scratch: bool,
    region: Option<&str>,
    out: &mut Diagnostics,
) -> Result<Option<String>, Complained> {
    let Some(At { value, span }) = fields.text("kms_key", "a string: a key's id, alias or ARN", out)? else {
        return Ok(None);
    };
    if is_scratch {
        out.push(
            Diagnostic::error("spec::kms-key", "this key cannot be used")
                .at(span, "`scratch-2` takes no key")
                .note("scratch file systems are encrypted with a key of AWS's own")
                .help("remove `kms_key`, or take a persistent deployment type"),
        );
        return Err(Complained);
    }
    let complaint = match shapes::kms_key(&value) {
        Some(shapes::KmsKey::Arn { region: of }) if region.is_some_and(|region| region != of) => {
            Diagnostic::error("spec::kms-key", "this key cannot be used").at(span, format!("a key of {of}")).note(
                format!("the cluster is in {}, and keys work in their own region only", region.unwrap_or_default()),
            )
        }
        Some(_) => return Ok(Some(value)),
        None => Diagnostic::error("spec::kms-key", "this key cannot be used")
            .at(span, "no key looks like this")
            .help("give its id (`1234abcd-12ab-34cd-56ef-1234567890ab`), `alias/…` or the ARN of either"),
    };
    out.push(complaint);
    Err(Complained)
}
