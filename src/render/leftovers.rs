//! What a run that did not complete has left: what exists, what it costs, what was not started, and the way on.

use super::failure::FailureContext;
use super::plan_facts as facts;
use super::text::{grouped, listed, sum};
use crate::apply::Report;
use crate::apply::event::{Ending, Failure};
use crate::catalog::prices::Usd;
use crate::cloud::Remains;
use crate::desired::{Address, Point};
use crate::plan::{Action, Danger, Op, Plan, Purpose, Verb};

/// So many addresses or steps are named.
const MOST_NAMED: usize = 5;

/// How far an action came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    There,
    /// Its creation failed half-way, or nobody knows.
    Perhaps,
    Gone,
}

fn stands(action: &Action, report: &Report, plan: &Plan) -> Stands {
    let is_here = |address: &Address| *address == action.address;
    let left = |wanted: fn(&Op) -> bool| report.left.iter().any(|(address, op)| is_here(address) && wanted(op));
    let planned = |wanted: fn(&Op) -> bool| plan.steps.iter().any(|step| is_here(&step.address) && wanted(&step.op));
    let failure = report.failures.iter().find(|(address, _)| is_here(address)).map(|(_, failure)| failure);
    let deletes: fn(&Op) -> bool = |op| matches!(op, Op::Delete { .. });
    let creates: fn(&Op) -> bool = |op| matches!(op, Op::Create { .. });
    match action.verb {
        Verb::Keep | Verb::Update => Stands::There,
        Verb::Delete if left(deletes) || failure.is_some() || !planned(deletes) => Stands::There,
        Verb::Delete => Stands::Gone,
        // It was not even deleted yet.
        Verb::Replace if left(deletes) => Stands::There,
        Verb::Create | Verb::Replace if left(creates) && failure.is_none() => {
            let mut steps = plan.steps.iter().enumerate();
            let step = steps.find(|(_, step)| is_here(&step.address) && creates(&step.op));
            if report.answered.contains(&action.address) {
                Stands::There
            } else if step.is_some_and(|(index, _)| may_have_begun(index, report, plan)) {
                Stands::Perhaps
            } else {
                Stands::Gone
            }
        }
        // It was made, and what failed is a call after that, such as a look while it was waited for.
        Verb::Create | Verb::Replace
            if report.answered.contains(&action.address) && matches!(failure, Some(Failure::Cloud { .. })) =>
        {
            Stands::There
        }
        Verb::Create | Verb::Replace => failure.map_or(Stands::There, after_failure),
    }
}

/// A run that was stopped counts what it had begun among what is left. What it did not wait for any more may have begun.
fn may_have_begun(index: usize, report: &Report, plan: &Plan) -> bool {
    let was_stopped = match report.ending {
        Ending::Interrupted | Ending::LostLock => true,
        Ending::Complete | Ending::Failed => false,
    };
    was_stopped
        && plan.steps[index].after.iter().all(|after| {
            is_done(after.step, report, plan)
                || (after.point == Point::Answered && may_have_begun(after.step, report, plan))
        })
}

fn is_done(index: usize, report: &Report, plan: &Plan) -> bool {
    let step = &plan.steps[index];
    let is_left = report.left.iter().any(|(address, op)| *address == step.address && *op == step.op);
    let has_failed = report.failures.iter().any(|(address, _)| *address == step.address);
    !is_left && !has_failed
}

fn after_failure(failure: &Failure) -> Stands {
    match failure {
        Failure::Cloud { error } => match error.remains {
            Remains::Nothing => Stands::Gone,
            Remains::Perhaps => Stands::Perhaps,
        },
        Failure::Broken { .. }
        | Failure::TimedOut { .. }
        | Failure::Nodes { .. }
        | Failure::InUse { .. }
        | Failure::Unexported { .. } => Stands::There,
        Failure::Stale { .. } | Failure::Interrupted | Failure::LostLock => Stands::Perhaps,
        Failure::Boot { .. } => Stands::Gone,
    }
}

