//! What programs get of plans.

use provision::plan::Options;
use provision::render::plan_json;

use super::plans::replaced;
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
