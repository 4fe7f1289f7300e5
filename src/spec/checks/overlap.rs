//! What links may not share: FSx refuses two whose directories or whose places in a bucket contain one another
//! (API: CreateDataRepositoryAssociation).

use super::dataset::Ends;
use crate::catalog::fsx;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::spec::fields::At;
use crate::spec::places::Places;

/// Complains about each pair that overlaps and about too many links.
pub(in crate::spec) fn check(datasets: &[At<Ends>], places: &Places, out: &mut Diagnostics) {
    if let Some(ninth) = datasets.get(fsx::LINKS_MAX) {
        out.push(
            Diagnostic::error("spec::datasets", "there are too many datasets")
                .at(ninth.span, "one too many")
                .note(format!("FSx for Lustre links {} at most, and this file has {}", fsx::LINKS_MAX, datasets.len()))
                .help("link a common prefix of some of them in their place"),
        );
    }
    for (index, one) in datasets.iter().enumerate() {
        let span = |key: &str| places.get(&format!("dataset[{index}].{key}")).unwrap_or(one.span);
        for (earlier, other) in datasets[..index].iter().enumerate() {
            if let (Some(one), Some(other)) = (&one.value.path, &other.value.path) {
                out.extend(paths(one, other, earlier, span("path")));
            }
            if let (Some(one), Some(other)) = (&one.value.s3, &other.value.s3) {
                out.extend(prefixes(one, other, earlier, span("s3")));
            }
        }
    }
}

fn paths(one: &str, other: &str, earlier: usize, span: Span) -> Option<Diagnostic> {
    (contains(one, other) || contains(other, one)).then(|| {
        let complaint = Diagnostic::error("spec::overlap", "two datasets overlap")
            .at(span, format!("overlaps with dataset {}, `{other}`", earlier + 1))
            .help("give each a directory of its own, neither inside the other");
        if one == "/" || other == "/" {
            complaint.note("`/` can be linked only if it is the one dataset")
        } else {
            complaint
        }
    })
}

fn prefixes(one: &(String, String), other: &(String, String), earlier: usize, span: Span) -> Option<Diagnostic> {
    let (one_prefix, other_prefix) = (slashed(&one.1), slashed(&other.1));
    let overlap = contains(&one_prefix, &other_prefix) || contains(&other_prefix, &one_prefix);
    (one.0 == other.0 && overlap).then(|| {
        Diagnostic::error("spec::overlap", "two datasets overlap")
            .at(span, format!("overlaps with dataset {}, `s3://{}{other_prefix}`", earlier + 1, other.0))
            .help("give each a prefix of its own, neither inside the other")
    })
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
