//! What `up` and `down` have in common: the plan, the question, the run with its progress, the closing words, and the log
//! of all of it.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use indicatif::ProgressDrawTarget;
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::args::shell;
use super::connect::connect;
use super::exit::{Exit, Expected, cloud, plain};
use super::runlog::RunLog;
use super::settings::Settings;
use super::{machine, output, prompt, signals};
use crate::apply::event::{Ending, Event, FORMAT_VERSION, Failure, What};
use crate::apply::lease::Holder;
use crate::apply::preload::{DataWait, Loaded, wait_for_data as wait_for_data_of};
use crate::apply::prepare::{Failed, Prepared, Request};
use crate::apply::{Outcome, PartlyFilled, Report, Session, converge};
use crate::catalog::prices::PriceBook;
use crate::cloud::{Class, Clock, SystemClock};
use crate::plan::{Danger, Options, Plan, Purpose, Saved};
use crate::render::failure::FailureContext;
use crate::render::progress::Progress;
use crate::render::run_log::{self, End, Header, How};
use crate::render::{Theme, events, failure, lock, plan_text, preload, saved};
use crate::spec::Spec;

/// One `up` or `down`.
pub(super) struct Task<'a> {
    /// The spec or `--cluster NAME`, as it was given: for commands to be pasted.
    pub named: String,
    pub purpose: Purpose,
    pub cluster: String,
    /// The spec's.
    pub region: Option<String>,
    pub spec: Option<Spec>,
    pub options: Options,
    pub prices: PriceBook,
    pub yes: bool,
    pub json: bool,
    /// Paths of the datasets whose data is waited for.
    pub wait_for_data: Vec<String>,
    /// How long to go on asking where no zone has room.
    pub wait_for_capacity: Option<Duration>,
    /// Ids of nodes to be replaced, and nothing else changed.
    pub replace: Vec<String>,
    /// The one plan that may be carried out.
    pub reviewed: Option<Reviewed>,
    pub settings: &'a Settings,
}

/// A plan from a file.
pub(super) struct Reviewed {
    /// As it was named.
    pub file: String,
    pub saved: Saved,
}

impl Task<'_> {
    fn command(&self) -> &'static str {
        match self.purpose {
            Purpose::Up if !self.replace.is_empty() => "replace",
            Purpose::Up => "up",
            Purpose::Down => "down",
        }
    }
}

