//! What is read of a run of the past.

use proptest::prelude::*;
use provision::apply::event::Event;
use provision::render::run_log::{
    self, End, Entry, FORMAT_VERSION, Header, How, Listing, RunLog, Stray, Unreadable, line, parse,
};
use provision::render::{Charset, Theme, events};

use super::runs::story;
use super::samples::now;

fn header() -> Header {
    Header {
        format_version: FORMAT_VERSION,
        run: "5f0c1e2d3b4a59687766554433221100".to_owned(),
        version: "0.1.0".to_owned(),
        command: "up".to_owned(),
        command_line: "provision up --yes".to_owned(),
        cluster: "video-pretrain".to_owned(),
        region: Some("us-east-1".to_owned()),
        account: Some("111122223333".to_owned()),
        who: "ana@laptop".to_owned(),
        started: now(),
    }
}

fn end(ended: How, exit_code: u8, error: Option<&str>) -> End {
    let at = now() + jiff::SignedDuration::from_secs(3725);
    End { format_version: FORMAT_VERSION, at, ended, exit_code, error: error.map(str::to_owned) }
}

/// A whole file: that of a run which failed.
fn file() -> String {
    let events: String = story().iter().map(|event| events::json(event) + "\n").collect();
    let error = "error[nodes::failed]: 2 nodes of nodes.trainer are not ready\n   = note: i-0001: setup.sh ended with 1\n\
                 help: mend the cause\n";
    line(&header()) + &events + &line(&end(How::Failed, 1, Some(error)))
}

fn read(text: &str) -> RunLog {
    parse(text).expect("a log")
}

fn text(log: &RunLog) -> String {
    run_log::text(log, &Theme::plain())
}

#[test]
fn a_run_that_failed() {
    let shown = text(&read(&file()));
    insta::assert_snapshot!("log_failed", shown);
    for event in story() {
        let line = events::line(&event, &Theme::plain()).expect("it has a line");
        assert!(shown.contains(&line), "not as the display told it: {line}");
    }
    assert!(!shown.contains("111122223333"), "an account number is for programs");
    let ascii = Theme { charset: Charset::Ascii, ..Theme::plain() };
    assert!(run_log::text(&read(&file()), &ascii).is_ascii());
}

#[test]
fn a_run_that_was_killed() {
    let all = file();
    let killed: String = all.split_inclusive('\n').take(10).collect();
    insta::assert_snapshot!("log_killed", text(&read(&killed)));
    let at_once = all.split_inclusive('\n').next().expect("a header");
    assert!(text(&read(at_once)).ends_with("\n\nno ending: it was killed or is still running\n"));
}

#[test]
fn for_a_program() {
    let events: String = story().iter().skip(5).take(2).map(|event| events::json(event) + "\n").collect();
    let header = Header { account: None, ..header() };
    let text = line(&header) + &events + &line(&end(How::Interrupted, 130, Some("warning[run::interrupted]: …\n")));
    insta::assert_snapshot!("log_json", run_log::json(&read(&text), ".provision/video-pretrain/runs/a.jsonl"));
}

#[test]
fn events_are_read_as_they_were_written() {
    let log = read(&file());
    assert_eq!(log.events, story());
    assert_eq!((log.header, log.end.map(|end| end.ended), log.unreadable), (header(), Some(How::Failed), 0));
}

#[test]
fn a_torn_log_tells_what_is_whole() {
    let all = file();
    let header = all.find('\n').expect("a header") + 1;
    for cut in (0..all.len()).filter(|cut| all.is_char_boundary(*cut)) {
        match parse(&all[..cut]) {
            Ok(log) => {
                let whole = all[..cut].matches("\"event\":").count();
                assert!(cut >= header - 1, "half a header is none");
                assert!(log.unreadable == 0 && log.events.len() + 1 >= whole, "cut at {cut}");
            }
            Err(why) => assert!(cut < header - 1 && (cut == 0) == (why == Unreadable::Empty), "cut at {cut}: {why}"),
        }
    }
}

