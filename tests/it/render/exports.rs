//! What programs get of plans.

use provision::plan::{Danger, Options};
use provision::render::{Theme, plan_json, saved};

use super::plans::{grown, replaced};
use super::samples::{change, spec};

#[test]
fn json_has_the_plan_and_its_sums() {
    let json = plan_json::plan(&replaced(Options::default()));
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    insta::assert_json_snapshot!("json_summary", value["summary"]);
    assert_eq!(value["format_version"], 1);
    let mut small = change(&spec(), &spec(), Options::default());
    small.actions.truncate(1);
    small.cost.items.truncate(1);
    insta::assert_snapshot!("json_small", plan_json::plan(&small));
}

#[test]
fn a_gate_says_what_it_stops() {
    let plan = replaced(Options { replace_storage: true, ..Options::default() });
    let stops = |limit, name| saved::fail_on(&plan, limit, name, &Theme::plain());
    let all = [
        (Danger::Disruptive, "disruptive"),
        (Danger::DestroysCompute, "destroys-compute"),
        (Danger::DestroysData, "destroys-data"),
    ]
    .map(|(limit, name)| stops(limit, name).expect("it replaces storage and nodes"));
    insta::assert_snapshot!("fail_on", all.join("\n"));
    assert_eq!(saved::fail_on(&grown(), Danger::DestroysCompute, "destroys-compute", &Theme::plain()), None);
}
