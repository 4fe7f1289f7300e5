//! What people see when a spec is wrong: one small mistake each.

mod workload;

use proptest::prelude::*;
use provision::catalog::prices::Prices;
use provision::diagnostic::Severity;
use provision::render::diagnostics::render;
use provision::sizing::{self, Question};
use provision::spec::{self, Capacity, Checked, EfsThroughput, Market, NodeEfa, Placement, Preload, Service};

const EXAMPLES: [(&str, &str); 5] = [
    ("video-pretrain", include_str!("../../examples/video-pretrain.toml")),
    ("scratch-experiment", include_str!("../../examples/scratch-experiment.toml")),
    ("efs", include_str!("../../examples/efs.toml")),
    ("file-cache", include_str!("../../examples/file-cache.toml")),
    ("tcp-hdd-archive", include_str!("../../examples/tcp-hdd-archive.toml")),
];

/// Parts of a good spec, to be put together with one bad one.
const CLUSTER: &str = "[cluster]\nname = \"x\"\nregion = \"us-east-1\"\n";
const STORAGE: &str = "[storage]\ncapacity = \"4.8 TiB\"\nthroughput_per_tib = \"250 MB/s\"\n";
const NODES: &str = "[[nodes]]\nname = \"trainer\"\ninstance = \"p5.48xlarge\"\ncount = 8\n";
const DATASET: &str = "[[dataset]]\ns3 = \"s3://acme/train\"\npath = \"/train\"\n";

fn load(path: &str) -> Result<String, String> {
    match path {
        "setup.sh" => Ok("echo hello\n".to_owned()),
        "large.sh" => Ok("#".repeat(70_000)),
        "empty.sh" => Ok("\n".to_owned()),
        _ => Err("No such file or directory".to_owned()),
    }
}

fn read(text: &str) -> Checked {
    spec::read(text, &load)
}

fn complaints(text: &str) -> String {
    let checked = read(text);
    let errors = checked.diagnostics.iter().any(|each| each.severity == Severity::Error);
    assert_eq!(checked.spec.is_none(), errors, "a spec, or an error");
    render("cluster.toml", text, &checked.diagnostics, false)
}

/// Takes a snapshot of the complaints about a text, named after the mistake.
fn snapshot(mistake: &str, text: &str) {
    insta::with_settings!({ snapshot_path => "snapshots/spec", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(mistake, complaints(text));
    });
}

fn storage(lines: &str) -> String {
    format!("{CLUSTER}[storage]\n{lines}{NODES}")
}

fn dataset(lines: &str) -> String {
    format!("{CLUSTER}{STORAGE}[[dataset]]\n{lines}{NODES}")
}

fn nodes(lines: &str) -> String {
    format!("{CLUSTER}{STORAGE}[[nodes]]\nname = \"trainer\"\n{lines}")
}

#[test]
fn syntax_all_at_once() {
    snapshot("syntax", "[cluster\nname = x\n[storage]\nefa = yes\n");
}

#[test]
fn nothing_at_all() {
    snapshot("empty", "");
}

#[test]
fn unknown_keys() {
    snapshot(
        "unknown-keys",
        &format!("{CLUSTER}zone = \"a\"\n{STORAGE}compresion = \"lz4\"\n{NODES}\n[netwrok]\n[budget]\nmonth = 1\n"),
    );
}

#[test]
fn missing_keys() {
    snapshot("missing-keys", "[cluster]\n[storage]\n[[dataset]]\n[[nodes]]\n");
}

#[test]
fn wrong_types() {
    let text = "[cluster]\nname = 5\nttl = 72\ntags = [\"a\"]\n[network]\nsubnets = \"subnet-0aa\"\n[storage]\ncapacity = 4.8\nthroughput_per_tib = 250\n\
        efa = \"yes\"\n[[nodes]]\nname = \"a\"\ninstance = \"p5.48xlarge\"\ncount = \"8\"\n[[dataset]]\ns3 = \"s3://acme\"\npath = \"/a\"\nimport = \"new\"\n[workload]\nfiles = 1.5\n";
    snapshot("wrong-types", text);
}

#[test]
fn units() {
    let text = storage("capacity = \"4.8\"\nthroughput_per_tib = \"250 Mbps\"\n");
    snapshot(
        "units",
        &format!("{text}[workload]\nread = \"20 GB\"\ndataset_size = \"40 tib\"\nlatency = \"1 parsec\"\n"),
    );
}

