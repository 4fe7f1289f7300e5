//! `provision extend`: lets the nodes live longer than their ttl.

use std::path::PathBuf;

use super::status::{look, which};
use crate::apply::extend::{Extended, Longer, NotExtended, extend};
use crate::cli::args::{Extend, TextOrJson, Which};
use crate::cli::connect::connect;
use crate::cli::exit::{Exit, plain};
use crate::cli::settings::Settings;
use crate::cli::{machine, output, prices, session};
use crate::cloud::{Clock, SystemClock};
use crate::plan::{Options, Purpose};
use crate::render;
use crate::spec::units::duration;

pub(in crate::cli) async fn run(args: &Extend, settings: &Settings) -> anyhow::Result<Exit> {
    let (longer, cluster) = longer(args)?;
    let (name, spec) = which(&cluster, settings)?;
    let region = spec.as_ref().and_then(|spec| spec.cluster.region.clone());
    let cloud = connect(settings, region.as_deref()).await?;
    let prices = prices::book(None, settings)?;
    let clock = SystemClock;
    let request = session::request(Purpose::Down, &name, None, Options::default(), prices.clone());
    let holder = machine::holder("extend", uuid::Uuid::new_v4().simple().to_string(), clock.now());
    let extended = extend(&cloud, &clock, &request, longer, holder, &machine::is_dead).await;
    let Extended { nodes, before, until } = extended.map_err(|error| told(error, &cluster, settings))?;
    let found = look(&cloud, &name, None, prices).await?;
    output::result(&match args.format {
        TextOrJson::Text => render::extended::text(nodes, before, until, found.ends.as_ref(), &settings.out),
        TextOrJson::Json => render::extended::json(&name, nodes, before, until, found.ends.as_ref()),
    })?;
    Ok(Exit::Done)
}

/// How much longer, and of which cluster: with `--until`, the one word that may stand there is the spec.
fn longer(args: &Extend) -> anyhow::Result<(Longer, Which)> {
    let Which { spec, cluster } = &args.which;
    let which = |spec: Option<PathBuf>| Which { spec, cluster: cluster.clone() };
    match (args.until, &args.duration) {
        (Some(_), Some(word)) if spec.is_some() || cluster.is_some() => {
            Err(plain(format!("both `{word}` and `--until` were given"), "leave one of them out"))
        }
        (Some(until), word) => {
            Ok((Longer::Until(until), which(word.as_ref().map(PathBuf::from).or_else(|| spec.clone()))))
        }
        (None, word) => {
            let word = word.as_deref().unwrap_or_default();
            let by = duration(word).map_err(|why| {
                plain(format!("`{word}` is no length of time: {}", why.0), "write it like `24h`, `90m` or `2d`")
            })?;
            Ok((Longer::By(by), which(spec.clone())))
        }
    }
}

fn told(error: NotExtended, cluster: &Which, settings: &Settings) -> anyhow::Error {
    match error {
        NotExtended::Failed(failed) => session::failed(failed),
        NotExtended::Impossible { what, help } => plain(what, help),
        NotExtended::Held(holder) => {
            let command = format!("provision extend{}", cluster.named());
            plain(render::lock::held(&holder, &command, SystemClock.now(), &settings.err), "nothing was extended")
        }
    }
}
