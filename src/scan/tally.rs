//! What is counted of objects, one at a time.

use super::directories::{Counting, Directories};
use super::sizes::{Bin, Sizes};

/// The largest file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Largest {
    pub key: String,
    pub bytes: u64,
}

/// Counts objects as they come.
#[derive(Debug, Clone)]
pub struct Tally {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) markers: u64,
    pub(super) archived: u64,
    pub(super) largest: Option<Largest>,
    pub(super) sizes: Sizes,
    pub(super) directories: Counting,
}

impl Tally {
    /// Of what is below a prefix.
    pub fn below(prefix: &str) -> Self {
        Self {
            files: 0,
            bytes: 0,
            markers: 0,
            archived: 0,
            largest: None,
            sizes: Sizes::default(),
            directories: Counting::below(prefix),
        }
    }

    pub fn add(&mut self, key: &str, bytes: u64, is_archived: bool) {
        self.directories.add(key);
        // What consoles make for a folder: a directory to FSx, and no file.
        if key.ends_with('/') {
            self.markers += 1;
            return;
        }
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.archived += u64::from(is_archived);
        self.sizes.add(bytes, 1.0);
        if self.largest.as_ref().is_none_or(|largest| largest.bytes < bytes) {
            self.largest = Some(Largest { key: key.to_owned(), bytes });
        }
    }

    /// Objects so far, markers of folders included.
    pub const fn objects(&self) -> u64 {
        self.files + self.markers
    }

    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Keys have come in the order of their bytes.
    pub const fn is_in_order(&self) -> bool {
        self.directories.is_in_order()
    }

    /// Everything was listed.
    pub fn end(self) -> Found {
        let Self { files, bytes, markers, archived, largest, sizes, directories } = self;
        let directories = directories.end();
        Found { files, bytes, markers, archived, largest, sizes, directories, how: How::Counted }
    }
}

/// What is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub files: u64,
    pub bytes: u64,
    /// Keys that end in `/`.
    pub markers: u64,
    /// Files in an archive class, that nobody can read before they are restored.
    pub archived: u64,
    /// Of those that were seen.
    pub largest: Option<Largest>,
    pub sizes: Sizes,
    /// None: nobody knows, since not all was listed, or in no order.
    pub directories: Option<Directories>,
    pub how: How,
}

/// How that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Every object was seen.
    Counted,
    /// The first ones were counted, what lies behind them was estimated.
    Estimated {
        /// Objects that were counted.
        counted: u64,
        /// Further objects that were looked at.
        sampled: u64,
        /// Independent estimates that the rest is the mean of.
        rounds: u32,
        /// Twice the standard error of the number of files and of their bytes, of each thousand.
        files_permille: u64,
        bytes_permille: u64,
    },
}

impl Found {
    /// How sizes are spread.
    pub fn bins(&self, most: usize) -> Vec<Bin> {
        self.sizes.bins(most)
    }

    pub fn mean(&self) -> Option<u64> {
        self.bytes.checked_div(self.files)
    }

    pub const fn is_estimate(&self) -> bool {
        matches!(self.how, How::Estimated { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted() {
        let mut tally = Tally::below("t/");
        tally.add("t/", 0, false);
        tally.add("t/a", 10, false);
        tally.add("t/b", 30, true);
        tally.add("t/c/d", 20, false);
        assert_eq!((tally.objects(), tally.bytes()), (4, 60));
        let found = tally.end();
        assert_eq!((found.files, found.bytes, found.markers, found.archived), (3, 60, 1, 1));
        assert_eq!(found.largest, Some(Largest { key: "t/b".to_owned(), bytes: 30 }));
        assert_eq!((found.mean(), found.how), (Some(20), How::Counted));
        assert_eq!(found.directories, Some(Directories { count: 2, largest: Some(("t/".to_owned(), 2)) }));
        assert_eq!(Tally::below("").end().mean(), None);
    }
}
