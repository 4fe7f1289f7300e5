//! What is read while a run goes on.

use std::sync::{Arc, Mutex};

use indicatif::{ProgressDrawTarget, TermLike};
use provision::apply::event::{Ending, Event, FORMAT_VERSION, Failure, Room, What};
use provision::cloud::{Class, CloudError};
use provision::desired::{Address, Kind};
use provision::plan::Op;
use provision::render::progress::Progress;
use provision::render::{Charset, Theme, events};

use super::samples::now;

fn fsx() -> Address {
    Address::one(Kind::Fsx)
}

fn link() -> Address {
    Address::named(Kind::Link, "train")
}

fn trainer() -> Address {
    Address::named(Kind::Nodes, "trainer")
}

fn event(elapsed_s: f64, what: What) -> Event {
    Event { format_version: FORMAT_VERSION, at: now(), elapsed_s, what }
}

fn started(step: usize, address: Address, op: Op) -> What {
    What::Started { step, address, op }
}

fn waiting(step: usize, address: Address, detail: &str, waited_s: u64, typical_s: Option<u64>) -> What {
    What::Waiting { step, address, detail: detail.to_owned(), waited_s, typical_s }
}

/// Each kind of event, in the order of a run that ends badly.
pub(super) fn story() -> Vec<Event> {
    let throttled = CloudError::new("fsx:CreateFileSystem", Class::Throttled, "slow down").code("ThrottlingException");
    let create = |count| Op::Create { epoch: 0, count, least: None };
    let update = |fields: &[&str]| Op::Update {
        fields: fields.iter().map(|each| (*each).to_owned()).collect(),
        set_tags: vec!["team".to_owned()],
        remove_tags: Vec::new(),
        nodes: Vec::new(),
    };
    let nodes = vec![
        ("i-0001".to_owned(), "setup.sh ended with 1".to_owned()),
        ("i-0002".to_owned(), "the mount took too long\nsee the console".to_owned()),
    ];
    let room = |zone: &str, answer| What::Room {
        zone: format!("us-east-1{zone}"),
        group: "trainer".to_owned(),
        instance: "p5.48xlarge".to_owned(),
        count: 8,
        answer,
    };
    let none = CloudError::new("ec2:CreateCapacityReservation", Class::Capacity, "none in us-east-1a")
        .code("InsufficientInstanceCapacity");
    let held = What::CapacityHeld {
        zone: "us-east-1b".to_owned(),
        group: "trainer".to_owned(),
        instance: "p5.48xlarge".to_owned(),
        count: 8,
        reservation: "cr-0123".to_owned(),
        until: Some(now()),
    };
    let given_back =
        |used| What::CapacityGivenBack { group: "trainer".to_owned(), reservation: "cr-0123".to_owned(), used };
    let denied = CloudError::new("ec2:CreateCapacityReservation", Class::Denied, "not you");
    let next_type = What::NextType {
        address: trainer(),
        instance: "p5.48xlarge".to_owned(),
        next: "p5e.48xlarge".to_owned(),
        error: CloudError::new("ec2:RunInstances", Class::Capacity, "none left").code("InsufficientInstanceCapacity"),
    };
    vec![
        event(0.0, What::Held { who: "ana@laptop".to_owned(), command: "up".to_owned(), until: now() }),
        event(0.0, room("a", Room::Refused { error: none })),
        event(0.0, What::NoRoomYet { since: now(), pause_s: 120 }),
        event(0.0, room("b", Room::Granted)),
        event(0.0, What::Unasked { error: denied }),
        event(0.0, held),
        event(0.1, started(0, fsx(), create(1))),
        event(0.1, started(1, Address::one(Kind::SecurityGroup), update(&["rules"]))),
        event(0.1, started(2, Address::one(Kind::Role), update(&[]))),
        event(0.4, What::Finished { step: 2, address: Address::one(Kind::Role), took_s: 0.3 }),
        event(0.6, What::Retrying { step: 0, address: fsx(), error: throttled, pause_s: 0.5 }),
        event(1.3, What::Answered { step: 0, address: fsx(), id: "fs-0123".to_owned() }),
        event(1.7, waiting(0, fsx(), "CREATING", 0, Some(540))),
        event(2.0, What::Finished { step: 1, address: Address::one(Kind::SecurityGroup), took_s: 1.9 }),
        event(125.0, waiting(0, fsx(), "not visible yet", 123, Some(540))),
        event(513.2, What::Finished { step: 0, address: fsx(), took_s: 513.1 }),
        event(513.3, started(3, link(), create(1))),
        event(513.3, started(4, trainer(), create(8))),
        event(513.9, next_type),
        event(513.9, What::PartlyFilled { step: 4, address: trainer(), nodes: 6, count: 8, error: None }),
        event(514.0, What::Answered { step: 4, address: trainer(), id: "i-0001 and 7 more".to_owned() }),
        event(555.0, given_back(true)),
        event(555.0, given_back(false)),
        event(560.0, What::Noted { step: 3, address: link(), text: "task-0123 exports it already".to_owned() }),
        event(700.0, started(5, link(), Op::Preload)),
        event(701.0, waiting(5, link(), "importing metadata: 5 of 90 files", 1, None)),
        event(800.0, waiting(4, trainer(), "6 of 8 ready, 1 failed", 287, Some(300))),
        event(3723.0, What::Failed { step: 4, address: trainer(), failure: Failure::Nodes { nodes } }),
        event(3723.0, What::BlockAhead { block: "cr-0123".to_owned(), starts: now(), pause_s: 3600 }),
        event(3723.1, What::Stopping),
        event(
            3724.0,
            What::Moves {
                file_system: "fs-0122".to_owned(),
                from: "us-east-1a".to_owned(),
                to: "us-east-1b".to_owned(),
            },
        ),
        event(3724.0, What::GivenUp { file_system: "fs-0122".to_owned() }),
        event(3724.0, What::Ended { outcome: Ending::Failed, done: 4, failed: 1, left: 2 }),
    ]
}

