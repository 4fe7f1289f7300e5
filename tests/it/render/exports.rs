//! What programs and pull requests get of plans.

use provision::plan::{Danger, Options, Verb};
use provision::render::{Theme, plan_json, plan_markdown, saved};

use super::plans::{grown, replaced, text};
use super::samples::{change, create, down, spec};

#[test]
fn markdown_says_the_same() {
    insta::assert_snapshot!("markdown_create", plan_markdown::plan(&create(&spec())));
    insta::assert_snapshot!("markdown_refused", plan_markdown::plan(&replaced(Options::default())));
    insta::assert_snapshot!("markdown_down", plan_markdown::plan(&down(&spec(), Options::default())));
}

#[test]
fn hostile_names_stay_text() {
    let mut plan = grown();
    let hostile = "a|b <img src=x onerror=alert(1)> @org/team #1 `x` **y** [l](https://e.vil) </details> www.e.vil\n| c |\n> [!CAUTION]\u{1b}[2J";
    let changed = plan.actions.iter_mut().find(|action| action.verb == Verb::Update).expect("something changes");
    changed.summary = hostile.to_owned();
    changed.address.name = hostile.to_owned();
    changed.reasons = vec![hostile.to_owned()];
    changed.changes[0].after = Some(hostile.to_owned());
    plan.actions.truncate(5);
    plan.steps.clear();
    plan.cost.items.clear();
    let markdown = plan_markdown::plan(&plan);
    insta::assert_snapshot!("markdown_hostile", markdown);
    assert!(!markdown.contains("<img") && !markdown.contains('@') && !markdown.contains('\u{1b}'));
    let shown = text(&plan);
    assert!(!shown.contains('\u{1b}'));
}

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
