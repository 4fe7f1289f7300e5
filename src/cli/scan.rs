//! Lists buckets for `advise`: where each is, what is in it, and what to say when nobody may look.

use std::time::Instant;

use indicatif::ProgressDrawTarget;
use tokio_util::sync::CancellationToken;

use super::connect::{Connected, connect, connect_in};
use super::exit::{Expected, cloud};
use super::output;
use super::settings::Settings;
use super::signals;
use crate::apply::scan::{NotScanned, Progress, Target, scan};
use crate::cloud::{Bucket, Class, Cloud, CloudError, Identity, Questions};
use crate::diagnostic::Diagnostic;
use crate::render::progress::Spinner;
use crate::render::scan::{Scanned, line, words};

/// Without a terminal, a line of progress after so many objects more.
const OBJECTS_A_LINE: u64 = 100_000;

/// A place in S3.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub bucket: String,
    /// Without a slash at its ends; empty: all of the bucket.
    pub prefix: String,
}

impl Place {
    fn url(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix).trim_end_matches('/').to_owned()
    }

    /// As S3 has it: what is in a folder, and not in another one whose name begins alike.
    fn key_prefix(&self) -> String {
        if self.prefix.is_empty() { String::new() } else { format!("{}/", self.prefix) }
    }

    /// All that is in the other is in this one, too.
    fn holds(&self, other: &Self) -> bool {
        self.bucket == other.bucket && other.key_prefix().starts_with(&self.key_prefix())
    }
}

/// Each place once, and none that lies in another one: nothing is counted twice.
pub(super) fn apart(mut places: Vec<Place>) -> Vec<Place> {
    places.sort();
    places.dedup();
    let all = places.clone();
    places.retain(|place| !all.iter().any(|other| other != place && other.holds(place)));
    places
}

/// Scans them, one after the other. None: the user has stopped it.
pub(super) async fn scan_all(
    places: &[Place],
    limit: u64,
    spec_region: Option<&str>,
    settings: &Settings,
) -> anyhow::Result<Option<Vec<Scanned>>> {
    let connected = connect(settings, spec_region).await?;
    let stop = signals::stop_on_signal()?;
    let here = tokio::select! {
        biased;
        () = stop.cancelled() => return Ok(None),
        identity = connected.identity() => identity.map_err(|error| cloud(error, "look into S3"))?,
    };
    let mut found = Vec::new();
    for place in places {
        match scan_one(place, limit, &connected, &here, settings, &stop).await {
            Ok(scanned) => found.push(scanned),
            Err(Ended::Interrupted) => return Ok(None),
            Err(Ended::Failed(error)) => return Err(error),
        }
    }
    Ok(Some(found))
}

enum Ended {
    Interrupted,
    Failed(anyhow::Error),
}

async fn scan_one(
    place: &Place,
    limit: u64,
    connected: &Connected,
    here: &Identity,
    settings: &Settings,
    stop: &CancellationToken,
) -> Result<Scanned, Ended> {
    let url = place.url();
    let region = region(place, connected, here).await.map_err(Ended::Failed)?;
    let elsewhere = match region.as_str() {
        region if region == here.region => None,
        region => Some(connect_in(settings, region).await.map_err(Ended::Failed)?),
    };
    let target = Target { bucket: place.bucket.clone(), prefix: place.key_prefix(), limit };
    let mut teller = Teller::new(&url, settings);
    let found = scan(elsewhere.as_ref().unwrap_or(connected), &target, stop, |progress| teller.tell(progress)).await;
    drop(teller);
    match found {
        Ok(found) => Ok(Scanned { url, region, found }),
        Err(NotScanned::Interrupted) => Err(Ended::Interrupted),
        Err(NotScanned::Cloud(error)) => Err(Ended::Failed(refused(&url, place, here, error))),
        Err(NotScanned::Unordered) => {
            let complaint = Diagnostic::error(
                "scan::unordered",
                "more objects than can be counted, and no way to estimate",
            )
            .note(format!(
                "{url} holds more than {limit}, and its bucket lists them in no order, as S3 Express One Zone does"
            ))
            .help("count all of them with a larger `--scan-limit`, or say `dataset_size` and `files` in `[workload]`");
            Err(Ended::Failed(Expected::Diagnostics(vec![complaint]).into()))
        }
    }
}

/// Where the bucket is. One that may only be listed below a prefix refuses this question, and may answer the next one.
async fn region(place: &Place, connected: &Connected, here: &Identity) -> anyhow::Result<String> {
    let questions = Questions { buckets: [place.bucket.clone()].into(), ..Questions::default() };
    let survey = connected.survey(&questions).await.map_err(|error| cloud(error, "look into S3"))?;
    match survey.buckets.get(&place.bucket) {
        Some(Bucket::InRegion(region) | Bucket::Denied { region: Some(region) }) => Ok(region.clone()),
        Some(Bucket::Denied { region: None }) | None => Ok(here.region.clone()),
        Some(Bucket::Missing) => {
            let complaint = Diagnostic::error("scan::bucket", "there is no such bucket")
                .note(format!("`{}` was not found", place.bucket))
                .help("check the name; `aws s3 ls` lists those of the account");
            Err(Expected::Diagnostics(vec![complaint]).into())
        }
    }
}

fn refused(url: &str, place: &Place, here: &Identity, error: CloudError) -> anyhow::Error {
    match error.class {
        Class::Denied => {
            let arn = format!("arn:{}:s3:::{}", here.partition, place.bucket);
            let complaint =
                Diagnostic::error("scan::denied", format!("may not list {url}")).note(error.to_string()).help(format!(
                    "allow `s3:ListBucket` on `{arn}`; `provision iam --plan` has it for the datasets of a spec"
                ));
            Expected::Diagnostics(vec![complaint]).into()
        }
        _ => cloud(error, "list the objects of a bucket"),
    }
}

/// Says how far it is: a moving line on a terminal, else a line now and then.
struct Teller<'a> {
    url: &'a str,
    settings: &'a Settings,
    spinner: Option<Spinner>,
    began: Instant,
    /// Objects at which the next line is due.
    next: u64,
}

impl<'a> Teller<'a> {
    fn new(url: &'a str, settings: &'a Settings) -> Self {
        let spinner = settings.animated.then(|| Spinner::new(ProgressDrawTarget::stderr(), url, &settings.err));
        Self { url, settings, spinner, began: Instant::now(), next: OBJECTS_A_LINE }
    }

    fn tell(&mut self, progress: Progress) {
        let is_due = match progress {
            Progress::Counted { objects, bytes: _ } => objects >= self.next,
            Progress::Sampled { .. } => true,
        };
        if let Some(spinner) = &self.spinner {
            spinner.tell(&words(progress));
        } else if is_due && !self.settings.quiet {
            if let Progress::Counted { objects, bytes: _ } = progress {
                self.next = objects - objects % OBJECTS_A_LINE + OBJECTS_A_LINE;
            }
            output::say(&line(self.url, progress, self.began.elapsed().as_secs_f64(), &self.settings.err));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_place_is_counted_twice() {
        let place = |bucket: &str, prefix: &str| Place { bucket: bucket.to_owned(), prefix: prefix.to_owned() };
        let places = vec![
            place("b", "train"),
            place("a", ""),
            place("a", "x"),
            place("b", "train2"),
            place("b", "train/1"),
            place("b", "train"),
        ];
        assert_eq!(apart(places), [place("a", ""), place("b", "train"), place("b", "train2")]);
        assert_eq!(place("b", "").url(), "s3://b");
        assert_eq!(place("b", "train").key_prefix(), "train/");
    }
}
