//! `provision replace`: ends one node and launches another in its place.

use crate::cli::args::{Replace, Which};
use crate::cli::exit::{Exit, plain};
use crate::cli::load::load;
use crate::cli::session::{self, Task};
use crate::cli::settings::Settings;
use crate::cli::{nodes, prices};
use crate::plan::{Options, Purpose};

pub(in crate::cli) async fn run(args: &Replace, settings: &Settings) -> anyhow::Result<Exit> {
    let Replace { node, file, yes, json, prices } = args;
    let spec = load(&file.spec, settings)?;
    let prices = prices::book(prices.as_deref(), settings)?;
    let which = Which { spec: Some(file.spec.clone()), cluster: None };
    let fleet = nodes::look(&which, settings).await?;
    let found = fleet.one(node)?;
    if !found.node.exists() {
        return Err(plain(
            format!("{} has ended already", found.node.id),
            format!("`provision up{}` launches another in its place", file.named()),
        ));
    }
    let replace = vec![found.node.id.clone()];
    let task = Task {
        named: file.named(),
        purpose: Purpose::Up,
        cluster: spec.cluster.name.clone(),
        region: spec.cluster.region.clone(),
        spec: Some(spec),
        options: Options::default(),
        prices,
        yes: *yes,
        json: *json,
        wait_for_data: Vec::new(),
        wait_for_capacity: None,
        replace,
        reviewed: None,
        settings,
    };
    session::run(task).await
}
