use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use insta::assert_snapshot;
use serde_json::json;

use super::wire::Wire;
use crate::cloud::{Class, Command, CommandState, Remains, Remote as _};

fn console(text: &[u8]) -> String {
    let packed = BASE64_STANDARD.encode(text);
    format!(
        "<R><instanceId>i-0a</instanceId><timestamp>2026-11-23T08:00:00.000Z</timestamp><output>{packed}</output></R>"
    )
}

#[tokio::test]
async fn the_latest_console_is_asked_for_first() {
    let wire = Wire::new().ok("GetConsoleOutput", console(b"provision: mount\n\xff"));
    let found = wire.aws().console("i-0a").await.expect("the answer is good");
    assert_eq!(found.text, "provision: mount\n\u{fffd}");
    assert_eq!(found.at.map(|at| at.to_string()).as_deref(), Some("2026-11-23T08:00:00Z"));
    assert_snapshot!(wire.requests());
}

#[tokio::test]
async fn a_machine_that_keeps_no_latest_console_gives_the_last_one() {
    for code in ["UnsupportedOperation", "IncorrectInstanceState"] {
        let wire = Wire::new()
            .ec2_error("GetConsoleOutput", 400, code, "not this one")
            .ok("GetConsoleOutput", "<R><instanceId>i-0a</instanceId></R>");
        let found = wire.aws().console("i-0a").await.expect("the second answer is good");
        assert_eq!((found.text.as_str(), found.at), ("", None));
        assert!(wire.requests().contains("Latest=false"), "{}", wire.requests());
    }
    let wire = Wire::new().ec2_error("GetConsoleOutput", 403, "UnauthorizedOperation", "no");
    let error = wire.aws().console("i-0a").await.expect_err("it is denied");
    assert_eq!((error.class, wire.count("GetConsoleOutput")), (Class::Denied, 1));
}

#[tokio::test]
async fn nodes_are_online_by_their_last_ping() {
    let page = |nodes: &[(&str, &str)], next: Option<&str>| {
        let list: Vec<_> = nodes.iter().map(|(id, ping)| json!({ "InstanceId": id, "PingStatus": ping })).collect();
        json!({ "InstanceInformationList": list, "NextToken": next }).to_string()
    };
    let wire = Wire::new()
        .ok("DescribeInstanceInformation", page(&[("i-0a", "Online"), ("i-0b", "ConnectionLost")], Some("more")))
        .ok("DescribeInstanceInformation", page(&[("i-0c", "Online")], None));
    let ids = ["i-0a", "i-0b", "i-0c", "i-0d"].map(ToOwned::to_owned);
    let online = wire.aws().online(&ids).await.expect("the answers are good");
    assert_eq!(online, ["i-0a".to_owned(), "i-0c".to_owned()].into());
    assert_snapshot!(wire.requests());
}

fn command() -> Command {
    Command {
        nodes: vec!["i-0a".to_owned(), "i-0b".to_owned()],
        lines: vec!["echo 'a b'".to_owned()],
        comment: "provision run on vision".to_owned(),
        delivery: Duration::from_secs(30),
        timeout: Duration::from_secs(3600),
    }
}

#[tokio::test]
async fn a_command_goes_to_all_its_nodes_at_once() {
    let wire = Wire::new().ok("SendCommand", json!({ "Command": { "CommandId": "c-1" } }).to_string());
    assert_eq!(wire.aws().send(&command()).await.expect("the answer is good"), "c-1");
    assert_snapshot!(wire.requests());
}

#[tokio::test]
async fn a_command_is_sent_once_whatever_happens() {
    let wire = Wire::new().broken("SendCommand");
    let error = wire.aws().send(&command()).await.expect_err("the connection broke");
    assert_eq!((error.remains, wire.count("SendCommand")), (Remains::Perhaps, 1));
    let wire = Wire::new().json_error("SendCommand", 500, "InternalServerError", "oh");
    wire.aws().send(&command()).await.expect_err("it failed");
    assert_eq!(wire.count("SendCommand"), 1);
    let wire =
        Wire::new().json_error("SendCommand", 400, "InvalidInstanceId", "Instances [[i-0b]] not in a valid state");
    let error = wire.aws().send(&command()).await.expect_err("it is refused");
    assert_eq!((error.class, error.remains), (Class::NotFound, Remains::Nothing));
}

