//! Objects of a bucket: ListObjectsV2, a page a call.
//!
//! Keys come URL-encoded, since XML cannot hold all that a key may (S3 API Reference, ListObjectsV2, `encoding-type`).

use aws_sdk_s3::types::{EncodingType, Object, ObjectStorageClass};

use super::Aws;
use super::convert::url_decoded;
use super::error::Explain as _;
use crate::cloud::{Class, CloudError, Listed, ListedPage, Listing, OBJECTS_A_PAGE, Objects, Result};

const OPERATION: &str = "s3:ListObjectsV2";

impl Objects for Aws {
    async fn list(&self, listing: &Listing) -> Result<ListedPage> {
        let Listing { bucket, prefix, after, token, most } = listing;
        let answer = self
            .s3
            .list_objects_v2()
            .bucket(bucket)
            .set_prefix(Some(prefix.clone()).filter(|prefix| !prefix.is_empty()))
            .set_start_after(after.clone().filter(|_| token.is_none()))
            .set_continuation_token(token.clone())
            .max_keys((*most).min(OBJECTS_A_PAGE).into())
            .encoding_type(EncodingType::Url)
            .send()
            .await
            .look(OPERATION)?;
        let is_encoded = answer.encoding_type == Some(EncodingType::Url);
        let objects = answer.contents.unwrap_or_default();
        let next = match (answer.is_truncated, answer.next_continuation_token) {
            (Some(true), None) => {
                let message = "the answer says that there is more, and not where";
                return Err(CloudError::new(OPERATION, Class::Unknown, message));
            }
            (Some(true), token) => token,
            (Some(false) | None, _) => None,
        };
        Ok(ListedPage { objects: objects.into_iter().filter_map(|object| listed(object, is_encoded)).collect(), next })
    }
}

fn listed(object: Object, is_encoded: bool) -> Option<Listed> {
    let key = object.key?;
    // A space is written `+`, and a plus `%2B`.
    let key = if is_encoded { url_decoded(&key.replace('+', " ")) } else { key };
    let bytes = object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
    // S3 User Guide, "Restoring an archived object". Glacier Instant Retrieval is read like any other class.
    let is_archived =
        matches!(object.storage_class, Some(ObjectStorageClass::Glacier | ObjectStorageClass::DeepArchive));
    Some(Listed { key, bytes, is_archived })
}
