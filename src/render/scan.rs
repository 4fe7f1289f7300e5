//! A bucket's contents for a person, and how far a scan is.

use schemars::JsonSchema;
use serde::Serialize;

use super::table::{Cell, Column, Row, table};
use super::text::{clean, clock, count, grouped, labelled};
use super::theme::{BOLD, CAREFUL, Charset, DIM, Theme};
use crate::apply::scan::Progress;
use crate::scan::{Bin, Found, How};
use crate::sizing::Amount;

/// Lines of the histogram.
const MOST_BINS: usize = 8;
/// Columns of its longest bar.
const BAR: usize = 24;

/// What was found, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Scanned {
    /// `s3://acme-video/train`
    pub url: String,
    /// Of the bucket.
    pub region: String,
    pub found: Found,
}

/// One line of progress, without a line break, in the columns of a run's events.
pub fn line(url: &str, progress: Progress, elapsed_s: f64, theme: &Theme) -> String {
    format!("{:>7}     {}  {}", clock(elapsed_s), clean(url, theme), words(progress))
}

/// How far it is.
pub fn words(progress: Progress) -> String {
    match progress {
        Progress::Counted { objects, bytes } => format!("{} so far, {}", objects_of(objects), Amount::Bytes(bytes)),
        Progress::Sampled { rounds, objects } => {
            let rounds = count(usize::try_from(rounds).unwrap_or(usize::MAX), "round");
            format!("more than the limit: {rounds} of samples, {}", objects_of(objects))
        }
    }
}

fn objects_of(objects: u64) -> String {
    format!("{} object{}", grouped(objects), if objects == 1 { "" } else { "s" })
}

fn files_of(files: u64) -> String {
    format!("{} file{}", grouped(files), if files == 1 { "" } else { "s" })
}

/// Everything that was found, in a few lines and a histogram.
pub fn text(scanned: &Scanned, theme: &Theme) -> String {
    let Scanned { url, region: _, found } = scanned;
    let mut out = theme.paint(BOLD, &clean(&headline(scanned), theme)) + "\n";
    for note in notes(found) {
        out.push_str(&labelled("  ", "  ", &note, theme));
    }
    for warning in warnings(url, found) {
        let shown = format!("  {} ", theme.paint(CAREFUL, "!"));
        out.push_str(&labelled("  ! ", &shown, &warning, theme));
    }
    out + &histogram(&found.bins(MOST_BINS), theme)
}

/// `s3://acme/train in us-east-1: about 2,000,000 files, 41.2 TB`
pub(super) fn headline(scanned: &Scanned) -> String {
    let Scanned { url, region, found } = scanned;
    let about = if found.is_estimate() { "about " } else { "" };
    let size = Amount::Bytes(found.bytes);
    let held = found.directories.as_ref().map(|all| {
        let (count, word) = (grouped(all.count), if all.count == 1 { "directory" } else { "directories" });
        format!(" in {count} {word}")
    });
    format!("{url} in {region}: {about}{}, {size}{}", files_of(found.files), held.unwrap_or_default())
}

/// What else there is to know.
pub(super) fn notes(found: &Found) -> Vec<String> {
    let mut notes = Vec::new();
    if let (Some(mean), Some(half), Some(most)) = (found.mean(), found.sizes.permille(500), found.sizes.permille(990)) {
        let size = Amount::Bytes;
        notes.push(format!("mean {}; half of them up to about {}, 99% up to {}", size(mean), size(half), size(most)));
    }
    if let Some(largest) = &found.largest {
        let seen = if found.is_estimate() { "largest seen" } else { "largest" };
        notes.push(format!("{seen}: {}, {}", largest.key, Amount::Bytes(largest.bytes)));
    }
    if let Some((path, files)) = found.directories.as_ref().and_then(|all| all.largest.as_ref()) {
        let name = if path.is_empty() { "/" } else { path };
        notes.push(format!("largest directory: {name}, {} in it", files_of(*files)));
    }
    notes.extend(how(&found.how));
    notes
}

