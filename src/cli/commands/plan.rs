//! `provision plan`: what `up` would do, why, and what it costs.

use std::path::Path;

use clap::ValueEnum;

use crate::apply::prepare::{self, prepare};
use crate::cli::args::{FailOn, PlanArgs, PlanFormat};
use crate::cli::connect::connect;
use crate::cli::exit::Exit;
use crate::cli::load::load;
use crate::cli::settings::Settings;
use crate::cli::{files, output, prices, rights, session};
use crate::cloud::SystemClock;
use crate::plan::{Options, Plan, Purpose};
use crate::render::plan_markdown::MaxBytes;
use crate::render::{Theme, plan_html, plan_json, plan_markdown, plan_text, saved};

pub(in crate::cli) async fn run(args: &PlanArgs, settings: &Settings) -> anyhow::Result<Exit> {
    files::check(&places(args))?;
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
        let found = prepare::rights(&cloud, wanted).await.map_err(|error| session::failed(error.into()))?;
        prepared.plan.findings.extend(found);
    }
    show(&prepared.plan, args, settings)
}

/// Everything that the spec alone tells.
pub(in crate::cli) fn offline(args: &PlanArgs, settings: &Settings) -> anyhow::Result<Exit> {
    files::check(&places(args))?;
    let spec = load(&args.file.spec, settings)?;
    let region = settings.region.as_deref().or(spec.cluster.region.as_deref());
    let prices = prices::book(args.prices.as_deref(), settings)?.prices(region.unwrap_or_default());
    show(&prepare::offline(&spec, region, options(args), &prices), args, settings)
}

fn options(args: &PlanArgs) -> Options {
    Options { replace_storage: args.replace_storage, refresh_images: args.refresh_images, ..Options::default() }
}

/// `-`
fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// The files to write.
fn places(args: &PlanArgs) -> Vec<&Path> {
    args.out.iter().map(AsRef::as_ref).filter(|path| !is_stdout(path)).collect()
}

/// What goes to stdout: nothing where files of a named form are all that was asked for.
fn for_stdout(args: &PlanArgs) -> Option<PlanFormat> {
    if args.out.iter().any(|path| is_stdout(path)) {
        return Some(args.format.unwrap_or(PlanFormat::Json));
    }
    if args.out.is_empty() {
        Some(args.format.unwrap_or_default())
    } else {
        args.format.is_none().then_some(PlanFormat::Text)
    }
}

/// Files first: whoever reads stdout to its end may take them.
fn show(plan: &Plan, args: &PlanArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let texts: Vec<(&Path, String)> = places(args)
        .into_iter()
        .map(|path| {
            (path, face(plan, args.format.unwrap_or_else(|| PlanFormat::of(path)), args.max_bytes, &Theme::plain()))
        })
        .collect();
    files::write(&texts)?;
    if let Some(format) = for_stdout(args) {
        output::result(&face(plan, format, args.max_bytes, &settings.out))?;
    }
    let too_dangerous = args.fail_on.and_then(|limit| {
        let name = limit.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        saved::fail_on(plan, limit.into(), &name, &settings.err)
    });
    warn_offline(plan, args.fail_on);
    Ok(if plan.is_refused() {
        Exit::Error
    } else if let Some(text) = too_dangerous {
        output::say(&text);
        Exit::TooDangerous
    } else if args.detailed_exitcode && plan.has_changes() {
        Exit::ChangesPending
    } else {
        Exit::Done
    })
}

/// A gate that cannot close must not look like one that is open for good reason.
fn warn_offline(plan: &Plan, limit: Option<FailOn>) {
    if limit.is_some() && !plan.compared {
        output::say(
            "warning: with `--offline`, `--fail-on` finds nothing: what is dangerous depends on what exists\n\
             help: leave `--offline` out where there are credentials to look with",
        );
    }
}

fn face(plan: &Plan, format: PlanFormat, most: MaxBytes, theme: &Theme) -> String {
    match format {
        PlanFormat::Text => plan_text::plan(plan, theme),
        PlanFormat::Json => plan_json::plan(plan),
        PlanFormat::Markdown => plan_markdown::plan(plan, most),
        PlanFormat::Html => plan_html::plan(plan),
    }
}
