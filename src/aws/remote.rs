//! Commands and shells on nodes through Systems Manager, and the console through EC2.

use std::collections::BTreeSet;

use aws_sdk_ssm::types::{
    CommandInvocation, CommandInvocationStatus as Status, InstanceInformationStringFilter, PingStatus,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::Aws;
use super::error::{Explain as _, gone_is_success};
use crate::cloud::remote::{Command, Invocation, Progress, Remote, Ticket};
use crate::cloud::{Class, CloudError, Result};

/// Runs lines by the shell of Linux nodes; AWS's own (SSM User Guide, documents).
const DOCUMENT: &str = "AWS-RunShellScript";
/// Seconds that AWS looks for a node before it gives up (SSM API Reference, SendCommand: TimeoutSeconds, at least 30).
const DELIVERY_S: i32 = 60;

impl Remote for Aws {
    async fn online(&self, nodes: &[String]) -> Result<BTreeSet<String>> {
        let ids =
            InstanceInformationStringFilter::builder().key("InstanceIds").set_values(Some(nodes.to_vec())).build();
        let ids =
            ids.map_err(|error| CloudError::new("ssm:DescribeInstanceInformation", Class::Invalid, error.to_string()))?;
        let mut pages = self.ssm.describe_instance_information().filters(ids).into_paginator().send();
        let mut online = BTreeSet::new();
        while let Some(page) = pages.next().await {
            let page = page.look("ssm:DescribeInstanceInformation")?;
            let answering = page.instance_information_list.unwrap_or_default().into_iter();
            online.extend(
                answering.filter(|it| it.ping_status == Some(PingStatus::Online)).filter_map(|it| it.instance_id),
            );
        }
        Ok(online)
    }

    async fn send(&self, command: &Command) -> Result<String> {
        let answer = self
            .ssm
            .send_command()
            .document_name(DOCUMENT)
            .set_instance_ids(Some(command.nodes.clone()))
            .parameters("commands", command.lines.clone())
            .parameters("executionTimeout", vec![command.timeout_s.to_string()])
            .timeout_seconds(DELIVERY_S)
            .comment(&command.comment)
            .send()
            .await
            .change("ssm:SendCommand")?;
        let id = answer.command.and_then(|command| command.command_id);
        id.ok_or_else(|| CloudError::new("ssm:SendCommand", Class::Unknown, "the answer has no id of the command"))
    }

    async fn invocations(&self, id: &str) -> Result<Vec<Invocation>> {
        let mut pages = self.ssm.list_command_invocations().command_id(id).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.look("ssm:ListCommandInvocations")?;
            for each in page.command_invocations.unwrap_or_default() {
                found.push(self.invocation(id, &each).await?);
            }
        }
        Ok(found)
    }

    async fn cancel_command(&self, id: &str) -> Result<()> {
        self.ssm.cancel_command().command_id(id).send().await.change("ssm:CancelCommand")?;
        Ok(())
    }

    /// The newest of it, which only instances on Nitro have at any time; else what AWS has kept of the last boot.
    async fn console(&self, node: &str) -> Result<Option<String>> {
        let operation = "ec2:GetConsoleOutput";
        let call = self.ec2.get_console_output().instance_id(node);
        let answer = match call.clone().latest(true).send().await.look(operation) {
            Err(error) if error.code.as_deref() == Some("UnsupportedOperation") => call.send().await.look(operation)?,
            answer => answer?,
        };
        let Some(packed) = answer.output.filter(|packed| !packed.is_empty()) else { return Ok(None) };
        let packed: String = packed.split_whitespace().collect();
        let bytes = BASE64_STANDARD
            .decode(packed)
            .map_err(|error| CloudError::new(operation, Class::Unknown, format!("unreadable answer: {error}")))?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()).filter(|text| !text.is_empty()))
    }

    async fn open_session(&self, node: &str) -> Result<Ticket> {
        let answer = self.ssm.start_session().target(node).send().await.change("ssm:StartSession")?;
        Ok(Ticket {
            session_id: answer.session_id.unwrap_or_default(),
            token_value: answer.token_value.unwrap_or_default(),
            stream_url: answer.stream_url.unwrap_or_default(),
        })
    }

    async fn end_session(&self, id: &str) -> Result<()> {
        gone_is_success(
            self.ssm.terminate_session().session_id(id).send().await.change("ssm:TerminateSession").map(|_| ()),
        )
    }
}

impl Aws {
    /// The list cuts output after 2,500 characters, so of what has ended it is asked for by itself.
    async fn invocation(&self, id: &str, listed: &CommandInvocation) -> Result<Invocation> {
        let node = listed.instance_id().unwrap_or_default().to_owned();
        let running =
            |progress| Invocation { node: node.clone(), progress, output: String::new(), errors: String::new() };
        match listed.status() {
            Some(Status::Success | Status::Failed | Status::Cancelled | Status::TimedOut) => {}
            Some(Status::InProgress | Status::Cancelling) => return Ok(running(Progress::Running)),
            _ => return Ok(running(Progress::Waiting)),
        }
        let call = self.ssm.get_command_invocation().command_id(id).instance_id(&node);
        let answer = call.send().await.look("ssm:GetCommandInvocation")?;
        // -1 stands for no exit code: it never ran, or not to its end.
        let progress = match (listed.status(), answer.response_code()) {
            (Some(Status::Success | Status::Failed), code) if code >= 0 => Progress::Done(code),
            _ => Progress::Broken(listed.status_details().unwrap_or("no reason given").to_owned()),
        };
        Ok(Invocation {
            node,
            progress,
            output: answer.standard_output_content.unwrap_or_default(),
            errors: answer.standard_error_content.unwrap_or_default(),
        })
    }
}
