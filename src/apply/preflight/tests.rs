//! Each finding from a survey alone.

mod blocks;

use std::collections::BTreeMap;

use super::{findings, questions, rights};
use crate::catalog::prices::Prices;
use crate::cloud::{Class, CloudError, Identity, InUse, Key, QuotaId, Reservation, Survey, Unanswered, Verdict};
use crate::desired::{self, Address, ClusterId, Desired, Kind, PinnedImage, Pins, Place, Resource, Settled, TAG_SPEC};
use crate::diagnostic::Severity;
use crate::observed::{Node, NodeState, Observed, Seen, State};
use crate::plan::{self, Finding, Input, Options, Plan, Purpose};
use crate::record::Record;
use crate::spec::{self, Spec};

/// 8 × p5.48xlarge: 1536 vCPUs, 264 network interfaces; 48,000 GiB.
const SPEC: &str = r#"
[cluster]
name = "x"
region = "us-east-1"
[storage]
deployment = "persistent-2"
capacity = "48 TiB"
throughput_per_tib = "250 MB/s"
[[dataset]]
s3 = "s3://acme/out"
path = "/out"
export = ["new", "changed", "deleted"]
allow_delete_in_s3 = true
[[nodes]]
name = "trainer"
instance = "p5.48xlarge"
count = 8
image = "ami-1"
"#;

fn read(text: &str) -> Spec {
    let checked = spec::read(text, &|_| Ok(String::new()));
    checked.spec.unwrap_or_else(|| panic!("{:?}", checked.diagnostics))
}

fn with(more: &[(&str, &str)]) -> Spec {
    read(&more.iter().fold(SPEC.to_owned(), |text, (line, instead)| {
        assert!(text.contains(line), "{line}");
        text.replace(line, instead)
    }))
}

struct Planned {
    desired: Desired,
    place: Place,
    plan: Plan,
}

fn planned(spec: &Spec, observed: &Observed) -> Planned {
    let id = ClusterId { cluster: "x".to_owned(), region: "us-east-1".to_owned(), deployment: "d1".to_owned() };
    let identity = Identity {
        account: "123456789012".to_owned(),
        arn: String::new(),
        region: "us-east-1".to_owned(),
        partition: "aws".to_owned(),
    };
    let place = Place { subnet: "subnet-a".to_owned(), vpc: "vpc-1".to_owned(), zone: "us-east-1a".to_owned() };
    let image = PinnedImage {
        id: "ami-1".to_owned(),
        architecture: "x86_64".to_owned(),
        root_device: "/dev/xvda".to_owned(),
        root_gib: 35,
    };
    let pins = Pins { place: Some(place.clone()), images: [("ami-1".to_owned(), image)].into(), ..Pins::default() };
    let desired = desired::build(spec, &Settled { id: &id, identity: &identity, place: &place, pins: &pins });
    let record = Record::new("x", "d1");
    let (options, replace) = (Options::default(), [].as_slice());
    let input = Input { purpose: Purpose::Up, desired: &desired, observed, record: &record, options, replace };
    let plan = plan::plan(&input, Prices::builtin());
    Planned { desired, place, plan }
}

/// Of these codes alone.
fn found(spec: &Spec, survey: &Survey, observed: &Observed, code: &str) -> Vec<Finding> {
    let Planned { desired, place, plan } = planned(spec, observed);
    let plan = Plan { blocks: super::blocks::blocks(spec, survey, &plan), ..plan };
    let mut found = findings(spec, survey, observed, &desired, &place, &plan);
    found.retain(|finding| finding.code == code);
    found
}

fn one(spec: &Spec, survey: &Survey, code: &str) -> Finding {
    let mut found = found(spec, survey, &Observed::default(), code);
    assert_eq!(found.len(), 1, "{code}: {found:#?}");
    found.remove(0)
}

fn none(spec: &Spec, survey: &Survey, code: &str) {
    assert_eq!(found(spec, survey, &Observed::default(), code), [], "{code}");
}

fn quota(service: &str, code: &str) -> QuotaId {
    QuotaId { service: service.to_owned(), code: code.to_owned() }
}

fn limits(all: &[(&str, &str, u64)]) -> BTreeMap<QuotaId, u64> {
    all.iter().map(|(service, code, limit)| (quota(service, code), *limit)).collect()
}

fn reservation() -> Reservation {
    Reservation {
        instance: "p5.48xlarge".to_owned(),
        zone: "us-east-1a".to_owned(),
        state: "active".to_owned(),
        free: 8,
        is_block: None,
        starts: None,
        ends: None,
        placement_group: None,
    }
}

