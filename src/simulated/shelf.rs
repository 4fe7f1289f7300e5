//! Things by key, with what a reader still sees of the past: AWS answers from copies that lag behind.
//!
//! A change hides behind the value before it until a moment given with it. Changes made while one is hidden come to
//! light together with it, so no change stays hidden longer than the first one's bound.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Shelf<K, T> {
    items: BTreeMap<K, Lagged<T>>,
}

#[derive(Debug)]
struct Lagged<T> {
    now: Option<T>,
    /// What readers see before `until`.
    before: Option<T>,
    until: Duration,
}

impl<T> Lagged<T> {
    fn seen(&self, at: Duration) -> Option<&T> {
        if at < self.until { self.before.as_ref() } else { self.now.as_ref() }
    }
}

impl<K, T> Default for Shelf<K, T> {
    fn default() -> Self {
        Self { items: BTreeMap::new() }
    }
}

impl<K: Ord + Clone, T: Clone> Shelf<K, T> {
    /// Puts or replaces; readers see it from `until` on.
    pub(super) fn put(&mut self, key: K, value: T, at: Duration, until: Duration) {
        self.set(key, Some(value), at, until);
    }

    /// Takes away; readers still see it before `until`.
    pub(super) fn remove<Q>(&mut self, key: &Q, at: Duration, until: Duration) -> Option<T>
    where
        K: Borrow<Q>,
        Q: Ord + ToOwned<Owned = K> + ?Sized,
    {
        let gone = self.get(key)?.clone();
        self.set(key.to_owned(), None, at, until);
        Some(gone)
    }

    /// Changes in a way that readers see from `until` on.
    pub(super) fn change<Q>(&mut self, key: &Q, at: Duration, until: Duration, change: impl FnOnce(&mut T))
    where
        K: Borrow<Q>,
        Q: Ord + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(mut value) = self.get(key).cloned() {
            change(&mut value);
            self.set(key.to_owned(), Some(value), at, until);
        }
    }

    fn set(&mut self, key: K, value: Option<T>, at: Duration, until: Duration) {
        self.items.retain(|_, item| item.now.is_some() || at < item.until);
        let item = self.items.entry(key).or_insert(Lagged { now: None, before: None, until: Duration::ZERO });
        let old = std::mem::replace(&mut item.now, value);
        if at >= item.until {
            item.before = old;
            item.until = until;
        }
    }

    /// As it is.
    pub(super) fn get<Q>(&self, key: &Q) -> Option<&T>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.items.get(key)?.now.as_ref()
    }

    /// For what happens to a thing by itself: nothing hides it.
    pub(super) fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut T>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.items.get_mut(key)?.now.as_mut()
    }

    /// As a reader sees it.
    pub(super) fn seen<Q>(&self, key: &Q, at: Duration) -> Option<&T>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.items.get(key)?.seen(at)
    }

    /// All, as they are.
    pub(super) fn all(&self) -> impl Iterator<Item = (&K, &T)> {
        self.items.iter().filter_map(|(key, item)| Some((key, item.now.as_ref()?)))
    }

    /// All, as a reader sees them.
    pub(super) fn all_seen(&self, at: Duration) -> impl Iterator<Item = (&K, &T)> {
        self.items.iter().filter_map(move |(key, item)| Some((key, item.seen(at)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn made_is_hidden_and_removed_is_shown_for_a_while() {
        let mut shelf = Shelf::default();
        shelf.put("a", 1, s(0), s(10));
        assert_eq!((shelf.get(&"a"), shelf.seen(&"a", s(9)), shelf.seen(&"a", s(10))), (Some(&1), None, Some(&1)));
        shelf.remove(&"a", s(20), s(30));
        assert_eq!((shelf.get(&"a"), shelf.seen(&"a", s(29)), shelf.seen(&"a", s(30))), (None, Some(&1), None));
        assert_eq!(shelf.all().count() + shelf.all_seen(s(30)).count(), 0);
    }

    #[test]
    fn a_second_change_is_not_hidden_longer_than_the_first() {
        let mut shelf = Shelf::default();
        shelf.put("a", 1, s(0), s(0));
        shelf.change(&"a", s(1), s(5), |value| *value = 2);
        shelf.change(&"a", s(4), s(9), |value| *value = 3);
        assert_eq!((shelf.seen(&"a", s(4)), shelf.seen(&"a", s(5))), (Some(&1), Some(&3)));
    }
}