/// That it is an estimate, and how it was made.
fn how(how: &How) -> Option<String> {
    match how {
        How::Counted => None,
        How::Estimated { counted, sampled, rounds, files_permille, bytes_permille } => {
            let percent = |permille: u64| format!("{}.{}%", permille / 10, permille % 10);
            let rounds = count(usize::try_from(*rounds).unwrap_or(usize::MAX), "round");
            Some(format!(
                "an estimate: the first {} were counted, and {} sampled from all that lies behind them in {rounds}; as far as \
                 the rounds tell, within {} in number and {} in bytes. Count more with `--scan-limit`",
                objects_of(*counted),
                objects_of(*sampled),
                percent(*files_permille),
                percent(*bytes_permille),
            ))
        }
    }
}

/// What will surprise somebody later.
pub(super) fn warnings(url: &str, found: &Found) -> Vec<String> {
    let mut warnings = Vec::new();
    if found.files == 0 {
        warnings.push(format!("there are no objects below {url}: is the prefix right?"));
    }
    if found.archived > 0 {
        let (files, are, they) =
            if found.archived == 1 { ("file", "is", "it is") } else { ("files", "are", "they are") };
        warnings.push(format!(
            "{} {files} {are} in Glacier or Deep Archive: no file system can read them before {they} restored",
            grouped(found.archived)
        ));
    }
    warnings
}

fn histogram(bins: &[Bin], theme: &Theme) -> String {
    let most = bins.iter().map(|bin| bin.files).max().unwrap_or(0);
    if bins.len() < 2 || most == 0 {
        return String::new();
    }
    let full = match theme.charset {
        Charset::Unicode => "█",
        Charset::Ascii => "#",
    };
    let bar = |files: u64| {
        let columns = (u128::from(files) * BAR as u128).div_ceil(u128::from(most));
        full.repeat(usize::try_from(columns).unwrap_or(0))
    };
    let rows = bins
        .iter()
        .filter(|bin| bin.files > 0)
        .map(|bin| {
            Row::from(vec![
                format!("up to {}", binary(bin.to)).into(),
                files_of(bin.files).into(),
                Amount::Bytes(bin.bytes).to_string().into(),
                // Not cleaned text but ours; on a narrow terminal it is what goes.
                Cell::styled(DIM, bar(bin.files)),
            ])
        })
        .collect();
    let columns = [Column::Right, Column::Right, Column::Right, Column::Left];
    table(2, &columns, rows, theme)
}

/// A power of two: `256 KiB`.
fn binary(bytes: u64) -> String {
    let power = bytes.checked_ilog2().unwrap_or(0);
    let unit = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let index = (power / 10).min(6);
    format!("{} {}", bytes >> (10 * index), unit[index as usize])
}

