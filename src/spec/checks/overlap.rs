//! What links may not share: FSx refuses two whose directories or whose places in a bucket contain one another
//! (API: CreateDataRepositoryAssociation).

use crate::catalog::fsx;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::spec::fields::At;
use crate::spec::model::Dataset;
use crate::spec::places::Places;

/// Complains about each pair that overlaps and about too many links. `datasets` come with their number in the file.
pub(in crate::spec) fn check(datasets: &[(usize, At<Dataset>)], count: usize, places: &Places, out: &mut Diagnostics) {
    if let Some((_, ninth)) = datasets.iter().find(|(index, _)| *index == fsx::LINKS_MAX) {
        out.push(
            Diagnostic::error("spec::datasets", "there are too many datasets")
                .at(ninth.span, "one too many")
                .note(format!("FSx for Lustre links {} at most, and this file has {count}", fsx::LINKS_MAX))
                .help("link a common prefix of some of them in their place"),
        );
    }
    for (place, (index, one)) in datasets.iter().enumerate() {
        for (earlier, other) in &datasets[..place] {
            let span = |key: &str, at: Span| places.get(&format!("dataset[{index}].{key}")).unwrap_or(at);
            let (one_path, other_path) = (&one.value.path, &other.value.path);
            if contains(one_path, other_path) || contains(other_path, one_path) {
                let mut complaint = Diagnostic::error("spec::overlap", "two datasets overlap")
                    .at(span("path", one.span), format!("overlaps with dataset {}, `{other_path}`", earlier + 1))
                    .help("give each a directory of its own, neither inside the other");
                if one_path == "/" || other_path == "/" {
                    complaint = complaint.note("`/` can be linked only if it is the one dataset");
                }
                out.push(complaint);
            }
            if one.value.bucket == other.value.bucket {
                let (one_prefix, other_prefix) = (slashed(&one.value.prefix), slashed(&other.value.prefix));
                if contains(&one_prefix, &other_prefix) || contains(&other_prefix, &one_prefix) {
                    out.push(
                        Diagnostic::error("spec::overlap", "two datasets overlap")
                            .at(
                                span("s3", one.span),
                                format!(
                                    "overlaps with dataset {}, `s3://{}{other_prefix}`",
                                    earlier + 1,
                                    other.value.bucket
                                ),
                            )
                            .help("give each a prefix of its own, neither inside the other"),
                    );
                }
            }
        }
    }
}

fn slashed(prefix: &str) -> String {
    format!("/{prefix}")
}

/// Whether a directory is another or contains it.
fn contains(outer: &str, inner: &str) -> bool {
    outer == "/" || inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containing() {
        assert!(contains("/", "/a") && contains("/a", "/a") && contains("/a", "/a/b"));
        assert!(!contains("/a", "/ab") && !contains("/a/b", "/a") && !contains("/a", "/"));
    }
}
