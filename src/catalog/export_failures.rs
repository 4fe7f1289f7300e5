//! Why FSx could not export a file: the error codes of its reports.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::table;

const DATA: &str = include_str!("data/export_failures.tsv");

static MEANINGS: LazyLock<BTreeMap<&'static str, &'static str>> =
    LazyLock::new(|| table::rows(DATA).map(|mut cells| (cells.text(), cells.text())).collect());

/// What a code means and what helps; None for one that this version does not know.
pub fn meaning(code: &str) -> Option<&'static str> {
    MEANINGS.get(code).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_a_meaning_and_others_have_none() {
        assert!(meaning("S3AccessDenied").is_some_and(|meaning| meaning.contains("bucket policy")));
        assert_eq!(meaning("AccessDenied"), None);
        assert_eq!(MEANINGS.len(), table::rows(DATA).count(), "a code stands there twice");
    }
}
