//! Storage that `[workload]` sizes: chosen at the first `up`, settled from then on. What would be chosen today is proposed, and
//! taken only where the spec says so.

use std::collections::BTreeMap;

use super::fields::{deployment_text, media_text, metadata_text, read_cache_text};
use super::place::Pins;
use crate::catalog::prices::Prices;
use crate::diagnostic::Diagnostic;
use crate::sizing::{Question, Sized, size};
use crate::spec::{Deployment, DriveCache, Media, MetadataIops, Open, ReadCache, Spec, Storage};

/// A file system as it was settled: name and value of each field that sizing chooses, as plans show them.
pub type PinnedStorage = BTreeMap<String, String>;

/// What the storage is to be, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    pub now: Sized,
    /// It was settled by an earlier `up`, and is kept.
    pub pinned: bool,
    /// What would be chosen today, if that is another one.
    pub instead: Option<Sized>,
}

/// Sizes the storage that the spec leaves to its workload, and settles it; None: the spec says all of it itself.
///
/// `seen`: the fields of the file system that is there. Where no record says what was settled, it is kept as it is.
#[expect(clippy::result_large_err, reason = "called once a run")]
pub fn choose_storage(
    spec: &Spec,
    region: &str,
    pins: &mut Pins,
    seen: Option<&BTreeMap<String, String>>,
    prices: &Prices,
) -> Result<Option<Chosen>, Diagnostic> {
    let Some(written) = &spec.written else {
        pins.storage = None;
        return Ok(None);
    };
    let question = Question {
        region,
        workload: spec.workload.as_ref(),
        storage: Some(written),
        open: spec.open,
        nodes: &spec.nodes,
        datasets: &spec.datasets,
        prices,
        scan: None,
    };
    let settled = pins.storage.as_ref().or(seen).and_then(|fields| read(fields, written));
    let fresh = size(written, &question);
    let Some(storage) = settled.filter(|settled| agrees(settled, written, spec.open)) else {
        let now = fresh?;
        pins.storage = Some(pin(&now.storage));
        return Ok(Some(Chosen { now, pinned: false, instead: None }));
    };
    let now = size(&storage, &Question { open: Open::default(), ..question })?;
    pins.storage = Some(pin(&storage));
    // What nobody sells is no proposal.
    let instead = fresh.ok().filter(|fresh| fresh.storage != storage);
    Ok(Some(Chosen { now, pinned: true, instead }))
}

/// Whether what was settled is still what the spec says, as far as that goes.
fn agrees(settled: &Storage, written: &Storage, open: Open) -> bool {
    fn same<T: PartialEq>(settled: Option<&T>, written: Option<&T>) -> bool {
        written.is_none() || settled == written
    }
    (open.deployment || settled.deployment == written.deployment)
        && (open.media || settled.media == written.media)
        && (open.efa || settled.efa == written.efa)
        && (open.metadata_iops || settled.metadata_iops == written.metadata_iops)
        && (open.drive_cache || settled.drive_cache == written.drive_cache)
        && same(settled.capacity_gib.as_ref(), written.capacity_gib.as_ref())
        && same(settled.throughput_per_tib.as_ref(), written.throughput_per_tib.as_ref())
        && same(settled.throughput.as_ref(), written.throughput.as_ref())
        && same(settled.read_cache.as_ref(), written.read_cache.as_ref())
}

fn drive_cache_text(cache: DriveCache) -> &'static str {
    match cache {
        DriveCache::None => "none",
        DriveCache::Read => "read",
    }
}

fn pin(storage: &Storage) -> PinnedStorage {
    let texts = [
        ("deployment", Some(deployment_text(storage.deployment).to_owned())),
        ("media", Some(media_text(storage.media).to_owned())),
        ("capacity", storage.capacity_gib.map(|gib| format!("{gib} GiB"))),
        ("throughput_per_tib", storage.throughput_per_tib.map(|rate| format!("{rate} MB/s"))),
        ("throughput", storage.throughput.map(|rate| format!("{rate} MB/s"))),
        ("read_cache", storage.read_cache.map(read_cache_text)),
        ("drive_cache", storage.drive_cache.map(|cache| drive_cache_text(cache).to_owned())),
        ("metadata_iops", storage.metadata_iops.map(metadata_text)),
        ("efa", Some(storage.efa.to_string())),
    ];
    texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?))).collect()
}

