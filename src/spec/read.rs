//! From text to [`Spec`]: syntax first, then every table, then what they say about each other.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::checks::{cluster, contradictions, dataset, network, nodes, overlap, storage, workload};
use super::fields::{At, Complained, Fields, unknown_keys, wrong_type};
use super::model::{Capacity, Cluster, Dataset, Network, Nodes, Open, Service, Spec, Storage, Workload};
use super::places::{Places, span};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};

/// The tables of the file.
pub(super) const TABLES: &[&str] = &["cluster", "network", "storage", "dataset", "nodes", "workload"];

/// What reading a spec gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// There only when no complaint is an error.
    pub spec: Option<Spec>,
    /// In the order of the file.
    pub diagnostics: Vec<Diagnostic>,
    /// Where each value stands, for complaints of later stages. Empty when the syntax is wrong.
    pub places: Places,
}

impl Checked {
    fn new(spec: Result<Spec, Complained>, out: Diagnostics, places: Places) -> Self {
        let failed = out.has_errors();
        Self { spec: spec.ok().filter(|_| !failed), diagnostics: out.sorted(), places }
    }
}

/// Reads a spec and checks all of it, offline. `load` gives the content of a file that the spec names, by its path
/// relative to the spec, or says why it cannot.
pub fn read(text: &str, load: &dyn Fn(&str) -> Result<String, String>) -> Checked {
    let mut out = Diagnostics::default();
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What the parser guessed around the errors would only give complaints about things nobody wrote.
        out.extend(errors.iter().map(|error| syntax(text, error)));
        return Checked::new(Err(Complained), out, Places::default());
    }
    let places = Places::of(table.get_ref());
    let tables = tables(table.get_ref(), &places, load, For::Cluster, &mut out);
    Checked::new(whole(tables), out, places)
}

/// All of a cluster. What is missing has been complained about.
fn whole(tables: Tables) -> Result<Spec, Complained> {
    let Tables { cluster, network, storage, datasets, nodes, workload, open } = tables;
    Ok(Spec {
        cluster: cluster?.ok_or(Complained)?,
        network: network?,
        storage: storage?.ok_or(Complained)?,
        datasets: datasets?,
        nodes: nodes?,
        workload: workload?,
        open,
        written: None,
    })
}

/// What a spec says as far as it goes: enough to advise on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// Of the cluster.
    pub name: Option<String>,
    pub region: Option<String>,
    /// Capacity and throughput may be missing, also without `[workload]`.
    pub storage: Option<Storage>,
    pub open: Open,
    pub datasets: Vec<Dataset>,
    /// May be empty.
    pub nodes: Vec<Nodes>,
    pub workload: Option<Workload>,
}

/// What reading a spec for advice gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForAdvice {
    /// There only when no complaint is an error.
    pub parts: Option<Parts>,
    /// In the order of the file.
    pub diagnostics: Vec<Diagnostic>,
    pub places: Places,
}

/// Reads whatever there is of a spec, offline: every table may be missing, and what is there is checked as always.
pub fn read_for_advice(text: &str, load: &dyn Fn(&str) -> Result<String, String>) -> ForAdvice {
    let mut out = Diagnostics::default();
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        out.extend(errors.iter().map(|error| syntax(text, error)));
        return ForAdvice { parts: None, diagnostics: out.sorted(), places: Places::default() };
    }
    let places = Places::of(table.get_ref());
    let tables = tables(table.get_ref(), &places, load, For::Advice, &mut out);
    let failed = out.has_errors();
    ForAdvice { parts: parts(tables).ok().filter(|_| !failed), diagnostics: out.sorted(), places }
}

fn parts(tables: Tables) -> Result<Parts, Complained> {
    let Tables { cluster, network, storage, datasets, nodes, workload, open } = tables;
    let (cluster, _) = (cluster?, network?);
    let (name, region) = cluster.map_or((None, None), |cluster| (Some(cluster.name), cluster.region));
    Ok(Parts { name, region, storage: storage?, open, datasets: datasets?, nodes: nodes?, workload: workload? })
}

