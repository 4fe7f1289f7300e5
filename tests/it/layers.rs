//! Who may use whom: reads every `use crate::…` and fails on an arrow that is not in the list.

use std::collections::BTreeMap;
use std::path::Path;

/// Module → what it may use. `diagnostic` is for all.
const ALLOWED: &[(&str, &[&str])] = &[
    ("catalog", &[]),
    ("diagnostic", &[]),
    ("spec", &["catalog"]),
    ("sizing", &["catalog", "spec"]),
    ("bootstrap", &[]),
    // `place` answers with what a survey of the cloud found; policies need the identity.
    ("desired", &["spec", "sizing", "bootstrap", "catalog", "cloud"]),
    ("observed", &["desired"]),
    ("record", &["desired", "observed"]),
    ("cloud", &["desired", "observed", "bootstrap"]),
    ("scan", &[]),
    // A plan says why its storage has the size that it has, in the words of `sizing`.
    ("plan", &["cloud", "desired", "observed", "catalog", "record", "spec", "sizing"]),
    ("permissions", &["spec", "desired", "record", "catalog"]),
    // `prepare` is the way from a spec to a plan.
    ("apply", &["plan", "cloud", "desired", "observed", "record", "spec", "catalog", "bootstrap", "scan"]),
    ("status", &["apply", "catalog", "desired", "observed", "plan", "record"]),
    ("render", &["status", "plan", "observed", "apply", "desired", "cloud", "catalog", "scan", "sizing"]),
    // The price list is read into the items of the tables.
    ("aws", &["cloud", "desired", "observed", "bootstrap", "spec", "catalog"]),
    ("simulated", &["cloud", "desired", "observed", "bootstrap", "spec"]),
];

fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("src can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_arrow_between_modules_is_allowed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&root).expect("below src");
        let module = inside.iter().next().and_then(|part| part.to_str()).expect("a name").trim_end_matches(".rs");
        let Some(may) = allowed.get(module) else { continue };
        let text = std::fs::read_to_string(&file).expect("a source can be read");
        // What only tests use is no arrow of the product.
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let is_test = inside.iter().any(|part| part == "tests" || part == "tests.rs");
        for used in text.split("crate::").skip(1).filter(|_| !is_test) {
            let used: String = used.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if !used.is_empty() && used != module && used != "diagnostic" && !may.contains(&used.as_str()) {
                wrong.push(format!("{}: {module} → {used}", inside.display()));
            }
        }
        let names_sdk = text.contains("aws_sdk_") || text.contains("aws_config::") || text.contains("aws_smithy_");
        if names_sdk && module != "aws" {
            wrong.push(format!("{}: names the SDK", inside.display()));
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "arrows that nobody allowed:\n{}", wrong.join("\n"));
}
