//! What `up` and `down` have in common: the plan, the question, the run with its progress, and the closing words.

use std::cell::Cell;

use indicatif::ProgressDrawTarget;
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::connect::Connected;
use super::exit::{Exit, Expected, cloud, plain};
use super::settings::Settings;
use super::{machine, output, prompt, signals};
use crate::apply::event::{Ending, Event, FORMAT_VERSION, Failure, What};
use crate::apply::prepare::{Failed, Prepared, Request};
use crate::apply::{Outcome, Report, Session, converge};
use crate::cloud::{Class, Clock, SystemClock};
use crate::plan::{Danger, Options, Plan, Purpose};
use crate::render::failure::FailureContext;
use crate::render::progress::Progress;
use crate::render::{events, failure, lock, plan_text};
use crate::spec::Spec;

/// One `up` or `down`.
pub(super) struct Task<'a> {
    /// The spec or `--cluster NAME`, as it was given: for commands to be pasted.
    pub named: String,
    pub purpose: Purpose,
    pub cluster: String,
    pub spec: Option<Spec>,
    pub options: Options,
    pub yes: bool,
    pub json: bool,
    pub settings: &'a Settings,
}

/// What `up` and `plan` ask for, alike.
pub(super) fn request(purpose: Purpose, cluster: &str, spec: Option<Spec>, options: Options) -> Request {
    let new_deployment = format!("d-{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
    Request { purpose, cluster: cluster.to_owned(), spec, options, new_deployment, patient: true }
}

pub(super) fn failed(error: Failed) -> anyhow::Error {
    match error {
        Failed::Cloud(error) => cloud(error, "look at what is there"),
        broken @ Failed::Broken(_) => broken.into(),
        Failed::Refused(diagnostics) => Expected::Diagnostics(diagnostics).into(),
        Failed::Record(error) => plain(
            format!("the deployment record cannot be used: {error}"),
            "use the newest version of provision, or mend the parameter by hand",
        ),
    }
}

/// Runs it to its end.
pub(super) async fn run(connected: Connected, task: Task<'_>) -> anyhow::Result<Exit> {
    let Task { named, purpose, cluster, spec, options, yes, json, settings } = task;
    let command = match purpose {
        Purpose::Up => "up",
        Purpose::Down => "down",
    };
    let line = format!("provision {command}{named}");
    if !yes && (!settings.interactive || json) {
        let look = match purpose {
            Purpose::Up => "plan",
            Purpose::Down => "status",
        };
        return Err(plain(
            format!("`provision {command}` asks before it changes anything, and there is no terminal to ask on"),
            format!("say yes beforehand: `{line} --yes`; or only look: `provision {look}{named}`"),
        ));
    }
    let stop = signals::stop_on_signal()?;
    let (sender, receiver) = unbounded_channel();
    let listener = tokio::spawn(listen(receiver, settings.clone(), json));
    let clock = SystemClock;
    let began = clock.now();
    let holder = machine::holder(command, uuid::Uuid::new_v4().simple().to_string(), began);
    let session = Session {
        request: request(purpose, &cluster, spec, options),
        holder,
        is_dead: &machine::is_dead,
        events: sender,
        stop: stop.clone(),
    };
    let asked = Cell::new(false);
    let confirm = |prepared: &Prepared| {
        let plan = prepared.plan.clone();
        let again = asked.replace(true);
        let stop = stop.clone();
        async move { show_and_ask(&plan, settings, yes, json, again, &stop).await }
    };
    let outcome = tokio::select! {
        biased;
        outcome = converge(&connected, &clock, &session, confirm) => outcome,
    };
    drop(session);
    // The last events are on the screen before the last words.
    let _ = listener.await;
    match outcome.map_err(failed)? {
        Outcome::Nothing(prepared) => {
            if json {
                // Readers of the lines wait for this one, whatever came before it.
                output::result(&events::json(&nothing_happened(clock.now(), began)));
            } else if !settings.quiet {
                nothing(&prepared.plan);
            }
            Ok(Exit::Done)
        }
        Outcome::Refused(prepared) => {
            output::say(&plan_text::plan(&prepared.plan, &settings.err));
            output::say("Nothing was changed.");
            Ok(Exit::Error)
        }
        Outcome::Declined => {
            output::say("Nothing was changed.");
            Ok(if stop.is_cancelled() { Exit::Interrupted } else { Exit::Error })
        }
        Outcome::Held(holder) => {
            output::say(&lock::held(&holder, &line, clock.now(), &settings.err));
            Ok(if stop.is_cancelled() { Exit::Interrupted } else { Exit::Error })
        }
        Outcome::Ran { prepared, report } => Ok(ended(&prepared, &report, &line, settings, json)),
    }
}

/// JSON lines on stdout, bars on a terminal, else one plain line an event: all of them tell the same events.
async fn listen(mut receiver: UnboundedReceiver<Event>, settings: Settings, json: bool) {
    let mut bars = (settings.animated && !json).then(|| Progress::new(ProgressDrawTarget::stderr(), settings.err));
    while let Some(event) = receiver.recv().await {
        match &mut bars {
            _ if json => output::result(&events::json(&event)),
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
    prompt::confirm(question, stop).await
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

fn ended(prepared: &Prepared, report: &Report, line: &str, settings: &Settings, json: bool) -> Exit {
    let plan = &prepared.plan;
    match report.ending {
        Ending::Complete => {
            if !json && !settings.quiet {
                let text = match plan.purpose {
                    Purpose::Up => format!(
                        "\n{} is ready. Look at it: `provision status --cluster {0}`; remove it: `provision down --cluster {0}`",
                        plan.cluster
                    ),
                    Purpose::Down => format!("\n{} is gone; nothing of it is left in {}.", plan.cluster, plan.region),
                };
                output::say(&text);
            }
            return Exit::Done;
        }
        Ending::Failed | Ending::Interrupted | Ending::LostLock => {}
    }
    let context = FailureContext {
        cluster: &plan.cluster,
        command: line,
        remove: &format!("provision down --cluster {}", plan.cluster),
        status: &format!("provision status --cluster {}", plan.cluster),
    };
    output::say(&failure::report(report, plan, &context, &settings.err));
    let no_room = report
        .failures
        .iter()
        .any(|(_, failure)| matches!(failure, Failure::Cloud { error } if error.class == Class::Capacity));
    match report.ending {
        Ending::Interrupted => Exit::Interrupted,
        _ if no_room => Exit::NoCapacity,
        _ => Exit::Error,
    }
}
