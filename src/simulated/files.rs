//! Files on file systems, as counts: which are only there, which have a copy in S3, and which are lost.

use std::collections::BTreeMap;
use std::time::Duration;

use super::clock::VirtualClock;
use super::efs::storage_of;
use super::settings::QueueTold;
use super::world::{Due, World};
use crate::cloud::QueuePoint;
use crate::desired::{Link, Resource};
use crate::observed::State;
use crate::spec::Flow;

/// Files of one file system, by directory.
pub(super) type Files = BTreeMap<String, Counts>;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// New or changed since the last export.
    pub dirty: u64,
    /// With their copy in S3.
    pub exported: u64,
}

/// What cannot be made good again, counted over a world's life.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Files below a link that were gone before they were exported.
    pub lost: u64,
    /// The same below links whose spec says that nothing is exported on `down`.
    pub given_up: u64,
    /// The same outside all links, where nothing can be exported.
    pub lost_unlinked: u64,
    /// Only ever by the user's own export of deletions.
    pub objects_deleted: u64,
    /// How many of these users caused by deleting files.
    pub files_deleted: u64,
    /// What clients did to things that are not theirs.
    pub touched: Vec<String>,
}

/// Whether a path is a directory or below it.
pub(super) fn below(path: &str, directory: &str) -> bool {
    directory == "/" || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl World {
    /// The links of a file system that are neither broken nor on their way out.
    pub(super) fn links_of(&self, file_system: &str) -> impl Iterator<Item = (&str, &Link, State)> {
        self.things.all().filter_map(move |((_, id), thing)| match &thing.resource {
            Resource::Link(link) if storage_of(&thing.uses).is_some_and(|(_, each)| each == file_system) => {
                let works = !matches!(thing.state, State::Failed | State::Deleting);
                works.then_some((id.as_str(), link, thing.state))
            }
            _ => None,
        })
    }

    fn link_over(&self, file_system: &str, path: &str) -> Option<(&Link, State)> {
        self.links_of(file_system).find(|(_, link, _)| below(path, &link.path)).map(|(_, link, state)| (link, state))
    }

    /// Whether what happens to files below a path goes to S3 by itself.
    fn exports_itself(&self, file_system: &str, path: &str, flows: &[Flow]) -> bool {
        let works = |state| matches!(state, State::Ready | State::Updating);
        let over = self.link_over(file_system, path);
        over.is_some_and(|(link, state)| works(state) && link.export.iter().any(|flow| flows.contains(flow)))
    }

    /// Somebody writes files; automatic export takes them along after its delay, where it is on by then.
    pub(super) fn write(&mut self, file_system: &str, path: &str, files: u64) {
        self.files.entry(file_system.to_owned()).or_default().entry(path.to_owned()).or_default().dirty += files;
        self.enqueue(file_system, path, &[Flow::New, Flow::Changed]);
        let due = Due::Exported { file_system: file_system.to_owned(), path: path.to_owned(), files };
        self.later(self.settings.delays.auto_export, due);
    }

    pub(super) fn auto_exported(&mut self, file_system: &str, path: &str, files: u64) {
        if self.exports_itself(file_system, path, &[Flow::New, Flow::Changed]) {
            self.export_files(file_system, path, files);
        }
    }

    fn enqueue(&mut self, file_system: &str, path: &str, flows: &[Flow]) {
        if self.exports_itself(file_system, path, flows) {
            let until = self.now + self.settings.delays.auto_export;
            self.queued.push((file_system.to_owned(), self.now, until));
        }
    }

    /// What CloudWatch tells of the queue: a point at each full minute of the last quarter of an hour but the last one.
    pub(super) fn queue_of(&self, file_system: &str) -> Vec<QueuePoint> {
        let minute = self.now.as_secs() / 60;
        let told = |minute: u64| {
            let at = Duration::from_secs(minute * 60);
            let age_s = match self.settings.queue {
                QueueTold::Truth => self.oldest(file_system, at)?,
                QueueTold::Silence => return None,
                QueueTold::Stuck(age_s) => age_s,
                QueueTold::Falling { from_s, a_minute } => from_s.saturating_sub(a_minute * minute),
            };
            Some(QueuePoint { at: VirtualClock::at(at), age_s })
        };
        (minute.saturating_sub(15)..minute).filter_map(told).collect()
    }

    /// Seconds that the oldest change has waited; None where the queue was not in use.
    fn oldest(&self, file_system: &str, at: Duration) -> Option<u64> {
        let a_minute_later = |left: Duration| left + Duration::from_secs(60);
        let mine = self
            .queued
            .iter()
            .filter(|(owner, entered, left)| owner == file_system && *entered <= at && at < a_minute_later(*left));
        mine.map(|(_, entered, left)| if at < *left { at.saturating_sub(*entered).as_secs() } else { 0 }).max()
    }

    /// Marks as many of a directory's files as exported.
    pub(super) fn export_files(&mut self, file_system: &str, path: &str, files: u64) -> u64 {
        let Some(counts) = self.files.get_mut(file_system).and_then(|files| files.get_mut(path)) else { return 0 };
        let moved = counts.dirty.min(files);
        counts.dirty -= moved;
        counts.exported += moved;
        moved
    }

    /// Somebody deletes exported files; a link that exports deletions takes the objects along.
    pub(super) fn delete_files(&mut self, file_system: &str, path: &str, files: u64) {
        let Some(counts) = self.files.get_mut(file_system).and_then(|files| files.get_mut(path)) else { return };
        let gone = counts.exported.min(files);
        counts.exported -= gone;
        self.ledger.files_deleted += gone;
        self.enqueue(file_system, path, &[Flow::Deleted]);
        let due = Due::ObjectsDeleted { file_system: file_system.to_owned(), path: path.to_owned(), files: gone };
        self.later(self.settings.delays.auto_export, due);
    }

    pub(super) fn objects_deleted(&mut self, file_system: &str, path: &str, files: u64) {
        if self.exports_itself(file_system, path, &[Flow::Deleted]) {
            self.ledger.objects_deleted += files;
        }
    }

    /// Dirty files below a path that a link covers, by directory: what an export has to do.
    pub(super) fn to_export(&self, file_system: &str, path: &str) -> Vec<(String, u64)> {
        let files = self.files.get(file_system).into_iter().flatten();
        files
            .filter(|(each, counts)| {
                counts.dirty > 0 && below(each, path) && self.link_over(file_system, each).is_some()
            })
            .map(|(each, counts)| (each.clone(), counts.dirty))
            .collect()
    }

    /// A link goes: what it has not exported by now has no way to S3 any more.
    pub(super) fn lose_below(&mut self, file_system: &str, link: &Link) {
        let lost: u64 = self
            .files
            .get_mut(file_system)
            .into_iter()
            .flatten()
            .filter(|(path, _)| below(path, &link.path))
            .map(|(_, counts)| std::mem::take(&mut counts.dirty))
            .sum();
        if link.export_on_down {
            self.ledger.lost += lost;
        } else {
            self.ledger.given_up += lost;
        }
        if lost > 0 {
            self.note(format!("{lost} files below {} had not been exported", link.path));
        }
    }

    /// A file system goes, and with it all that is on it.
    pub(super) fn lose_all(&mut self, file_system: &str) {
        let (lived_on, deleted) = &mut self.lived_on;
        deleted.extend(lived_on.get(file_system).cloned());
        let links: Vec<Link> = self.links_of(file_system).map(|(_, link, _)| link.clone()).collect();
        for link in &links {
            self.lose_below(file_system, link);
        }
        let rest = self.files.remove(file_system).unwrap_or_default();
        self.ledger.lost_unlinked += rest.values().map(|counts| counts.dirty).sum::<u64>();
    }
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn below_goes_by_whole_names() {
        assert!(below("/a", "/a") && below("/a/b", "/a") && below("/a", "/"));
        assert!(!below("/ab", "/a") && !below("/", "/a"));
    }
}
