//! What came of an `extend`.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use super::lock::{length, time};
use super::plan_json::pretty;
use super::text::{count, labelled, sum};
use super::theme::Theme;
use crate::status::Ends;

/// For a person.
pub fn text(nodes: usize, before: Timestamp, until: Timestamp, ends: Option<&Ends>, theme: &Theme) -> String {
    let mut line =
        format!("{} end at {}, {} later than before", count(nodes, "node"), time(until), length(before, until));
    if let Some(ends) = ends {
        let cost = sum(ends.cost, ends.cost_complete, "");
        let _ = write!(line, "; until then the cluster costs {cost}");
        let then = sum(ends.then_hourly, ends.then_complete, "/h");
        let _ = write!(line, ". The file system does not end with them: it costs {then} until `provision down`");
    }
    line.push('.');
    labelled("", "", &line, theme)
}

#[derive(Serialize)]
struct Answer<'a> {
    format_version: u32,
    cluster: &'a str,
    nodes: usize,
    before: Timestamp,
    until: Timestamp,
    ends: Option<&'a Ends>,
}

/// For a program. Money is in millionths of a US dollar.
pub fn json(cluster: &str, nodes: usize, before: Timestamp, until: Timestamp, ends: Option<&Ends>) -> String {
    pretty(&Answer { format_version: 1, cluster, nodes, before, until, ends })
}
