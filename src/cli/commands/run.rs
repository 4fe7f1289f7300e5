//! `provision run`: a command on nodes, through Systems Manager.

use std::collections::BTreeMap;

use crate::apply::command::{Answer, Order, command};
use crate::cli::args::Run;
use crate::cli::exit::{Exit, cloud, plain};
use crate::cli::nodes::{self, Fleet, is_ready, listing};
use crate::cli::settings::Settings;
use crate::cli::{output, signals};
use crate::cloud::Remote as _;
use crate::render::command::{self as shown, Command, FORMAT_VERSION, NodeRun, Unreachable};
use crate::status::{Named, named};

pub(in crate::cli) async fn run(args: &Run, settings: &Settings) -> anyhow::Result<Exit> {
    let Run { which, group, node, timeout, json, command: words } = args;
    let line = shlex::try_join(words.iter().map(String::as_str)).map_err(|_| {
        plain("a word of the command holds a NUL byte, which no shell can take", "leave it out, or pass it in a file")
    })?;
    let fleet = nodes::look(which, settings).await?;
    let meant = meant(&fleet, group.as_deref(), node)?;
    let names: BTreeMap<String, String> =
        meant.iter().map(|each| (each.node.id.clone(), each.label().to_owned())).collect();
    let ids: Vec<String> = meant.iter().map(|each| each.node.id.clone()).collect();
    // One of them that the service does not know would have the whole batch refused.
    let online = fleet.cloud.online(&ids).await.map_err(|error| cloud(error, "ask which nodes take commands"))?;
    let (reached, missed): (Vec<String>, Vec<String>) = ids.into_iter().partition(|id| online.contains(id));
    let name = |id: &String| names.get(id).unwrap_or(id).clone();
    let mut done = Command {
        format_version: FORMAT_VERSION,
        cluster: fleet.cluster.clone(),
        command: words.clone(),
        ids: Vec::new(),
        cancelled: false,
        nodes: Vec::new(),
        unreachable: missed.into_iter().map(|node| Unreachable { name: name(&node), node }).collect(),
    };
    if !reached.is_empty() {
        let order = Order {
            nodes: reached,
            lines: vec![line],
            comment: format!("provision run on {}", fleet.cluster),
            timeout: *timeout,
        };
        let as_shown = |answer: &Answer| NodeRun {
            name: name(&answer.node),
            node: answer.node.clone(),
            state: answer.state.into(),
            exit_code: answer.output.exit_code,
            stdout: answer.output.stdout.clone(),
            stderr: answer.output.stderr.clone(),
            truncated: answer.output.truncated,
        };
        let stop = signals::stop_on_signal()?;
        let mut unwritten = None;
        let ran = command(&fleet.cloud, &order, &stop, |answer| {
            if !*json && unwritten.is_none() {
                unwritten = tell(&as_shown(answer), settings).err();
            }
        })
        .await
        .map_err(|error| cloud(error, "run the command"))?;
        if let Some(error) = unwritten {
            return Err(error);
        }
        done.ids = ran.commands;
        done.cancelled = ran.cancelled;
        done.nodes = ran.answers.iter().map(as_shown).collect();
        done.nodes.sort_by(|a, b| a.name.cmp(&b.name));
    }
    if *json {
        output::result(&shown::json(&done))?;
    }
    let last = shown::end(&done, &settings.err);
    if !last.is_empty() {
        output::say(&last);
    }
    Ok(match () {
        () if done.cancelled => Exit::Interrupted,
        () if done.is_good() => Exit::Done,
        () => Exit::CommandFailed,
    })
}

/// Those that were named, or all that are ready.
fn meant<'a>(fleet: &'a Fleet, group: Option<&str>, words: &[String]) -> anyhow::Result<Vec<Named<'a>>> {
    if !words.is_empty() {
        let mut found = words.iter().map(|word| fleet.one(word)).collect::<anyhow::Result<Vec<_>>>()?;
        // SendCommand takes no id twice.
        found.sort_by(|a, b| a.node.id.cmp(&b.node.id));
        found.dedup_by(|a, b| a.node.id == b.node.id);
        return Ok(found);
    }
    let all = named(&fleet.nodes);
    let of_group: Vec<Named<'_>> =
        all.iter().filter(|each| group.is_none_or(|group| each.node.address.name == group)).cloned().collect();
    if let (Some(group), true) = (group, of_group.is_empty()) {
        return Err(plain(
            format!("{} has no nodes in a group `{group}`", fleet.cluster),
            format!("these are its nodes:\n{}", listing(&all)),
        ));
    }
    let ready: Vec<Named<'_>> = of_group.iter().filter(|each| is_ready(each.node)).cloned().collect();
    if ready.is_empty() {
        return Err(plain("no node is ready", format!("name one that is not with `--node`:\n{}", listing(&of_group))));
    }
    Ok(ready)
}

/// As soon as a node is done.
fn tell(node: &NodeRun, settings: &Settings) -> anyhow::Result<()> {
    let (out, err) = (shown::stdout(node), shown::stderr(node));
    if !out.is_empty() {
        output::result(&out)?;
    }
    if !err.is_empty() {
        output::say(&err);
    }
    if let Some(remark) = shown::remark(node, &settings.err) {
        output::say(&remark);
    }
    Ok(())
}
