//! What flows through a link, in words: one place for plans, statuses and every face of both.
//!
//! Facts: FSx API, AutoImportPolicy and AutoExportPolicy; FSx for Lustre User Guide, "Automatically import updates from your
//! S3 bucket", "Automatically export updates to your S3 bucket", "Using data repository tasks to export changes" (an export
//! copies what is new or changed, and deletes nothing).

use crate::spec::Flow;

/// `new, changed`, or `never`.
pub fn flows_text(flows: &[Flow]) -> String {
    if flows.is_empty() {
        return "never".to_owned();
    }
    let words: Vec<&str> = flows.iter().copied().map(word).collect();
    words.join(", ")
}

/// The flows of a text that [`flows_text`] has written; what it does not know is left out.
pub fn flows_of(text: &str) -> Vec<Flow> {
    let named = |flow: &Flow| text.split(", ").any(|each| each == word(*flow));
    [Flow::New, Flow::Changed, Flow::Deleted].into_iter().filter(named).collect()
}

const fn word(flow: Flow) -> &'static str {
    match flow {
        Flow::New => "new",
        Flow::Changed => "changed",
        Flow::Deleted => "deleted",
    }
}

/// What of a link flows in, what flows out, and what deletions do: one sentence, in lower case and without a full stop.
/// `export_on_down`: whether `down` exports what is not in S3 by then.
pub fn flows_sentence(import: &[Flow], export: &[Flow], export_on_down: bool) -> String {
    format!("{}; {}; {}", inwards(import), outwards(export, export_on_down), deletions(import, export))
}

fn inwards(import: &[Flow]) -> &'static str {
    match (import.contains(&Flow::New), import.contains(&Flow::Changed)) {
        (true, true) => "new and changed objects flow in",
        (true, false) => "new objects flow in, changes of others do not",
        (false, true) => "changes of objects flow in, new ones do not",
        (false, false) => "nothing flows in by itself",
    }
}

fn outwards(export: &[Flow], export_on_down: bool) -> &'static str {
    match (export.contains(&Flow::New), export.contains(&Flow::Changed), export_on_down) {
        (true, true, true) => "new and changed files flow out",
        (true, true, false) => "new and changed files flow out, and what is late is given up",
        (true, false, true) => "new files flow out, changes of others when the cluster goes",
        (true, false, false) => "new files flow out, changes of others never",
        (false, true, true) => "changes of files flow out, new ones when the cluster goes",
        (false, true, false) => "changes of files flow out, new ones never",
        (false, false, true) => "nothing flows out until the cluster goes",
        (false, false, false) => "nothing ever flows out",
    }
}

fn deletions(import: &[Flow], export: &[Flow]) -> &'static str {
    match (import.contains(&Flow::Deleted), export.contains(&Flow::Deleted)) {
        (true, true) => "deleting an object deletes its file, and the other way round",
        (true, false) => "deleting an object deletes its file, deleting a file leaves its object",
        (false, true) => "deleting a file deletes its object, deleting an object leaves its file",
        (false, false) => "deleting on one side deletes nothing on the other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_set() -> Vec<Vec<Flow>> {
        let all = [Flow::New, Flow::Changed, Flow::Deleted];
        let chosen = |bits: usize| all.iter().enumerate().filter(move |(bit, _)| bits >> bit & 1 == 1);
        (0..8).map(|bits| chosen(bits).map(|(_, flow)| *flow).collect()).collect()
    }

    #[test]
    fn flows_are_read_as_they_are_written() {
        for flows in every_set() {
            assert_eq!(flows_of(&flows_text(&flows)), flows);
        }
        assert_eq!(flows_of(""), []);
    }

    #[test]
    fn no_two_links_that_differ_are_told_alike() {
        let mut told = std::collections::BTreeSet::new();
        for import in every_set() {
            for export in every_set() {
                for on_down in [true, false] {
                    let sentence = flows_sentence(&import, &export, on_down);
                    assert_eq!(sentence.matches("; ").count(), 2, "{sentence}");
                    assert!(told.insert(sentence.clone()), "{sentence}");
                }
            }
        }
    }

    #[test]
    fn what_a_deletion_does_is_said_of_either_side() {
        let new = [Flow::New];
        let deleted = [Flow::New, Flow::Deleted];
        assert!(flows_sentence(&new, &deleted, true).contains("deleting a file deletes its object"));
        assert!(flows_sentence(&deleted, &new, true).contains("deleting a file leaves its object"));
        assert!(flows_sentence(&new, &new, true).contains("deletes nothing on the other"));
        assert!(flows_sentence(&deleted, &deleted, true).contains("deletes its file, and the other way round"));
    }
}
