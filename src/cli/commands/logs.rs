//! `provision logs`: what a node has printed on its console.

use crate::cli::args::Logs;
use crate::cli::exit::{Exit, cloud};
use crate::cli::settings::Settings;
use crate::cli::{nodes, output};
use crate::cloud::Remote as _;
use crate::render::console::{self, Console, FORMAT_VERSION};

pub(in crate::cli) async fn run(args: &Logs, settings: &Settings) -> anyhow::Result<Exit> {
    let Logs { node, which, lines, all, json } = args;
    let fleet = nodes::look(which, settings).await?;
    let found = fleet.one(node)?;
    let id = &found.node.id;
    let printed = fleet.cloud.console(id).await.map_err(|error| cloud(error, "read the console"))?;
    let mut shown = console::lines(&printed.text);
    let left_out = if *all { 0 } else { shown.len().saturating_sub(*lines) };
    shown.drain(..left_out);
    let console = Console {
        format_version: FORMAT_VERSION,
        cluster: fleet.cluster.clone(),
        name: found.name.clone(),
        node: id.clone(),
        at: printed.at,
        left_out,
        lines: shown,
    };
    if *json {
        output::result(&console::json(&console))?;
        return Ok(Exit::Done);
    }
    if !settings.quiet {
        let at = printed.at.map(|at| format!(", as of {at:.0}")).unwrap_or_default();
        let part = if left_out > 0 {
            format!(
                "; the last {} of {} lines (--all: all of them)",
                console.lines.len(),
                console.lines.len() + left_out
            )
        } else {
            String::new()
        };
        output::say(&format!("console of {} ({id}){at}{part}", found.label()));
    }
    if printed.text.trim().is_empty() {
        output::say(&format!(
            "EC2 has no output of {id} yet: it comes some minutes after the start\nhelp: of a node that runs, `provision run{} --node {id} -- cat /var/log/provision.log`",
            which.named()
        ));
        return Ok(Exit::Done);
    }
    output::result(&console::text(&console))?;
    Ok(Exit::Done)
}
