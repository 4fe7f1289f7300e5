//! `provision advise`: which storage fits, at which size and price, and why the others do not.

use std::path::{Path, PathBuf};

use crate::catalog::prices::PriceBook;
use crate::cli::args::{AdviceFormat, Advise, ScanPlace};
use crate::cli::exit::{Exit, plain};
use crate::cli::load;
use crate::cli::scan::{Place, apart, scan_all};
use crate::cli::settings::Settings;
use crate::cli::{files, output, prices};
use crate::render::advice_json::{self, Answer};
use crate::render::advice_text::Detail;
use crate::render::scan::Scanned;
use crate::render::{Theme, advice_compare, advice_markdown, advice_plot, advice_text};
use crate::scan::Sizes;
use crate::sizing::{self, Bin, Question, Scan};
use crate::spec::Parts;

/// Where nobody says a region: the one whose prices AWS's own examples are in.
const USUAL_REGION: &str = "us-east-1";
/// Bins of sizes that advice goes by.
const BINS: usize = 48;

/// A spec, or none.
struct Asked {
    name: Option<String>,
    parts: Parts,
}

/// From specs alone.
pub(in crate::cli) fn offline(args: &Advise, settings: &Settings) -> anyhow::Result<Exit> {
    check_places(args)?;
    let asked = specs(args).iter().map(|path| read(path, settings)).collect::<anyhow::Result<Vec<Asked>>>()?;
    let book = prices::book(args.prices.as_deref(), settings)?;
    let answers: Vec<Answer> = asked.iter().map(|asked| answer(asked, Vec::new(), &book, settings)).collect();
    show(&answers, args, settings)
}

/// With a look into the buckets first.
pub(in crate::cli) async fn run(args: &Advise, settings: &Settings) -> anyhow::Result<Exit> {
    check_places(args)?;
    let book = prices::book(args.prices.as_deref(), settings)?;
    let is_bare = args.compare.is_empty() && !args.scan.contains(&ScanPlace::Datasets);
    let asked = if is_bare && args.spec == Path::new("cluster.toml") && !args.spec.exists() {
        vec![Asked { name: None, parts: load::no_parts()? }]
    } else {
        specs(args).iter().map(|path| read(path, settings)).collect::<anyhow::Result<Vec<Asked>>>()?
    };
    let mut answers = Vec::new();
    for asked in &asked {
        let places = places(args, asked)?;
        let Some(scans) = scan_all(&places, args.scan_limit, asked.parts.region.as_deref(), settings).await? else {
            output::say("interrupted; a scan only looks, so nothing is left to clean up");
            return Ok(Exit::Interrupted);
        };
        answers.push(answer(asked, scans, &book, settings));
    }
    show(&answers, args, settings)
}

/// SPEC before all others; it may be left out where two are compared.
fn specs(args: &Advise) -> Vec<PathBuf> {
    let is_left_out = args.spec == Path::new("cluster.toml") && args.compare.len() > 1;
    let first = (!is_left_out).then(|| args.spec.clone());
    first.into_iter().chain(args.compare.iter().cloned()).collect()
}

fn read(path: &Path, settings: &Settings) -> anyhow::Result<Asked> {
    Ok(Asked { name: Some(path.display().to_string()), parts: load::parts(path, settings)? })
}

fn places(args: &Advise, asked: &Asked) -> anyhow::Result<Vec<Place>> {
    let of_spec = || {
        let datasets = asked.parts.datasets.iter();
        datasets.map(|dataset| Place { bucket: dataset.bucket.clone(), prefix: dataset.prefix.clone() })
    };
    let mut places = Vec::new();
    for place in &args.scan {
        match place {
            ScanPlace::Datasets => places.extend(of_spec()),
            ScanPlace::Bucket { bucket, prefix } => {
                places.push(Place { bucket: bucket.clone(), prefix: prefix.clone() });
            }
        }
    }
    if places.is_empty() {
        let name = asked.name.as_deref().unwrap_or("the spec");
        return Err(plain(
            format!("`{name}` has no `[[dataset]]` to scan"),
            "name a place: `--scan s3://acme-video/train`",
        ));
    }
    Ok(apart(places))
}

