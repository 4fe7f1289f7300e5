//! The arguments of `advise`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::PlanFormat;

/// Below the options of `advise`.
pub(super) const ADVISE: &str = "Examples:\n  \
    provision advise                                 from cluster.toml\n  \
    provision advise job.toml --plot frontier.svg    and a picture: cost against throughput\n  \
    provision advise job.toml --scan                 and what lies in the datasets' buckets\n  \
    provision advise --scan s3://acme-video/train    without a spec\n  \
    provision advise now.toml --compare next.toml    side by side\n\n\
    Works offline and without credentials, but for --scan, which lists buckets (s3:ListBucket) and reads no object.";

#[derive(Debug, Args)]
pub(in crate::cli) struct Advise {
    /// The spec; every table of it may be missing
    #[arg(value_name = "SPEC", default_value = "cluster.toml")]
    pub spec: PathBuf,
    /// Other specs, to be held against SPEC side by side
    #[arg(long, value_name = "SPEC", num_args = 1..)]
    pub compare: Vec<PathBuf>,
    /// List what lies below a place in S3 and count it; may be given several times. Without a place: the datasets of the spec
    #[arg(long, value_name = "s3://BUCKET/PREFIX", num_args = 0..=1, default_missing_value = "", value_parser = place)]
    pub scan: Vec<ScanPlace>,
    /// Count so many objects at a place; a larger one is estimated from samples, and told so
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = limit)]
    pub scan_limit: u64,
    /// Text for a terminal, Markdown for a pull request, JSON for a program [default: text]
    #[arg(long, value_enum)]
    pub format: Option<AdviceFormat>,
    /// Write it to a file as well; may be given several times. Its form is that of --format, else told by the ending: .md, .txt,
    /// else JSON. With --format there is no other output
    #[arg(long, value_name = "FILE")]
    pub out: Vec<PathBuf>,
    /// Draw what more money buys: cost against throughput, as SVG
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
    /// Prices of your own, one `item price` a line as `prices show` has them: they win over the table's
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum AdviceFormat {
    #[default]
    Text,
    Json,
    Markdown,
}

impl AdviceFormat {
    pub(in crate::cli) fn of(file: &Path) -> Self {
        match PlanFormat::of(file) {
            PlanFormat::Markdown => Self::Markdown,
            PlanFormat::Text => Self::Text,
            PlanFormat::Json | PlanFormat::Html => Self::Json,
        }
    }
}

/// What to scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum ScanPlace {
    /// All of the spec.
    Datasets,
    Bucket {
        bucket: String,
        /// Without a slash at its ends.
        prefix: String,
    },
}

fn limit(text: &str) -> Result<u64, String> {
    text.replace('_', "")
        .parse()
        .ok()
        .filter(|limit| *limit > 0)
        .ok_or_else(|| "a number from 1 up, such as 5000000".to_owned())
}

fn place(text: &str) -> Result<ScanPlace, String> {
    if text.is_empty() {
        return Ok(ScanPlace::Datasets);
    }
    let Some(rest) = text.strip_prefix("s3://") else {
        return Err(
            "a place is written like `s3://acme-video/train`; to scan the datasets of a spec, put `--scan` behind it: \
             `provision advise cluster.toml --scan`"
                .to_owned(),
        );
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(is_name) {
        return Err("the name of a bucket has 3 to 63 small letters, digits, hyphens and dots".to_owned());
    }
    Ok(ScanPlace::Bucket { bucket: bucket.to_owned(), prefix: prefix.trim_matches('/').to_owned() })
}