#[test]
fn budget() {
    let of = |budget: &str| format!("{CLUSTER}budget = {budget}\n{STORAGE}{NODES}");
    snapshot("budget-dollar", &of("\"$500/day\""));
    snapshot("budget-forever", &of("\"500 USD\""));
    snapshot("budget-number", &of("500"));
    let spec = read(&of("\"500 USD/day\"")).spec.expect("good");
    assert_eq!(spec.cluster.budget.map(|budget| budget.to_string()), Some("500.00 USD/day".to_owned()));
}

#[test]
fn capacity() {
    let sized = |size: &str| storage(&format!("capacity = \"{size}\"\nthroughput_per_tib = \"250 MB/s\"\n"));
    snapshot("capacity-between", &sized("5 TiB"));
    snapshot("capacity-below", &sized("600 GiB"));
    snapshot("capacity-decimal", &sized("4.8 TB"));
    snapshot("capacity-huge", &sized("99999 PiB"));
    for (size, gib) in [("1.2 TiB", 1200), ("2400 GiB", 2400), ("9.375 TiB", 9600), ("5153.960755200 GB", 4800)] {
        let checked = read(&sized(size));
        assert_eq!(
            checked.spec.map(|spec| spec.storage.capacity_gib),
            Some(Some(gib)),
            "{size}: {:?}",
            checked.diagnostics
        );
    }
}

#[test]
fn capacity_with_efa_and_on_hdd() {
    snapshot("capacity-efa", &storage("capacity = \"4.8 TiB\"\nthroughput_per_tib = \"250 MB/s\"\nefa = true\n"));
    let hdd =
        "deployment = \"persistent-1\"\nmedia = \"hdd\"\ncapacity = \"5 TiB\"\nthroughput_per_tib = \"40 MB/s\"\n";
    snapshot("capacity-hdd", &storage(hdd));
}

#[test]
fn an_existing_file_system_is_what_it_is() {
    let all = "existing = \"fs-lab\"\ndeployment = \"scratch-2\"\ncapacity = \"1.2 TiB\"\nkms_key = \"alias/x\"\nefa = false\nmount = \"/lab\"\n";
    snapshot("existing", &(storage(all) + "[workload]\nread = \"2 GB/s\"\n"));
    let checked = read(&storage("existing = \"fs-0123456789abcdef0\"\nmount = \"/lab\"\n"));
    let storage = checked.spec.expect("it is fine").storage;
    assert_eq!((storage.existing.as_deref(), storage.mount.as_str()), (Some("fs-0123456789abcdef0"), "/lab"));
    assert!(!storage.efa && storage.capacity_gib.is_none());
}

#[test]
fn throughput() {
    snapshot("throughput", &storage("capacity = \"4.8 TiB\"\nthroughput_per_tib = \"300 MB/s\"\n"));
    let scratch = "deployment = \"scratch-2\"\ncapacity = \"1.2 TiB\"\nthroughput_per_tib = \"200 MB/s\"\n";
    snapshot("throughput-scratch", &storage(scratch));
}

#[test]
fn what_older_types_cannot() {
    let scratch = "deployment = \"scratch-2\"\ncapacity = \"1.2 TiB\"\nmetadata_iops = 6000\nefa = true\nkms_key = \"alias/a\"\n\
        drive_cache = \"read\"\nread_cache = \"none\"\nthroughput = \"4000 MB/s\"\n";
    snapshot("scratch-with-everything", &storage(scratch));
    snapshot("scratch-hdd", &storage("deployment = \"scratch-2\"\nmedia = \"hdd\"\ncapacity = \"6 TiB\"\n"));
}

#[test]
fn metadata_iops() {
    let with = |iops: &str| format!("{CLUSTER}{STORAGE}metadata_iops = {iops}\n{NODES}");
    snapshot("metadata-iops", &with("5000"));
    snapshot("metadata-iops-word", &with("\"automatic\""));
}

#[test]
fn tiering() {
    let tiering = "media = \"intelligent-tiering\"\n";
    snapshot("tiering-needs", &format!("{}{DATASET}", storage(&format!("{tiering}capacity = \"4.8 TiB\"\n"))));
    let bad = "throughput = \"5 GB/s\"\nmetadata_iops = \"auto\"\nread_cache = \"16 GiB\"\n";
    snapshot("tiering-values", &storage(&format!("{tiering}{bad}")));
    let good = "throughput = \"8 GB/s\"\nmetadata_iops = 6000\nread_cache = \"64 GiB\"\n";
    assert_eq!(read(&storage(&format!("{tiering}{good}"))).diagnostics, vec![]);
    let small = "throughput = \"8 GB/s\"\nmetadata_iops = 6000\nread_cache = \"32 GiB\"\n";
    snapshot("tiering-read-cache", &storage(&format!("{tiering}{small}")));
}

