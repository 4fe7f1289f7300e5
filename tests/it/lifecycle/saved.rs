//! `up --plan`: exactly the plan that was reviewed, or nothing, and every reason why.

use std::time::Duration;

use provision::apply::event::Ending;
use provision::apply::prepare::prepare;
use provision::apply::{Outcome, prepare as look};
use provision::cloud::{Class, ImageFacts};
use provision::desired::{Kind, Resource};
use provision::observed::State;
use provision::plan::{Finding, Options, Purpose, Saved, covers};
use provision::render::{Theme, plan_json, saved};
use provision::simulated::{Entry, Event, Fault, When};
use provision::spec::{Compression, Flow, Image, Setup, Spec};
use serde_json::{Value, json};

use super::harness::{Machine, assert_complete, dataset, group, machine, quick, spec, world};

/// `plan --out FILE`: what is in the file.
pub(super) async fn save(machine: &Machine, spec: &Spec, options: Options) -> String {
    let request = machine.request(Purpose::Up, Some(spec), options);
    let prepared = prepare(&machine.cloud, &machine.clock, &request).await.expect("it can be planned");
    plan_json::plan(&prepared.plan)
}

pub(super) async fn up(machine: &Machine, spec: &Spec, plan: &str) -> Result<Outcome, look::Failed> {
    machine.up_as_saved(spec, Options::default(), plan, &|| {}).await
}

async fn running() -> (Machine, Spec) {
    let machine = world(quick(0));
    let spec = spec(&[2], &["/train", "/out"]);
    machine.must_up(&spec).await;
    tokio::time::advance(Duration::from_secs(300)).await;
    (machine, spec)
}

/// What somebody reviews: more storage and more nodes.
fn grown(spec: &Spec) -> Spec {
    let mut spec = spec.clone();
    spec.storage.capacity_gib = Some(9600);
    spec.nodes[0].count = 4;
    spec
}

/// Fails unless it was refused and nothing of the cluster was touched; gives back why.
#[track_caller]
fn refused(outcome: Result<Outcome, look::Failed>) -> Vec<Finding> {
    match outcome {
        Ok(Outcome::Differs { findings, .. }) => findings,
        other => panic!("{other:?}"),
    }
}

fn codes(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.code).collect()
}

fn titles(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.title.as_str()).collect()
}