fn reserved(reservation: Option<Reservation>) -> Survey {
    Survey { reservations: [("cr-0a".to_owned(), reservation)].into(), ..Survey::default() }
}

const RESERVED: (&str, &str) = ("count = 8", "count = 8\nmarket = { reservation = \"cr-0a\" }");
const BLOCK: (&str, &str) = ("count = 8", "count = 8\nmarket = \"capacity-block\"\nreservation = \"cr-0a\"");

fn failed(operation: &str, class: Class) -> CloudError {
    CloudError::new(operation, class, "said so")
}

#[test]
fn asks_only_what_is_open() {
    let spec = with(&[("\"48 TiB\"", "\"48 TiB\"\nkms_key = \"alias/fsx\""), RESERVED]);
    let open = questions(&spec, &Pins::default(), &Observed::default());
    assert_eq!(open.versioned.iter().collect::<Vec<_>>(), ["acme"]);
    assert_eq!(open.reservations.iter().collect::<Vec<_>>(), ["cr-0a"]);
    assert_eq!(open.kms_key.as_deref(), Some("alias/fsx"));
    let codes: Vec<&str> = open.quotas.iter().map(|id| id.code.as_str()).collect();
    assert_eq!(codes, ["L-8F1B9C74", "L-FD6F2F22", "L-DF5E4CA3"], "what is reserved counts already");
    assert!(open.running.is_empty());

    let open = questions(&with(&[]), &Pins::default(), &Observed::default());
    assert!(open.quotas.contains(&quota("ec2", "L-417A185B")) && open.running.contains("p*"));
    let spot =
        questions(&with(&[("count = 8", "count = 8\nmarket = \"spot\"")]), &Pins::default(), &Observed::default());
    assert!(spot.quotas.contains(&quota("ec2", "L-7212CCBC")) && !spot.quotas.contains(&quota("ec2", "L-417A185B")));

    let storage = questions(&with(&[]), &Pins::default(), &there("48000 GiB"));
    assert!(storage.quotas.is_empty(), "nothing grows: {storage:?}");
    let grows = questions(&with(&[]), &Pins::default(), &there("24000 GiB"));
    assert_eq!(grows.quotas.len(), 2);
}

/// A file system of this capacity and all nodes.
fn there(capacity: &str) -> Observed {
    let spec = with(&[]);
    let Planned { desired, .. } = planned(&spec, &Observed::default());
    let address = Address::one(Kind::Fsx);
    let mut fields: BTreeMap<String, String> = desired.resources[&address]
        .resource
        .fields()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    fields.insert("capacity".to_owned(), capacity.to_owned());
    let seen = Seen {
        tags: desired.id.tags(&address, &desired.resources[&address].spec, 1, &desired.tags),
        address,
        id: "fs-1".to_owned(),
        arn: None,
        state: State::Ready,
        lifecycle: "AVAILABLE".to_owned(),
        reason: None,
        fields,
        endpoint: None,
        file_system: None,
    };
    let node = |number: u32| Node {
        address: Address::named(Kind::Nodes, "trainer"),
        id: format!("i-{number}"),
        state: NodeState::Running,
        report: None,
        preload: None,
        instance: "p5.48xlarge".to_owned(),
        image: "ami-1".to_owned(),
        zone: "us-east-1a".to_owned(),
        private_ip: None,
        launched: None,
        spot: false,
        reason: None,
        tags: BTreeMap::new(),
    };
    Observed { resources: vec![seen], nodes: (0..8).map(node).collect(), ..Observed::default() }
}

#[test]
fn vcpus_that_do_not_fit() {
    let spec = with(&[]);
    let mut survey = Survey {
        quotas: limits(&[("ec2", "L-417A185B", 1727)]),
        in_use: InUse {
            // One more p5; a g6 and a spot p5 count elsewhere; of a type of tomorrow nobody knows the size.
            on_demand: Some(
                [("p5.48xlarge", 1), ("g6.xlarge", 9), ("p9.large", 9)].map(|(a, b)| (a.to_owned(), b)).into(),
            ),
            spot: Some([("p5.48xlarge".to_owned(), 9)].into()),
            ..InUse::default()
        },
        ..Survey::default()
    };
    let finding = one(&spec, &survey, "quota::exceeded");
    assert_eq!(finding.severity, Severity::Error);
    assert_eq!(finding.address, Some(Address::named(Kind::Nodes, "trainer")));
    assert_eq!(
        finding.notes,
        [
            "Running On-Demand P instances: 1727 vCPUs allowed, 192 vCPUs in use, 1536 vCPUs more wanted for nodes.trainer"
        ]
    );
    let help = finding.help.expect("what to do");
    assert!(help.contains("--service-code ec2 --quota-code L-417A185B --desired-value 1728"), "{help}");
    survey.quotas = limits(&[("ec2", "L-417A185B", 1728)]);
    none(&spec, &survey, "quota::exceeded");
    // What is in use is not known: only what cannot fit into an empty account is said.
    survey.in_use = InUse::default();
    survey.quotas = limits(&[("ec2", "L-417A185B", 1536)]);
    none(&spec, &survey, "quota::exceeded");
    survey.quotas = limits(&[("ec2", "L-417A185B", 0)]);
    assert!(one(&spec, &survey, "quota::exceeded").notes[0].contains("how much is in use is not known"));
}