#[test]
fn mount() {
    for bad in
        ["fsx", "/", "/etc", "/usr/local/fsx", "/home", "/a b", "/a/../b", "/opt/", "/x\\u0000", "/proc/1", "/a//b"]
    {
        let checked = read(&format!("{CLUSTER}{STORAGE}mount = \"{bad}\"\n{NODES}"));
        assert_eq!(checked.diagnostics.len(), 1, "{bad}: {:?}", checked.diagnostics);
        assert_eq!(checked.diagnostics[0].code, "spec::mount", "{bad}");
    }
    for good in ["/fsx", "/mnt/fsx/", "/home/ubuntu/fsx", "/opt/data", "/etcetera"] {
        assert_eq!(read(&format!("{CLUSTER}{STORAGE}mount = \"{good}\"\n{NODES}")).diagnostics, vec![], "{good}");
    }
    snapshot("mount", &format!("{CLUSTER}{STORAGE}mount = \"/usr/share/fsx\"\n{NODES}"));
}

#[test]
fn kms() {
    let key = "kms_key = \"arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab\"\n";
    snapshot("kms-region", &format!("{CLUSTER}{STORAGE}{key}{NODES}"));
    assert_eq!(read(&format!("[cluster]\nname = \"x\"\n{STORAGE}{key}{NODES}")).diagnostics, vec![], "region unknown");
}

#[test]
fn names_regions_tags() {
    let long = "a".repeat(39);
    snapshot("name", &format!("[cluster]\nname = \"Video_1\"\n{STORAGE}{NODES}"));
    snapshot("name-long", &format!("[cluster]\nname = \"{long}\"\n{STORAGE}{NODES}"));
    snapshot("region-zone", &format!("[cluster]\nname = \"x\"\nregion = \"us-east-1a\"\n{STORAGE}{NODES}"));
    let tags = "tags = { \"aws:x\" = \"1\", \"Provision:y\" = \"2\", team = 3, a = \"<\" }\n";
    snapshot("tags", &format!("{CLUSTER}{tags}{STORAGE}{NODES}"));
    let many: Vec<String> = (0..44).map(|number| format!("t{number} = \"\"")).collect();
    snapshot("tags-too-many", &format!("[cluster]\nname = \"x\"\ntags = {{ {} }}\n{STORAGE}{NODES}", many.join(", ")));
    for ttl in ["0h", "-1h", "366d"] {
        assert_eq!(
            read(&format!("{CLUSTER}ttl = \"{ttl}\"\n{STORAGE}{NODES}")).diagnostics[0].code,
            "spec::ttl",
            "{ttl}"
        );
    }
}

#[test]
fn ids() {
    let text = format!(
        "{CLUSTER}instance_profile = \"arn:aws:iam::123456789012:instance-profile/train\"\n[network]\nsubnets = [\"subnet-0aa\", \"vpc-0aa\", \"subnet-0aa\"]\nsecurity_group = \"sg_1\"\n{STORAGE}{NODES}image = \"ubuntu\"\n"
    );
    snapshot("ids", &text);
}

#[test]
fn places_in_s3() {
    for bad in [
        "s3://",
        "s3://ab",
        "s3://Acme",
        "s3://acme--use1-az4--x-s3/a",
        "s3://acme-s3alias",
        "s3://acme//a",
        "s3://acme/../a",
        "arn:aws:s3:us-east-1:123456789012:accesspoint/x",
        "acme/train",
        "s3://192.168.1.1",
        "s3://acme/a\\nb",
    ] {
        let checked = read(&dataset(&format!("s3 = \"{bad}\"\npath = \"/a\"\n")));
        assert_eq!(checked.diagnostics.len(), 1, "{bad}: {:?}", checked.diagnostics);
        assert_eq!(checked.diagnostics[0].code, "spec::s3", "{bad}");
    }
    snapshot("s3-directory-bucket", &dataset("s3 = \"s3://acme--use1-az4--x-s3\"\npath = \"train\"\n"));
}

