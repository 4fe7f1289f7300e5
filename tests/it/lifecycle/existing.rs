//! A file system that exists and is somebody else's: linked and mounted, and left exactly as it was.

use std::collections::{BTreeMap, BTreeSet};

use provision::apply::prepare::Failed;
use provision::apply::{Outcome, event::Ending};
use provision::cloud::{LetIn, ServerGroup};
use provision::desired::{FileSystem, Kind, Link, Reference, Resource, Tags};
use provision::observed::TaskState;
use provision::plan::{Op, Options, Plan, Purpose, Verb};
use provision::render::{Theme, plan_text};
use provision::simulated::{ExportOutcome, Fault, Settings, When, check_clean};
use provision::spec::{Compression, Deployment, Media, MetadataIops, Spec};

use super::harness::{Machine, assert_complete, machine, quick, spec, world};

/// Somebody's file system in zone b, with a link, files on it and an import that runs.
struct Theirs {
    id: String,
    link: String,
    import: String,
}

pub(crate) fn file_system() -> FileSystem {
    FileSystem {
        deployment: Deployment::Persistent2,
        media: Media::Ssd,
        capacity_gib: Some(9600),
        throughput_per_tib: Some(125),
        throughput: None,
        read_cache: None,
        drive_cache: None,
        metadata_iops: Some(MetadataIops::Auto),
        compression: Compression::None,
        efa: false,
        kms_key: None,
        subnet: "subnet-b".to_owned(),
        security_group: Reference::Existing("sg-theirs".to_owned()),
    }
}

pub(crate) fn link(path: &str, prefix: &str) -> Link {
    Link {
        bucket: "theirs".to_owned(),
        prefix: prefix.to_owned(),
        path: path.to_owned(),
        import: Vec::new(),
        export: Vec::new(),
        import_chunk_mib: None,
        preload_metadata: false,
        export_on_down: true,
    }
}

fn plant(machine: &Machine) -> Theirs {
    let cloud = &machine.cloud;
    let tags = Tags::from([("owner".to_owned(), "lab".to_owned())]);
    let id = cloud.plant(Resource::Fsx(file_system()), tags);
    let link = cloud.plant_link(&id, link("/lab", "lab"), Tags::new());
    cloud.write_onto(&id, "/lab", 7);
    cloud.write_onto(&id, "/home", 5);
    let import = cloud.import_onto(&id, "s3://theirs/lab/new");
    Theirs { id, link, import }
}

fn on(theirs: &Theirs, groups: &[u32], paths: &[&str]) -> Spec {
    let mut spec = spec(groups, paths);
    spec.storage.existing = Some(theirs.id.clone());
    (spec.storage.capacity_gib, spec.storage.throughput_per_tib, spec.storage.metadata_iops) = (None, None, None);
    spec
}

/// As it was, with everything of theirs on it.
#[track_caller]
fn assert_untouched(machine: &Machine, theirs: &Theirs) {
    machine.must_hold();
    let cloud = &machine.cloud;
    assert!(cloud.exists(Kind::Fsx, &theirs.id) && cloud.exists(Kind::Link, &theirs.link));
    let files = cloud.files(&theirs.id);
    assert_eq!((files["/lab"].dirty, files["/home"].dirty), (7, 5), "{files:?}");
    let import = cloud.task(&theirs.import).expect("their task");
    assert!(!matches!(import.state, TaskState::Canceling | TaskState::Canceled), "{import:?}");
    let requests = cloud.history();
    for never in ["fsx:CreateFileSystem", "fsx:UpdateFileSystem", "fsx:DeleteFileSystem"] {
        assert!(!requests.contains(never), "{never}\n{requests}");
    }
}