#[test]
fn a_quota_for_nodes_that_are_not_needed_refuses_nothing() {
    let spec = with(&[("count = 8", "count = 8\nmin_count = 6")]);
    let address = Address::named(Kind::Nodes, "trainer");
    let digest = planned(&spec, &Observed::default()).desired.resources[&address].spec.clone();
    let there = |count: usize| Observed {
        nodes: (0..count).map(|at| node(&address, &format!("i-{at}"), &digest)).collect(),
        ..Observed::default()
    };
    let survey = |running: u32| Survey {
        quotas: limits(&[("ec2", "L-417A185B", 1200)]),
        in_use: InUse { on_demand: Some([("p5.48xlarge".to_owned(), running)].into()), ..InUse::default() },
        ..Survey::default()
    };
    let severity = |count: u32| {
        let findings = found(&spec, &survey(count), &there(count as usize), "quota::exceeded");
        findings.into_iter().map(|finding| finding.severity).collect::<Vec<_>>()
    };
    assert_eq!(severity(6), [Severity::Warning], "the group has enough");
    assert_eq!(severity(5), [Severity::Error]);
    assert_eq!(severity(0), [Severity::Error], "a launch of 8 is refused whole");
}

fn node(address: &Address, id: &str, spec: &str) -> crate::observed::Node {
    crate::observed::Node {
        address: address.clone(),
        id: id.to_owned(),
        state: crate::observed::NodeState::Running,
        report: Some(crate::observed::Report::Ready),
        preload: None,
        instance: "p5.48xlarge".to_owned(),
        image: "ami-1".to_owned(),
        zone: "us-east-1a".to_owned(),
        private_ip: None,
        launched: None,
        spot: false,
        reason: None,
        tags: [(TAG_SPEC.to_owned(), spec.to_owned())].into(),
    }
}

#[test]
fn a_reservation_needs_room_for_as_many_as_are_enough() {
    let spec = with(&[("count = 8", "count = 8\nmin_count = 6\nmarket = { reservation = \"cr-0a\" }")]);
    none(&spec, &reserved(Some(Reservation { free: 6, ..reservation() })), "reservation::unusable");
    let finding = one(&spec, &reserved(Some(Reservation { free: 5, ..reservation() })), "reservation::unusable");
    assert!(finding.notes[0].contains("it has room for 5, and 6 are to be launched"), "{:?}", finding.notes);
}

#[test]
fn where_aws_is_not_sure_neither_are_we() {
    let spec = with(&[("count = 8", "count = 8\nmarket = \"spot\"")]);
    let survey = Survey { quotas: limits(&[("ec2", "L-7212CCBC", 96)]), ..Survey::default() };
    assert_eq!(one(&spec, &survey, "quota::exceeded").severity, Severity::Warning);
}

#[test]
fn storage_and_interfaces_that_do_not_fit() {
    let spec = with(&[]);
    let Planned { desired, .. } = planned(&spec, &Observed::default());
    let Resource::Fsx(other) = &desired.resources[&Address::one(Kind::Fsx)].resource else { panic!("a file system") };
    let in_use = InUse {
        file_systems: Some([("fs-9".to_owned(), other.clone())].into()),
        interfaces: Some(4800),
        ..InUse::default()
    };
    let quotas = limits(&[("fsx", "L-8F1B9C74", 95_999), ("fsx", "L-FD6F2F22", 1), ("vpc", "L-DF5E4CA3", 5000)]);
    let survey = Survey { quotas, in_use: in_use.clone(), ..Survey::default() };
    let all = found(&spec, &survey, &Observed::default(), "quota::exceeded");
    let notes: Vec<&str> = all.iter().map(|finding| finding.notes[0].as_str()).collect();
    assert_eq!(
        notes,
        [
            "Lustre Persistent_2 file systems: 1 allowed, 1 in use, 1 more wanted for fsx",
            "Lustre Persistent_2 storage capacity: 95999 GiB allowed, 48000 GiB in use, 48000 GiB more wanted for fsx",
            "Network interfaces per Region: 5000 allowed, 4800 in use, 264 more wanted for nodes.trainer",
        ]
    );
    let enough = limits(&[("fsx", "L-8F1B9C74", 96_000), ("fsx", "L-FD6F2F22", 2), ("vpc", "L-DF5E4CA3", 5064)]);
    none(&spec, &Survey { quotas: enough, in_use, ..Survey::default() }, "quota::exceeded");
}