/// Changing requests, without those of the lock.
pub(super) fn changes(machine: &Machine) -> Vec<String> {
    let of = |entry: Entry| match entry.what {
        Event::Request(request) if request.mutating && !request.about.contains("/lock/") => {
            Some(format!("{} {}", request.operation, request.about))
        }
        Event::Request(_) | Event::Happened(_) => None,
    };
    machine.cloud.entries().into_iter().filter_map(of).collect()
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_cluster_becomes_what_was_reviewed() {
    let machine = world(quick(0));
    let small = spec(&[2], &["/train", "/out"]);
    let plan = save(&machine, &small, Options::default()).await;
    // Another machine, as a job that deploys is.
    let other = super::harness::machine(&machine.cloud, "runner");
    assert_complete(&up(&other, &small, &plan).await, &other);
    other.must_hold();
    assert!(other.plan(Purpose::Up, Some(&small)).await.plan.is_done());

    tokio::time::advance(Duration::from_secs(300)).await;
    let large = grown(&small);
    let plan = save(&machine, &large, Options::default()).await;
    assert_complete(&up(&other, &large, &plan).await, &other);
    assert!(other.plan(Purpose::Up, Some(&large)).await.plan.is_done());

    // Nothing to do, nothing changed: done.
    let plan = save(&machine, &large, Options::default()).await;
    let before = changes(&other);
    let outcome = up(&other, &large, &plan).await;
    assert!(matches!(outcome, Ok(Outcome::Nothing(_))), "{outcome:?}");
    assert_eq!(changes(&other), before);
    other.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_applied_once() {
    let machine = world(quick(0));
    let small = spec(&[2], &["/train", "/out"]);
    let first = save(&machine, &small, Options::default()).await;
    assert_complete(&up(&machine, &small, &first).await, &machine);
    let findings = refused(up(&machine, &small, &first).await);
    assert_eq!(titles(&findings), ["the cluster was made since the plan"]);

    tokio::time::advance(Duration::from_secs(300)).await;
    let large = grown(&small);
    let second = save(&machine, &large, Options::default()).await;
    assert_complete(&up(&machine, &large, &second).await, &machine);
    let findings = refused(up(&machine, &large, &second).await);
    assert!(titles(&findings).contains(&"nodes.g0 has changed since the plan"), "{findings:#?}");
    machine.must_down().await;
    assert_eq!(titles(&refused(up(&machine, &large, &second).await)), ["the cluster was removed since the plan"]);
}

/// Nodes that boot, imports that go on, a file system that becomes available, and tags of others.
#[tokio::test(start_paused = true)]
async fn what_moves_by_itself_does_not_spoil_a_plan() {
    let mut slow = quick(0);
    slow.delays.node_pending = Duration::from_secs(60);
    slow.delays.node_boot = Duration::from_secs(300);
    slow.delays.task = Duration::from_secs(120);
    let dying = world(slow);
    let mut small = spec(&[2], &["/train", "/out"]);
    tokio::select! {
        _ = dying.up(&small) => panic!("the nodes are not there yet"),
        () = tokio::time::sleep(Duration::from_secs(40)) => {}
    }
    let truth = dying.cloud.truth("video");
    assert!(truth.nodes.len() == 2 && truth.tasks.iter().any(|task| task.state.is_active()), "{truth:#?}");
    let file_system = truth.file_system().expect("one").id.clone();
    let machine = machine(&dying.cloud, "laptop");
    machine.cloud.set_state(Kind::Fsx, &file_system, State::Updating, "it optimises");
    small.cluster.tags.insert("team".into(), "audio".into());
    let plan = save(&machine, &small, Options::default()).await;

    tokio::time::advance(Duration::from_secs(600)).await;
    machine.cloud.set_state(Kind::Fsx, &file_system, State::Ready, "");
    machine.cloud.tag_by_hand(Kind::Fsx, &file_system, |tags| {
        tags.insert("backup".into(), "weekly".into());
    });
    assert_complete(&up(&machine, &small, &plan).await, &machine);
    machine.must_hold();
    assert!(machine.plan(Purpose::Up, Some(&small)).await.plan.is_done());
}

#[tokio::test(start_paused = true)]
async fn drift_by_hand_is_named_with_its_fields() {
    let (machine, small) = running().await;
    let large = grown(&small);
    let plan = save(&machine, &large, Options::default()).await;
    let truth = machine.cloud.truth("video");
    let file_system = truth.file_system().expect("one").id.clone();
    let link = truth.resources.iter().find(|seen| seen.address.kind == Kind::Link).expect("a link").clone();
    machine.cloud.change_by_hand(Kind::Fsx, &file_system, |resource| {
        if let Resource::Fsx(file_system) = resource {
            file_system.capacity_gib = Some(7200);
        }
    });
    machine.cloud.tag_by_hand(Kind::Fsx, &file_system, |tags| {
        tags.insert("team".into(), "somebody else".into());
    });
    machine.cloud.delete_by_hand(Kind::Link, &link.id);
    machine.cloud.interrupt(&truth.nodes[0].id, "Server.SpotInstanceTermination");
    machine.cloud.stop_by_hand(&truth.nodes[1].id);
    tokio::time::advance(Duration::from_secs(60)).await;
    let before = changes(&machine);
    let findings = refused(up(&machine, &large, &plan).await);
    assert_eq!(changes(&machine), before, "nothing was changed");
    insta::assert_snapshot!("drift", saved::refusal("plan.json", &findings, &Theme::plain()));
}

#[tokio::test(start_paused = true)]
async fn a_run_in_between_spoils_a_plan() {
    let (machine, small) = running().await;
    let large = grown(&small);
    let plan = save(&machine, &large, Options::default()).await;
    let mut other = small.clone();
    other.storage.compression = Compression::None;
    machine.must_up(&other).await;
    let findings = refused(up(&machine, &large, &plan).await);
    assert_eq!(titles(&findings), ["fsx was changed since the plan: `compression`"]);
    // Back as it was: what is there is what was reviewed.
    machine.must_up(&small).await;
    assert_complete(&up(&machine, &large, &plan).await, &machine);
}

#[tokio::test(start_paused = true)]
async fn another_spec_is_named_part_by_part() {
    let (machine, small) = running().await;
    let large = grown(&small);
    let plan = save(&machine, &large, Options::default()).await;
    let mut other = large.clone();
    other.storage.capacity_gib = Some(12_000);
    other.datasets[0].import = vec![Flow::New];
    other.datasets.push(dataset("/new"));
    other.nodes[0].setup = Some(Setup { path: "setup.sh".into(), content: "true".into() });
    other.nodes.push(group("late", 1));
    let findings = refused(up(&machine, &other, &plan).await);
    insta::assert_snapshot!("other_spec", saved::refusal("plan.json", &findings, &Theme::plain()));

    let mut moved = large.clone();
    moved.datasets.reverse();
    let findings = refused(up(&machine, &moved, &plan).await);
    assert_eq!(findings[0].notes, ["the order of [[dataset]] says something else"]);
}

#[tokio::test(start_paused = true)]
async fn the_meaning_of_a_spec_counts() {
    let machine = world(quick(0));
    let mut one = spec(&[2, 1], &["/train"]);
    one.nodes[0].setup = Some(Setup { path: "setup.sh".into(), content: "true".into() });
    let plan = save(&machine, &one, Options::default()).await;
    let mut same = one.clone();
    same.nodes.reverse();
    same.nodes[1].setup = Some(Setup { path: "elsewhere/setup.sh".into(), content: "true".into() });
    same.cluster.region = None;
    assert_complete(&up(&machine, &same, &plan).await, &machine);
}

#[tokio::test(start_paused = true)]
async fn everything_is_said_at_once() {
    let (machine, small) = running().await;
    let large = grown(&small);
    let plan = edit(&save(&machine, &large, Options::default()).await, |plan| {
        plan["basis"]["tool_version"] = json!("0.0.9");
    });
    let node = machine.cloud.truth("video").nodes[0].id.clone();
    machine.cloud.interrupt(&node, "Server.InsufficientInstanceCapacity");
    tokio::time::advance(Duration::from_secs(60)).await;
    let mut other = large.clone();
    other.storage.compression = Compression::None;
    let options = Options { replace_storage: true, ..Options::default() };
    let outcome = machine.up_as_saved(&other, options, &plan, &|| {}).await;
    let findings = refused(outcome);
    assert_eq!(codes(&findings), ["saved::version", "saved::options", "saved::spec", "saved::changed"]);
    // A plan that is refused by itself says so as well.
    let mut small = large.clone();
    small.storage.capacity_gib = Some(1200);
    let findings = refused(up(&machine, &small, &plan).await);
    assert_eq!(codes(&findings), ["saved::version", "saved::spec", "saved::changed", "plan::replace-storage"]);
}

/// What cannot happen in one simulated account is written into the file.
#[tokio::test(start_paused = true)]
async fn a_plan_of_elsewhere_is_refused() {
    let (machine, small) = running().await;
    let large = grown(&small);
    let plan = save(&machine, &large, Options::default()).await;
    let elsewhere = [
        ("/basis/tool_version", json!("0.0.9"), "the plan was made by another version of provision"),
        ("/basis/account", json!("000011112222"), "the plan was made in another account"),
        ("/region", json!("eu-west-1"), "the plan was made in another region"),
        ("/basis/deployment", json!("d-other"), "the cluster was removed and made again since the plan"),
        ("/cluster", json!("audio"), "the plan is of another cluster"),
        ("/purpose", json!("down"), "the plan is one of `down`"),
        ("/compared", json!(false), "the plan was made from the spec alone"),
        ("/basis", Value::Null, "the plan was made from the spec alone"),
    ];
    let mut text = String::new();
    for (place, value, title) in elsewhere {
        let changed = edit(&plan, |plan| *plan.pointer_mut(place).expect("it is there") = value);
        let findings = refused(up(&machine, &large, &changed).await);
        assert_eq!(titles(&findings), [title], "{place}");
        text += &saved::refusal("plan.json", &findings, &Theme::plain());
        text += "\n";
    }
    insta::assert_snapshot!("elsewhere", text);
}

#[tokio::test(start_paused = true)]
async fn a_refused_plan_stays_one() {
    let (machine, small) = running().await;
    let mut less = small.clone();
    less.storage.capacity_gib = Some(2400);
    let plan = save(&machine, &less, Options::default()).await;
    let saved = Saved::read(&plan).expect("it is a plan");
    let unfit = saved.unfit("video");
    assert_eq!(titles(&unfit), ["the plan is one that is refused"]);
    // `--replace-storage` has to be said both times: a file allows nothing.
    let options = Options { replace_storage: true, ..Options::default() };
    let allowed = save(&machine, &less, options).await;
    let findings = refused(up(&machine, &less, &allowed).await);
    assert_eq!(codes(&findings), ["saved::options", "plan::replace-storage"]);
    assert_complete(&machine.up_as_saved(&less, options, &allowed, &|| {}).await, &machine);
    assert_eq!(machine.cloud.ledger().lost, 0);
    machine.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_newer_image_would_be_another_cluster() {
    let parameter = "/aws/service/image";
    let facts = |id: &str| ImageFacts {
        id: id.to_owned(),
        name: "al2023-x86_64".into(),
        architecture: "x86_64".into(),
        root_device: "/dev/xvda".into(),
        root_gib: 8,
    };
    let machine = world(quick(0));
    machine.cloud.adjust(|settings| {
        settings.images.insert(parameter.to_owned(), facts("ami-1"));
    });
    let mut small = spec(&[1], &["/train"]);
    small.nodes[0].image = Image::Parameter(parameter.into());
    let plan = save(&machine, &small, Options::default()).await;
    machine.cloud.adjust(|settings| {
        settings.images.insert(parameter.to_owned(), facts("ami-2"));
    });
    let findings = refused(up(&machine, &small, &plan).await);
    assert_eq!(codes(&findings), ["saved::settled"]);
    assert_eq!(findings[0].notes, ["the image `ssm:/aws/service/image` was ami-1, now it is ami-2"]);
}

#[tokio::test(start_paused = true)]
async fn what_changes_while_somebody_thinks_is_seen() {
    let (machine, small) = running().await;
    let large = grown(&small);
    let plan = save(&machine, &large, Options::default()).await;
    let file_system = machine.cloud.truth("video").file_system().expect("one").id.clone();
    let before = changes(&machine);
    let by_hand = || {
        machine.cloud.change_by_hand(Kind::Fsx, &file_system, |resource| {
            if let Resource::Fsx(file_system) = resource {
                file_system.compression = Compression::None;
            }
        });
    };
    let outcome = machine.up_as_saved(&large, Options::default(), &plan, &by_hand).await;
    assert_eq!(titles(&refused(outcome)), ["fsx was changed since the plan: `compression`"]);
    assert_eq!(changes(&machine), before, "nothing was changed");
    assert!(machine.cloud.parameters_now("/provision/video/lock").is_empty(), "the lock was given back");
}

/// Deletes a link by hand as soon as it is being made: the run finds its plan overtaken, and looks and plans again.
async fn overtake(machine: &Machine, path: &str) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let truth = machine.cloud.truth("video");
        let link = truth.resources.iter().find(|seen| seen.fields.get("path").is_some_and(|at| at == path));
        if let Some(link) = link {
            machine.cloud.delete_by_hand(Kind::Link, &link.id);
            return;
        }
    }
}

fn slow_links() -> Machine {
    let mut settings = quick(0);
    settings.delays.link_create = Duration::from_secs(60);
    world(settings)
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_overtaken_finishes_what_was_reviewed() {
    let machine = slow_links();
    let small = spec(&[2], &["/train"]);
    let plan = save(&machine, &small, Options::default()).await;
    let (outcome, ()) = tokio::join!(up(&machine, &small, &plan), overtake(&machine, "/train"));
    assert_complete(&outcome, &machine);
    let made = changes(&machine).iter().filter(|each| each.contains("CreateDataRepositoryAssociation")).count();
    assert_eq!(made, 2, "it was made again");
    assert!(machine.plan(Purpose::Up, Some(&small)).await.plan.is_done());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_overtaken_begins_nothing_else() {
    for is_reviewed in [true, false] {
        let machine = slow_links();
        let small = spec(&[2], &["/train"]);
        machine.must_up(&small).await;
        tokio::time::advance(Duration::from_secs(300)).await;
        let large = spec(&[2], &["/train", "/out"]);
        let plan = save(&machine, &large, Options::default()).await;
        let file_system = machine.cloud.truth("video").file_system().expect("one").id.clone();
        let run = async { if is_reviewed { up(&machine, &large, &plan).await } else { machine.up(&large).await } };
        let (outcome, ()) = tokio::join!(run, async {
            overtake(&machine, "/out").await;
            machine.cloud.change_by_hand(Kind::Fsx, &file_system, |resource| {
                if let Resource::Fsx(file_system) = resource {
                    file_system.compression = Compression::None;
                }
            });
        });
        let Ok(Outcome::Ran { report, .. }) = outcome else { panic!("{outcome:?}") };
        // Whoever was not bound to a plan sets the compression right as well.
        let wanted = if is_reviewed { Ending::Failed } else { Ending::Complete };
        assert_eq!(report.ending, wanted, "{report:?}");
        let updates = changes(&machine).iter().any(|each| each.starts_with("fsx:UpdateFileSystem"));
        assert_eq!(updates, !is_reviewed, "{:?}", changes(&machine));
        machine.must_up(&large).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_later_round_may_do_no_more_than_was_agreed_to() {
    let (machine, small) = running().await;
    let plan = async |change: &dyn Fn(&mut Spec)| {
        let mut spec = small.clone();
        change(&mut spec);
        machine.plan(Purpose::Up, Some(&spec)).await.plan
    };
    let none = plan(&|_| {}).await;
    let grows = plan(&|spec| spec.nodes[0].count = 4).await;
    let grows_more = plan(&|spec| spec.nodes[0].count = 5).await;
    let shrinks = plan(&|spec| spec.nodes[0].count = 1).await;
    let replaces = plan(&|spec| spec.nodes[0].root_volume_gib = 300).await;
    let larger = plan(&|spec| spec.storage.capacity_gib = Some(9600)).await;
    let largest = plan(&|spec| spec.storage.capacity_gib = Some(12_000)).await;
    let unlinks = plan(&|spec| spec.datasets.truncate(1)).await;
    let empty = world(quick(1)).plan(Purpose::Up, Some(&small)).await.plan;
    let all = [&none, &grows, &grows_more, &shrinks, &larger, &largest, &unlinks];
    for agreed in all {
        assert!(covers(agreed, agreed) && covers(agreed, &none), "{:#?}", agreed.actions);
        let others: Vec<usize> = (1..all.len()).filter(|index| covers(agreed, all[*index])).collect();
        let itself: Vec<usize> = (1..all.len()).filter(|index| std::ptr::eq(agreed, all[*index])).collect();
        assert_eq!(others, itself, "{:#?}", agreed.actions);
    }
    // What is made may be finished, made again, and have its tags set; more of it is not made.
    assert!(covers(&empty, &none) && covers(&replaces, &none) && covers(&replaces, &replaces));
    assert!(all.iter().all(|agreed| !covers(agreed, &replaces)));
    assert!(!covers(&none, &empty) && !covers(&empty, &grows_more) && !covers(&empty, &shrinks));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_dies_leaves_a_plan_that_is_overtaken() {
    let machine = world(quick(0));
    let small = spec(&[2], &["/train"]);
    let plan = save(&machine, &small, Options::default()).await;
    machine.cloud.fault_at_operation("ec2:RunInstances", 1, Fault::Crash(When::After));
    tokio::select! {
        _ = up(&machine, &small, &plan) => panic!("it dies"),
        () = machine.cloud.crashed() => {}
    }
    let next = super::harness::machine(&machine.cloud, "laptop again");
    assert_eq!(titles(&refused(up(&next, &small, &plan).await)), ["the cluster was made since the plan"]);
    // A new plan goes on where that run ended.
    let plan = save(&next, &small, Options::default()).await;
    assert_complete(&up(&next, &small, &plan).await, &next);
    next.must_hold();
    next.must_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_failed_before_the_first_change_leaves_the_plan_good() {
    let machine = world(quick(0));
    let small = spec(&[2], &["/train"]);
    let plan = save(&machine, &small, Options::default()).await;
    machine.cloud.fault_at_operation("ssm:PutParameter", 1, Fault::FailBefore(Class::Denied));
    assert!(up(&machine, &small, &plan).await.is_err());
    assert_complete(&up(&machine, &small, &plan).await, &machine);
}

#[tokio::test(start_paused = true)]
async fn a_plan_file_holds_no_secret() {
    let machine = world(quick(0));
    let mut small = spec(&[2], &["/train", "/out"]);
    let secret = "export WANDB_API_KEY=8c5f9d0e";
    small.nodes[0].setup = Some(Setup { path: "setup.sh".into(), content: format!("#!/bin/sh\n{secret}\n") });
    for _ in 0..2 {
        let plan = save(&machine, &small, Options::default()).await;
        for text in [secret, "WANDB", "8c5f9d0e", "#!/bin", "user_data", "user-data", "MIME", "secret", "token"] {
            assert!(!plan.to_lowercase().contains(&text.to_lowercase()), "{text} stands in {plan}");
        }
        machine.must_up(&small).await;
    }
}

pub(super) fn edit(plan: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut value: Value = serde_json::from_str(plan).expect("JSON");
    change(&mut value);
    value.to_string()
}
