//! JSON Schema of the file, for editors and other programs.
//!
//! The types in here exist for their shape and words alone: the reader is the authority, and a test holds that both know
//! the same keys.
#![expect(dead_code, reason = "never made: schemars looks at their fields")]

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::checks::instance::MOST as MOST_TYPES;
use crate::catalog::layouts;

/// Returns the schema.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Spec).to_value();
    without_null(&mut schema);
    schema
}

/// TOML has no null: what may be absent is only not required.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.retain(|key, value| key != "default" || !value.is_null());
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|each| each != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = map.get_mut("anyOf") {
                choices.retain(|each| each["type"] != "null");
                if let [Value::Object(only)] = choices.as_mut_slice() {
                    let only = std::mem::take(only);
                    map.remove("anyOf");
                    map.extend(only);
                }
            }
            map.values_mut().for_each(without_null);
        }
        Value::Array(values) => values.iter_mut().for_each(without_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A training cluster: an FSx for Lustre file system linked to S3, and the nodes that mount it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "cluster.toml")]
struct Spec {
    cluster: Cluster,
    network: Option<Network>,
    /// May be left out with `[workload]`.
    storage: Option<Storage>,
    /// Links between directories and places in S3.
    #[schemars(length(max = 8))]
    dataset: Option<Vec<Dataset>>,
    /// Groups of equal nodes.
    #[schemars(length(min = 1))]
    nodes: Vec<Nodes>,
    workload: Option<Workload>,
}

/// Who the cluster is.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Cluster {
    /// Everything is found by it.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]{0,37}$"))]
    name: String,
    /// Default: from the environment or the profile.
    #[schemars(regex(pattern = r"^[a-z]{2,}(-[a-z]+){1,2}-\d{1,2}$"), example = "us-east-1")]
    region: Option<String>,
    /// On everything that is made, beside our own.
    tags: Option<BTreeMap<String, String>>,
    /// How long nodes may bill after they were launched; default: until `provision down`.
    #[schemars(schema_with = "duration", default)]
    ttl: Option<String>,
    /// When nodes are launched; default: after-storage.
    launch: Option<Launch>,
    /// Name of an instance profile that exists; default: one is made with the least rights.
    instance_profile: Option<String>,
    /// What it may cost at most: a plan that makes it cost more than this is refused. Default: no limit.
    #[schemars(schema_with = "budget", default)]
    budget: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Launch {
    /// No GPU minute is paid before there is something to mount.
    AfterStorage,
    /// Capacity first: nodes boot while the file system is made.
    WithStorage,
}

/// Where the cluster lives; default: the default VPC.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Network {
    /// Candidates: one zone is chosen, and all of the cluster lives in it.
    #[schemars(length(min = 1), inner(regex(pattern = r"^subnet-[0-9a-f]{1,17}$")))]
    subnets: Option<Vec<String>>,
    /// One that exists; default: one is made.
    #[schemars(regex(pattern = r"^sg-[0-9a-f]{1,17}$"))]
    security_group: Option<String>,
}

/// The file system.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Storage {
    /// Default: fsx-lustre. What only another kind has is an error.
    kind: Option<Service>,
    /// Id of a file system that exists: linked and mounted, never changed, never deleted. Only `efa` and `mount` go with it.
    #[schemars(regex(pattern = r"^fs-[0-9a-f]{1,17}$"), example = "fs-0123456789abcdef0")]
    existing: Option<String>,
    /// Default: persistent-2.
    deployment: Option<Deployment>,
    /// Default: ssd.
    media: Option<Media>,
    /// Size as AWS writes it (1.2 TiB is 1200 GiB). Left out with `[workload]` and on intelligent-tiering.
    #[schemars(schema_with = "size", default)]
    capacity: Option<String>,
    /// Throughput for each TiB. Left out with `[workload]`, on scratch and on intelligent-tiering.
    #[schemars(schema_with = "rate", default)]
    throughput_per_tib: Option<String>,
    /// Throughput of the whole: on intelligent-tiering in multiples of 4000 MB/s; on efs "elastic" (the default) or MiB/s.
    #[schemars(schema_with = "throughput", default)]
    throughput: Option<String>,
    /// Metadata IOPS; on persistent-2 only. Default: auto, which follows the capacity.
    #[schemars(schema_with = "metadata_iops", default)]
    metadata_iops: Option<String>,
    /// SSD read cache; on intelligent-tiering only: "none", "proportional" or a size.
    #[schemars(schema_with = "read_cache", default)]
    read_cache: Option<String>,
    /// SSD cache of a fifth of the capacity; on HDD only. Default: none.
    drive_cache: Option<DriveCache>,
    /// Default: lz4.
    compression: Option<Compression>,
    /// Lustre over EFA; on persistent-2, and on an existing file system that has it. Default: false.
    efa: Option<bool>,
    /// Where nodes mount it. Default: /fsx; on efs /efs, on file-cache /cache.
    #[schemars(regex(pattern = r"^/[A-Za-z0-9/._-]+$"))]
    mount: Option<String>,
    /// Id, alias/… or ARN of a key; not on scratch. Default: AWS's own key.
    kms_key: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Service {
    FsxLustre,
    /// Amazon EFS: no size to choose, no datasets.
    Efs,
    /// Amazon File Cache: `capacity` in steps of 2.4 TiB, datasets that load when they are read.
    FileCache,
}