fn syntax(text: &str, error: &toml::de::Error) -> Diagnostic {
    let range = error.span().unwrap_or(text.len()..text.len());
    Diagnostic::error("spec::syntax", "this is not TOML")
        .at(Span { start: range.start, end: range.end }, error.message())
}

/// What a spec says, whatever there is of it: a table that could not be read, or is not there, is missing.
struct Tables {
    cluster: Result<Option<Cluster>, Complained>,
    network: Result<Network, Complained>,
    storage: Result<Option<Storage>, Complained>,
    datasets: Result<Vec<Dataset>, Complained>,
    nodes: Result<Vec<Nodes>, Complained>,
    workload: Result<Option<Workload>, Complained>,
    open: Open,
}

/// What the tables are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// A cluster: what is needed for one must be there.
    Cluster,
    /// Advice: anything may be missing, and what is there must be right.
    Advice,
}

fn tables(
    root: &DeTable<'_>,
    places: &Places,
    load: &dyn Fn(&str) -> Result<String, String>,
    what_for: For,
    out: &mut Diagnostics,
) -> Tables {
    unknown_keys(root, TABLES, "a spec", out);
    let cluster = table(root, "cluster", cluster::KEYS, what_for, out)
        .and_then(|fields| fields.map(|fields| cluster::read(&fields, out)).transpose());
    let region = cluster.as_ref().ok().and_then(Option::as_ref).and_then(|cluster| cluster.region.as_deref());
    let network = match root.get("network") {
        Some(value) => {
            Fields::open("[network]", value, network::KEYS, out).and_then(|fields| network::read(&fields, out))
        }
        None => Ok(Network::default()),
    };
    let workload = match root.get("workload") {
        Some(value) => Fields::open("[workload]", value, workload::KEYS, out)
            .and_then(|fields| workload::read(&fields, out).map(Some)),
        None => Ok(None),
    };
    let says = |key: &str| places.get(&format!("workload.{key}")).is_some();
    let tells_size = says("dataset_size") || (says("files") && says("file_size"));
    // Advice sizes what is left out with or without a workload, but for a file system that exists.
    let advises = what_for == For::Advice && places.get("storage.existing").is_none();
    let advised = places.get("workload").or_else(|| advises.then_some(Span { start: 0, end: 0 }));
    let beside = storage::Beside {
        region,
        workload: advised,
        dataset_size: tells_size || what_for == For::Advice,
        linked: root.contains_key("dataset"),
    };
    let storage = storage(root, &beside, what_for, out);
    let service = storage.as_ref().ok().and_then(|storage| storage.as_ref().map(|storage| storage.service));
    let datasets = datasets(root, service, places, out);
    let efa = storage.as_ref().ok().map(|storage| storage.as_ref().is_some_and(|storage| storage.efa));
    let nodes = groups(root, efa, load, what_for, out).and_then(|nodes| held_for_something(nodes, places, out));
    if let (Ok(Some(workload)), Ok(nodes), Ok(datasets)) = (&workload, &nodes, &datasets) {
        contradictions::check(workload, nodes, datasets, region, places, out);
    }
    let missing = |key: &str| places.get(&format!("storage.{key}")).is_none();
    let open = Open {
        deployment: missing("deployment"),
        media: missing("media"),
        metadata_iops: missing("metadata_iops"),
        drive_cache: missing("drive_cache"),
        efa: missing("efa"),
    };
    Tables { cluster, network, storage, datasets, nodes, workload, open }
}

/// A table that a cluster needs; None: advice does without.
fn table<'t, 'i>(
    root: &'t DeTable<'i>,
    name: &str,
    keys: &[&str],
    what_for: For,
    out: &mut Diagnostics,
) -> Result<Option<Fields<'t, 'i>>, Complained> {
    match root.get(name) {
        Some(value) => Fields::open(&format!("[{name}]"), value, keys, out).map(Some),
        None if what_for == For::Advice => Ok(None),
        None => Err(no_table(&format!("[{name}]"), out)),
    }
}

