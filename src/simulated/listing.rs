//! Objects of buckets, as S3 lists them: in the order of their keys, a page at a time.

use std::ops::Bound;

use super::client::{Call, Simulated};
use super::world::{Answer, World, refuse};
use crate::cloud::{Bucket, Class, Listed, ListedPage, Listing, OBJECTS_A_PAGE, Objects, Result};

impl Objects for Simulated {
    async fn list(&self, listing: &Listing) -> Result<ListedPage> {
        self.request(Call::read("s3:ListObjectsV2"), |world| world.list(listing)).await
    }
}

impl World {
    fn list(&self, listing: &Listing) -> Answer<ListedPage> {
        let Listing { bucket, prefix, after, token, most } = listing;
        match self.settings.buckets.get(bucket) {
            Some(Bucket::Missing) => {
                return refuse(Class::NotFound, "NoSuchBucket", "The specified bucket does not exist");
            }
            Some(Bucket::Denied { region: _ }) => return refuse(Class::Denied, "AccessDenied", "Access Denied"),
            Some(Bucket::InRegion(region)) if *region != self.settings.region => {
                return refuse(Class::Unknown, "PermanentRedirect", "The bucket must be addressed by its endpoint");
            }
            Some(Bucket::InRegion(_)) | None => {}
        }
        let after = token.as_ref().or(after.as_ref()).filter(|after| *after >= prefix);
        let from = after.map_or(Bound::Included(prefix.as_str()), |after| Bound::Excluded(after.as_str()));
        let mut below = self
            .settings
            .objects
            .get(bucket)
            .into_iter()
            .flat_map(|objects| objects.range::<str, _>((from, Bound::Unbounded)))
            .take_while(|(key, _)| key.starts_with(prefix.as_str()));
        let most = usize::from((*most).min(OBJECTS_A_PAGE));
        let listed = |(key, bytes): (&String, &u64)| Listed { key: key.clone(), bytes: *bytes, is_archived: false };
        let objects: Vec<Listed> = below.by_ref().take(most).map(listed).collect();
        let next = below.next().and_then(|_| objects.last()).map(|last| last.key.clone());
        Ok(ListedPage { objects, next })
    }
}
