//! `provision logs`: what a node wrote to its console.

use super::status::which;
use crate::cli::args::Logs;
use crate::cli::connect::connect;
use crate::cli::exit::{Exit, cloud, plain};
use crate::cli::settings::Settings;
use crate::cli::{nodes, output};
use crate::cloud::remote::Remote as _;
use crate::render::console;

pub(in crate::cli) async fn run(args: &Logs, settings: &Settings) -> anyhow::Result<Exit> {
    let (name, spec) = which(&args.which, settings)?;
    let connected = connect(settings, spec.and_then(|spec| spec.cluster.region).as_deref()).await?;
    let all = nodes::of(&connected, &name, &args.which.named()).await?;
    let node = nodes::choose(&all, &args.node)?;
    let text = connected.console(&node.id).await.map_err(|error| cloud(error, "read the console"))?;
    let Some(text) = text else {
        return Err(plain(
            format!("AWS has nothing of the console of {} yet", node.id),
            "wait a minute or two after its start; on instances without Nitro longer",
        ));
    };
    output::result(&console::text(&text, (!args.all).then_some(args.lines)))?;
    Ok(Exit::Done)
}