#[derive(JsonSchema)]
enum Deployment {
    #[schemars(rename = "scratch-2")]
    Scratch2,
    #[schemars(rename = "persistent-1")]
    Persistent1,
    #[schemars(rename = "persistent-2")]
    Persistent2,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Media {
    Ssd,
    /// With persistent-1.
    Hdd,
    /// With persistent-2; no datasets.
    IntelligentTiering,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum DriveCache {
    None,
    Read,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Compression {
    Lz4,
    None,
}

/// One data repository association.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Dataset {
    /// Bucket and prefix.
    #[schemars(regex(pattern = r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?$"), example = "s3://acme-video/train")]
    s3: String,
    /// Directory below the mount.
    #[schemars(regex(pattern = r"^/"), length(max = 4096), example = "/train")]
    path: String,
    /// What flows from S3 into the file system by itself. Default: all three; on file-cache nothing.
    import: Option<Vec<Flow>>,
    /// What flows into S3 by itself. Default: nothing.
    export: Option<Vec<Flow>>,
    /// What is there before the first read. Default: metadata; on file-cache none.
    preload: Option<Preload>,
    /// Must be true for `export` to hold "deleted". Default: false.
    allow_delete_in_s3: Option<bool>,
    /// False: what was written here and is not in S3 is given up at `provision down`. Default: true.
    export_on_down: Option<bool>,
    /// How much of a file goes to one disk on import. Default: FSx's, 1024 MiB.
    #[schemars(schema_with = "size", default)]
    import_chunk: Option<String>,
    /// How files that nodes write here are spread over the disks. Default: as all of the file system.
    #[schemars(schema_with = "layout", default)]
    layout: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Flow {
    New,
    Changed,
    Deleted,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Preload {
    None,
    /// Names and sizes; content on first read.
    Metadata,
    /// Everything.
    Data,
}

/// A group of equal nodes.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Nodes {
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]{0,31}$"))]
    name: String,
    /// EC2 instance type, or several in order of preference: the whole group is of the first for which there is room.
    #[schemars(schema_with = "instance")]
    instance: String,
    #[schemars(range(min = 1, max = 1000))]
    count: u32,
    /// So many will do: `up` launches as many as there are to be had between this and `count`. Default: `count`, all or none.
    #[schemars(range(min = 1, max = 1000))]
    min_count: Option<u32>,
    /// `ssm:` and a parameter's path, or an id. Default: the newest AWS image with drivers for the type.
    #[schemars(regex(pattern = r"^(ssm:/[A-Za-z0-9_./-]+|ami-[0-9a-f]{1,17})$"))]
    image: Option<String>,
    /// How capacity is bought. Default: on-demand.
    #[schemars(schema_with = "market", default)]
    market: Option<String>,
    /// The Capacity Block's; with `market = "capacity-block"` only.
    #[schemars(regex(pattern = r"^cr-[0-9a-f]{1,17}$"))]
    reservation: Option<String>,
    /// Whether capacity is asked for before the file system is made, and kept until the nodes run. Default: probe, on
    /// demand where a node has 8 accelerators or more.
    capacity: Option<Capacity>,
    /// Default: auto, wherever the type has it and there is something to reach over it.
    #[schemars(schema_with = "node_efa", default)]
    efa: Option<String>,
    /// Default: cluster, for more than one node of a type that allows it, outside reservations and what is held.
    placement: Option<Placement>,
    /// Path of a script, relative to this file; runs after the mount.
    setup: Option<String>,
    /// How many nodes a change of image, setup or type may take away at once: a number, or a share such as 25%. Default: all.
    #[schemars(schema_with = "max_away", default)]
    max_away: Option<String>,
    /// Default: 200 GiB.
    #[schemars(schema_with = "size", default)]
    root_volume: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Capacity {
    /// Reserved and given back at once, zone by zone, before the file system is made.
    Probe,
    /// Reserved in the same way, kept until the nodes run in it, and then given back. It is paid for like the nodes.
    Reserve,
    None,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Placement {
    /// Close together, in one placement group.
    Cluster,
    None,
}

/// What the storage is for; sizes it where `[storage]` leaves capacity and throughput out. What is left out here is assumed,
/// and `provision advise` shows what.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Workload {
    /// All that is read. Default: `files` × `file_size`.
    #[schemars(schema_with = "size", default)]
    dataset_size: Option<String>,
    /// Over all nodes. Default: what the samples and the epoch need.
    #[schemars(schema_with = "rate", default)]
    read: Option<String>,
    /// Over all nodes. Default: what a checkpoint needs.
    #[schemars(schema_with = "rate", default)]
    write: Option<String>,
    #[schemars(range(min = 1))]
    files: Option<u64>,
    /// How long the first byte of a read may take.
    #[schemars(schema_with = "duration", default)]
    latency: Option<String>,
    /// Of a file in the middle.
    #[schemars(schema_with = "size", default)]
    file_size: Option<String>,
    /// Of the largest file.
    #[schemars(schema_with = "size", default)]
    largest_file: Option<String>,
    /// Samples that one GPU takes a second; three places at most.
    #[schemars(range(min = 0.001, max = 9_999_999))]
    samples_per_gpu: Option<f64>,
    #[schemars(schema_with = "size", default)]
    sample_size: Option<String>,
    /// How long one pass over the dataset may take.
    #[schemars(schema_with = "duration", default)]
    epoch: Option<String>,
    /// All that is written for one checkpoint.
    #[schemars(schema_with = "size", default)]
    checkpoint_size: Option<String>,
    #[schemars(schema_with = "duration", default)]
    checkpoint_interval: Option<String>,
    /// How long writing one may take.
    #[schemars(schema_with = "duration", default)]
    checkpoint_time: Option<String>,
    /// Several nodes write into the same directories.
    shared_writes: Option<bool>,
    /// How long what is written must outlive its run, where it is not in S3.
    #[schemars(schema_with = "duration", default)]
    retention: Option<String>,
    /// Machines outside of AWS read and write it, too.
    on_premises: Option<bool>,
    /// Where the data is now. Default: s3 with datasets.
    source: Option<Source>,
    /// Of the bucket; with `source = "s3"` only. Default: the cluster's.
    #[schemars(regex(pattern = r"^[a-z]{2,}(-[a-z]+){1,2}-\d{1,2}$"), example = "eu-west-1")]
    source_region: Option<String>,
    #[schemars(range(min = 1, max = 730))]
    runs_per_month: Option<u32>,
    /// How long one run takes.
    #[schemars(schema_with = "duration", default)]
    run_time: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Source {
    S3,
    /// On a server of your own, reached by NFS.
    OnPremisesNfs,
    /// Nowhere yet: it is made on the cluster.
    None,
}

fn size(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*([kK]B|[MGTP]B|[KMGTP]iB|B)\s*$", "examples": ["4.8 TiB", "40 TB"] })
}

fn rate(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*([kK]B|[MGTP]B|[KMGTP]iB|B)/s\s*$", "examples": ["250 MB/s", "20 GB/s"] })
}

fn throughput(generator: &mut SchemaGenerator) -> Schema {
    let rate = rate(generator);
    json_schema!({ "anyOf": [{ "const": "elastic" }, rate] })
}

fn budget(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": r"^\s*\d+(\.\d{1,6})?\s*USD\s*/\s*(h|hour|d|day|w|week|month)\s*$", "examples": ["500 USD/day", "12.50 USD/hour"] })
}

fn duration(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "examples": ["72h", "3d", "1ms"] })
}

fn metadata_iops(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [{ "const": "auto" }, { "type": "integer", "minimum": 1500, "maximum": 192_000 }] })
}