#[test]
fn overlaps() {
    let pair = |one: (&str, &str), other: (&str, &str)| {
        let table = |(s3, path): (&str, &str)| format!("[[dataset]]\ns3 = \"s3://{s3}\"\npath = \"{path}\"\n");
        format!("{CLUSTER}{STORAGE}{}{}{NODES}", table(one), table(other))
    };
    snapshot("overlap", &pair(("acme/a", "/a"), ("acme/a/b", "/a/b")));
    snapshot("overlap-root", &pair(("one", "/"), ("two", "/a")));
    let fine = [(("acme/a", "/a"), ("acme/ab", "/ab")), (("one", "/a"), ("two", "/b"))];
    for (one, other) in fine {
        assert_eq!(read(&pair(one, other)).diagnostics, vec![], "{one:?} {other:?}");
    }
    for (one, other) in
        [(("acme", "/a"), ("acme/x", "/b")), (("acme/x/", "/a"), ("acme/x", "/b")), (("one", "/a/"), ("two", "/a"))]
    {
        assert_eq!(read(&pair(one, other)).diagnostics[0].code, "spec::overlap", "{one:?} {other:?}");
    }
}

#[test]
fn too_many_datasets() {
    let nine: Vec<String> = (0..9).map(|n| format!("[[dataset]]\ns3 = \"s3://acme/{n}\"\npath = \"/{n}\"\n")).collect();
    snapshot("datasets-nine", &format!("{CLUSTER}{STORAGE}{NODES}{}", nine.concat()));
}

#[test]
fn deleting_in_s3_takes_a_word() {
    let lines = "s3 = \"s3://acme/c\"\npath = \"/c\"\nexport = [\"new\", \"deleted\"]\n";
    snapshot("delete-in-s3", &dataset(lines));
    snapshot("delete-in-s3-denied", &dataset(&format!("{lines}allow_delete_in_s3 = false\n")));
    assert_eq!(read(&dataset(&format!("{lines}allow_delete_in_s3 = true\n"))).diagnostics, vec![]);
}

#[test]
fn dataset_values() {
    let lines = "s3 = \"s3://acme/c\"\npath = \"/c\"\nimport = [\"new\", \"delete\"]\npreload = \"all\"\nimport_chunk = \"1 B\"\n";
    snapshot("dataset-values", &dataset(lines));
}

#[test]
fn dataset_layouts() {
    let of = |layout: &str| dataset(&format!("s3 = \"s3://acme/c\"\npath = \"/c\"\nlayout = {layout}\n"));
    snapshot("layout-word", &of("\"checkpoint\""));
    snapshot("layout-type", &of("4"));
    snapshot("layout-values", &of("{ stripe_count = 0, stripe_size = \"100 KiB\", stripes = 1 }"));
    snapshot("layout-without-count", &of("{ stripe_size = \"4 GiB\" }"));
    for (layout, arguments) in [
        ("\"checkpoints\"", "-c -1 -S 16M"),
        ("\"video-clips\"", "-c 1"),
        ("{ stripe_count = -1 }", "-c -1"),
        ("{ stripe_count = 2000, stripe_size = \"4MiB\" }", "-c 2000 -S 4096K"),
        ("{ stripe_count = 1, stripe_size = \"64 KiB\" }", "-c 1 -S 64K"),
    ] {
        let checked = read(&of(layout));
        let found = checked.spec.and_then(|spec| spec.datasets[0].layout);
        assert_eq!(found.map(spec::Layout::setstripe).as_deref(), Some(arguments), "{:?}", checked.diagnostics);
    }
}

#[test]
fn instance_types() {
    snapshot("instance-size", &nodes("instance = \"p5.48xlrage\"\ncount = 8\n"));
    snapshot("instance-unknown-family", &nodes("instance = \"p9.48xlarge\"\ncount = 8\n"));
    snapshot("instance-mac", &nodes("instance = \"mac2.metal\"\ncount = 1\n"));
    snapshot("instance-nonsense", &nodes("instance = \"a big one\"\ncount = 0\n"));
}

#[test]
fn how_many_may_be_away() {
    let of = |max_away: &str| nodes(&format!("instance = \"p5.48xlarge\"\ncount = 8\nmax_away = {max_away}\n"));
    for (text, nodes) in [("1", 1), ("3", 3), ("\"25%\"", 2), ("\"1%\"", 1), ("\"100%\"", 8)] {
        let max_away = read(&of(text)).spec.expect("valid").nodes[0].max_away.expect("there is one");
        assert_eq!(max_away.of(8), nodes, "{text}");
    }
    snapshot("max-away-none", &of("0"));
    snapshot("max-away-share", &of("\"101%\""));
    snapshot("max-away-word", &of("\"few\""));
    snapshot("max-away-type", &of("true"));
}

