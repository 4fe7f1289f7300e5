//! `provision list`: the clusters of the region.

use super::status::look;
use crate::cli::args::{self, TextOrJson};
use crate::cli::connect::connect;
use crate::cli::exit::{Exit, cloud};
use crate::cli::settings::Settings;
use crate::cli::{output, prices};
use crate::cloud::Cloud;
use crate::render::list::{Entry, List, json, text};

pub(in crate::cli) async fn run(args: &args::List, settings: &Settings) -> anyhow::Result<Exit> {
    let connected = connect(settings, None).await?;
    let identity = connected.identity().await.map_err(|error| cloud(error, "look for clusters"))?;
    let names = connected.clusters().await.map_err(|error| cloud(error, "look for clusters"))?;
    let prices = prices::book(None, settings)?;
    let mut entries = Vec::new();
    for name in names {
        let found = look(&connected, &name, None, prices.clone()).await?;
        // Tags outlive what they were on for a while; a cluster is what there is something of.
        if !found.is_empty() {
            entries.push(Entry::from(&found));
        }
    }
    let list = List::new(&identity.region, entries);
    output::result(&match args.format {
        TextOrJson::Text => text(&list, &settings.out),
        TextOrJson::Json => json(&list),
    })?;
    Ok(Exit::Done)
}
