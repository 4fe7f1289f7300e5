//! `provision up`: creates or changes the cluster until it is as the spec says.

use crate::cli::args::Up;
use crate::cli::exit::Exit;
use crate::cli::load::load;
use crate::cli::prices;
use crate::cli::session::{self, Task};
use crate::cli::settings::Settings;
use crate::plan::{Options, Purpose};

pub(in crate::cli) async fn run(args: &Up, settings: &Settings) -> anyhow::Result<Exit> {
    let Up { file, yes, json, replace_storage, prices } = args;
    let spec = load(&file.spec, settings)?;
    let prices = prices::book(prices.as_deref(), settings)?;
    let task = Task {
        named: file.named(),
        purpose: Purpose::Up,
        cluster: spec.cluster.name.clone(),
        region: spec.cluster.region.clone(),
        spec: Some(spec),
        options: Options { replace_storage: *replace_storage, ..Options::default() },
        prices,
        yes: *yes,
        json: *json,
        settings,
    };
    session::run(task).await
}