#[test]
fn how_few_nodes_will_do() {
    let of = |min_count: &str| nodes(&format!("instance = \"p5.48xlarge\"\ncount = 8\nmin_count = {min_count}\n"));
    for (text, least) in [("1", 1), ("6", 6), ("8", 8)] {
        assert_eq!(read(&of(text)).spec.expect("valid").nodes[0].least(), least, "{text}");
    }
    assert_eq!(read(&nodes("instance = \"p5.48xlarge\"\ncount = 8\n")).spec.expect("valid").nodes[0].least(), 8);
    snapshot("min-count-none", &of("0"));
    snapshot("min-count-more", &of("9"));
    snapshot("min-count-type", &of("\"75%\""));
}

#[test]
fn efa() {
    snapshot("efa-none", &nodes("instance = \"g6e.2xlarge\"\ncount = 2\nefa = true\n"));
    let storage_efa = "[storage]\ncapacity = \"19.2 TiB\"\nthroughput_per_tib = \"250 MB/s\"\nefa = true\n";
    let group = |instance: &str, count: u32, more: &str| {
        format!("{CLUSTER}{storage_efa}[[nodes]]\nname = \"a\"\ninstance = \"{instance}\"\ncount = {count}\n{more}")
    };
    snapshot("efa-storage-over-tcp", &group("p4d.24xlarge", 2, ""));
    let efa = |text: &str| read(text).spec.expect("valid").nodes[0].efa;
    assert_eq!(efa(&group("p5.48xlarge", 1, "")), NodeEfa::On, "for the storage");
    assert_eq!(efa(&group("p4d.24xlarge", 1, "")), NodeEfa::Off, "nothing to reach");
    assert_eq!(efa(&group("p4d.24xlarge", 2, "")), NodeEfa::On, "between nodes");
    assert_eq!(efa(&group("p5.48xlarge", 2, "efa = false\n")), NodeEfa::Off);
    assert_eq!(efa(&nodes("instance = \"p5.48xlarge\"\ncount = 1\n")), NodeEfa::Off);
    assert_eq!(efa(&nodes("instance = \"p5.48xlarge\"\ncount = 1\nefa = true\n")), NodeEfa::On);
    assert_eq!(efa(&nodes("instance = \"g6e.2xlarge\"\ncount = 9\nefa = \"auto\"\n")), NodeEfa::Off);
}

#[test]
fn placement() {
    snapshot("placement", &nodes("instance = \"t3.large\"\ncount = 2\nplacement = \"cluster\"\n"));
    let placement = |lines: &str| read(&nodes(lines)).spec.expect("valid").nodes[0].placement;
    assert_eq!(placement("instance = \"p5.48xlarge\"\ncount = 2\n"), Placement::Cluster);
    assert_eq!(placement("instance = \"p5.48xlarge\"\ncount = 1\n"), Placement::None);
    assert_eq!(placement("instance = \"t3.large\"\ncount = 2\n"), Placement::None);
    assert_eq!(
        placement("instance = \"p5.48xlarge\"\ncount = 2\nmarket = { reservation = \"cr-0a\" }\n"),
        Placement::None
    );
    assert_eq!(placement("instance = \"p5.48xlarge\"\ncount = 2\ncapacity = \"reserve\"\n"), Placement::None);
}

#[test]
fn instances_in_order_of_preference() {
    let group = |instance: &str, lines: &str| nodes(&format!("instance = {instance}\ncount = 2\n{lines}"));
    snapshot("types-none", &group("[]", ""));
    snapshot("types-no-strings", &group("[\"p5.48xlarge\", 5]", ""));
    snapshot("types-unknown", &group("[\"p5.48xlarge\", \"p5.49xlarge\", \"mac1.metal\"]", ""));
    snapshot("types-twice", &group("[\"p5.48xlarge\", \"p5e.48xlarge\", \"p5.48xlarge\"]", ""));
    snapshot("types-of-two-architectures", &group("[\"p5.48xlarge\", \"g5g.16xlarge\"]", ""));
    snapshot("types-of-two-drivers", &group("[\"p5.48xlarge\", \"trn1.32xlarge\"]", ""));
    snapshot(
        "types-of-a-block",
        &group("[\"p5.48xlarge\", \"p5e.48xlarge\"]", "market = { reservation = \"cr-0a\" }\n"),
    );
    snapshot("types-and-efa", &group("[\"p5.48xlarge\", \"g6e.2xlarge\"]", "efa = true\nplacement = \"close\"\n"));
    let nine: Vec<String> = (1..=9).map(|each| format!("\"x{each}.large\"")).collect();
    snapshot("types-nine", &group(&format!("[{}]", nine.join(", ")), ""));
    let read = |instance: &str| read(&group(instance, "")).spec.expect("valid").nodes.remove(0);
    let several = read("[\"p5.48xlarge\", \"g6e.2xlarge\"]");
    assert_eq!((several.instance.as_str(), several.types().count()), ("p5.48xlarge", 2));
    assert_eq!((several.efa, several.placement), (NodeEfa::On, Placement::Cluster));
    let second = several.only(|each| each == "g6e.2xlarge").expect("it is in the list");
    assert_eq!((second.efa, second.types().collect::<Vec<_>>()), (NodeEfa::Off, vec!["g6e.2xlarge"]));
    assert_eq!(second, read("\"g6e.2xlarge\""), "as if it stood there alone");
    assert_eq!(read("[\"p5.48xlarge\"]"), read("\"p5.48xlarge\""));
    assert_eq!(several.only(|_| false), None);
}