/// The file system that fields tell of; None: they do not tell all that has to be known.
fn read(fields: &BTreeMap<String, String>, base: &Storage) -> Option<Storage> {
    let text = |name: &str| fields.get(name).map(String::as_str);
    // The number of `4800 GiB`.
    let number = |name: &str| text(name)?.split(' ').next()?.parse::<u32>().ok();
    let deployments = [Deployment::Scratch2, Deployment::Persistent1, Deployment::Persistent2];
    let media = [Media::Ssd, Media::Hdd, Media::IntelligentTiering];
    let deployment = deployments.into_iter().find(|each| text("deployment") == Some(deployment_text(*each)))?;
    let media = media.into_iter().find(|each| text("media") == Some(media_text(*each)))?;
    let storage = Storage {
        deployment,
        media,
        capacity_gib: number("capacity"),
        throughput_per_tib: number("throughput_per_tib"),
        throughput: number("throughput"),
        read_cache: match text("read_cache") {
            None => None,
            Some("none") => Some(ReadCache::None),
            Some("proportional") => Some(ReadCache::ProportionalToThroughput),
            Some(_) => Some(ReadCache::Provisioned(number("read_cache")?)),
        },
        drive_cache: text("drive_cache").map(|cache| if cache == "read" { DriveCache::Read } else { DriveCache::None }),
        metadata_iops: match text("metadata_iops") {
            None => None,
            Some("auto") => Some(MetadataIops::Auto),
            Some(_) => Some(MetadataIops::Provisioned(number("metadata_iops")?)),
        },
        efa: text("efa") == Some("true"),
        ..base.clone()
    };
    crate::sizing::is_complete(&storage).then_some(storage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec;

    const SPEC: &str = "[cluster]\nname = \"x\"\nregion = \"us-east-1\"\n[[nodes]]\nname = \"n\"\ninstance = \"p5.48xlarge\"\ncount = 8\n[workload]\ndataset_size = \"40 TiB\"\nread = \"20 GB/s\"\nwrite = \"5 GB/s\"\nfiles = 2_000_000\n";

    fn read_spec(text: &str) -> Spec {
        let checked = spec::read(text, &|_| Err("none".to_owned()));
        let mut spec = checked.spec.unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
        spec.written = (!crate::sizing::is_complete(&spec.storage)).then(|| spec.storage.clone());
        spec
    }

    fn choose(text: &str, pins: &mut Pins) -> Option<Chosen> {
        choose_storage(&read_spec(text), "us-east-1", pins, None, Prices::builtin()).expect("can be done")
    }

    #[test]
    fn what_was_settled_stays_and_another_is_proposed() {
        let mut pins = Pins::default();
        let first = choose(SPEC, &mut pins).expect("sized");
        assert!(!first.pinned && first.instead.is_none());
        assert_eq!(first.now.storage.capacity_gib, Some(50_400));
        let again = choose(SPEC, &mut pins).expect("sized");
        assert!(again.pinned && again.instead.is_none() && again.now.storage == first.now.storage);

        let more = SPEC.replace("20 GB/s", "40 GB/s");
        let kept = choose(&more, &mut pins).expect("sized");
        assert_eq!((kept.pinned, kept.now.storage.capacity_gib), (true, Some(50_400)));
        assert!(!kept.now.evaluated.meets, "{}", kept.now.evaluated.why);
        let instead = kept.instead.expect("more is needed");
        // Its lines in the spec take it, and nothing is left to be settled.
        let lines = instead.evaluated.configuration.spec_lines.join("\n");
        assert_eq!(choose(&format!("{more}[storage]\n{lines}\n"), &mut pins), None);
        assert_eq!(pins.storage, None);
    }

    #[test]
    fn what_the_spec_says_goes_before_what_was_settled() {
        let mut pins = Pins::default();
        let _ = choose(SPEC, &mut pins);
        let other =
            choose(&format!("{SPEC}[storage]\nthroughput_per_tib = \"1000 MB/s\"\n"), &mut pins).expect("sized");
        assert_eq!((other.pinned, other.now.storage.throughput_per_tib), (false, Some(1000)));
        let same = choose(
            &format!("{SPEC}[storage]\nthroughput_per_tib = \"1000 MB/s\"\ndeployment = \"persistent-2\"\n"),
            &mut pins,
        );
        assert!(same.expect("sized").pinned);
    }

    #[test]
    fn without_a_record_what_is_there_is_kept() {
        let mut pins = Pins::default();
        let first = choose(SPEC, &mut pins).expect("sized");
        let fields = pin(&Storage { capacity_gib: Some(100_800), ..first.now.storage });
        let mut lost = Pins::default();
        let spec = read_spec(SPEC);
        let kept = choose_storage(&spec, "us-east-1", &mut lost, Some(&fields), Prices::builtin()).expect("fine");
        assert_eq!(kept.map(|kept| (kept.pinned, kept.now.storage.capacity_gib)), Some((true, Some(100_800))));
        let broken = BTreeMap::from([("deployment".to_owned(), "persistent-9".to_owned())]);
        let sized = choose_storage(&spec, "us-east-1", &mut Pins::default(), Some(&broken), Prices::builtin());
        assert_eq!(sized.expect("fine").map(|sized| sized.pinned), Some(false));
    }

    #[test]
    fn every_kind_is_read_back() {
        for lines in [
            "deployment = \"scratch-2\"\ncapacity = \"4.8 TiB\"\n",
            "deployment = \"persistent-1\"\nmedia = \"hdd\"\ncapacity = \"12 TiB\"\nthroughput_per_tib = \"12 MB/s\"\ndrive_cache = \"read\"\n",
            "capacity = \"38.4 TiB\"\nthroughput_per_tib = \"125 MB/s\"\nefa = true\nmetadata_iops = 24000\n",
            "media = \"intelligent-tiering\"\nthroughput = \"8000 MB/s\"\nmetadata_iops = 6000\nread_cache = \"640 GiB\"\n",
        ] {
            let storage = read_spec(&format!("{SPEC}[storage]\n{lines}")).storage;
            assert_eq!(read(&pin(&storage), &storage), Some(storage), "{lines}");
        }
    }
}
