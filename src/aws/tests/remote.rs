use insta::assert_snapshot;

use super::wire::Wire;
use crate::cloud::Class;
use crate::cloud::remote::{Command, Progress, Remote as _};

#[tokio::test]
async fn a_command_goes_to_nodes_and_its_whole_output_is_fetched_when_it_has_ended() {
    let wire = Wire::new()
        .ok("SendCommand", r#"{"Command":{"CommandId":"c-1","Status":"Pending"}}"#)
        .ok(
            "ListCommandInvocations",
            r#"{"CommandInvocations":[
                {"CommandId":"c-1","InstanceId":"i-0a","Status":"Success","StatusDetails":"Success"},
                {"CommandId":"c-1","InstanceId":"i-0b","Status":"InProgress","StatusDetails":"InProgress"},
                {"CommandId":"c-1","InstanceId":"i-0c","Status":"TimedOut","StatusDetails":"DeliveryTimedOut"},
                {"CommandId":"c-1","InstanceId":"i-0d","Status":"Failed","StatusDetails":"Failed"},
                {"CommandId":"c-1","InstanceId":"i-0e","Status":"Delayed","StatusDetails":"Delayed"}]}"#,
        )
        .ok(
            "GetCommandInvocation",
            r#"{"InstanceId":"i-0a","ResponseCode":0,"StandardOutputContent":"hello\n","StandardErrorContent":""}"#,
        )
        .ok(
            "GetCommandInvocation",
            r#"{"InstanceId":"i-0c","ResponseCode":-1,"StandardOutputContent":"","StandardErrorContent":""}"#,
        )
        .ok(
            "GetCommandInvocation",
            r#"{"InstanceId":"i-0d","ResponseCode":7,"StandardOutputContent":"","StandardErrorContent":"no\n"}"#,
        );
    let aws = wire.aws();
    let command = Command {
        nodes: vec!["i-0a".into(), "i-0b".into()],
        lines: vec!["echo 'a b'".into()],
        timeout_s: 90,
        comment: "provision run: video".into(),
    };
    let id = aws.send(&command).await.expect("sent");
    assert_eq!(id, "c-1");
    let all = aws.invocations(&id).await.expect("listed");
    let progress: Vec<&Progress> = all.iter().map(|it| &it.progress).collect();
    assert_eq!(
        progress,
        [
            &Progress::Done(0),
            &Progress::Running,
            &Progress::Broken("DeliveryTimedOut".into()),
            &Progress::Done(7),
            &Progress::Waiting
        ]
    );
    assert_eq!((all[0].output.as_str(), all[3].errors.as_str()), ("hello\n", "no\n"));
    assert_snapshot!(wire.requests());
}

#[tokio::test]
async fn only_agents_that_answer_count() {
    let wire = Wire::new().ok(
        "DescribeInstanceInformation",
        r#"{"InstanceInformationList":[{"InstanceId":"i-0a","PingStatus":"Online"},{"InstanceId":"i-0b","PingStatus":"ConnectionLost"}]}"#,
    );
    let online = wire.aws().online(&["i-0a".into(), "i-0b".into()]).await.expect("listed");
    assert_eq!(online.into_iter().collect::<Vec<_>>(), ["i-0a"]);
}

#[tokio::test]
async fn the_console_is_unpacked_and_older_machines_give_what_they_have() {
    let answer = |text: &str| format!("<R><instanceId>i-0a</instanceId><output>{text}</output></R>");
    let wire = Wire::new()
        .ec2_error(
            "GetConsoleOutput",
            400,
            "UnsupportedOperation",
            "This instance type does not support retrieving the latest console logs",
        )
        .ok("GetConsoleOutput", answer("cHJvdmlzaW9u\nOiByZWFkeQo="))
        .ok("GetConsoleOutput", answer(""))
        .ec2_error("GetConsoleOutput", 400, "InvalidInstanceID.NotFound", "The instance ID 'i-0a' does not exist");
    let aws = wire.aws();
    assert_eq!(aws.console("i-0a").await.expect("there"), Some("provision: ready\n".to_owned()));
    assert_eq!(aws.console("i-0a").await.expect("nothing yet"), None);
    assert_eq!(aws.console("i-0a").await.expect_err("gone").class, Class::NotFound);
}

#[tokio::test]
async fn the_token_of_a_shell_is_never_shown() {
    let wire = Wire::new()
        .ok("StartSession", r#"{"SessionId":"ana-1","TokenValue":"secret","StreamUrl":"wss://stream"}"#)
        .ok("TerminateSession", r#"{"SessionId":"ana-1"}"#);
    let aws = wire.aws();
    let ticket = aws.open_session("i-0a").await.expect("opened");
    assert!(!format!("{ticket:?}").contains("secret"));
    assert_eq!(
        serde_json::to_string(&ticket).expect("plain"),
        r#"{"SessionId":"ana-1","TokenValue":"secret","StreamUrl":"wss://stream"}"#,
        "as the plugin reads it"
    );
    aws.end_session(&ticket.session_id).await.expect("ended");
}
