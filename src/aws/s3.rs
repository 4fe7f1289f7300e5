//! Buckets: whether they exist, where, and whether we may look; and the reports that FSx leaves in them. Nothing in here
//! writes or deletes.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::types::BucketVersioningStatus;
use tokio::task::JoinSet;

use super::Aws;
use super::error::{Explain as _, found};
use crate::cloud::{Bucket, Class, CloudError, Excerpt};

impl Aws {
    /// Asks for all of them at once.
    pub(super) async fn buckets(&self, names: &BTreeSet<String>) -> Result<BTreeMap<String, Bucket>, CloudError> {
        let mut asked = JoinSet::new();
        for name in names.iter().cloned() {
            let aws = self.clone();
            asked.spawn(async move {
                let bucket = aws.bucket(&name).await?;
                Ok((name, bucket))
            });
        }
        asked.join_all().await.into_iter().collect()
    }

    async fn bucket(&self, name: &str) -> Result<Bucket, CloudError> {
        let outcome = self.s3.head_bucket().bucket(name).send().await;
        // S3 tells the region whatever else it answers, except 404 (S3 API Reference, HeadBucket).
        let told = outcome.as_ref().err().and_then(|error| error.raw_response()).map(|raw| {
            let region = raw.headers().get("x-amz-bucket-region").map(str::to_owned);
            (raw.status().as_u16(), region)
        });
        match (outcome, told) {
            (Ok(answer), _) => Ok(Bucket::InRegion(answer.bucket_region.unwrap_or_else(|| self.region.clone()))),
            (Err(_), Some((404, _))) => Ok(Bucket::Missing),
            (Err(_), Some((403, region))) => Ok(Bucket::Denied { region }),
            // Asked in another region: moved permanently, or the signature is for the wrong one. It exists all the same.
            (Err(_), Some((301 | 307 | 400, Some(region)))) => Ok(Bucket::InRegion(region)),
            (Err(error), _) => Err(Err::<(), _>(error).look("s3:HeadBucket").expect_err("it is an error")),
        }
    }

    /// The first bytes of an object. None: there is none.
    pub(super) async fn beginning_of(&self, url: &str, most: u64) -> Result<Option<Excerpt>, CloudError> {
        let operation = "s3:GetObject";
        let Some((bucket, key)) = url.strip_prefix("s3://").and_then(|rest| rest.split_once('/')) else {
            return Err(CloudError::new(operation, Class::Invalid, format!("`{url}` names no object")));
        };
        let call = self.s3.get_object().bucket(bucket).key(key).range(format!("bytes=0-{}", most.saturating_sub(1)));
        let answer = match found(call.send().await.look(operation)) {
            Ok(Some(answer)) => answer,
            Ok(None) => return Ok(None),
            // No byte is in a range of nothing.
            Err(error) if error.code.as_deref() == Some("InvalidRange") => {
                return Ok(Some(Excerpt { text: String::new(), is_whole: true }));
            }
            Err(error) => return Err(error),
        };
        // `bytes 0-99/1234`
        let whole = answer.content_range().and_then(|range| range.rsplit('/').next()?.parse().ok());
        let bytes =
            answer.body.collect().await.map_err(|error| {
                CloudError::new(operation, Class::Transient, format!("the answer broke off: {error}"))
            })?;
        let bytes = bytes.into_bytes();
        let is_whole = whole.is_none_or(|whole: u64| whole <= bytes.len() as u64);
        Ok(Some(Excerpt { text: String::from_utf8_lossy(&bytes).into_owned(), is_whole }))
    }

    /// Suspended versioning keeps nothing new.
    pub(super) async fn is_versioned(&self, name: &str) -> Result<bool, CloudError> {
        let answer = self.s3.get_bucket_versioning().bucket(name).send().await.look("s3:GetBucketVersioning")?;
        Ok(answer.status() == Some(&BucketVersioningStatus::Enabled))
    }
}
