//! Generated files are committed, and are what the program generates: `make generate` renews them.

use std::path::Path;
use std::process::Command;

#[test]
fn generated_files_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/generated");
    for (file, arguments) in [
        ("cluster.schema.json", &["schema"][..]),
        ("plan.schema.json", &["schema", "plan"]),
        ("advice.schema.json", &["schema", "advice"]),
        ("provision.1", &["man"]),
        ("provision.bash", &["completions", "bash"]),
        ("_provision", &["completions", "zsh"]),
        ("provision.fish", &["completions", "fish"]),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_provision")).args(arguments).output().expect("it runs");
        let committed = std::fs::read(folder.join(file)).unwrap_or_default();
        assert!(output.status.success() && output.stdout == committed, "docs/generated/{file} is old: `make generate`");
    }
}
