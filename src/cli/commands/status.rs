//! `provision status`: what is there now.

use std::path::{Path, PathBuf};

use crate::apply::lease;
use crate::apply::prepare::{Request, prepare};
use crate::catalog::prices::PriceBook;
use crate::cli::args::{self, TextOrJson, Which};
use crate::cli::connect::{Connected, connect};
use crate::cli::exit::{Exit, plain};
use crate::cli::load::load;
use crate::cli::settings::Settings;
use crate::cli::{machine, output, prices, session};
use crate::cloud::{Clock, SystemClock};
use crate::plan::{Options, Purpose};
use crate::render;
use crate::spec::{Spec, is_cluster_name};
use crate::status::{Facts, Status, status};

/// The cluster's name, and its spec where one was given or lies in this folder.
pub(in crate::cli) fn which(which: &Which, settings: &Settings) -> anyhow::Result<(String, Option<Spec>)> {
    if let Some(name) = &which.cluster {
        if !is_cluster_name(name) {
            return Err(plain(
                format!("`{name}` cannot be the name of a cluster"),
                "list those that exist: `provision list`",
            ));
        }
        return Ok((name.clone(), None));
    }
    let path = which.spec.clone().unwrap_or_else(|| PathBuf::from("cluster.toml"));
    if which.spec.is_none() && !Path::new(&path).exists() {
        return Err(plain(
            "there is no cluster.toml here",
            "name the cluster: `--cluster NAME`; list those that exist: `provision list`",
        ));
    }
    let spec = load(&path, settings)?;
    Ok((spec.cluster.name.clone(), Some(spec)))
}

pub(in crate::cli) async fn run(args: &args::Status, settings: &Settings) -> anyhow::Result<Exit> {
    let (name, spec) = which(&args.which, settings)?;
    let region = spec.as_ref().and_then(|spec| spec.cluster.region.clone());
    let cloud = connect(settings, region.as_deref()).await?;
    let prices = prices::book(args.prices.as_deref(), settings)?;
    let found = look(&cloud, &name, spec, prices).await?;
    output::result(&match args.format {
        TextOrJson::Text => render::status::text(&found, &settings.out),
        TextOrJson::Json => render::status::json(&found),
    })?;
    Ok(Exit::Done)
}

/// One look at a cluster. Without a spec there is nothing to compare with, and drift is not told.
pub(in crate::cli) async fn look(
    cloud: &Connected,
    name: &str,
    spec: Option<Spec>,
    prices: PriceBook,
) -> anyhow::Result<Status> {
    let mount = spec.as_ref().map(|spec| spec.storage.mount.clone());
    let preload: Vec<String> = spec.iter().flat_map(Spec::preloads_data).map(|dataset| dataset.path.clone()).collect();
    let purpose = if spec.is_some() { Purpose::Up } else { Purpose::Down };
    // A look must not wait for what was made a moment ago: it shows what there is to be seen.
    let request = Request { patient: false, ..session::request(purpose, name, spec, Options::default(), prices) };
    let clock = SystemClock;
    let prepared = prepare(cloud, &clock, &request).await.map_err(session::failed)?;
    let holder = lease::holder(name, &prepared.parameters, clock.now(), &machine::is_dead);
    let facts = Facts {
        cluster: name,
        region: &prepared.identity.region,
        mount: mount.as_deref(),
        preload: &preload,
        desired: mount.is_some().then_some(&prepared.desired),
        record: (!prepared.is_new).then_some(&prepared.record),
        holder: holder.as_ref(),
        now: clock.now(),
    };
    let plan = mount.is_some().then_some(&prepared.plan);
    let prices = request.prices.prices(&prepared.identity.region);
    Ok(status(&prepared.observed, plan, &facts, &prices))
}