/// A file system that is not ours is there before and after: it is no leftover.
fn ours(plan: &Plan) -> impl Iterator<Item = &Action> {
    plan.actions.iter().filter(|action| !plan.is_existing(action))
}

/// Addresses, those whose loss would be worst first.
fn addresses(report: &Report, plan: &Plan, wanted: Stands) -> Vec<Address> {
    let mut actions: Vec<&Action> = ours(plan).filter(|action| stands(action, report, plan) == wanted).collect();
    actions.sort_by_key(|action| std::cmp::Reverse(action.danger));
    actions.into_iter().map(|action| action.address.clone()).collect()
}

/// Notes on what exists and on what was not started.
pub(super) fn notes(report: &Report, plan: &Plan) -> Vec<String> {
    let there = addresses(report, plan, Stands::There);
    let perhaps = addresses(report, plan, Stands::Perhaps);
    let total = ours(plan).count();
    let is_one = there.len() == 1;
    let mut notes = vec![match plan.purpose {
        Purpose::Up if there.is_empty() => "nothing exists yet".to_owned(),
        Purpose::Up => format!(
            "{} of {} {}{}",
            grouped(there.len() as u64),
            super::text::count(total, "resource"),
            if is_one { "exists" } else { "exist" },
            cost(&there, plan, report)
        ),
        Purpose::Down if there.is_empty() => "nothing is left".to_owned(),
        Purpose::Down => format!(
            "{} of {} still {}{}: {}",
            grouped(there.len() as u64),
            super::text::count(total, "resource"),
            if is_one { "exists" } else { "exist" },
            if plan
                .actions
                .iter()
                .any(|action| { action.danger >= Danger::DestroysCompute && there.contains(&action.address) })
            {
                ", billed until gone"
            } else {
                ""
            },
            named(there.iter().map(ToString::to_string))
        ),
    }];
    if !perhaps.is_empty() {
        notes.push(format!("may exist as well: {}", named(perhaps.iter().map(ToString::to_string))));
    }
    if !report.left.is_empty() {
        let steps = report.left.iter();
        let steps = facts::in_words(steps.map(|(address, op)| (op, address.to_string())));
        notes.push(format!("not done: {steps}"));
    }
    notes
}

fn named(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    listed(&all, MOST_NAMED)
}

/// What these cost, as planned. What is there only in part has no known price.
fn cost(there: &[Address], plan: &Plan, report: &Report) -> String {
    let is_partial = |address: &Address| {
        let unfinished = |other: &Address| other == address;
        report.failures.iter().any(|(other, _)| unfinished(other))
            || report.left.iter().any(|(other, _)| unfinished(other))
    };
    let mut known = Usd::ZERO;
    let mut is_complete = true;
    for item in plan.cost.items.iter().filter(|item| there.contains(&item.address)) {
        match item.hourly {
            Some(hourly) if !is_partial(&item.address) || is_new(&item.address, plan) => {
                known += hourly;
            }
            Some(_) | None => is_complete = false,
        }
    }
    match sum(known, is_complete, "/h").as_str() {
        "unknown" => ", cost unknown".to_owned(),
        text if there.len() == 1 => format!(" and costs {text}"),
        text => format!(" and cost {text}"),
    }
}

/// Made by this run as a whole, so that it is there as planned or not at all.
fn is_new(address: &Address, plan: &Plan) -> bool {
    plan.actions.iter().any(|action| action.address == *address && action.verb == Verb::Create)
}

/// The command that goes on, and the one that takes everything away.
pub(super) fn go_on(report: &Report, plan: &Plan, context: &FailureContext<'_>) -> String {
    let again = format!("run `{}` again", context.command);
    let exists = ours(plan).any(|action| stands(action, report, plan) != Stands::Gone);
    match plan.purpose {
        Purpose::Up if exists => {
            format!("{again}; or remove what exists: `{}`", context.remove)
        }
        Purpose::Up | Purpose::Down => again,
    }
}
