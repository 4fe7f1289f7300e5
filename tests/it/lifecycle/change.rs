//! Changing a cluster that runs: in place, by replacement, or not at all.

use std::collections::BTreeSet;

use provision::apply::Outcome;
use provision::apply::event::Failure;
use provision::cloud::ImageFacts;
use provision::desired::Kind;
use provision::observed::State;
use provision::plan::{Danger, Options, Purpose, Verb};
use provision::simulated::Settings;
use provision::spec::{Compression, Flow, Image, MetadataIops, NodeEfa, Spec};

use super::harness::{Machine, assert_complete, dataset, group, spec, world};

async fn running() -> (Machine, Spec) {
    let machine = world(Settings::default());
    let spec = spec(&[4], &["/train", "/out"]);
    machine.must_up(&spec).await;
    // Storage may grow again only hours after its creation.
    tokio::time::advance(std::time::Duration::from_secs(7 * 3600)).await;
    (machine, spec)
}

fn verbs(prepared: &provision::apply::prepare::Prepared) -> Vec<String> {
    let changed = prepared.plan.actions.iter().filter(|action| action.verb != Verb::Keep);
    changed.map(|action| format!("{} {}", action.verb.symbol(), action.address)).collect()
}

#[tokio::test(start_paused = true)]
async fn everything_that_can_change_in_place_does() {
    let (machine, mut spec) = running().await;
    spec.storage.capacity_gib = Some(9600);
    spec.storage.metadata_iops = Some(MetadataIops::Provisioned(12_000));
    spec.storage.compression = Compression::None;
    spec.datasets[0].import = vec![Flow::New];
    spec.cluster.tags.insert("team".into(), "audio".into());
    spec.cluster.tags.insert("cost".into(), "42".into());
    spec.nodes[0].count = 6;
    let before = machine.cloud.truth("video").file_system().expect("a file system").id.clone();
    let planned = machine.plan(Purpose::Up, Some(&spec)).await;
    assert!(planned.plan.worst() <= Danger::Disruptive, "{:?}", verbs(&planned));
    machine.must_up(&spec).await;
    let after = machine.cloud.truth("video");
    assert_eq!(after.file_system().expect("a file system").id, before);
    assert!(after.resources.iter().all(|seen| seen.tags.get("cost").is_some_and(|cost| cost == "42")), "{after:#?}");
    // A tag that leaves the spec leaves the resources.
    spec.cluster.tags.remove("cost");
    machine.must_up(&spec).await;
    assert!(machine.cloud.truth("video").resources.iter().all(|seen| !seen.tags.contains_key("cost")));
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn metadata_iops_go_before_capacity() {
    let (machine, mut spec) = running().await;
    spec.storage.capacity_gib = Some(9600);
    spec.storage.metadata_iops = Some(MetadataIops::Provisioned(12_000));
    let plan = machine.plan(Purpose::Up, Some(&spec)).await.plan;
    let updates: Vec<String> =
        plan.steps.iter().filter(|step| step.address.kind == Kind::Fsx).map(|step| format!("{:?}", step.op)).collect();
    assert_eq!(updates.len(), 2);
    assert!(updates[0].contains("metadata_iops") && updates[1].contains("capacity"), "{updates:?}");
}

#[tokio::test(start_paused = true)]
async fn a_file_system_is_never_replaced_unasked() {
    for change in [(|spec: &mut Spec| spec.storage.capacity_gib = Some(2400)) as fn(&mut Spec), |spec| {
        spec.storage.metadata_iops = Some(MetadataIops::Provisioned(1500));
    }] {
        let (machine, mut spec) = running().await;
        change(&mut spec);
        let mutations = machine.cloud.mutations("laptop");
        let outcome = machine.up(&spec).await;
        let Ok(Outcome::Refused(prepared)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(prepared.plan.findings[0].code, "plan::replace-storage");
        assert_eq!(machine.cloud.mutations("laptop"), mutations);
    }
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_was_asked_for_exports_first() {
    let (machine, mut spec) = running().await;
    machine.cloud.write_files("/train", 5);
    machine.cloud.write_files("/out", 7);
    spec.storage.capacity_gib = Some(2400);
    let options = Options { replace_storage: true, ..Options::default() };
    assert_complete(&machine.run(Purpose::Up, Some(&spec), options).await, &machine);
    machine.must_hold();
    assert_eq!(machine.cloud.ledger().lost, 0);
    machine.must_up(&spec).await;
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn datasets_and_groups_come_and_go() {
    let (machine, mut spec) = running().await;
    spec.datasets.push(dataset("/new"));
    spec.nodes.push(group("late", 2));
    let planned = machine.plan(Purpose::Up, Some(&spec)).await;
    assert!(
        !verbs(&planned).contains(&"± nodes.g0".to_owned()),
        "a new dataset replaces no node: {:?}",
        verbs(&planned)
    );
    machine.must_up(&spec).await;
    spec.datasets.remove(0);
    spec.nodes.remove(0);
    machine.must_up(&spec).await;
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn another_layout_replaces_no_node() {
    let (machine, mut spec) = running().await;
    spec.datasets[0].layout = Some(provision::spec::Layout::Explicit { stripe_count: -1, stripe_size_kib: None });
    assert_eq!(verbs(&machine.plan(Purpose::Up, Some(&spec)).await), ["~ template.g0"]);
    machine.must_up(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_node_opens_the_ports_between_the_two() {
    let machine = world(Settings::default());
    let mut spec = spec(&[1], &[]);
    spec.nodes[0].efa = NodeEfa::Off;
    machine.must_up(&spec).await;
    let rules = || {
        let groups = machine.cloud.truth("video").resources;
        groups.iter().find(|each| each.address.kind == Kind::SecurityGroup).expect("a group").fields["rules"].clone()
    };
    assert_eq!(rules(), "tcp 1018-1023 in, tcp 988 in");
    spec.nodes[0].count = 2;
    machine.must_up(&spec).await;
    assert!(rules().starts_with("all in, all out"), "{}", rules());
}

#[tokio::test(start_paused = true)]
async fn of_too_many_nodes_the_newest_go() {
    let (machine, mut spec) = running().await;
    let oldest: Vec<String> = machine.cloud.truth("video").nodes.iter().map(|node| node.id.clone()).collect();
    spec.nodes[0].count = 6;
    machine.must_up(&spec).await;
    spec.nodes[0].count = 4;
    machine.must_up(&spec).await;
    let left: Vec<String> =
        machine.cloud.truth("video").nodes.iter().filter(|node| node.exists()).map(|node| node.id.clone()).collect();
    assert_eq!(left, oldest);
}

#[tokio::test(start_paused = true)]
async fn another_setup_script_replaces_the_nodes_and_says_so() {
    let (machine, mut spec) = running().await;
    spec.nodes[0].setup = Some(provision::spec::Setup { path: "setup.sh".into(), content: "#!/bin/sh\ntrue\n".into() });
    let planned = machine.plan(Purpose::Up, Some(&spec)).await;
    assert_eq!(verbs(&planned), ["~ template.g0", "± nodes.g0"]);
    assert_eq!(planned.plan.worst(), Danger::DestroysCompute);
    machine.must_up(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_or_deleted_by_hand_is_repaired() {
    let (machine, spec) = running().await;
    let truth = machine.cloud.truth("video");
    let link = truth.resources.iter().find(|seen| seen.address.kind == Kind::Link).expect("a link").id.clone();
    let node = truth.nodes[0].id.clone();
    machine.cloud.delete_by_hand(Kind::Link, &link);
    machine.cloud.delete_by_hand(Kind::Nodes, &node);
    machine.cloud.tag_by_hand(Kind::Fsx, &truth.file_system().expect("one").id, |tags| {
        tags.insert("team".into(), "somebody else".into());
    });
    tokio::time::advance(std::time::Duration::from_secs(300)).await;
    let planned = machine.plan(Purpose::Up, Some(&spec)).await;
    assert_eq!(planned.plan.count(Verb::Keep), planned.plan.actions.len() - 3, "{:?}", verbs(&planned));
    machine.must_up(&spec).await;
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_file_system_that_never_worked_is_made_again_without_leave() {
    let machine = world(Settings::default());
    let spec = spec(&[2], &["/train"]);
    machine.cloud.fail_next(Kind::Fsx, "no room");
    let Ok(Outcome::Ran { report, .. }) = machine.up(&spec).await else { panic!("it does not run") };
    assert!(report.failures.iter().any(|(_, failure)| matches!(failure, Failure::Broken { .. })), "{report:#?}");
    let again = machine.plan(Purpose::Up, Some(&spec)).await.plan;
    assert!(!again.is_refused() && again.worst() < Danger::DestroysData, "{:#?}", again.findings);
    machine.must_up(&spec).await;
    // One that has been AVAILABLE is another matter: somebody may have mounted it.
    let id = machine.cloud.truth("video").file_system().expect("a file system").id.clone();
    machine.cloud.set_state(Kind::Fsx, &id, State::Failed, "lost");
    let refused = machine.plan(Purpose::Up, Some(&spec)).await.plan;
    assert!(refused.is_refused() && refused.worst() == Danger::DestroysData, "{:#?}", refused.findings);
}

#[tokio::test(start_paused = true)]
async fn a_newer_image_is_told_and_taken_only_on_request() {
    let machine = world(Settings::default());
    let parameter = "/images/ours";
    let facts = |id: &str| {
        let (architecture, root_device) = ("x86_64".to_owned(), "/dev/xvda".to_owned());
        ImageFacts { id: id.to_owned(), name: format!("al2023-ami of {id}"), architecture, root_device, root_gib: 8 }
    };
    let names = |id: &'static str| {
        machine.cloud.adjust(|settings| {
            settings.images.insert(id.to_owned(), facts(id));
            settings.images.insert(parameter.to_owned(), facts(id));
        });
    };
    names("ami-1");
    let mut spec = spec(&[2], &["/train"]);
    spec.nodes[0].image = Image::Parameter(parameter.to_owned());
    machine.must_up(&spec).await;
    let images = || -> BTreeSet<String> {
        let truth = machine.cloud.truth("video");
        truth.nodes.iter().filter(|node| node.exists()).map(|node| node.image.clone()).collect()
    };
    let first = images();
    names("ami-2");
    let Ok(Outcome::Nothing(prepared)) = machine.up(&spec).await else { panic!("nothing is to be done") };
    let told = prepared.plan.findings.iter().find(|finding| finding.code == "nodes::newer-image").expect("told");
    assert!(
        told.notes[0].contains("ami-2") && told.help.as_ref().is_some_and(|help| help.contains("--refresh-images"))
    );
    assert_eq!(images(), first);

    let options = Options { refresh_images: true, ..Options::default() };
    assert_complete(&machine.run(Purpose::Up, Some(&spec), options).await, &machine);
    assert_eq!(images().into_iter().collect::<Vec<_>>(), ["ami-2"]);
    let Ok(Outcome::Nothing(prepared)) = machine.up(&spec).await else { panic!("it is taken for good") };
    assert!(prepared.plan.findings.iter().all(|finding| finding.code != "nodes::newer-image"));
    machine.must_down().await;
}
