//! Advice for a program: one document for one spec or several.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::plan_json::pretty;
use super::scan::{ScanJson, Scanned};
use crate::sizing::advice::{Advice, FORMAT_VERSION};

/// What `provision advise --format json` prints. Money is in millionths of a US dollar. New fields may come; none changes its
/// meaning.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "Advice")]
struct Document<'a> {
    /// The format of this document.
    #[schemars(extend("const" = FORMAT_VERSION))]
    format_version: u32,
    /// One for each spec, in the order of the command line.
    answers: Vec<Entry<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct Entry<'a> {
    /// The file as it was named; null: advice without a spec.
    spec: Option<&'a str>,
    /// What listing buckets has found.
    scans: Vec<ScanJson>,
    advice: &'a Advice,
}

/// What one spec was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// None: without a spec.
    pub spec: Option<String>,
    pub scans: Vec<Scanned>,
    pub advice: Advice,
}

/// All answers.
pub fn advice(answers: &[Answer]) -> String {
    let answers = answers
        .iter()
        .map(|Answer { spec, scans, advice }| Entry {
            spec: spec.as_deref(),
            scans: scans.iter().map(ScanJson::from).collect(),
            advice,
        })
        .collect();
    pretty(&Document { format_version: FORMAT_VERSION, answers })
}

/// Of what [`advice`] writes.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Document<'_>>()
}

#[cfg(test)]
mod tests {
    use super::super::advice_sample::{advice as sample, hopeless};
    use super::*;

    #[test]
    fn answers_follow_the_schema() {
        let answer = |advice| Answer { spec: Some("a.toml".to_owned()), scans: Vec::new(), advice };
        let text = advice(&[answer(sample()), answer(hopeless())]);
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["answers"][1]["advice"]["chosen"], serde_json::Value::Null);
        let schema = schema().to_value();
        let known = |object: &serde_json::Value, of: &serde_json::Value| {
            let keys: Vec<&String> = object.as_object().expect("an object").keys().collect();
            keys.into_iter().filter(|key| of["properties"][key.as_str()].is_null()).cloned().collect::<Vec<String>>()
        };
        assert_eq!(known(&value, &schema), Vec::<String>::new());
        assert_eq!(known(&value["answers"][0], &schema["$defs"]["Entry"]), Vec::<String>::new());
        assert_eq!(known(&value["answers"][0]["advice"], &schema["$defs"]["Advice"]), Vec::<String>::new());
    }
}
