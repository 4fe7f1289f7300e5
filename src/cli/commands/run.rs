//! `provision run`: a command on the nodes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::status::which;
use crate::cli::args::Run;
use crate::cli::connect::{Connected, connect};
use crate::cli::exit::{Exit, cloud, plain};
use crate::cli::settings::Settings;
use crate::cli::{nodes, output, signals};
use crate::cloud::CloudError;
use crate::cloud::remote::{Command, Invocation, NODES_A_COMMAND, Progress, Remote as _};
use crate::observed::{Node, NodeState};
use crate::render::invocations;

const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// Characters of a comment (SSM API Reference, SendCommand).
const COMMENT_MAX: usize = 100;

pub(in crate::cli) async fn run(args: &Run, settings: &Settings) -> anyhow::Result<Exit> {
    let (name, spec) = which(&args.which, settings)?;
    let line = shlex::try_join(args.command.iter().map(String::as_str))
        .map_err(|_| plain("the command holds a NUL byte", "leave it out"))?;
    let connected = connect(settings, spec.and_then(|spec| spec.cluster.region).as_deref()).await?;
    let all = nodes::of(&connected, &name, &args.which.named()).await?;
    let chosen = chosen(args, &all)?;
    let failed = |error: CloudError| cloud(error, "run the command");
    let mut reached = Vec::new();
    for batch in chosen.chunks(NODES_A_COMMAND) {
        let online = connected.online(batch).await.map_err(failed)?;
        reached.extend(batch.iter().filter(|id| online.contains(*id)).cloned());
    }
    let silent: Vec<&str> = chosen.iter().filter(|id| !reached.contains(id)).map(String::as_str).collect();
    if !silent.is_empty() {
        return Err(plain(
            format!("no agent of Systems Manager answers on {}", silent.join(", ")),
            "wait until the node has booted and see `provision logs NODE`; name others with `--node` or `--group`",
        ));
    }
    let comment: String = format!("provision run: {name}").chars().take(COMMENT_MAX).collect();
    let mut sent = Vec::new();
    for batch in reached.chunks(NODES_A_COMMAND) {
        let command = Command {
            nodes: batch.to_vec(),
            lines: vec![line.clone()],
            timeout_s: args.timeout,
            comment: comment.clone(),
        };
        match connected.send(&command).await {
            Ok(id) => sent.push(id),
            // What was sent to others runs; it must not run unseen.
            Err(error) => {
                cancel(&connected, &sent).await;
                return Err(failed(error));
            }
        }
    }
    let stop = signals::stop_on_signal()?;
    let mut ended: BTreeMap<String, Invocation> = BTreeMap::new();
    while ended.len() < reached.len() {
        tokio::select! {
            () = stop.cancelled() => {
                cancel(&connected, &sent).await;
                output::say("The command was cancelled on all nodes that it still ran on.");
                return Ok(Exit::Interrupted);
            }
            () = tokio::time::sleep(BETWEEN_LOOKS) => {}
        }
        for id in &sent {
            for each in connected.invocations(id).await.map_err(failed)? {
                if each.progress.has_ended() && !ended.contains_key(&each.node) {
                    if !args.json {
                        output::result(&invocations::text(&each, reached.len() > 1))?;
                    }
                    ended.insert(each.node.clone(), each);
                }
            }
        }
    }
    let all: Vec<Invocation> = ended.into_values().collect();
    if args.json {
        output::result(&invocations::json(&all))?;
    }
    let bad = all.iter().filter(|it| it.progress != Progress::Done(0)).count();
    if bad > 0 && !settings.quiet {
        output::say(&format!("The command failed on {bad} of {} nodes.", all.len()));
    }
    Ok(if bad == 0 { Exit::Done } else { Exit::Error })
}

fn chosen(args: &Run, all: &[Node]) -> anyhow::Result<Vec<String>> {
    if let Some(node) = &args.node {
        return Ok(vec![nodes::choose(all, node)?.id.clone()]);
    }
    let wanted = |node: &&Node| {
        node.state == NodeState::Running && args.group.as_ref().is_none_or(|group| node.address.name == *group)
    };
    let ids: Vec<String> = all.iter().filter(wanted).map(|node| node.id.clone()).collect();
    if ids.is_empty() {
        let of = args.group.as_ref().map(|group| format!(" of group `{group}`")).unwrap_or_default();
        return Err(plain(format!("no node{of} is running"), "see `provision status`"));
    }
    Ok(ids)
}

async fn cancel(connected: &Connected, sent: &[String]) {
    for id in sent {
        // Whoever leaves has no use for why this failed; the command ends by its own time limit.
        let _ = connected.cancel_command(id).await;
    }
}
