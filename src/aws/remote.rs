//! Nodes from outside: EC2's console output, and Run Command and Session Manager of Systems Manager.
//!
//! SSM API Reference (SendCommand, ListCommandInvocations, GetCommandInvocation, StartSession) and Systems Manager User
//! Guide, "Understanding command statuses"; EC2 API Reference, GetConsoleOutput. Checked 2026-11.

use std::collections::BTreeSet;

use aws_sdk_ssm::types::{CommandInvocation, InstanceInformationStringFilter, PingStatus};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::Aws;
use super::connect::once;
use super::convert::timestamp;
use super::error::{Explain as _, gone_is_success};
use crate::cloud::{
    Class, CloudError, Command, CommandOutput, CommandState, Console, Invocation, Remote, Result, SessionTicket,
};

/// The document that runs shell lines; AWS's own, in every region.
const DOCUMENT: &str = "AWS-RunShellScript";
/// What GetCommandInvocation keeps of the output and of the errors, in characters.
const MOST_OUTPUT: usize = 24_000;
const MOST_ERRORS: usize = 8_000;
/// What the agent writes at the end of what it has cut.
const CUT: &str = "--output truncated--";
/// Values of one filter of DescribeInstanceInformation.
const NODES_A_LOOK: usize = 50;
/// And what a page of its answer holds at most.
const NODES_A_PAGE: i32 = 50;

impl Remote for Aws {
    async fn console(&self, node: &str) -> Result<Console> {
        let ask = |latest: bool| self.ec2.get_console_output().instance_id(node).latest(latest).send();
        let operation = "ec2:GetConsoleOutput";
        let answer = match ask(true).await.look(operation) {
            // Only machines of the Nitro system give the latest, and only while they run; all give what was kept at their last
            // start or end.
            Err(error) if matches!(error.class, Class::Invalid | Class::Conflict) => {
                ask(false).await.look(operation)?
            }
            other => other?,
        };
        let packed = answer.output.unwrap_or_default();
        let packed: String = packed.split_whitespace().collect();
        let bytes = BASE64_STANDARD
            .decode(packed)
            .map_err(|_| CloudError::new(operation, Class::Invalid, "the text of the console is not in base64"))?;
        Ok(Console {
            text: String::from_utf8_lossy(&bytes).into_owned(),
            at: answer.timestamp.as_ref().and_then(timestamp),
        })
    }

    async fn online(&self, nodes: &[String]) -> Result<BTreeSet<String>> {
        let mut online = BTreeSet::new();
        for some in nodes.chunks(NODES_A_LOOK) {
            let filter = InstanceInformationStringFilter::builder()
                .key("InstanceIds")
                .set_values(Some(some.to_vec()))
                .build()
                .map_err(|error| {
                    CloudError::new("ssm:DescribeInstanceInformation", Class::Invalid, error.to_string())
                })?;
            let mut pages = self
                .ssm
                .describe_instance_information()
                .filters(filter)
                .max_results(NODES_A_PAGE)
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                let found = page.look("ssm:DescribeInstanceInformation")?.instance_information_list;
                online.extend(
                    found
                        .unwrap_or_default()
                        .into_iter()
                        .filter(|each| each.ping_status == Some(PingStatus::Online))
                        .filter_map(|each| each.instance_id),
                );
            }
        }
        Ok(online)
    }

    async fn send(&self, command: &Command) -> Result<String> {
        let Command { nodes, lines, comment, delivery, timeout } = command;
        let answer = self
            .ssm
            .send_command()
            .document_name(DOCUMENT)
            .set_instance_ids(Some(nodes.clone()))
            .parameters("commands", lines.clone())
            .parameters("executionTimeout", vec![timeout.as_secs().to_string()])
            .timeout_seconds(i32::try_from(delivery.as_secs()).unwrap_or(i32::MAX))
            .comment(comment)
            .customize()
            .config_override(once())
            .send()
            .await
            .change("ssm:SendCommand")?;
        answer
            .command
            .and_then(|command| command.command_id)
            .ok_or_else(|| CloudError::new("ssm:SendCommand", Class::Unknown, "the answer has no id of the command"))
    }

    async fn invocations(&self, command: &str) -> Result<Vec<Invocation>> {
        let mut pages = self.ssm.list_command_invocations().command_id(command).into_paginator().send();
        let mut invocations = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.look("ssm:ListCommandInvocations")?;
            invocations.extend(page.command_invocations.unwrap_or_default().into_iter().filter_map(invocation));
        }
        Ok(invocations)
    }

    async fn output(&self, command: &str, node: &str) -> Result<CommandOutput> {
        let answer = self
            .ssm
            .get_command_invocation()
            .command_id(command)
            .instance_id(node)
            .send()
            .await
            .look("ssm:GetCommandInvocation")?;
        let stdout = answer.standard_output_content.unwrap_or_default();
        let stderr = answer.standard_error_content.unwrap_or_default();
        let truncated = is_cut(&stdout, MOST_OUTPUT) || is_cut(&stderr, MOST_ERRORS);
        // -1: it has not ended.
        let exit_code = Some(answer.response_code).filter(|code| *code >= 0);
        Ok(CommandOutput { stdout, stderr, exit_code, truncated })
    }

    async fn cancel_command(&self, command: &str) -> Result<()> {
        let done = self.ssm.cancel_command().command_id(command).send().await.change("ssm:CancelCommand");
        done.map(|_| ())
    }

    async fn start_session(&self, node: &str) -> Result<SessionTicket> {
        let operation = "ssm:StartSession";
        let answer =
            self.ssm.start_session().target(node).customize().config_override(once()).send().await.change(operation)?;
        let (Some(id), Some(token), Some(stream_url)) = (answer.session_id, answer.token_value, answer.stream_url)
        else {
            return Err(CloudError::new(operation, Class::Unknown, "the answer is not complete"));
        };
        Ok(SessionTicket { id, token, stream_url, endpoint: self.ssm_endpoint.clone() })
    }

    async fn end_session(&self, id: &str) -> Result<()> {
        let done = self.ssm.terminate_session().session_id(id).send().await.change("ssm:TerminateSession");
        gone_is_success(done.map(|_| ()))
    }
}

fn invocation(found: CommandInvocation) -> Option<Invocation> {
    let status = found.status.as_ref().map_or("", |status| status.as_str()).to_owned();
    let detail = found.status_details.unwrap_or_else(|| status.clone());
    // The page writes `Execution Timed Out`, the service `ExecutionTimedOut`.
    let state = match (status.as_str(), detail.replace(' ', "").as_str()) {
        ("Pending" | "Delayed" | "", _) => CommandState::Waiting,
        ("Success", _) => CommandState::Succeeded,
        ("Cancelled", _) | (_, "Terminated") => CommandState::Cancelled,
        ("TimedOut" | "Failed", "ExecutionTimedOut") => CommandState::TimedOut,
        ("Failed", "Failed") => CommandState::Failed,
        ("TimedOut" | "Failed", _) => CommandState::Undelivered,
        // InProgress, Cancelling, and whatever may come.
        _ => CommandState::Running,
    };
    Some(Invocation { node: found.instance_id?, state, detail })
}

fn is_cut(text: &str, most: usize) -> bool {
    text.chars().count() >= most || text.trim_end().ends_with(CUT)
}
