//! `provision status`: what is there now.

use std::path::{Path, PathBuf};

use crate::apply::lease;
use crate::apply::prepare::{Request, prepare};
use crate::cli::args::{Status, TextOrJson, Which};
use crate::cli::connect::connect;
use crate::cli::exit::{Exit, plain};
use crate::cli::load::load;
use crate::cli::settings::Settings;
use crate::cli::{machine, output, session};
use crate::cloud::{Clock, SystemClock};
use crate::plan::{Options, Purpose};
use crate::render::status;
use crate::spec::{Spec, is_cluster_name};

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

pub(in crate::cli) async fn run(args: &Status, settings: &Settings) -> anyhow::Result<Exit> {
    let (name, spec) = which(&args.which, settings)?;
    let region = spec.as_ref().and_then(|spec| spec.cluster.region.clone());
    let cloud = connect(settings, region.as_deref()).await?;
    // Without a spec there is nothing to compare with: only what is there is shown.
    let has_spec = spec.is_some();
    let purpose = if has_spec { Purpose::Up } else { Purpose::Down };
    let request = Request { patient: false, ..session::request(purpose, &name, spec, Options::default()) };
    let clock = SystemClock;
    let prepared = prepare(&cloud, &clock, &request).await.map_err(session::failed)?;
    let holder = lease::holder(&name, &prepared.parameters, clock.now(), &machine::is_dead);
    let plan = has_spec.then_some(&prepared.plan);
    let found = status::build(&prepared.desired.id, &prepared.observed, plan, holder, clock.now());
    output::result(&match args.format {
        TextOrJson::Text => status::text(&found, &settings.out),
        TextOrJson::Json => status::json(&found),
    });
    Ok(Exit::Done)
}