fn read_cache(generator: &mut SchemaGenerator) -> Schema {
    let size = size(generator);
    json_schema!({ "anyOf": [{ "enum": ["none", "proportional"] }, size] })
}

fn instance(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            { "type": "string", "examples": ["p5.48xlarge"] },
            {
                "type": "array",
                "items": { "type": "string" },
                "minItems": 1,
                "maxItems": MOST_TYPES,
                "uniqueItems": true,
                "examples": [["p5.48xlarge", "p5e.48xlarge"]]
            }
        ]
    })
}

fn market(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            { "enum": ["on-demand", "spot", "capacity-block"] },
            {
                "type": "object",
                "properties": { "reservation": { "type": "string", "pattern": "^cr-[0-9a-f]{1,17}$" } },
                "required": ["reservation"],
                "additionalProperties": false
            }
        ]
    })
}

fn layout(generator: &mut SchemaGenerator) -> Schema {
    let named: Vec<Value> =
        layouts::all().iter().map(|each| serde_json::json!({ "const": each.name, "description": each.why })).collect();
    let count = serde_json::json!({
        "description": "-1: all there are.",
        "anyOf": [{ "const": -1 }, { "type": "integer", "minimum": 1, "maximum": layouts::STRIPE_COUNT_MAX }]
    });
    let explicit = serde_json::json!({
        "type": "object",
        "properties": { "stripe_count": count, "stripe_size": size(generator) },
        "required": ["stripe_count"],
        "additionalProperties": false
    });
    json_schema!({ "anyOf": named.into_iter().chain([explicit]).collect::<Vec<_>>() })
}