fn answer(asked: &Asked, scans: Vec<Scanned>, book: &PriceBook, settings: &Settings) -> Answer {
    let Asked { name, parts } = asked;
    // Where the data is, the cluster had better be.
    let of_data = scans.first().map(|scanned| scanned.region.as_str());
    let region = settings.region.as_deref().or(parts.region.as_deref()).or(of_data);
    if region.is_none() && !settings.quiet {
        output::say(&format!("note: no region is set, so prices are those of {USUAL_REGION}; say it with `--region`"));
    }
    let region = region.unwrap_or(USUAL_REGION);
    let prices = book.prices(region);
    let scan = together(&scans);
    let question = Question {
        region,
        workload: parts.workload.as_ref(),
        storage: parts.storage.as_ref(),
        nodes: &parts.nodes,
        datasets: &parts.datasets,
        prices: &prices,
        scan: scan.as_ref(),
        open: parts.open,
    };
    Answer { spec: name.clone(), advice: sizing::advise(&question), scans }
}

/// All that was found, as one dataset.
fn together(scans: &[Scanned]) -> Option<Scan> {
    if scans.is_empty() {
        return None;
    }
    let mut sizes = Sizes::default();
    let mut all = Scan::default();
    for Scanned { url: _, region: _, found } in scans {
        all.objects = all.objects.saturating_add(found.files);
        all.bytes = all.bytes.saturating_add(found.bytes);
        all.largest = all.largest.max(found.largest.as_ref().map_or(0, |largest| largest.bytes));
        all.sampled |= found.is_estimate();
        sizes.add_all(&found.sizes, 1.0);
    }
    let bins = sizes.bins(BINS).into_iter();
    all.histogram = bins.map(|bin| Bin { up_to: bin.to, objects: bin.files, bytes: bin.bytes }).collect();
    Some(all)
}

/// `-`
fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// Before there is anything to write, and before a scan takes its minutes.
fn check_places(args: &Advise) -> anyhow::Result<()> {
    let files = args.out.iter().filter(|path| !is_stdout(path)).chain(&args.plot).map(AsRef::as_ref);
    files::check(&files.collect::<Vec<&Path>>())
}

/// Files first: whoever reads stdout to its end may take them.
fn show(answers: &[Answer], args: &Advise, settings: &Settings) -> anyhow::Result<Exit> {
    let mut texts: Vec<(&Path, String)> = args
        .out
        .iter()
        .filter(|path| !is_stdout(path))
        .map(|path| {
            (
                path.as_path(),
                face(answers, args.format.unwrap_or_else(|| AdviceFormat::of(path)), Detail::All, &Theme::plain()),
            )
        })
        .collect();
    if let (Some(path), Some(first)) = (&args.plot, answers.first()) {
        let picture = advice_plot::svg(&first.advice).ok_or_else(|| {
            plain(
                "there is nothing to draw: no file system has both a price and a throughput",
                "see that prices of the region are known: `provision prices show`",
            )
        })?;
        texts.push((path.as_path(), picture));
    }
    files::write(&texts)?;
    let to_stdout = args.out.iter().any(|path| is_stdout(path));
    let format = match (args.format, to_stdout, args.out.is_empty()) {
        (Some(format), true, _) | (Some(format), false, true) => Some(format),
        (None, true, _) => Some(AdviceFormat::Json),
        (None, false, _) => Some(AdviceFormat::Text),
        (Some(_), false, false) => None,
    };
    if let Some(format) = format {
        let detail = if settings.verbose > 0 { Detail::All } else { Detail::Worst };
        output::result(&face(answers, format, detail, &settings.out))?;
    }
    Ok(Exit::Done)
}

fn face(answers: &[Answer], format: AdviceFormat, detail: Detail, theme: &Theme) -> String {
    let named = || -> Vec<(String, &sizing::advice::Advice)> {
        answers.iter().map(|answer| (answer.spec.clone().unwrap_or_default(), &answer.advice)).collect()
    };
    match (format, answers) {
        (AdviceFormat::Json, _) => advice_json::advice(answers),
        (AdviceFormat::Text, [one]) => advice_text::advice(&one.advice, &one.scans, detail, theme),
        (AdviceFormat::Text, _) => advice_compare::text(&named(), theme),
        (AdviceFormat::Markdown, [one]) => advice_markdown::advice(&one.advice, &one.scans),
        (AdviceFormat::Markdown, _) => advice_compare::markdown(&named()),
    }
}