#[tokio::test]
async fn the_words_of_the_service_are_states() {
    let known = [
        ("Pending", "Pending", CommandState::Waiting),
        ("Delayed", "Delayed", CommandState::Waiting),
        ("InProgress", "InProgress", CommandState::Running),
        ("Cancelling", "Cancelling", CommandState::Running),
        ("Success", "Success", CommandState::Succeeded),
        ("Failed", "Failed", CommandState::Failed),
        ("Failed", "Undeliverable", CommandState::Undelivered),
        ("Failed", "AccessDenied", CommandState::Undelivered),
        ("TimedOut", "DeliveryTimedOut", CommandState::Undelivered),
        ("TimedOut", "Delivery Timed Out", CommandState::Undelivered),
        ("TimedOut", "ExecutionTimedOut", CommandState::TimedOut),
        ("TimedOut", "Execution Timed Out", CommandState::TimedOut),
        ("Cancelled", "Cancelled", CommandState::Cancelled),
        ("Failed", "Terminated", CommandState::Cancelled),
    ];
    let list: Vec<_> = known
        .iter()
        .enumerate()
        .map(|(index, (status, detail, _))| {
            json!({ "InstanceId": format!("i-{index}"), "Status": status, "StatusDetails": detail })
        })
        .collect();
    let wire = Wire::new().ok("ListCommandInvocations", json!({ "CommandInvocations": list }).to_string());
    let found = wire.aws().invocations("c-1").await.expect("the answer is good");
    let states: Vec<CommandState> = found.iter().map(|each| each.state).collect();
    assert_eq!(states, known.map(|(_, _, state)| state));
}

#[tokio::test]
async fn output_that_was_cut_is_told_as_such() {
    for (out, err, code, cut, exit) in [
        ("ok\n".to_owned(), String::new(), 0, false, Some(0)),
        ("x".repeat(24_000), String::new(), 0, true, Some(0)),
        ("long\n--output truncated--".to_owned(), String::new(), 3, true, Some(3)),
        (String::new(), "y".repeat(8_000), 1, true, Some(1)),
        (String::new(), String::new(), -1, false, None),
    ] {
        let answer =
            json!({ "StandardOutputContent": out, "StandardErrorContent": err, "ResponseCode": code }).to_string();
        let wire = Wire::new().ok("GetCommandInvocation", answer);
        let found = wire.aws().output("c-1", "i-0a").await.expect("the answer is good");
        assert_eq!((found.truncated, found.exit_code), (cut, exit));
    }
}

#[tokio::test]
async fn a_session_is_begun_once_and_ended() {
    let answer = json!({ "SessionId": "s-1", "TokenValue": "secret", "StreamUrl": "wss://x" }).to_string();
    let wire = Wire::new().ok("StartSession", answer).ok("TerminateSession", json!({ "SessionId": "s-1" }).to_string());
    let aws = wire.aws();
    let ticket = aws.start_session("i-0a").await.expect("the answer is good");
    assert_eq!((ticket.id.as_str(), ticket.token.as_str()), ("s-1", "secret"));
    assert_eq!(ticket.endpoint, "https://ssm.us-east-1.amazonaws.com");
    aws.end_session("s-1").await.expect("it ends");
    assert_snapshot!(wire.requests());

    let wire = Wire::new().json_error("StartSession", 400, "TargetNotConnected", "i-0a is not connected.");
    let error = wire.aws().start_session("i-0a").await.expect_err("it is refused");
    assert_eq!((error.class, wire.count("StartSession")), (Class::NotFound, 1));
}
