//! `provision list`: the clusters of the region.

use crate::cli::args::{List, TextOrJson};
use crate::cli::connect::connect;
use crate::cli::exit::{Exit, cloud};
use crate::cli::output;
use crate::cli::settings::Settings;
use crate::cloud::Cloud;
use crate::render::list;

pub(in crate::cli) async fn run(args: &List, settings: &Settings) -> anyhow::Result<Exit> {
    let connected = connect(settings, None).await?;
    let clusters = connected.clusters().await.map_err(|error| cloud(error, "look for clusters"))?;
    output::result(&match args.format {
        TextOrJson::Text => list::text(&clusters, &settings.out),
        TextOrJson::Json => list::json(&clusters),
    });
    Ok(Exit::Done)
}
