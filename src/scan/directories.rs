//! Directories of keys that come in order: only those that the last key lies in are kept, however many there are.

/// How files are spread over directories. The one that is linked counts as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directories {
    pub count: u64,
    /// The one that holds most files itself, as a key that ends in `/`, and how many.
    pub largest: Option<(String, u64)>,
}

/// Counts them. All keys of a directory come one after the other, since they begin alike and are in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Counting {
    last: String,
    /// Where in `last` each open directory ends, outermost first, and how many files it holds itself.
    open: Vec<(usize, u64)>,
    /// The part of all keys that is no directory of the dataset.
    base: usize,
    count: u64,
    largest: Option<(String, u64)>,
    is_out_of_order: bool,
}

impl Counting {
    /// Of the keys below a prefix: `train/vid` selects some of the directory `train/`.
    pub(super) fn below(prefix: &str) -> Self {
        Self { base: directory_end(prefix), ..Self::default() }
    }

    /// A file, or a directory's own marker: a key that ends in `/`.
    pub(super) fn add(&mut self, key: &str) {
        if self.is_out_of_order || (!self.open.is_empty() && key < self.last.as_str()) {
            self.is_out_of_order = true;
            return;
        }
        while let Some((end, _)) = self.open.last() {
            if key.as_bytes().get(..*end) == self.last.as_bytes().get(..*end) {
                break;
            }
            self.close();
        }
        self.last.clear();
        self.last.push_str(key);
        let known = self.open.last().map_or(self.base, |(end, _)| *end);
        if self.open.is_empty() {
            self.open.push((self.base, 0));
        }
        let slashes = key.bytes().enumerate().skip(known).filter(|(_, byte)| *byte == b'/');
        self.open.extend(slashes.map(|(at, _)| (at + 1, 0)));
        if let Some((_, files)) = self.open.last_mut().filter(|_| !key.ends_with('/')) {
            *files += 1;
        }
    }

    pub(super) const fn is_in_order(&self) -> bool {
        !self.is_out_of_order
    }

    fn close(&mut self) {
        let Some((end, files)) = self.open.pop() else { return };
        self.count += 1;
        if files > self.largest.as_ref().map_or(0, |(_, most)| *most) {
            self.largest = self.last.get(..end).map(|path| (path.to_owned(), files));
        }
    }

    /// None: the keys came in no order, so nobody knows.
    pub(super) fn end(mut self) -> Option<Directories> {
        while !self.open.is_empty() {
            self.close();
        }
        let Self { count, largest, is_out_of_order, last: _, open: _, base: _ } = self;
        (!is_out_of_order).then_some(Directories { count, largest })
    }
}

fn directory_end(key: &str) -> usize {
    key.rfind('/').map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn count(prefix: &str, keys: &[&str]) -> Option<Directories> {
        let mut counting = Counting::below(prefix);
        for key in keys {
            counting.add(key);
        }
        counting.end()
    }

    #[test]
    fn directories_are_counted_once() {
        let found = count("t/", &["t/a", "t/b/", "t/b/1", "t/b/2", "t/c/d/e", "t/y", "t/z"]).expect("in order");
        assert_eq!((found.count, found.largest), (4, Some(("t/".to_owned(), 3))));
        assert_eq!(count("", &[]), Some(Directories { count: 0, largest: None }));
        assert_eq!(count("t/vid", &["t/vid1", "t/video/1"]).expect("in order").count, 2);
        assert_eq!(count("", &["b", "a"]), None);
    }

    proptest! {
        #[test]
        fn as_many_as_a_count_that_keeps_all_of_them(
            keys in prop::collection::btree_set("([a-c!]{1,2}/){0,3}[a-c!0]{1,2}/?", 1..60),
        ) {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let mut all = BTreeSet::from([""]);
            let mut files = BTreeMap::<&str, u64>::new();
            for key in &keys {
                all.extend(key.bytes().enumerate().filter(|(_, byte)| *byte == b'/').map(|(at, _)| &key[..=at]));
                if !key.ends_with('/') {
                    *files.entry(&key[..directory_end(key)]).or_default() += 1;
                }
            }
            let found = count("", &keys).expect("in order");
            prop_assert_eq!(found.count, all.len() as u64);
            prop_assert_eq!(found.largest.map(|(_, most)| most), files.values().max().copied());
        }
    }
}
