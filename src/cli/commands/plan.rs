//! `provision plan`: what `up` would do, why, and what it costs.

use crate::apply::prepare::{prepare, rights as look_at_rights};
use crate::cli::args::{PlanArgs, PlanFormat};
use crate::cli::connect::connect;
use crate::cli::exit::{Exit, plain};
use crate::cli::load::load;
use crate::cli::settings::Settings;
use crate::cli::{output, prices, rights, session};
use crate::cloud::{Identity, SystemClock};
use crate::desired::build_offline;
use crate::observed::Observed;
use crate::plan::{self, Input, Options, Plan, Purpose};
use crate::record::Record;
use crate::render::{plan_html, plan_json, plan_markdown, plan_text};

pub(in crate::cli) async fn run(args: &PlanArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let spec = load(&args.file.spec, settings)?;
    let prices = prices::book(args.prices.as_deref(), settings)?;
    let cloud = connect(settings, spec.cluster.region.as_deref()).await?;
    let cluster = spec.cluster.name.clone();
    let request = session::request(Purpose::Up, &cluster, Some(spec.clone()), options(args), prices);
    let mut prepared = prepare(&cloud, &SystemClock, &request).await.map_err(session::failed)?;
    if settings.verbose > 0 {
        output::say(&format!("credentials of {}, account {}", prepared.identity.arn, prepared.identity.account));
    }
    if let Some(wanted) = rights::wanted(&spec, &prepared) {
        let found = look_at_rights(&cloud, wanted).await.map_err(|error| session::failed(error.into()))?;
        prepared.plan.findings.extend(found);
    }
    show(&prepared.plan, args, settings)
}

/// Everything that the spec alone tells.
pub(in crate::cli) fn offline(args: &PlanArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let spec = load(&args.file.spec, settings)?;
    let region =
        settings.region.clone().or_else(|| spec.cluster.region.clone()).unwrap_or_else(|| "unknown".to_owned());
    let identity = Identity { account: String::new(), arn: String::new(), region, partition: "aws".to_owned() };
    let desired = build_offline(&spec, &identity);
    let record = Record::new(&spec.cluster.name, "");
    let input = Input {
        purpose: Purpose::Up,
        desired: &desired,
        observed: &Observed::default(),
        record: &record,
        options: options(args),
    };
    let prices = prices::book(args.prices.as_deref(), settings)?.prices(&identity.region);
    let plan = plan::plan(&input, &prices).not_compared();
    show(&plan, args, settings)
}

fn options(args: &PlanArgs) -> Options {
    Options { replace_storage: args.replace_storage, ..Options::default() }
}

fn show(plan: &Plan, args: &PlanArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let text = match args.format {
        PlanFormat::Text => plan_text::plan(plan, &settings.out),
        PlanFormat::Json => plan_json::plan(plan),
        PlanFormat::Markdown => plan_markdown::plan(plan, args.max_bytes),
        PlanFormat::Html => plan_html::plan(plan),
    };
    match &args.out {
        Some(path) => std::fs::write(path, text).map_err(|error| {
            plain(format!("`{}` cannot be written: {error}", path.display()), "name a file in a folder that exists")
        })?,
        None => output::result(&text)?,
    }
    Ok(if plan.is_refused() {
        Exit::Error
    } else if args.detailed_exitcode && plan.has_changes() {
        Exit::ChangesPending
    } else {
        Exit::Done
    })
}