fn max_away(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [
        { "type": "integer", "minimum": 1 },
        { "type": "string", "pattern": "^([1-9][0-9]?|100)%$" },
    ] })
}

fn node_efa(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [{ "const": "auto" }, { "type": "boolean" }] })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::spec::checks::{cluster, dataset, network, nodes, storage, workload};
    use crate::spec::read::TABLES;

    fn first<T>(pairs: &[(&str, T)]) -> BTreeSet<String> {
        pairs.iter().map(|(word, _)| (*word).to_owned()).collect()
    }

    fn keys(of: &Value) -> BTreeSet<&str> {
        of["properties"].as_object().expect("an object").keys().map(String::as_str).collect()
    }

    #[test]
    fn schema_and_reader_know_the_same_keys() {
        let schema = schema();
        assert_eq!(keys(&schema), TABLES.iter().copied().collect());
        let tables = [
            ("Cluster", cluster::KEYS),
            ("Network", network::KEYS),
            ("Storage", storage::KEYS),
            ("Dataset", dataset::KEYS),
            ("Nodes", nodes::KEYS),
            ("Workload", workload::KEYS),
        ];
        for (name, known) in tables {
            let table = &schema["$defs"][name];
            assert_eq!(keys(table), known.iter().copied().collect(), "{name}");
            assert_eq!(table["additionalProperties"], false, "{name}");
        }
    }

    #[test]
    fn schema_and_reader_require_the_same_keys() {
        let schema = schema();
        assert_eq!(schema["required"], serde_json::json!(["cluster", "nodes"]));
        for (name, needed) in
            [("Cluster", vec!["name"]), ("Dataset", vec!["s3", "path"]), ("Nodes", vec!["name", "instance", "count"])]
        {
            assert_eq!(schema["$defs"][name]["required"], serde_json::json!(needed), "{name}");
        }
        assert!(schema["$defs"]["Storage"].get("required").is_none());
        assert!(!schema.to_string().contains("null"), "{schema}");
    }

    #[test]
    fn schema_and_reader_know_the_same_words() {
        let schema = schema();
        let words = |name: &str| {
            let of = &schema["$defs"][name];
            let listed = of["enum"].as_array().into_iter().flatten().cloned();
            let described = of["oneOf"].as_array().into_iter().flatten().flat_map(|each| {
                let several = each["enum"].as_array().into_iter().flatten().cloned();
                several.chain(each.get("const").cloned()).collect::<Vec<_>>()
            });
            listed.chain(described).map(|word| word.as_str().expect("a word").to_owned()).collect::<BTreeSet<_>>()
        };
        assert_eq!(words("Service"), first(storage::KINDS));
        assert_eq!(words("Deployment"), first(storage::DEPLOYMENTS));
        assert_eq!(words("Media"), first(storage::MEDIA));
        assert_eq!(words("Compression"), first(storage::COMPRESSIONS));
        assert_eq!(words("Flow"), first(dataset::FLOWS));
        assert_eq!(words("Preload"), first(dataset::PRELOADS));
        assert_eq!(words("Placement"), first(nodes::PLACEMENTS));
        assert_eq!(words("Source"), first(workload::SOURCES));
    }
}