#[test]
fn growth_counts_the_difference() {
    let spec = with(&[]);
    let observed = there("24000 GiB");
    let Planned { desired, plan, .. } = planned(&spec, &observed);
    assert!(plan.steps.iter().any(|step| matches!(step.op, plan::Op::Update { .. })), "{:#?}", plan.actions);
    let Resource::Fsx(wanted) = &desired.resources[&Address::one(Kind::Fsx)].resource else { panic!("a file system") };
    let mut ours = wanted.clone();
    ours.capacity_gib = Some(24_000);
    let in_use = InUse { file_systems: Some([("fs-1".to_owned(), ours)].into()), ..InUse::default() };
    let survey = |limit| Survey {
        quotas: limits(&[("fsx", "L-8F1B9C74", limit), ("fsx", "L-FD6F2F22", 1)]),
        in_use: in_use.clone(),
        ..Survey::default()
    };
    assert_eq!(found(&spec, &survey(48_000), &observed, "quota::exceeded"), []);
    assert_eq!(found(&spec, &survey(47_999), &observed, "quota::exceeded").len(), 1);
}

#[test]
fn reservations_that_cannot_hold_the_nodes() {
    let spec = with(&[RESERVED]);
    none(&spec, &reserved(Some(reservation())), "reservation::unusable");
    none(&spec, &Survey::default(), "reservation::missing");
    assert_eq!(one(&spec, &reserved(None), "reservation::missing").severity, Severity::Error);
    let starts = Some("2026-12-01T11:30:00Z".parse().expect("a time"));
    for (wrong, why) in [
        (Reservation { free: 7, ..reservation() }, "it has room for 7, and 8 are to be launched"),
        (
            Reservation { zone: "us-east-1b".to_owned(), ..reservation() },
            "it is in us-east-1b, and the cluster in us-east-1a",
        ),
        (
            Reservation { instance: "p4d.24xlarge".to_owned(), ..reservation() },
            "it is for p4d.24xlarge, and nodes.trainer are p5.48xlarge",
        ),
        (Reservation { state: "expired".to_owned(), ..reservation() }, "it is expired"),
        (
            Reservation { state: "scheduled".to_owned(), starts, ..reservation() },
            "it is scheduled, and starts at 2026-12-01T11:30:00Z",
        ),
        (
            Reservation { is_block: Some(true), ..reservation() },
            "it is a capacity block: say `market = \"capacity-block\"`",
        ),
    ] {
        let finding = one(&spec, &reserved(Some(wrong)), "reservation::unusable");
        assert_eq!(finding.notes, [format!("cr-0a: {why}")]);
        assert!(finding.severity == Severity::Error && finding.help.is_some());
    }
    let block = with(&[BLOCK]);
    let plain = reserved(Some(Reservation { is_block: Some(false), ..reservation() }));
    assert_eq!(one(&block, &plain, "reservation::unusable").severity, Severity::Error);
    let ends = Some("2026-12-08T11:30:00Z".parse().expect("a time"));
    let good = reserved(Some(Reservation { is_block: Some(true), ends, ..reservation() }));
    assert_eq!(one(&block, &good, "reservation::ends").severity, Severity::Note);
}

#[test]
fn keys_that_cannot_encrypt() {
    let spec = with(&[("\"48 TiB\"", "\"48 TiB\"\nkms_key = \"alias/fsx\"")]);
    let survey = |key| Survey { kms_key: Some(key), ..Survey::default() };
    let key = |state: &str, encrypts| survey(Key::Found { state: state.to_owned(), encrypts });
    none(&spec, &key("Enabled", true), "storage::kms-key");
    none(&spec, &Survey::default(), "storage::kms-key");
    for wrong in [key("Disabled", true), key("PendingDeletion", true), key("Enabled", false), survey(Key::Missing)] {
        let finding = one(&spec, &wrong, "storage::kms-key");
        assert!(finding.severity == Severity::Error && finding.help.is_some(), "{finding:?}");
    }
    let away = "\"48 TiB\"\nkms_key = \"arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab\"";
    // Where the region is the environment's, the spec alone cannot tell.
    let away = with(&[("\"48 TiB\"", away), ("region = \"us-east-1\"\n", "")]);
    assert!(one(&away, &Survey::default(), "storage::kms-key").notes[0].contains("is in eu-west-1"));
}