/// What `up` and `plan` ask for, alike.
pub(super) fn request(
    purpose: Purpose,
    cluster: &str,
    spec: Option<Spec>,
    options: Options,
    prices: PriceBook,
) -> Request {
    let new_deployment = format!("d-{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
    Request {
        purpose,
        cluster: cluster.to_owned(),
        spec,
        options,
        new_deployment,
        patient: true,
        prices,
        replace: Vec::new(),
        room: None,
        refused: BTreeSet::new(),
        left: Vec::new(),
    }
}

pub(super) fn failed(error: Failed) -> anyhow::Error {
    match error {
        Failed::Cloud(error) => cloud(error, "look at what is there"),
        broken @ Failed::Broken(_) => broken.into(),
        nowhere @ Failed::Nowhere => plain(nowhere.to_string(), "run it again: the cluster is as it was"),
        Failed::Refused(diagnostics) => Expected::Diagnostics(diagnostics).into(),
        Failed::Unsecured(Failure::Cloud { error }) => cloud(error, "find out whether there is room for the nodes"),
        Failed::Unsecured(failure) => plain(
            format!("whether there is room for the nodes was not found out: {failure}"),
            "nothing was made but a record; run it again",
        ),
        Failed::Record(error) => plain(
            format!("the deployment record cannot be used: {error}"),
            "use the newest version of provision, or mend the parameter by hand",
        ),
    }
}

/// How a run ended, for the shell and for its log.
struct Ended {
    exit: Exit,
    how: How,
    /// What the user was told, without colour; None where nothing went wrong.
    error: Option<String>,
}

impl Ended {
    fn well(how: How) -> Self {
        Self { exit: Exit::Done, how, error: None }
    }
}

/// Runs it to its end, and logs it.
pub(super) async fn run(task: Task<'_>) -> anyhow::Result<Exit> {
    let settings = task.settings;
    let holder = machine::holder(task.command(), uuid::Uuid::new_v4().simple().to_string(), SystemClock.now());
    let header = Header {
        format_version: run_log::FORMAT_VERSION,
        run: holder.run.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: holder.command.clone(),
        command_line: settings.command_line.clone(),
        cluster: task.cluster.clone(),
        region: settings.region.clone().or_else(|| task.region.clone()),
        account: None,
        who: holder.who.clone(),
        started: holder.since,
    };
    let log = Arc::new(RunLog::start(header, settings));
    let ended = perform(task, holder, &log).await;
    let (exit, how, error) = match &ended {
        Ok(Ended { exit, how, error }) => (*exit, *how, error.clone()),
        Err(error) => {
            let how = if log.has_events() { How::Failed } else { How::Refused };
            (Exit::Error, how, Some(super::complaint(error, &Theme::plain())))
        }
    };
    let format_version = run_log::FORMAT_VERSION;
    log.end(&End { format_version, at: SystemClock.now(), ended: how, exit_code: exit.code(), error });
    ended.map(|ended| ended.exit)
}

async fn perform(task: Task<'_>, holder: Holder, log: &Arc<RunLog>) -> anyhow::Result<Ended> {
    let words: Vec<&str> = [task.command()].into_iter().chain(task.replace.iter().map(String::as_str)).collect();
    let line = format!("provision {}{}", words.join(" "), task.named);
    let Task {
        named,
        purpose,
        cluster,
        region,
        spec,
        options,
        prices,
        yes,
        json,
        wait_for_data,
        wait_for_capacity,
        replace,
        reviewed,
        settings,
    } = task;
    let replaces = !replace.is_empty();
    let (file, saved) = reviewed.map(|Reviewed { file, saved }| (file, saved)).unzip();
    let with_plan = file.as_deref().map(|file| format!("{line} --plan {}", shell(file)));
    let asked_for = with_plan.as_ref().unwrap_or(&line);
    if !yes && (!settings.interactive || json) {
        let look = match purpose {
            Purpose::Up if replaces => "status",
            Purpose::Up => "plan",
            Purpose::Down => "status",
        };
        return Err(plain(
            format!(
                "`provision {}` asks before it changes anything, and there is no terminal to ask on",
                holder.command
            ),
            format!("say yes beforehand: `{asked_for} --yes`; or only look: `provision {look}{named}`"),
        ));
    }
    let connected = connect(settings, region.as_deref()).await?;
    let stop = signals::stop_on_signal()?;
    let (sender, receiver) = unbounded_channel();
    // On a thread of its own: a terminal that is held (Ctrl-S) or a slow disk must not hold the run.
    let listener = tokio::task::spawn_blocking({
        let (settings, log) = (settings.clone(), Arc::clone(log));
        move || listen(receiver, &settings, json, &log)
    });
    let clock = SystemClock;
    let began = holder.since;
    let session = Session {
        request: Request { replace, ..request(purpose, &cluster, spec, options, prices) },
        holder,
        is_dead: &machine::is_dead,
        reviewed: saved,
        wait_for_capacity,
        events: sender.clone(),
        stop: stop.clone(),
    };
    let asked = Cell::new(false);
    let confirm = |prepared: &Prepared| {
        log.identify(&prepared.identity);
        let plan = prepared.plan.clone();
        let again = asked.replace(true);
        let stop = stop.clone();
        async move { show_and_ask(&plan, settings, yes, json, again, &stop).await }
    };
    let outcome = converge(&connected, &clock, &session, confirm).await;
    drop(session);
    if let Ok(Outcome::Nothing(prepared) | Outcome::Refused(prepared) | Outcome::Differs { prepared, .. }) = &outcome {
        log.identify(&prepared.identity);
    }
    if let (true, Ok(Outcome::Nothing(_))) = (json, &outcome) {
        // Readers of the lines wait for this one, whatever came before it.
        let _ = sender.send(nothing_happened(clock.now(), began));
    }
    let loaded = match &outcome {
        Ok(Outcome::Nothing(prepared)) => Some(prepared),
        Ok(Outcome::Ran { prepared, report, refused: None }) if report.ending == Ending::Complete => Some(prepared),
        _ => None,
    };
    let loaded = match loaded.filter(|_| !wait_for_data.is_empty()) {
        Some(prepared) => {
            let wait = DataWait {
                scope: prepared.scope.clone(),
                paths: wait_for_data,
                began,
                events: sender.clone(),
                stop: stop.clone(),
            };
            Some(wait_for_data_of(&connected, &clock, &wait).await)
        }
        None => None,
    };
    drop(sender);
    // The last events are on the screen before the last words.
    let _ = listener.await;
    let told = |text: &dyn Fn(&Theme) -> String| {
        output::say(&text(&settings.err));
        Some(text(&Theme::plain()))
    };
    // A node that was named may be gone by now; whatever is left to do, `up` does.
    let again = if replaces { format!("provision up{named}") } else { line.clone() };
    let ended = match outcome.map_err(failed)? {
        Outcome::Nothing(prepared) => {
            if !json && !settings.quiet {
                nothing(&prepared.plan);
            }
            Ended::well(How::NothingToDo)
        }
        Outcome::Refused(prepared) => {
            let error = told(&|theme| plan_text::plan(&prepared.plan, theme));
            output::say("Nothing was changed.");
            Ended { exit: Exit::Error, how: How::Refused, error }
        }
        Outcome::Differs { prepared: _, findings } => {
            let error = told(&|theme| saved::refusal(file.as_deref().unwrap_or_default(), &findings, theme));
            output::say("Nothing was changed.");
            Ended { exit: Exit::Error, how: How::Refused, error }
        }
        Outcome::Declined => {
            output::say("Nothing was changed.");
            let (exit, how) =
                if stop.is_cancelled() { (Exit::Interrupted, How::Interrupted) } else { (Exit::Error, How::Declined) };
            Ended { exit, how, error: None }
        }
        Outcome::Held(holder) => {
            let now = clock.now();
            let error = told(&|theme| lock::held(&holder, asked_for, now, theme));
            let exit = if stop.is_cancelled() { Exit::Interrupted } else { Exit::Error };
            Ended { exit, how: How::Held, error }
        }
        Outcome::NoRoom { prepared: _, room } => {
            let error = told(&|theme| crate::render::room::no_room(&room, asked_for, clock.now(), theme));
            Ended { exit: Exit::NoCapacity, how: How::Failed, error }
        }
        Outcome::NotBegun { prepared: _, refused } => {
            let error = told(&|theme| crate::render::begins::not_begun(&refused, asked_for, clock.now(), theme));
            Ended { exit: Exit::NoCapacity, how: How::Refused, error }
        }
        Outcome::Ran { prepared, report, refused } => {
            let mut ended = ended(&prepared, &report, &again, settings, json);
            if let Some(plan) = refused {
                output::say("Since then the cluster has changed. This is the plan now:");
                ended.error = told(&|theme| plan_text::plan(&plan, theme));
            }
            ended
        }
    };
    Ok(match loaded {
        None => ended,
        Some(Loaded::Complete) => {
            if !json && !settings.quiet {
                output::say("All data of `preload = \"data\"` is on the file system.");
            }
            ended
        }
        Some(loaded) => {
            let (remove, status) = commands(&cluster);
            let context = FailureContext { cluster: &cluster, command: &again, remove: &remove, status: &status };
            let error = told(&|theme| preload::unfinished(&loaded, &context, theme));
            let (exit, how) = match loaded {
                Loaded::Interrupted => (Exit::Interrupted, How::Interrupted),
                _ => (Exit::Error, How::Failed),
            };
            Ended { exit, how, error }
        }
    })
}

/// The log, and JSON lines on stdout, bars on a terminal or one plain line an event: all of them tell the same events.
fn listen(mut receiver: UnboundedReceiver<Event>, settings: &Settings, json: bool, log: &RunLog) {
    let mut bars = (settings.animated && !json).then(|| Progress::new(ProgressDrawTarget::stderr(), settings.err));
    let mut lines_are_read = true;
    while let Some(event) = receiver.blocking_recv() {
        let complaint = log.event(&event).filter(|_| !settings.quiet);
        match (&mut bars, complaint) {
            (_, None) => {}
            (Some(bars), Some(complaint)) => bars.say(&complaint),
            (None, Some(complaint)) => output::say(&complaint),
        }
        match &mut bars {
            _ if json => {
                if lines_are_read && let Err(error) = output::result(&events::json(&event)) {
                    // The run goes on: what it has begun is worth more than its lines.
                    lines_are_read = false;
                    output::say(&format!(
                        "warning: {error}\nhelp: the run goes on; its events are in `{}`",
                        log.path().display()
                    ));
                }
            }
            _ if settings.quiet => {}
            Some(bars) => bars.handle(&event),
            None => {
                if let Some(line) = events::line(&event, &settings.err) {
                    output::say(&line);
                }
            }
        }
    }
    if let Some(bars) = &mut bars {
        bars.finish();
    }
}

async fn show_and_ask(
    plan: &Plan,
    settings: &Settings,
    yes: bool,
    json: bool,
    again: bool,
    stop: &CancellationToken,
) -> bool {
    if again {
        output::say("The cluster has changed since you were asked. This is the plan now:");
    }
    if !json && !settings.quiet {
        output::say(&plan_text::plan(plan, &settings.err));
    }
    if yes {
        return true;
    }
    let question = match plan.worst() {
        Danger::DestroysData => "This deletes storage. Go on?",
        Danger::DestroysCompute => "This ends running nodes. Go on?",
        Danger::Safe | Danger::Disruptive => "Go on?",
    };
    let existing = plan.existing.as_ref().filter(|_| plan.purpose == Purpose::Down);
    let stays = existing.map(|id| format!("{id} stays, with every file on it: it is not ours. ")).unwrap_or_default();
    prompt::confirm(&format!("{stays}{question}"), stop).await
}

/// The end of a run that had nothing to do, as an event.
fn nothing_happened(now: Timestamp, began: Timestamp) -> Event {
    let what = What::Ended { outcome: Ending::Complete, done: 0, failed: 0, left: 0 };
    Event { format_version: FORMAT_VERSION, at: now, elapsed_s: now.duration_since(began).as_secs_f64(), what }
}

fn nothing(plan: &Plan) {
    let text = match plan.purpose {
        Purpose::Up => format!("{} is complete and unchanged.", plan.cluster),
        Purpose::Down => format!("There is nothing of {} in {}.", plan.cluster, plan.region),
    };
    output::say(&text);
}

/// What a removal has left alone.
fn stays(plan: &Plan) -> String {
    let told = |id: &String| format!(" {id} is as it was, with every file on it: it is not ours.");
    plan.existing.as_ref().map(told).unwrap_or_default()
}

/// What removes a cluster, and what shows it.
fn commands(cluster: &str) -> (String, String) {
    (format!("provision down --cluster {cluster}"), format!("provision status --cluster {cluster}"))
}

/// Groups that run with fewer nodes than they may have, a line each.
fn partly_filled(report: &Report) -> String {
    let line = |group: &PartlyFilled| {
        let PartlyFilled { address, nodes, count } = group;
        format!("\n{address} has {nodes} of {count} nodes; the next `up` asks for the other {}.", count - nodes)
    };
    report.partly_filled.iter().map(line).collect()
}

fn ended(prepared: &Prepared, report: &Report, line: &str, settings: &Settings, json: bool) -> Ended {
    let plan = &prepared.plan;
    match report.ending {
        Ending::Complete => {
            if !json && !settings.quiet {
                let text = match plan.purpose {
                    Purpose::Up => format!(
                        "{}\n{} is ready. Look at it: `provision status --cluster {1}`; remove it: `provision down --cluster {1}`",
                        partly_filled(report),
                        plan.cluster
                    ),
                    Purpose::Down => {
                        format!("\n{} is gone; nothing of it is left in {}.{}", plan.cluster, plan.region, stays(plan))
                    }
                };
                output::say(&text);
            }
            return Ended::well(How::Complete);
        }
        Ending::Failed | Ending::Interrupted | Ending::LostLock => {}
    }
    let (remove, status) = commands(&plan.cluster);
    let context = FailureContext { cluster: &plan.cluster, command: line, remove: &remove, status: &status };
    output::say(&failure::report(report, plan, &context, &settings.err));
    let no_room = report
        .failures
        .iter()
        .any(|(_, failure)| matches!(failure, Failure::Cloud { error } if matches!(error.class, Class::Capacity | Class::ReservationFull)));
    let exit = match report.ending {
        Ending::Interrupted => Exit::Interrupted,
        _ if no_room => Exit::NoCapacity,
        _ => Exit::Error,
    };
    let error = Some(failure::report(report, plan, &context, &Theme::plain()));
    Ended { exit, how: report.ending.into(), error }
}
