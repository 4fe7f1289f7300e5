//! The clusters of a region.

use serde::Serialize;

use super::plan_json::pretty;
use super::table::{Cell, Column, Row, table};
use super::text::{clean, count, sum};
use super::theme::{BOLD, DIM, Theme};
use crate::catalog::prices::Usd;
use crate::status::Status;

/// The format of the JSON.
pub const FORMAT_VERSION: u32 = 1;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct List {
    pub format_version: u32,
    pub region: String,
    pub clusters: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    pub cluster: String,
    pub zone: Option<String>,
    /// AWS's word for its state.
    pub file_system: Option<String>,
    /// False: the file system exists without the cluster, and stays when it goes.
    pub ours: bool,
    pub nodes_ready: usize,
    pub nodes: usize,
    /// Who is at work on it.
    pub locked_by: Option<String>,
    /// Millionths of a US dollar.
    pub hourly: Usd,
    pub hourly_complete: bool,
}

impl From<&Status> for Entry {
    fn from(status: &Status) -> Self {
        let (nodes_ready, nodes) = status.nodes();
        Self {
            cluster: status.cluster.clone(),
            zone: status.zone.clone(),
            file_system: status.file_system.as_ref().map(|fs| fs.lifecycle.clone()),
            ours: status.file_system.as_ref().is_none_or(|fs| fs.ours),
            nodes_ready,
            nodes,
            locked_by: status.lock.as_ref().map(|lock| lock.who.clone()),
            hourly: status.hourly,
            hourly_complete: status.hourly_complete,
        }
    }
}

impl List {
    /// Sorted by name.
    pub fn new(region: &str, mut clusters: Vec<Entry>) -> Self {
        clusters.sort_by(|a, b| a.cluster.cmp(&b.cluster));
        Self { format_version: FORMAT_VERSION, region: region.to_owned(), clusters }
    }
}

pub fn json(list: &List) -> String {
    pretty(list)
}

pub fn text(list: &List, theme: &Theme) -> String {
    let region = clean(&list.region, theme);
    if list.clusters.is_empty() {
        return format!("no clusters in {region}\n");
    }
    let title = format!("{} in {region}", count(list.clusters.len(), "cluster"));
    let head = ["cluster", "zone", "file system", "nodes ready", "cost", "locked by"];
    let mut rows = vec![Row::from(head.map(|word| Cell::styled(DIM, word)).to_vec())];
    rows.extend(list.clusters.iter().map(|entry| {
        Row::from(vec![
            Cell::styled(BOLD, entry.cluster.as_str()),
            entry.zone.clone().unwrap_or_default().into(),
            storage(entry).into(),
            format!("{} of {}", entry.nodes_ready, entry.nodes).into(),
            sum(entry.hourly, entry.hourly_complete, "/h").into(),
            entry.locked_by.clone().unwrap_or_default().into(),
        ])
    }));
    let columns = [Column::Left, Column::Left, Column::Left, Column::Right, Column::Right, Column::Wrapped];
    format!("{}\n{}", theme.paint(BOLD, &title), table(2, &columns, rows, theme))
}

fn storage(entry: &Entry) -> String {
    match &entry.file_system {
        None => "none".to_owned(),
        Some(state) if entry.ours => state.clone(),
        Some(state) => format!("{state}, existing"),
    }
}