#[test]
fn market() {
    let p5 = |lines: &str| nodes(&format!("instance = \"p5.48xlarge\"\ncount = 8\n{lines}"));
    snapshot("market-word", &p5("market = \"reserved\"\n"));
    snapshot("market-block-without-id", &p5("market = \"capacity-block\"\n"));
    snapshot("market-id-without-block", &p5("market = \"spot\"\nreservation = \"cr-0a\"\n"));
    snapshot("market-table", &p5("market = { reservtion = \"cr-0a\" }\n"));
    let g6 = "instance = \"g6.xlarge\"\ncount = 65\nmarket = \"capacity-block\"\nreservation = \"cr-0a\"\n";
    snapshot("market-block-of-g6", &nodes(g6));
    snapshot("capacity-of-spot", &p5("market = \"spot\"\ncapacity = \"probe\"\n"));
    snapshot("capacity-held-of-block", &p5("market = { reservation = \"cr-0a\" }\ncapacity = \"reserve\"\n"));
    snapshot("capacity-held-in-group", &p5("capacity = \"reserve\"\nplacement = \"cluster\"\n"));
    let existing = "[storage]\nexisting = \"fs-0123456789abcdef0\"\n";
    snapshot("capacity-held-for-nothing", &p5("capacity = \"reserve\"\n").replace(STORAGE, existing));
    let capacity = |instance: &str, lines: &str| {
        let text = nodes(&format!("instance = \"{instance}\"\ncount = 2\n{lines}"));
        read(&text).spec.expect("valid").nodes[0].capacity
    };
    for (instance, lines, expected) in [
        ("p5.48xlarge", "", Capacity::ProbeIfPossible),
        ("trn1.32xlarge", "", Capacity::ProbeIfPossible),
        ("g6e.12xlarge", "", Capacity::None),
        ("p5.48xlarge", "market = \"spot\"\n", Capacity::None),
        ("p5.48xlarge", "market = { reservation = \"cr-0a\" }\n", Capacity::None),
        ("p5.48xlarge", "capacity = \"none\"\n", Capacity::None),
        ("g6.xlarge", "capacity = \"probe\"\n", Capacity::Probe),
        ("g6.xlarge", "capacity = \"reserve\"\n", Capacity::Reserve),
    ] {
        assert_eq!(capacity(instance, lines), expected, "{instance} {lines}");
    }
    let market = |lines: &str| read(&p5(lines)).spec.expect("valid").nodes[0].market.clone();
    assert_eq!(market(""), Market::OnDemand);
    assert_eq!(
        market("market = \"capacity-block\"\nreservation = \"cr-0a\"\n"),
        Market::CapacityBlock("cr-0a".to_owned())
    );
    assert_eq!(market("market = { reservation = \"cr-0a\" }\n"), Market::Reservation("cr-0a".to_owned()));
}

#[test]
fn groups() {
    snapshot("groups-of-one-name", &format!("{CLUSTER}{STORAGE}{NODES}{NODES}"));
    for (script, fine) in [("setup.sh", true), ("large.sh", false), ("empty.sh", false)] {
        let checked = read(&format!("{CLUSTER}{STORAGE}{NODES}setup = \"{script}\"\n"));
        assert_eq!(checked.diagnostics.is_empty(), fine, "{script}");
    }
    snapshot(
        "setup-not-found",
        &format!("{CLUSTER}{STORAGE}{NODES}setup = \"scripts/setup.sh\"\nroot_volume = \"4 GiB\"\n"),
    );
}

