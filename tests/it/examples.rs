//! `examples/pull-requests/`: what a reviewer sees of a change. Each folder holds the spec before and after it, and the plan
//! in all its faces; with `PROVISION_GENERATE=1` they are written anew, and otherwise they have to be what is there.

use std::path::{Path, PathBuf};

use provision::apply::prepare::prepare;
use provision::plan::{Options, Plan, Purpose};
use provision::render::plan_markdown::MaxBytes;
use provision::render::{Theme, plan_html, plan_json, plan_markdown, plan_text};
use provision::simulated::{Settings, Simulated};
use provision::spec::{self, Spec};

use crate::lifecycle::harness::{assert_complete, machine};

#[tokio::test(start_paused = true)]
async fn plans_of_pull_requests_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pull-requests");
    let mut changes: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .collect();
    changes.sort();
    assert!(!changes.is_empty());
    let mut old = Vec::new();
    for change in changes {
        let plan = planned(&change).await;
        let faces = [
            ("plan.txt", plan_text::plan(&plan, &Theme::plain())),
            ("plan.md", plan_markdown::plan(&plan, MaxBytes::default())),
            ("plan.html", plan_html::plan(&plan)),
            ("plan.json", plan_json::plan(&plan)),
        ];
        for (name, text) in faces {
            let path = change.join(name);
            if std::env::var_os("PROVISION_GENERATE").is_some() {
                std::fs::write(&path, text).expect("it can be written");
            } else if std::fs::read_to_string(&path).unwrap_or_default() != text {
                old.push(path);
            }
        }
    }
    assert!(old.is_empty(), "old: `make generate` renews them: {old:#?}");
}

/// The plan for the spec after the change, in a region where a cluster of the spec before it is running, if there is one.
async fn planned(change: &Path) -> Plan {
    let cloud = machine(&Simulated::new(Settings::default()), "ci");
    let after = read(&change.join("after.toml"));
    let before = change.join("before.toml");
    if before.exists() {
        let spec = read(&before);
        let request = cloud.request_for(&spec.cluster.name, Purpose::Up, Some(&spec), Options::default());
        assert_complete(&cloud.run_request(request).await, &cloud);
    }
    // What the name of the folder says was said on the command line.
    let replace_storage = change.ends_with("replace-storage");
    let options = Options { replace_storage, ..Options::default() };
    let request = cloud.request_for(&after.cluster.name, Purpose::Up, Some(&after), options);
    let prepared = prepare(&cloud.cloud, &cloud.clock, &request).await.expect("it can be planned");
    prepared.plan
}

fn read(path: &Path) -> Spec {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let checked = spec::read(&text, &|script| Err(format!("{script} is not there")));
    checked.spec.unwrap_or_else(|| panic!("{}: {:#?}", path.display(), checked.diagnostics))
}