/// For a program.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "Scan")]
pub struct ScanJson {
    pub url: String,
    /// Of the bucket.
    pub region: String,
    pub files: u64,
    pub bytes: u64,
    /// Keys that end in `/`, which are no files.
    pub folder_markers: u64,
    /// Files in Glacier or Deep Archive, which nobody can read before they are restored.
    pub archived: u64,
    /// The largest file that was seen.
    pub largest: Option<LargestJson>,
    /// Sizes that half, nine of ten and 99 of 100 files do not exceed, to a sixteenth.
    pub percentiles: Option<Percentiles>,
    pub histogram: Vec<BinJson>,
    /// Null: not known, since not every object was listed, or not in order.
    pub directories: Option<u64>,
    pub largest_directory: Option<LargestDirectory>,
    /// Null: every object was counted.
    pub estimate: Option<EstimateJson>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LargestJson {
    pub key: String,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Percentiles {
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
}

/// Files larger than `from` and up to `to`, bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BinJson {
    pub from: u64,
    pub to: u64,
    pub files: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LargestDirectory {
    pub path: String,
    /// In it, and not in directories below it.
    pub files: u64,
}

/// How an estimate was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EstimateJson {
    /// The first objects, which were counted.
    pub counted: u64,
    /// Objects behind them that were looked at.
    pub sampled: u64,
    pub rounds: u32,
    /// Twice the standard error over the rounds, of each thousand.
    pub files_permille: u64,
    pub bytes_permille: u64,
}

/// Bins in JSON: finer than on a screen.
const MOST_BINS_JSON: usize = 32;

impl From<&Scanned> for ScanJson {
    fn from(scanned: &Scanned) -> Self {
        let Scanned { url, region, found } = scanned;
        let size = |permille| found.sizes.permille(permille);
        let percentiles = size(500).zip(size(900)).zip(size(990));
        let bins = found.bins(MOST_BINS_JSON).into_iter();
        let directories = found.directories.as_ref();
        Self {
            url: url.clone(),
            region: region.clone(),
            files: found.files,
            bytes: found.bytes,
            folder_markers: found.markers,
            archived: found.archived,
            largest: found
                .largest
                .as_ref()
                .map(|largest| LargestJson { key: largest.key.clone(), bytes: largest.bytes }),
            percentiles: percentiles.map(|((p50, p90), p99)| Percentiles { p50, p90, p99 }),
            histogram: bins.map(|Bin { from, to, files, bytes }| BinJson { from, to, files, bytes }).collect(),
            directories: directories.map(|all| all.count),
            largest_directory: directories
                .and_then(|all| all.largest.clone())
                .map(|(path, files)| LargestDirectory { path, files }),
            estimate: match found.how {
                How::Counted => None,
                How::Estimated { counted, sampled, rounds, files_permille, bytes_permille } => {
                    Some(EstimateJson { counted, sampled, rounds, files_permille, bytes_permille })
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::scan::Tally;

    fn scanned(how: How) -> Scanned {
        let mut tally = Tally::below("train/");
        for n in 0..1200_u64 {
            tally.add(&format!("train/{:02}/{n:06}.mp4", n / 100), 18_000_000 + n * 10_000 * (n % 7), n % 400 == 0);
        }
        tally.add("train/index.parquet", 3000, false);
        let mut found = tally.end();
        if how != How::Counted {
            found.directories = None;
        }
        let (url, region) = ("s3://acme-video/train".to_owned(), "us-east-1".to_owned());
        Scanned { url, region, found: Found { how, ..found } }
    }

    fn estimated() -> How {
        How::Estimated { counted: 1000, sampled: 5400, rounds: 4, files_permille: 12, bytes_permille: 31 }
    }

    #[test]
    fn for_a_person() {
        assert_snapshot!(text(&scanned(How::Counted), &Theme::plain()));
        assert_snapshot!(text(&scanned(estimated()), &Theme { width: 60, charset: Charset::Ascii, ..Theme::plain() }));
        let nothing = Scanned { found: Tally::below("").end(), ..scanned(How::Counted) };
        assert!(text(&nothing, &Theme::plain()).contains("is the prefix right?"));
    }

    #[test]
    fn progress_in_the_columns_of_a_run() {
        let told = [
            Progress::Counted { objects: 1, bytes: 5 },
            Progress::Counted { objects: 250_000, bytes: 5_300_000_000_000 },
            Progress::Sampled { rounds: 1, objects: 31_415 },
        ];
        let lines: Vec<String> =
            told.iter().map(|each| line("s3://acme/train", *each, 65.0, &Theme::plain())).collect();
        assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn for_a_program() {
        assert_snapshot!(serde_json::to_string_pretty(&ScanJson::from(&scanned(estimated()))).expect("JSON"));
    }

    #[test]
    fn powers_of_two_in_words() {
        let words: Vec<String> = [0, 1, 20, 34, 63].iter().map(|power| binary(1_u64 << power)).collect();
        assert_eq!(words, ["1 B", "2 B", "1 MiB", "16 GiB", "8 EiB"]);
        assert_eq!(binary(0), "0 B");
    }
}