#[test]
fn workload_in_place_of_sizes() {
    let work = "[workload]\ndataset_size = \"40 TiB\"\nread = \"20 GB/s\"\nwrite = \"5 GB/s\"\nfiles = 2_000_000\nlatency = \"1ms\"\n";
    let checked = read(&format!("{CLUSTER}[storage]\n{NODES}{work}"));
    assert_eq!(checked.diagnostics, vec![]);
    let spec = checked.spec.expect("valid");
    assert_eq!((spec.storage.capacity_gib, spec.storage.throughput_per_tib), (None, None));
    let question = Question {
        region: "us-east-1",
        workload: spec.workload.as_ref(),
        storage: Some(&spec.storage),
        open: spec.open,
        nodes: &spec.nodes,
        datasets: &spec.datasets,
        prices: Prices::builtin(),
        scan: None,
    };
    let sized = sizing::size(&spec.storage, &question).expect("can be done").storage;
    assert_eq!((sized.capacity_gib, sized.throughput_per_tib), (Some(50_400), Some(500)));
    snapshot(
        "workload-without-size",
        &format!("{CLUSTER}[storage]\n{NODES}[workload]\nread = \"20 GB/s\"\nfiles = 0\n"),
    );
}

#[test]
fn examples_are_valid() {
    for (name, text) in EXAMPLES {
        let checked = read(text);
        assert_eq!(render(name, text, &checked.diagnostics, false), "", "{name}");
        assert!(checked.spec.is_some(), "{name}");
    }
}

#[test]
fn the_main_example_is_read_whole() {
    let checked = read(EXAMPLES[0].1);
    insta::with_settings!({ snapshot_path => "snapshots/spec", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_debug_snapshot!("video-pretrain", checked.spec);
    });
    let span = checked.places.get("dataset[1].s3").expect("written");
    assert_eq!(&EXAMPLES[0].1[span.start..span.end], "\"s3://acme-video/checkpoints\"");
    let span = checked.places.get("nodes[0]").expect("written");
    assert_eq!(&EXAMPLES[0].1[span.start..span.end], "[[nodes]]");
    assert_eq!(checked.places.get("nodes[1]"), None);
}

/// The spec of DESIGN.md, with the word that deleting in S3 takes and without the parts that stand for something.
const CONTRACT: &str = r#"
[cluster]
name   = "video-pretrain"
region = "us-east-1"
tags   = { team = "vision" }
ttl    = "72h"
launch = "after-storage"

[network]
subnets = ["subnet-0aa", "subnet-0bb"]

[storage]
kind        = "fsx-lustre"
deployment  = "persistent-2"
media       = "ssd"
capacity    = "4.8 TiB"
throughput_per_tib = "250 MB/s"
metadata_iops = 6000
compression = "lz4"
efa         = false
mount       = "/fsx"

[[dataset]]
s3       = "s3://acme-video/train"
path     = "/train"
import   = ["new", "changed", "deleted"]
export   = []
preload  = "metadata"

[[dataset]]
s3       = "s3://acme-video/checkpoints"
path     = "/checkpoints"
export   = ["new", "changed", "deleted"]
allow_delete_in_s3 = true

[[nodes]]
name     = "trainer"
instance = "p5.48xlarge"
count    = 8
market   = "on-demand"
efa      = "auto"
placement = "cluster"
setup    = "setup.sh"

[workload]
dataset_size = "40 TiB"
read         = "20 GB/s"
write        = "5 GB/s"
files        = 2_000_000
latency      = "1ms"
"#;

#[test]
fn the_contract_is_kept() {
    assert_eq!(complaints(CONTRACT), "");
    // Windows editors write other ends of line, and some a mark before the first.
    assert_eq!(complaints(&CONTRACT.replace('\n', "\r\n")), "");
}

fn holds(text: &str) -> Result<(), TestCaseError> {
    let checked = read(text);
    let errors = checked.diagnostics.iter().any(|each| each.severity == Severity::Error);
    prop_assert_eq!(checked.spec.is_none(), errors, "{:?}", checked.diagnostics);
    let _ = render("cluster.toml", text, &checked.diagnostics, false);
    Ok(())
}

