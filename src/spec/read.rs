//! From text to [`Spec`]: syntax first, then every table, then what they say about each other.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::checks::{cluster, dataset, network, nodes, overlap, storage, workload};
use super::fields::{At, Complained, Fields, unknown_keys, wrong_type};
use super::model::{Dataset, Nodes, Service, Spec};
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
    let spec = tables(table.get_ref(), &places, load, &mut out);
    Checked::new(spec, out, places)
}

fn syntax(text: &str, error: &toml::de::Error) -> Diagnostic {
    let range = error.span().unwrap_or(text.len()..text.len());
    Diagnostic::error("spec::syntax", "this is not TOML")
        .at(Span { start: range.start, end: range.end }, error.message())
}

fn tables(
    root: &DeTable<'_>,
    places: &Places,
    load: &dyn Fn(&str) -> Result<String, String>,
    out: &mut Diagnostics,
) -> Result<Spec, Complained> {
    unknown_keys(root, TABLES, "a spec", out);
    let cluster_fields = required(root, "cluster", cluster::KEYS, out);
    let cluster = cluster_fields.as_ref().map_err(|_| Complained).and_then(|fields| cluster::read(fields, out));
    let region = cluster.as_ref().ok().and_then(|cluster| cluster.region.as_deref());
    let network = match root.get("network") {
        Some(value) => {
            Fields::open("[network]", value, network::KEYS, out).and_then(|fields| network::read(&fields, out))
        }
        None => Ok(super::model::Network::default()),
    };
    let workload = match root.get("workload") {
        Some(value) => Fields::open("[workload]", value, workload::KEYS, out)
            .and_then(|fields| workload::read(&fields, out).map(Some)),
        None => Ok(None),
    };
    let beside = storage::Beside {
        region,
        workload: places.get("workload"),
        dataset_size: places.get("workload.dataset_size").is_some(),
        linked: root.contains_key("dataset"),
    };
    let storage = required(root, "storage", storage::KEYS, out).and_then(|fields| storage::read(&fields, &beside, out));
    let service = storage.as_ref().ok().map(|storage| storage.service);
    let datasets = datasets(root, service, places, out);
    let nodes = groups(root, storage.as_ref().ok().map(|storage| storage.efa), load, out);

    Ok(Spec {
        cluster: cluster?,
        network: network?,
        storage: storage?,
        datasets: datasets?,
        nodes: nodes?,
        workload: workload?,
    })
}

fn required<'t, 'i>(
    root: &'t DeTable<'i>,
    name: &str,
    keys: &[&str],
    out: &mut Diagnostics,
) -> Result<Fields<'t, 'i>, Complained> {
    match root.get(name) {
        Some(value) => Fields::open(&format!("[{name}]"), value, keys, out),
        None => Err(no_table(&format!("[{name}]"), out)),
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

fn groups(
    root: &DeTable<'_>,
    storage_efa: Option<bool>,
    load: &dyn Fn(&str) -> Result<String, String>,
    out: &mut Diagnostics,
) -> Result<Vec<Nodes>, Complained> {
    let tables = array(root, "nodes", out)?;
    if tables.is_empty() {
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