#[test]
fn deletions_that_reach_a_bucket_without_versions() {
    let unversioned = Survey { versioned: [("acme".to_owned(), false)].into(), ..Survey::default() };
    let finding = one(&with(&[]), &unversioned, "dataset::versioning");
    assert_eq!(finding.severity, Severity::Warning);
    let versioned = Survey { versioned: [("acme".to_owned(), true)].into(), ..Survey::default() };
    none(&with(&[]), &versioned, "dataset::versioning");
    none(&with(&[(", \"deleted\"]\nallow_delete_in_s3 = true", "]")]), &unversioned, "dataset::versioning");
}

#[test]
fn no_answer_is_one_note() {
    let unanswered = [("quotas of `ec2`", Class::Transient), ("key `alias/fsx`", Class::Denied)]
        .map(|(what, class)| Unanswered { what: what.to_owned(), why: failed("x:Y", class) });
    let survey = Survey { unanswered: unanswered.into(), ..Survey::default() };
    let finding = one(&with(&[]), &survey, "preflight::unanswered");
    assert_eq!(finding.severity, Severity::Note);
    assert_eq!(
        finding.notes,
        [
            "not checked: quotas of `ec2`, because of x:Y: said so",
            "not checked: key `alias/fsx`, because of x:Y: said so"
        ]
    );
    assert!(finding.help.is_some_and(|help| help.contains("provision iam --plan")));
    none(&with(&[]), &Survey::default(), "preflight::unanswered");
}

fn verdict(action: &str, allowed: bool, certain: bool) -> Verdict {
    Verdict { action: action.to_owned(), resource: Some("arn:aws:x:::y".to_owned()), allowed, certain }
}

#[test]
fn rights_that_are_missing() {
    let told = |verdicts: &[Verdict]| {
        let unanswered = Unanswered { what: "permissions".to_owned(), why: failed("iam:X", Class::Denied) };
        let survey = Survey { rights: verdicts.to_vec(), unanswered: vec![unanswered], ..Survey::default() };
        rights(&survey).into_iter().map(|finding| (finding.severity, finding.code)).collect::<Vec<_>>()
    };
    let note = (Severity::Note, "preflight::unanswered");
    assert_eq!(told(&[]), [note]);
    assert_eq!(told(&[verdict("a:B", true, true)]), [note]);
    // Who may do nothing of it was not meant to: the job of a pull request.
    assert_eq!(
        told(&[verdict("a:B", false, true), verdict("a:C", false, false)]),
        [(Severity::Note, "rights::look-only")]
    );
    assert_eq!(
        told(&[verdict("a:A", true, false), verdict("a:B", false, true), verdict("a:C", false, false)]),
        [(Severity::Error, "rights::denied"), (Severity::Warning, "rights::simulated"), note]
    );
    let many: Vec<Verdict> = (0..20).map(|number| verdict(&format!("a:{number:02}"), number > 15, false)).collect();
    let survey = Survey { rights: many, ..Survey::default() };
    let finding = rights(&survey).remove(0);
    assert!(
        finding.notes[0].contains("a:00 on arn:aws:x:::y, ") && finding.notes[0].ends_with("and 4 more"),
        "{finding:?}"
    );
}

/// Digests do not compress.
fn noise(bytes: usize) -> String {
    let digests = (0..).map(|at: u32| desired::digest(&[&at.to_string()], 32));
    digests.flat_map(|digest| digest.chars().collect::<Vec<_>>()).take(bytes).collect()
}

#[test]
fn a_boot_script_that_does_not_fit_is_refused_before_anything_is_made() {
    let spec = |setup: String| {
        let text = format!("{SPEC}setup = \"s.sh\"\n");
        spec::read(&text, &|_| Ok(setup.clone())).spec.expect("a good spec")
    };
    assert_eq!(found(&spec("echo".to_owned()), &Survey::default(), &Observed::default(), "nodes::boot"), []);
    let finding = one(&spec(noise(30_000)), &Survey::default(), "nodes::boot");
    assert_eq!((finding.severity, finding.address), (Severity::Error, Some(Address::named(Kind::Template, "trainer"))));
    assert!(
        finding.notes[0].ends_with("the setup script has 30000 bytes, keep it in S3 and fetch it"),
        "{:?}",
        finding.notes
    );
}