/// Cuts a text at a border of characters.
fn cut(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

proptest! {
    #[test]
    fn any_text_gives_a_spec_or_an_error(text in any::<String>()) {
        holds(&text)?;
    }

    #[test]
    fn any_damage_gives_a_spec_or_an_error(
        which in 0..EXAMPLES.len(), from in 0..1800_usize, length in 0..40_usize,
        with in prop_oneof![any::<String>(), "[0-9a-z\\[\\]{}=\"'\n., /-]{0,12}", Just(String::new())],
    ) {
        let text = EXAMPLES[which].1;
        let from = cut(text, from);
        let to = cut(text, from + length).max(from);
        holds(&format!("{}{with}{}", &text[..from], &text[to..]))?;
    }

    #[test]
    fn any_value_gives_a_spec_or_an_error(
        which in 0..EXAMPLES.len(), line in 0..60_usize,
        value in prop_oneof![
            any::<i64>().prop_map(|number| number.to_string()),
            any::<f64>().prop_map(|number| format!("{number:?}")),
            "\"[0-9]{0,20}(\\.[0-9]{1,5})? ?[kMGTP]?i?B?(/s)?\"",
            any::<String>().prop_map(|text| format!("{text:?}")),
            Just("[]".to_owned()), Just("{}".to_owned()), Just("[[1]]".to_owned()), Just("1979-05-27".to_owned()), Just("true".to_owned()),
        ],
    ) {
        let mut lines: Vec<String> = EXAMPLES[which].1.lines().map(str::to_owned).collect();
        let place = line % lines.len();
        if let Some((key, _)) = lines[place].split_once(" = ") {
            lines[place] = format!("{key} = {value}");
        }
        holds(&lines.join("\n"))?;
    }
}

#[test]
fn efs() {
    snapshot(
        "efs-keys",
        &format!(
            "{CLUSTER}[storage]\nkind = \"efs\"\nexisting = \"fs-0a\"\ndeployment = \"persistent-2\"\ncapacity = \"4.8 TiB\"\nefa = true\n\
             throughput_per_tib = \"250 MB/s\"\ncompression = \"lz4\"\n{DATASET}{NODES}"
        ),
    );
    let with = |throughput: &str| storage(&format!("kind = \"efs\"\nthroughput = {throughput}\n"));
    snapshot("efs-bursting", &with("\"bursting\""));
    snapshot("efs-elastik", &with("\"elastik\""));
    snapshot("efs-decimal", &with("\"100 MB/s\""));
    snapshot("efs-too-fast", &with("\"100 GiB/s\""));
    snapshot("efs-number", &with("100"));
    snapshot("efs-kind", &storage("kind = \"efss\"\ncapacity = \"1.2 TiB\"\nthroughput_per_tib = \"250 MB/s\"\n"));
    let service = |text: &str| read(text).spec.map(|spec| (spec.storage.service, spec.storage.mount));
    let elastic = Service::Efs(EfsThroughput::Elastic);
    assert_eq!(service(&storage("kind = \"efs\"\n")), Some((elastic, "/efs".to_owned())));
    let bought = Service::Efs(EfsThroughput::Provisioned(1024));
    assert_eq!(service(&with("\"1 GiB/s\"\nmount = \"/shared\"")), Some((bought, "/shared".to_owned())));
    // It has no size, so a workload has nothing to size.
    let text = format!("{}[workload]\ndataset_size = \"40 TiB\"\n", storage("kind = \"efs\"\n"));
    let spec = read(&text).spec.expect("good");
    assert!(spec.workload.is_some() && !spec.storage.has_sizes());
}

#[test]
fn file_cache() {
    let with = |capacity: &str, dataset: &str| {
        let storage = format!("kind = \"file-cache\"\ncapacity = \"{capacity}\"\n");
        format!("{CLUSTER}[storage]\n{storage}[[dataset]]\ns3 = \"s3://acme/train\"\n{dataset}{NODES}")
    };
    snapshot(
        "file-cache-keys",
        &storage(
            "kind = \"file-cache\"\nexisting = \"fs-0a\"\nmedia = \"ssd\"\nthroughput_per_tib = \"250 MB/s\"\n\
             metadata_iops = \"auto\"\nefa = true\ncompression = \"lz4\"\n",
        ),
    );
    snapshot("file-cache-capacity", &with("3.6 TiB", "path = \"/a\"\n"));
    snapshot(
        "file-cache-dataset",
        &with(
            "1.2 TiB",
            "path = \"/\"\nimport = [\"new\"]\nexport = [\"new\"]\npreload = \"metadata\"\nimport_chunk = \"1 GiB\"\n",
        ),
    );
    for (capacity, gib) in [("1.2 TiB", 1200), ("2400 GiB", 2400), ("4.8 TiB", 4800)] {
        let good = with(capacity, "path = \"/a\"\nimport = []\nexport = []\npreload = \"data\"\n");
        let spec = read(&good).spec.unwrap_or_else(|| panic!("{}", complaints(&good)));
        assert_eq!((spec.storage.service, spec.storage.capacity_gib), (Service::FileCache, Some(gib)));
        assert_eq!(spec.storage.mount, "/cache");
    }
    let bare = read(&with("1.2 TiB", "path = \"/a\"\n")).spec.expect("good");
    assert_eq!((&bare.datasets[0].import[..], bare.datasets[0].preload), (&[][..], Preload::None));
}
