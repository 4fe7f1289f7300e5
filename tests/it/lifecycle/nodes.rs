//! One node of many, commands on all of them, and files that no link covers.

use std::collections::BTreeSet;
use std::time::Duration;

use provision::apply::command::{Order, command};
use provision::apply::event::{Ending, What};
use provision::apply::{Outcome, event::Failure};
use provision::cloud::CommandState;
use provision::diagnostic::Severity;
use provision::plan::{Options, Plan, Purpose};
use provision::simulated::{Boot, Fault, Lag, Play, Settings, When, Which};
use provision::spec::Spec;
use tokio_util::sync::CancellationToken;

use super::harness::{Machine, assert_complete, machine, quick, spec, world};

fn ids(machine: &Machine) -> BTreeSet<String> {
    let truth = machine.cloud.truth("video");
    truth.nodes.iter().filter(|node| node.exists()).map(|node| node.id.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn one_failed_node_of_eight_fails_no_other_and_is_replaced_alone() {
    let machine = world(Settings::default());
    let why = "setup exited 1 at 12";
    machine.cloud.adjust(|settings| settings.nodes.push((Which::Node("g0".into(), 5), Boot::Failed(why.into()))));
    let spec = spec(&[8], &["/train"]);
    let Ok(Outcome::Ran { report, .. }) = machine.up(&spec).await else { panic!("it ran") };
    assert_eq!(report.ending, Ending::Failed);
    let [(_, Failure::Nodes { nodes })] = &report.failures[..] else { panic!("{:?}", report.failures) };
    let [(failed, said)] = &nodes[..] else { panic!("one has failed, not {nodes:?}") };
    assert!(said.contains(why), "{said}");
    let before = ids(&machine);
    assert_eq!(before.len(), 8, "the others are there");

    machine.must_up(&spec).await;
    let after = ids(&machine);
    assert_eq!(after.len(), 8);
    let gone: Vec<&String> = before.difference(&after).collect();
    assert_eq!(gone, [failed], "nobody else was replaced");
    machine.must_down().await;
}

async fn used() -> (Machine, Spec) {
    let machine = world(Settings::default());
    let spec = spec(&[2], &["/train", "/out it's"]);
    machine.must_up(&spec).await;
    (machine, spec)
}

fn sent(machine: &Machine) -> usize {
    machine.cloud.history().matches("ssm:SendCommand").count()
}

fn codes(plan: &Plan, severity: Severity) -> Vec<&str> {
    plan.findings.iter().filter(|each| each.severity == severity).map(|each| each.code).collect()
}

#[tokio::test(start_paused = true)]
async fn down_names_files_outside_the_links_and_keeps_them() {
    let (machine, _) = used().await;
    machine.cloud.write_files("/train", 1);
    machine.cloud.write_files("/out it's/a", 1);
    machine.cloud.write_files("/trainer", 4);
    machine.cloud.write_files("/scratch", 3);
    let before = ids(&machine);
    let Ok(Outcome::Refused(prepared)) = machine.down().await else { panic!("files would be lost") };
    assert_eq!(codes(&prepared.plan, Severity::Error), ["plan::outside-files"]);
    let finding = prepared.plan.findings.iter().find(|each| each.code == "plan::outside-files").expect("it is there");
    assert_eq!(finding.title, "7 files (7.0 MB) outside the links would be lost");
    assert!(finding.notes[0].contains("/scratch, /trainer"), "{:?}", finding.notes);
    assert_eq!(ids(&machine), before, "nothing was changed");
    assert_eq!(sent(&machine), 1, "asked once");
    let counting = |event: &&provision::apply::event::Event| matches!(event.what, What::Counting { .. });
    assert_eq!(machine.events.borrow().iter().filter(counting).count(), 1);

    machine.cloud.allow_discard();
    let given_up = Options { discard_unexported_data: true, ..Options::default() };
    assert_complete(&machine.run(Purpose::Down, None, given_up).await, &machine);
    assert_eq!(sent(&machine), 1, "who gives them up need not know how many they are");
}

#[tokio::test(start_paused = true)]
async fn files_outside_the_links_can_be_given_up_while_links_are_exported() {
    let (machine, _) = used().await;
    machine.cloud.write_files("/out it's/a", 5);
    machine.cloud.write_files("/scratch", 3);
    machine.cloud.allow_discard();
    let options = Options { discard_unlinked_files: true, ..Options::default() };
    let outcome = machine.run(Purpose::Down, None, options).await;
    assert_complete(&outcome, &machine);
    let Ok(Outcome::Ran { prepared, .. }) = outcome else { panic!("it ran") };
    assert!(codes(&prepared.plan, Severity::Warning).contains(&"plan::outside-files-given-up"));
    let ledger = machine.cloud.ledger();
    assert_eq!((ledger.lost, ledger.lost_unlinked), (0, 3), "what is below a link is exported");
}

#[tokio::test(start_paused = true)]
async fn down_goes_on_where_nothing_is_outside_the_links() {
    let (machine, _) = used().await;
    machine.cloud.write_files("/out it's/a", 5);
    machine.must_down().await;
    assert_eq!((machine.cloud.ledger().lost, machine.cloud.ledger().lost_unlinked, sent(&machine)), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_counted_that_is_kept_or_was_never_used() {
    let (machine, _) = used().await;
    machine.cloud.write_files("/scratch", 3);
    let keep = Options { keep_storage: true, ..Options::default() };
    assert_complete(&machine.run(Purpose::Down, None, keep).await, &machine);
    assert_eq!(sent(&machine), 0);

    let machine = world(Settings::default());
    machine.cloud.adjust(|settings| settings.nodes.push((Which::All, Boot::Failed("mount: no".into()))));
    let outcome = machine.up(&spec(&[2], &["/train"])).await;
    assert!(matches!(outcome, Ok(Outcome::Ran { .. })));
    machine.must_down().await;
    assert_eq!(sent(&machine), 0);
}

/// How a plan says that nobody has counted.
async fn uncounted(change: impl FnOnce(&Machine)) -> String {
    let (machine, _) = used().await;
    machine.cloud.write_files("/scratch", 3);
    change(&machine);
    let outcome = machine.down().await;
    assert_complete(&outcome, &machine);
    let Ok(Outcome::Ran { prepared, .. }) = outcome else { panic!("it ran") };
    let finding = prepared.plan.findings.iter().find(|each| each.code == "plan::outside-links").expect("it is there");
    assert_eq!(finding.severity, Severity::Warning);
    finding.notes.last().cloned().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_count_that_cannot_be_had_is_said_and_stops_nobody() {
    let play = |play: Play| {
        move |machine: &Machine| {
            machine.cloud.adjust(|settings| settings.commands.push(("count-unlinked".to_owned(), play)));
        }
    };
    let quick = Some(Duration::from_secs(1));
    for (note, expected) in [
        (
            uncounted(|machine| machine.cloud.adjust(|settings| settings.offline = ["*".to_owned()].into())).await,
            "they were not counted: no ready node answers Systems Manager",
        ),
        (uncounted(|machine| machine.cloud.deny("ssm:SendCommand")).await, "not authorized to perform ssm:SendCommand"),
        (uncounted(play(Play { takes: quick, ..Play::default() })).await, "it was booted by an older version"),
        (
            uncounted(play(Play {
                exit: 1,
                stderr: "/fsx is not mounted\n".to_owned(),
                takes: quick,
                ..Play::default()
            }))
            .await,
            ": /fsx is not mounted",
        ),
        (uncounted(play(Play::default())).await, "did not end the count in time"),
    ] {
        assert!(note.contains(expected), "{note}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_reaches_every_node_in_batches() {
    let machine = world(Settings::default());
    machine.must_up(&spec(&[120], &["/train"])).await;
    let nodes: Vec<String> = ids(&machine).into_iter().collect();
    let slow = nodes[7].clone();
    machine.cloud.adjust(|settings| {
        let done = Play { stdout: "done\n".to_owned(), takes: Some(Duration::from_secs(9)), ..Play::default() };
        settings.commands.push(("nvidia-smi".to_owned(), done));
    });
    let order = Order {
        nodes: nodes.clone(),
        lines: vec!["nvidia-smi".to_owned()],
        comment: String::new(),
        timeout: Duration::from_secs(60),
    };
    let mut told = 0;
    let ran = command(&machine.cloud, &order, &CancellationToken::new(), |_| told += 1).await.expect("it runs");
    assert_eq!((ran.commands.len(), told, ran.cancelled), (3, 120, false));
    assert!(ran.answers.iter().all(|each| each.state == CommandState::Succeeded && each.output.stdout == "done\n"));

    // One that nobody hears of any more holds up nobody for ever.
    machine.cloud.adjust(|settings| settings.offline = [slow.clone()].into());
    let ran = command(&machine.cloud, &order, &CancellationToken::new(), |_| {}).await.expect("it runs");
    let bad: Vec<&String> =
        ran.answers.iter().filter(|each| each.state == CommandState::Undelivered).map(|each| &each.node).collect();
    assert_eq!(bad, [&slow]);
}

#[tokio::test(start_paused = true)]
async fn a_command_is_cancelled_when_the_user_asks() {
    let (machine, _) = used().await;
    machine.cloud.adjust(|settings| settings.commands.push(("sleep".to_owned(), Play::default())));
    let order = Order {
        nodes: ids(&machine).into_iter().collect(),
        lines: vec!["sleep 1000".to_owned()],
        comment: String::new(),
        timeout: Duration::from_secs(3600),
    };
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(20)).await;
        asked.cancel();
    });
    let ran = command(&machine.cloud, &order, &stop, |_| {}).await.expect("it ends");
    assert!(ran.cancelled && ran.answers.is_empty());
    assert_eq!(machine.cloud.history().matches("ssm:CancelCommand").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_command_whose_answer_is_lost_is_not_sent_again() {
    use provision::cloud::Class;
    use provision::simulated::Fault;
    let (machine, _) = used().await;
    let order = Order {
        nodes: ids(&machine).into_iter().collect(),
        lines: vec!["true".to_owned()],
        comment: String::new(),
        timeout: Duration::from_secs(60),
    };
    machine.cloud.fault_at_operation("ssm:SendCommand", 1, Fault::FailAfter(Class::Transient));
    let lost = command(&machine.cloud, &order, &CancellationToken::new(), |_| {}).await;
    assert!(lost.is_err());
    assert_eq!(sent(&machine), 1);
    machine.cloud.fault_at_operation("ssm:SendCommand", 2, Fault::Throttle);
    command(&machine.cloud, &order, &CancellationToken::new(), |_| {}).await.expect("refused for sure, so sent again");
    assert_eq!(sent(&machine), 3);
}

/// A run that dies as soon as its nodes are launched: they are seen 10 s later.
async fn died_after_the_launch(spec: &Spec) -> Machine {
    // As long as an instance profile is not known everywhere a launch is refused.
    for nth in 1..20 {
        let lag = Duration::from_secs(10);
        let dying = world(Settings { lag: Lag { resources: lag, tags: lag, parameters: Duration::ZERO }, ..quick(0) });
        dying.cloud.fault_at_operation("ec2:RunInstances", nth, Fault::Crash(When::After));
        tokio::select! {
            _ = dying.up(spec) => {}
            () = dying.cloud.crashed() => {}
        }
        if !ids(&dying).is_empty() {
            return dying;
        }
    }
    panic!("no launch came through");
}

/// The token of a launch whose answer was lost brings back what it made: of those that live, not one is launched a second time.
#[tokio::test(start_paused = true)]
async fn a_launch_that_is_met_again_with_one_node_dead_is_filled_and_not_doubled() {
    let spec = spec(&[4], &["/train"]);
    let dying = died_after_the_launch(&spec).await;
    let first = ids(&dying);
    dying.cloud.interrupt(first.first().expect("four were launched"), "Server.InternalError");
    let next = machine(&dying.cloud, "laptop again");
    next.must_up(&spec).await;
    next.must_hold();
    assert_eq!(ids(&next).len(), 4);
    let all: BTreeSet<String> = next.cloud.truth("video").nodes.iter().map(|node| node.id.clone()).collect();
    assert_eq!(all.len(), 5, "one was launched in the place of the dead one: {}", next.cloud.history());
    next.must_down().await;
}