fn lines(events: &[Event], theme: &Theme) -> String {
    let lines: Vec<String> = events.iter().filter_map(|each| events::line(each, theme)).collect();
    lines.join("\n")
}

#[test]
fn a_run_as_plain_lines() {
    let text = lines(&story(), &Theme::plain());
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
    insta::assert_snapshot!("events", text);
    let ascii = Theme { charset: Charset::Ascii, ..Theme::plain() };
    assert!(lines(&story(), &ascii).is_ascii());
}

#[test]
fn steps_of_a_removal_as_plain_lines() {
    let task = |step, op| event(1.0, started(step, link(), op));
    let ids = |ids: &[&str]| Op::Delete { ids: ids.iter().map(|id| (*id).to_owned()).collect() };
    let endings = [Ending::Complete, Ending::Interrupted, Ending::LostLock];
    let mut all = vec![
        task(0, Op::Settle),
        task(1, Op::EndTasks),
        task(2, Op::Export),
        task(3, ids(&["dra-1"])),
        event(1.0, started(4, trainer(), ids(&["i-1", "i-2"]))),
    ];
    all.extend(endings.map(|outcome| {
        event(2.0, What::Ended { outcome, done: 1, failed: 0, left: usize::from(outcome != Ending::Complete) })
    }));
    insta::assert_snapshot!("events_down", lines(&all, &Theme::plain()));
}

#[test]
fn events_as_json_lines() {
    let lines: Vec<String> = story().iter().map(events::json).collect();
    assert!(lines.iter().all(|line| !line.contains('\n')));
    insta::assert_snapshot!("events_json", lines.join("\n"));
}

/// A terminal that keeps what is printed.
#[derive(Debug, Clone, Default)]
struct Recorder(Arc<Mutex<String>>);

impl Recorder {
    fn push(&self, text: &str) {
        self.0.lock().expect("no test panics with it").push_str(text);
    }
}

impl TermLike for Recorder {
    fn width(&self) -> u16 {
        100
    }
    fn height(&self) -> u16 {
        50
    }
    fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn write_line(&self, text: &str) -> std::io::Result<()> {
        self.push(text);
        self.push("\n");
        Ok(())
    }
    fn write_str(&self, text: &str) -> std::io::Result<()> {
        self.push(text);
        Ok(())
    }
    fn clear_line(&self) -> std::io::Result<()> {
        Ok(())
    }
    fn flush(&self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn bars_tell_the_same_story() {
    let terminal = Recorder::default();
    let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
    let mut progress = Progress::new(target, Theme::plain());
    for event in story() {
        progress.handle(&event);
        let shown = terminal.0.lock().expect("no test panics with it").clone();
        let ended = matches!(
            event.what,
            What::Finished { .. }
                | What::Failed { .. }
                | What::Retrying { .. }
                | What::Noted { .. }
                | What::Ended { .. }
        );
        if ended {
            let line = events::line(&event, &Theme::plain()).expect("it has a line");
            assert!(shown.contains(&line), "{line}\n not in\n{shown}");
        }
    }
    assert_eq!(progress.running(), 0);
}

#[test]
fn a_hidden_target_draws_nothing_and_counts_all_the_same() {
    let mut progress = Progress::new(ProgressDrawTarget::hidden(), Theme::plain());
    for event in story().into_iter().take(9) {
        progress.handle(&event);
    }
    assert_eq!(progress.running(), 3);
    progress.finish();
    assert_eq!(progress.running(), 0);
}
