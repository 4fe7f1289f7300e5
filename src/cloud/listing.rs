//! The objects of a bucket, page by page. It only reads names and sizes.

use std::future::Future;

use super::Result;

/// Objects on a page at most (S3 API Reference, ListObjectsV2, checked 2026-11).
pub const OBJECTS_A_PAGE: u16 = 1000;

/// Which page of which objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    pub bucket: String,
    /// Only keys that begin so; empty: all.
    pub prefix: String,
    /// Only keys beyond this one, in the order of their bytes.
    pub after: Option<String>,
    /// Of the page before: goes on where that ended, whatever `after` says.
    pub token: Option<String>,
    /// At most [`OBJECTS_A_PAGE`].
    pub most: u16,
}

impl Listing {
    /// The first page of all that is below a prefix.
    pub fn of(bucket: &str, prefix: &str) -> Self {
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        Self { bucket, prefix, after: None, token: None, most: OBJECTS_A_PAGE }
    }
}

/// One object, as the list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub key: String,
    pub bytes: u64,
    /// It has to be restored before anybody can read it.
    pub is_archived: bool,
}

/// A page of a list, in the order of the keys' bytes. Buckets of S3 Express One Zone (`…--x-s3`) have no order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedPage {
    pub objects: Vec<Listed>,
    /// None: this was the last page.
    pub next: Option<String>,
}

/// The part of a cloud that lists objects.
pub trait Objects {
    fn list(&self, listing: &Listing) -> impl Future<Output = Result<ListedPage>> + Send;
}