fn refused(outcome: &Result<Outcome, Failed>) -> Vec<String> {
    match outcome {
        Ok(Outcome::Refused(prepared)) => prepared
            .plan
            .findings
            .iter()
            .map(|each| format!("{} {:?} {:?}", each.code, each.notes, each.help))
            .collect(),
        Err(Failed::Refused(complaints)) => {
            complaints.iter().map(|each| format!("{} {:?}", each.code, each.notes)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_linked_and_mounted_and_stays_when_the_cluster_goes() {
    let machine = world(Settings::default());
    let theirs = plant(&machine);
    let spec = on(&theirs, &[2, 1], &["/train", "/out"]);
    let first = machine.plan(Purpose::Up, Some(&spec)).await.plan;
    assert_eq!(first.existing.as_ref(), Some(&theirs.id));
    let line = first.actions.iter().find(|action| action.address.kind == Kind::Fsx).expect("it is shown");
    assert_eq!((line.verb, line.id.as_ref()), (Verb::Keep, Some(&theirs.id)));
    assert_eq!(first.zone.as_deref(), Some("us-east-1b"), "nodes are where it is");
    assert!(first.cost.items.iter().all(|item| item.address.kind != Kind::Fsx), "it is not ours to pay for");
    assert!(first.cost.not_included.iter().any(|what| what.contains("existing file system")));
    insta::assert_snapshot!("existing_up", plan_text::plan(&first, &Theme::plain()));

    machine.must_up(&spec).await;
    let truth = machine.cloud.truth("video");
    let links: Vec<_> = truth.resources.iter().filter(|seen| seen.address.kind == Kind::Link).collect();
    assert!(links.len() == 2 && links.iter().all(|link| link.file_system.as_ref() == Some(&theirs.id)));
    assert!(truth.file_system().is_none(), "it is no resource of ours");
    assert_untouched(&machine, &theirs);

    machine.cloud.write_onto(&theirs.id, "/train", 3);
    machine.cloud.write_onto(&theirs.id, "/scratch", 9);
    let down = machine.plan(Purpose::Down, None).await.plan;
    insta::assert_snapshot!("existing_down", plan_text::plan(&down, &Theme::plain()));
    assert!(down.actions.iter().any(|action| down.is_existing(action) && action.reasons[0].contains("stays as it is")));
    assert!(
        !down.findings.iter().any(|finding| finding.code == "plan::no-link" || finding.code == "plan::outside-links")
    );
    machine.must_down().await;
    assert_untouched(&machine, &theirs);
    let files = machine.cloud.files(&theirs.id);
    assert_eq!((files["/train"].dirty, files["/train"].exported), (0, 3), "exported before the link went");
    assert_eq!(files["/scratch"].dirty, 9, "outside the links, and still there");
}

#[tokio::test(start_paused = true)]
async fn a_failed_export_keeps_the_link() {
    let machine = world(Settings::default());
    let theirs = plant(&machine);
    machine.must_up(&on(&theirs, &[1], &["/out"])).await;
    machine.cloud.write_onto(&theirs.id, "/out", 4);
    machine.cloud.adjust(|settings| settings.export = ExportOutcome::FailsFiles(2));
    let Ok(Outcome::Ran { report, .. }) = machine.down().await else { panic!("it ran") };
    assert_eq!(report.ending, Ending::Failed);
    assert!(machine.cloud.truth("video").resources.iter().any(|seen| seen.address.kind == Kind::Link));
    machine.cloud.adjust(|settings| settings.export = ExportOutcome::Succeeds);
    machine.must_down().await;
    assert_untouched(&machine, &theirs);
}

#[tokio::test(start_paused = true)]
async fn giving_up_the_export_gives_up_no_file() {
    let machine = world(Settings::default());
    let theirs = plant(&machine);
    machine.must_up(&on(&theirs, &[1], &["/train"])).await;
    machine.cloud.write_onto(&theirs.id, "/train", 4);
    let options = Options { discard_unexported_data: true, ..Options::default() };
    let Ok(Outcome::Ran { prepared, .. }) = machine.run(Purpose::Down, None, options).await else { panic!("it ran") };
    let told = prepared.plan.findings.iter().find(|finding| finding.code == "plan::unlinked").expect("told");
    assert!(told.notes[0].contains("is not exported; it stays on"), "{told:?}");
    assert!(check_clean(&machine.cloud).iter().all(|left| left.to_string().starts_with("data-safe")));
    assert!(machine.cloud.exists(Kind::Fsx, &theirs.id));
}

/// Wherever a run dies, the next one goes on, and nobody's file system is touched.
#[tokio::test(start_paused = true)]
async fn after_a_crash_anywhere_up_and_down_end_well() {
    for number in 1.. {
        let laptop = world(quick(0));
        let theirs = plant(&laptop);
        let spec = on(&theirs, &[1], &["/train", "/out"]);
        let when = if number % 2 == 0 { When::Before } else { When::After };
        laptop.cloud.fault_at(number, Fault::Crash(when));
        // `up`, and from the moment it ends well on, `down`.
        let ended = tokio::select! {
            () = async {
                laptop.must_up(&spec).await;
                laptop.cloud.write_onto(&theirs.id, "/out", 2);
                laptop.must_down().await;
            } => true,
            () = laptop.cloud.crashed() => false,
        };
        let next = machine(&laptop.cloud, "laptop again");
        if number % 3 == 0 {
            next.must_up(&spec).await;
        }
        next.must_down().await;
        assert_untouched(&next, &theirs);
        assert_eq!(next.cloud.files(&theirs.id).get("/out").map_or(0, |counts| counts.dirty), 0);
        if ended {
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn links_are_found_without_the_record() {
    let laptop = world(Settings::default());
    let theirs = plant(&laptop);
    laptop.must_up(&on(&theirs, &[1], &["/train"])).await;
    laptop.cloud.write_onto(&theirs.id, "/train", 3);
    let names: Vec<String> = laptop.cloud.parameters_now("/provision/").into_keys().collect();
    provision::cloud::Cloud::delete_parameters(&laptop.cloud, &names).await.expect("they go");
    // Nothing but the links tells of the file system now.
    let other = machine(&laptop.cloud, "other");
    let down = other.plan(Purpose::Down, None).await.plan;
    assert_eq!(down.existing.as_ref(), Some(&theirs.id));
    let exports = down.steps.iter().filter(|step| step.op == Op::Export).count();
    assert_eq!(exports, 1);
    other.must_down().await;
    assert_untouched(&other, &theirs);
    assert_eq!(other.cloud.files(&theirs.id)["/train"].exported, 3);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_keeps_its_file_system_for_life() {
    let machine = world(Settings::default());
    let theirs = plant(&machine);
    let another = plant(&machine);
    machine.must_up(&on(&theirs, &[1], &["/train"])).await;
    let before = machine.cloud.mutations("laptop");
    for changed in [on(&another, &[1], &["/train"]), spec(&[1], &["/train"])] {
        let told = refused(&machine.up(&changed).await).concat();
        assert!(told.contains("storage::existing") && told.contains(&theirs.id), "{told}");
    }
    assert_eq!(machine.cloud.mutations("laptop"), before);
    machine.must_down().await;

    machine.must_up(&spec(&[1], &[])).await;
    let own = machine.cloud.truth("video").file_system().expect("one").id.clone();
    let told = refused(&machine.up(&on(&theirs, &[1], &[])).await).concat();
    assert!(told.contains(&own), "{told}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_is_refused_before_the_first_change() {
    let overlap = ["/lab", "/lab/deep", "/"];
    for path in overlap {
        let machine = world(Settings::default());
        let theirs = plant(&machine);
        let told = refused(&machine.up(&on(&theirs, &[1], &[path])).await).concat();
        assert!(told.contains("storage::overlap") && told.contains(&theirs.link), "{path}: {told}");
        assert_eq!(machine.cloud.mutations("laptop"), 0);
    }
    let machine = world(Settings::default());
    let theirs = plant(&machine);
    for index in 0..7 {
        machine.cloud.plant_link(&theirs.id, link(&format!("/more{index}"), &format!("more{index}")), Tags::new());
    }
    let told = refused(&machine.up(&on(&theirs, &[1], &["/train"])).await).concat();
    assert!(told.contains("storage::too-many-links"), "{told}");

    let mut efa = on(&theirs, &[1], &[]);
    efa.storage.efa = true;
    assert!(refused(&machine.up(&efa).await).concat().contains("storage::efa"));

    let missing = Theirs { id: "fs-00".to_owned(), ..plant(&machine) };
    let told = refused(&machine.up(&on(&missing, &[1], &[])).await).concat();
    assert!(told.contains("was not found"), "{told}");

    machine.cloud.set_state(Kind::Fsx, &theirs.id, provision::observed::State::Failed, "broken");
    assert!(refused(&machine.up(&on(&theirs, &[1], &[])).await).concat().contains("FAILED"));
    assert_eq!(machine.cloud.mutations("laptop"), 0);
}

fn lets_in(group: &str) -> Vec<LetIn> {
    let rule =
        |from, to| LetIn { all: false, from, to, groups: BTreeSet::from([group.to_owned()]), private_addresses: false };
    vec![rule(988, 988), rule(1018, 1023)]
}

#[tokio::test(start_paused = true)]
async fn nodes_that_would_not_be_let_in_are_not_launched() {
    let machine = world(Settings::default());
    let theirs = plant(&machine);
    let own = |lets_in| ServerGroup { holds_servers: true, lets_in };
    let given = |lets_in| ServerGroup { holds_servers: false, lets_in };
    let mut spec = on(&theirs, &[1], &[]);
    let groups = |groups: &[(&str, ServerGroup)]| {
        let groups: BTreeMap<String, ServerGroup> =
            groups.iter().map(|(id, group)| ((*id).to_owned(), group.clone())).collect();
        machine.cloud.adjust(|settings| settings.server_groups = groups);
    };
    // None is named, and theirs lets itself in: that is the one to name.
    groups(&[("sg-a1", own(lets_in("sg-a1")))]);
    let told = refused(&machine.up(&spec).await).concat();
    assert!(told.contains("storage::not-let-in") && told.contains("security_group = \\\"sg-a1\\\""), "{told}");

    spec.network.security_group = Some("sg-b2".to_owned());
    groups(&[("sg-a1", own(lets_in("sg-a1"))), ("sg-b2", given(lets_in("sg-b2")))]);
    let told = refused(&machine.up(&spec).await).concat();
    assert!(
        told.contains("--group-id sg-a1") && told.contains("GroupId=sg-b2") && told.contains("FromPort=1018"),
        "{told}"
    );

    groups(&[("sg-a1", own(lets_in("sg-b2"))), ("sg-b2", given(lets_in("sg-b2")))]);
    let told = refused(&machine.up(&spec).await).concat();
    assert!(told.contains("--group-id sg-b2") && told.contains("GroupId=sg-a1"), "{told}");

    groups(&[("sg-a1", own(lets_in("sg-b2"))), ("sg-b2", given(lets_in("sg-a1")))]);
    let plan = machine.plan(Purpose::Up, Some(&spec)).await.plan;
    assert!(!plan.findings.iter().any(|finding| finding.code == "storage::not-let-in"), "{:#?}", plan.findings);
    assert_eq!(machine.cloud.mutations("laptop"), 0);
}

#[tokio::test(start_paused = true)]
async fn nodes_elsewhere_are_warned_of_and_other_vpcs_refused() {
    let machine = world(Settings::default());
    let theirs = plant(&machine);
    let mut spec = on(&theirs, &[1], &[]);
    spec.network.subnets = vec!["subnet-c".to_owned()];
    let plan = machine.plan(Purpose::Up, Some(&spec)).await.plan;
    assert!(plan.findings.iter().any(|finding| finding.code == "storage::zone"), "{:#?}", plan.findings);
    spec.network.subnets.push("subnet-b".to_owned());
    assert_eq!(machine.plan(Purpose::Up, Some(&spec)).await.plan.zone.as_deref(), Some("us-east-1b"));
    machine.cloud.adjust(|settings| settings.subnets[2].vpc = "vpc-2".to_owned());
    spec.network.subnets.truncate(1);
    let told = refused(&machine.up(&spec).await).concat();
    assert!(told.contains("place::vpc"), "{told}");
}

/// Two clusters on one file system know nothing of each other.
#[tokio::test(start_paused = true)]
async fn two_clusters_share_it() {
    let machine = world(Settings::default());
    let theirs = plant(&machine);
    let one = on(&theirs, &[1], &["/train"]);
    let mut two = on(&theirs, &[1], &["/out"]);
    two.cluster.name = "audio".to_owned();
    machine.must_up(&one).await;
    let request = machine.request_for("audio", Purpose::Up, Some(&two), Options::default());
    assert_complete(&machine.run_request(request).await, &machine);
    assert_complete(&machine.down().await, &machine);
    let left = machine.cloud.truth("audio");
    assert!(left.nodes.iter().any(provision::observed::Node::exists));
    assert_eq!(left.resources.iter().filter(|seen| seen.address.kind == Kind::Link).count(), 1);
    let request = machine.request_for("audio", Purpose::Down, None, Options::default());
    assert_complete(&machine.run_request(request).await, &machine);
    assert!(check_clean(&machine.cloud).is_empty());
    assert_untouched(&machine, &theirs);
}

/// The independent look at a plan finds what the planner must never do.
#[tokio::test(start_paused = true)]
async fn a_plan_that_touches_it_is_found_broken() {
    let machine = world(Settings::default());
    let theirs = plant(&machine);
    let plan = machine.plan(Purpose::Up, Some(&on(&theirs, &[1], &["/train"]))).await.plan;
    let with = |op: Op| {
        let mut plan: Plan = plan.clone();
        let mut step = plan.steps[0].clone();
        (step.address, step.op) = (provision::desired::Address::one(Kind::Fsx), op);
        plan.steps.insert(0, step);
        provision::plan::check(&plan).iter().any(|broken| broken.contains("is not ours"))
    };
    assert!(with(Op::Delete { ids: vec![theirs.id.clone()] }));
    assert!(with(Op::Settle));
    let (fields, nodes, remove_tags) = (Vec::new(), Vec::new(), Vec::new());
    assert!(with(Op::Update { fields, set_tags: vec!["team".to_owned()], remove_tags, nodes }));
}