/// `[storage]`. A workload says enough: without the table, everything in it is at its default or left open.
fn storage(
    root: &DeTable<'_>,
    beside: &storage::Beside<'_>,
    what_for: For,
    out: &mut Diagnostics,
) -> Result<Option<Storage>, Complained> {
    match (root.get("storage"), beside.workload) {
        (Some(value), _) => Fields::open("[storage]", value, storage::KEYS, out)
            .and_then(|fields| storage::read(&fields, beside, out).map(Some)),
        (None, Some(span)) if what_for == For::Cluster => {
            let empty = DeTable::new();
            storage::read(&Fields::absent(&empty, span), beside, out).map(Some)
        }
        (None, _) if what_for == For::Advice => Ok(None),
        (None, _) => Err(no_table("[storage]", out)),
    }
}

fn no_table(name: &str, out: &mut Diagnostics) -> Complained {
    out.push(
        Diagnostic::error("spec::missing", "a required table is missing")
            .note(format!("there is no `{name}`"))
            .help("`provision init` writes a file that has all of them"),
    );
    Complained
}

/// The tables of an array of tables, in the order of the file.
fn array<'t, 'i>(
    root: &'t DeTable<'i>,
    name: &str,
    out: &mut Diagnostics,
) -> Result<&'t [Spanned<DeValue<'i>>], Complained> {
    match root.get(name) {
        None => Ok(&[]),
        Some(value) => match value.get_ref() {
            DeValue::Array(tables) => Ok(tables),
            _ => Err(wrong_type(value, &format!("an array of tables: `[[{name}]]`"), out)),
        },
    }
}

fn datasets(
    root: &DeTable<'_>,
    service: Option<Service>,
    places: &Places,
    out: &mut Diagnostics,
) -> Result<Vec<Dataset>, Complained> {
    let tables = array(root, "dataset", out)?;
    let (ends, read): (Vec<At<dataset::Ends>>, Vec<_>) = tables
        .iter()
        .map(|value| {
            let (ends, read) = match Fields::open("[[dataset]]", value, dataset::KEYS, out) {
                Ok(fields) => dataset::read(&fields, service, out),
                Err(complained) => (dataset::Ends::default(), Err(complained)),
            };
            (At { value: ends, span: span(value) }, read)
        })
        .unzip();
    overlap::check(&ends, places, out);
    read.into_iter().collect()
}

/// Capacity is held while a file system is made. Beside one that exists the nodes are launched at once.
fn held_for_something(nodes: Vec<Nodes>, places: &Places, out: &mut Diagnostics) -> Result<Vec<Nodes>, Complained> {
    let in_vain = |group: &Nodes| group.capacity == Capacity::Reserve && places.get("storage.existing").is_some();
    let Some(index) = nodes.iter().position(in_vain) else { return Ok(nodes) };
    let mut complaint = Diagnostic::error("spec::capacity-reserve", "there is nothing that capacity would be held for");
    if let Some(span) = places.get(&format!("nodes[{index}].capacity")) {
        complaint = complaint.at(span, "not with `existing` in `[storage]`");
    }
    out.push(
        complaint
            .note("a file system that exists is not waited for: the nodes are launched at once, where it is")
            .help("leave `capacity` out"),
    );
    Err(Complained)
}

fn groups(
    root: &DeTable<'_>,
    storage_efa: Option<bool>,
    load: &dyn Fn(&str) -> Result<String, String>,
    what_for: For,
    out: &mut Diagnostics,
) -> Result<Vec<Nodes>, Complained> {
    let tables = array(root, "nodes", out)?;
    if tables.is_empty() && what_for == For::Cluster {
        return Err(no_table("[[nodes]]", out));
    }
    let read: Vec<_> = tables
        .iter()
        .map(|value| {
            let fields = Fields::open("[[nodes]]", value, nodes::KEYS, out)?;
            nodes::read(&fields, storage_efa, load, out)
        })
        .collect();
    for (index, group) in read.iter().enumerate() {
        let Ok(group) = group else { continue };
        if read[..index].iter().flatten().any(|earlier| earlier.name == group.name) {
            out.push(
                Diagnostic::error("spec::name", "this name cannot be used")
                    .at(span(&tables[index]), format!("a second group `{}`", group.name))
                    .help("give each group a name of its own"),
            );
        }
    }
    read.into_iter().collect()
}
