//! A plan file that somebody has changed: `up` refuses it, or does what it does by the true one.

use std::time::Duration;

use provision::apply::Outcome;
use provision::plan::{Options, Purpose, Saved};
use provision::spec::{Compression, Setup};
use serde_json::{Value, json};

use super::harness::{assert_complete, quick, spec, world};
use super::saved::{changes, edit, save, up};

/// Where each value of a document stands, the whole included.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                places(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                places(value, &format!("{at}/{index}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What somebody might write instead of a value, and what kind of change that is.
fn mutants(value: &Value) -> Vec<(&'static str, Value)> {
    let other = |values: Vec<Value>| values.into_iter().map(|value| ("other", value));
    let words = vec![Value::Null, json!([]), json!({}), json!("create"), json!("delete"), json!(0), json!(true)];
    let mut all: Vec<(&str, Value)> = other(words).collect();
    match value {
        Value::Null => all.extend(other(vec![json!("d-0"), json!({ "a": 1 })])),
        Value::Bool(is) => all.extend(other(vec![json!(!is)])),
        Value::Number(number) => {
            all.extend(other(vec![json!(number.as_i64().unwrap_or_default() + 1), json!(-1), json!(1e300)]));
        }
        Value::String(text) => {
            all.extend(other(vec![json!(format!("{text}0")), json!(text.to_uppercase()), json!("safe"), json!("up")]));
        }
        Value::Array(list) => {
            all.push(("first left out", list.iter().skip(1).cloned().collect()));
            all.push(("first twice", list.iter().chain(list.first()).cloned().collect()));
            all.push(("turned round", list.iter().rev().cloned().collect()));
        }
        Value::Object(object) => {
            let more = object.clone().into_iter().chain([("force".to_owned(), json!(true))]).collect();
            all.push(("a key more", Value::Object(more)));
            all.push(("a key less", Value::Object(object.clone().into_iter().skip(1).collect())));
        }
    }
    all.retain(|(_, mutant)| mutant != value);
    all
}

fn all_mutants(plan: &str) -> Vec<(String, String)> {
    let value: Value = serde_json::from_str(plan).expect("JSON");
    let mut found = Vec::new();
    places(&value, "", &mut found);
    let mut all = Vec::new();
    for place in found {
        for (kind, mutant) in mutants(value.pointer(&place).expect("it is there")) {
            let what = format!("{place}: {kind}: {mutant}");
            all.push((what, edit(plan, |plan| *plan.pointer_mut(&place).expect("it is there") = mutant)));
        }
    }
    all
}

/// Every value of a saved plan, changed one at a time: `up` refuses, or does to the request what it does by the true plan.
#[tokio::test(start_paused = true)]
async fn whoever_changes_a_plan_file_changes_nothing_but_whether_it_is_applied() {
    // Changes, a replacement of the nodes and a deletion: every verb.
    let before = spec(&[1, 1], &["/train", "/out"]);
    let mut after = spec(&[2], &["/train"]);
    after.storage.compression = Compression::None;
    after.nodes[0].setup = Some(Setup { path: "s".into(), content: "true".into() });
    let fresh = async || {
        let machine = world(quick(0));
        machine.must_up(&before).await;
        tokio::time::advance(Duration::from_secs(300)).await;
        let plan = save(&machine, &after, Options::default()).await;
        (machine, plan)
    };
    let (other, _) = fresh().await;
    let now = other.plan(Purpose::Up, Some(&after)).await.plan;
    let (machine, plan) = fresh().await;
    assert_complete(&up(&machine, &after, &plan).await, &machine);
    let wanted = changes(&machine);

    let all = all_mutants(&plan);
    assert!(all.len() > 1000, "{}", all.len());
    let (mut applied, mut refused) = (Vec::new(), Vec::new());
    for (what, text) in &all {
        let passes = Saved::read(text).is_ok_and(|saved| saved.differences(&now).is_empty());
        if passes { &mut applied } else { &mut refused }.push((what, text));
    }
    // Whatever is compared is compared wholly.
    let value: Value = serde_json::from_str(&plan).expect("JSON");
    let through: Vec<&str> =
        applied.iter().map(|(what, _)| what.as_str()).filter(|what| !is_for_readers(what, &value)).collect();
    assert!(through.is_empty(), "{through:#?}");
    // A whole run takes its time: of those that pass every 12th, of the others every 40th.
    for (what, text) in applied.iter().step_by(12) {
        let (machine, _) = fresh().await;
        assert_complete(&up(&machine, &after, text).await, &machine);
        assert_eq!(changes(&machine), wanted, "{what}");
    }
    let (machine, _) = fresh().await;
    let before = changes(&machine);
    for (what, text) in refused.iter().step_by(40) {
        if let Ok(saved) = Saved::read(text) {
            assert!(!saved.differences(&now).is_empty(), "{what}");
            let outcome = up(&machine, &after, text).await;
            assert!(matches!(outcome, Ok(Outcome::Differs { .. })), "{what}: {outcome:?}");
        }
    }
    assert_eq!(changes(&machine), before);
}

/// Whether a change is none of what is compared: words, prices, edges, waits, the order of lists, keys that nobody reads.
fn is_for_readers(what: &str, plan: &Value) -> bool {
    let (place, kind) = what.split_once(": ").expect("a place and a kind");
    let kind = kind.split(": ").next().unwrap_or_default();
    let parts: Vec<&str> = place.split('/').skip(1).collect();
    let waits = |index: &str| {
        let op = &plan["steps"][index.parse::<usize>().expect("an index")]["op"]["do"];
        ["settle", "preload", "end-tasks"].contains(&op.as_str().unwrap_or_default())
    };
    match parts.as_slice() {
        ["summary" | "cost" | "findings" | "zone" | "place" | "topology", ..] => true,
        _ if kind == "a key more" => true,
        ["actions" | "steps"] => kind == "turned round",
        ["basis", "resources"] => ["turned round", "first twice"].contains(&kind),
        ["actions", _, part, ..] => ["summary", "reasons", "danger_reason"].contains(part),
        ["steps", index, ..] if waits(index) => true,
        ["steps", _, part, ..] => *part == "after",
        _ => false,
    }
}