#[test]
fn what_a_newer_version_wrote_is_no_mystery() {
    let new_kind = r#"{"format_version":1,"at":"2026-03-05T12:00:00Z","elapsed_s":1.0,"event":{"kind":"sang"}}"#;
    let new_line = r#"{"format_version":1,"encore":true}"#;
    let more = events::json(&story()[0]).replace("{\"format_version\"", "{\"mood\":\"good\",\"format_version\"");
    let log = read(&format!("{}{more}\n{new_kind}\n{new_line}\nnonsense\n", line(&header())));
    assert_eq!((log.events.len(), log.unreadable, &log.end), (1, 3, &None::<End>));
    assert!(text(&log).contains("3 lines of it cannot be read by this version (it was written by 0.1.0)"));
    let json: serde_json::Value = serde_json::from_str(&run_log::json(&log, "f")).expect("JSON");
    assert_eq!((&json["events"][0]["mood"], &json["events"][1]["event"]["kind"]), (&"good".into(), &"sang".into()));
}

#[test]
fn a_file_that_was_tampered_with_steers_no_terminal() {
    let bad = "\u{1b}[2Jrm -rf\u{7}\r";
    let header = Header { command_line: bad.to_owned(), who: bad.to_owned(), version: bad.to_owned(), ..header() };
    let shown = text(&read(&(line(&header) + &line(&end(How::Failed, 1, Some(bad))))));
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
}

#[test]
fn a_list() {
    let run = |id: &str, command: &str, end: Option<End>| {
        let header = Header { run: format!("{id}0000"), command: command.to_owned(), ..header() };
        let text = line(&header) + &end.map(|end| line(&end)).unwrap_or_default();
        Entry::new(&read(&text), format!(".provision/video-pretrain/runs/{id}.jsonl"))
    };
    let hows = [
        How::Complete,
        How::NothingToDo,
        How::Declined,
        How::Refused,
        How::Held,
        How::Failed,
        How::Interrupted,
        How::LostLock,
    ];
    let mut runs = vec![run("00000000", "down", None)];
    runs.extend(
        hows.into_iter().enumerate().map(|(i, how)| run(&format!("{i}1111111"), "up", Some(end(how, 1, None)))),
    );
    let stray = Stray { file: ".provision/video-pretrain/runs/x.jsonl".to_owned(), why: Unreadable::Empty.to_string() };
    let listing =
        Listing { format_version: FORMAT_VERSION, cluster: "video-pretrain".to_owned(), runs, unreadable: vec![stray] };
    insta::assert_snapshot!("log_list", run_log::list(&listing, &Theme::plain()));
    let few = Listing { runs: listing.runs[..2].to_vec(), ..listing };
    insta::assert_snapshot!("log_list_json", run_log::list_json(&few));
}

#[test]
fn when_it_cannot_be_written() {
    let why = "No space left on device (os error 28)";
    insta::assert_snapshot!("log_unwritable", run_log::unwritable(".provision/a/runs/b.jsonl", why, &Theme::plain()));
}

proptest! {
    /// Whatever stands in the file after the header, something can be shown.
    #[test]
    fn no_text_panics(text in any::<String>(), cut in 0..4000_usize) {
        let _ = parse(&text);
        let mut torn = file();
        let cut = torn.char_indices().map(|(at, _)| at).take_while(|at| *at <= cut).last().unwrap_or(0);
        torn.insert_str(cut, &text);
        if let Ok(log) = parse(&torn) {
            let shown = run_log::text(&log, &Theme::plain());
            prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}

/// An event of each kind, so that a new one is not forgotten where logs are read.
#[test]
fn the_story_has_every_kind() {
    let kinds: std::collections::BTreeSet<String> = story()
        .iter()
        .map(|event: &Event| serde_json::to_value(event).expect("JSON")["event"]["kind"].to_string())
        .collect();
    assert_eq!(kinds.len(), 20, "{kinds:?}");
}
