//! One line an event: plain for people and logs, JSON for programs. The progress display shows the same words.

// Writing to a String cannot fail, so its answer is dropped wherever it is used.
use std::fmt::Write as _;

use super::text::{clean, clock, count, duration, whole_seconds};
use super::theme::{BAD, CAREFUL, DIM, GOOD, PLAIN, Theme, of_verb};
use super::words;
use crate::apply::event::{Ending, Event, Failure, Room, What};
use crate::desired::Address;
use crate::plan::Op;

/// Wide enough for `instance-profile` and most names.
const ADDRESS_COLUMNS: usize = 20;

/// The line of an event, without a line break; None where a person has nothing to read.
pub fn line(event: &Event, theme: &Theme) -> Option<String> {
    let Line { mark, address, words } = told(&event.what, theme)?;
    let (style, mark) = mark;
    let address = address.map(ToString::to_string).unwrap_or_default();
    let text =
        if address.is_empty() { words } else { format!("{:<ADDRESS_COLUMNS$}  {words}", clean(&address, theme)) };
    Some(format!("{:>7}  {}  {text}", clock(event.elapsed_s), theme.paint(style, &format!("{mark:<1}"))))
}

/// One line of JSON, without a line break.
pub fn json(event: &Event) -> String {
    super::plan_json::compact(event)
}

/// What an event says, before it is set in columns.
pub(super) struct Line<'a> {
    pub mark: (anstyle::Style, &'static str),
    pub address: Option<&'a Address>,
    pub words: String,
}

pub(super) fn told<'a>(what: &'a What, theme: &Theme) -> Option<Line<'a>> {
    let of_run = |mark, words: String| Some(Line { mark, address: None, words });
    let of_step =
        |mark, address, words: String| Some(Line { mark, address: Some(address), words: clean(&words, theme) });
    match what {
        What::Held { who, command, until } => of_run(
            (CAREFUL, "!"),
            clean(
                &format!(
                    "{who} holds the cluster with `provision {command}`; waiting for its lock to end, at {until:.0} at the latest, or to be renewed"
                ),
                theme,
            ),
        ),
        What::Counting { node } => of_run(
            (PLAIN, " "),
            clean(&format!("{node} counts the files outside the links, for up to two minutes"), theme),
        ),
        What::Room { zone, group, instance, count, answer } => {
            let (mark, words) = match answer {
                Room::Granted => ((GOOD, done_mark(theme)), "room".to_owned()),
                Room::Refused { error } => ((CAREFUL, "!"), format!("no room: {}", super::room::answer(error))),
            };
            of_run(mark, clean(&format!("{zone}, {count} × {instance} for nodes.{group}: {words}"), theme))
        }
        What::NoRoomYet { since, pause_s } => of_run(
            (CAREFUL, "!"),
            format!("no zone has room yet, waiting since {since:.0}; asking again in {}", duration(*pause_s)),
        ),
        What::BlockAhead { block, starts, pause_s: _ } => of_run(
            (PLAIN, " "),
            clean(&format!("waiting for {block}, which begins at {starts:.0}; the file system is made then"), theme),
        ),
        What::NextType { address, instance, next, error } => of_run(
            (CAREFUL, "!"),
            clean(&format!("{address} cannot be {instance} now ({error}): {next} is launched instead"), theme),
        ),
        What::Moves { file_system, from, to } => {
            let words = format!(
                "{from} has no room for the nodes, {to} is next: {file_system} is empty and is made anew there"
            );
            of_run((CAREFUL, "!"), clean(&words, theme))
        }
        What::GivenUp { file_system } => {
            let words = format!(
                "no zone has room for the nodes: {file_system} is empty and is removed, with all that was made"
            );
            of_run((CAREFUL, "!"), clean(&words, theme))
        }
        What::Unasked { error } => {
            of_run((CAREFUL, "!"), clean(&format!("whether there is room for the nodes is not asked: {error}"), theme))
        }
        What::CapacityHeld { zone, group, instance, count, reservation, until } => {
            let until = until.map(|until| format!(", until {until:.0} at the latest")).unwrap_or_default();
            let words = format!("{zone}, {count} × {instance} for nodes.{group}: held as {reservation}{until}");
            of_run((PLAIN, " "), clean(&words, theme))
        }
        What::CapacityGivenBack { group, reservation, used } => {
            let why = if *used { "its nodes run" } else { "it is not needed any more" };
            of_run((PLAIN, " "), clean(&format!("{reservation} is given back, nodes.{group}: {why}"), theme))
        }
        What::Started { step: _, address, op } => {
            let verb = words::verb(op);
            of_step((of_verb(verb), theme.symbol(verb)), address, doing(op))
        }
        What::Answered { step: _, address, id } => of_step((PLAIN, " "), address, format!("is {id}")),
        What::Waiting { step: _, address, detail, waited_s, typical_s } => {
            of_step((PLAIN, " "), address, waiting(detail, *waited_s, *typical_s))
        }
        What::Retrying { step: _, address, error, pause_s } => {
            let code = error.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
            let words =
                format!("{}: {}{code}; trying again in {pause_s} s", words::passing(error.class), error.operation);
            of_step((CAREFUL, "!"), address, words)
        }
        What::Noted { step: _, address, text } => of_step((PLAIN, " "), address, text.clone()),
        What::PartlyFilled { step: _, address, nodes, count, error } => {
            let why = error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
            of_step((CAREFUL, "!"), address, format!("{nodes} of {count}, which is enough{why}"))
        }
        What::Finished { step: _, address, took_s } => of_step((GOOD, done_mark(theme)), address, took(*took_s)),
        What::Failed { step: _, address, failure } => {
            of_step((BAD, "x"), address, format!("FAILED: {}", failed(failure)))
        }
        What::Stopping => of_run(
            (CAREFUL, "!"),
            "stopping: nothing new is started, what is under way is brought to a safe point".to_owned(),
        ),
        What::Preloading { progress } => {
            let mark = if progress.stalled_s.is_some() { (CAREFUL, "!") } else { (PLAIN, " ") };
            of_run(mark, clean(&format!("data of {}: {}", progress.path, super::preload::words(progress)), theme))
        }
        What::DataEnded { outcome, waited_s } => {
            let (mark, word) = match outcome {
                Ending::Complete => ((GOOD, done_mark(theme)), "data complete"),
                Ending::Failed | Ending::LostLock => ((BAD, "x"), "data NOT COMPLETE"),
                Ending::Interrupted => ((CAREFUL, "!"), "interrupted while waiting for data"),
            };
            of_run(mark, format!("{word} after {}", duration(*waited_s)))
        }
        What::Ended { outcome, done, failed, left } => {
            let (mark, word) = match outcome {
                Ending::Complete => ((GOOD, done_mark(theme)), "complete"),
                Ending::Failed => ((BAD, "x"), "FAILED"),
                Ending::Interrupted => ((CAREFUL, "!"), "interrupted"),
                Ending::LostLock => ((BAD, "x"), "LOCK LOST"),
            };
            of_run(mark, format!("{word}: {}", tally(*done, *failed, *left)))
        }
    }
}

const fn done_mark(theme: &Theme) -> &'static str {
    match theme.charset {
        super::Charset::Unicode => "✓",
        super::Charset::Ascii => "=",
    }
}

/// What a step sets out to do.
pub(super) fn doing(op: &Op) -> String {
    match op {
        Op::Create { count, least: Some(0), .. } => format!("creating up to {count}"),
        Op::Create { count, least: Some(least), .. } => format!("creating {least} to {count}"),
        Op::Create { count, .. } if *count > 1 => format!("creating {count}"),
        Op::Create { .. } => "creating".to_owned(),
        Op::Update { fields, set_tags, remove_tags, nodes: _ } => match fields.as_slice() {
            [] => format!("updating {}", count(set_tags.len() + remove_tags.len(), "tag")),
            fields => format!("updating {}", fields.join(", ")),
        },
        Op::Settle => "waiting until it is ready".to_owned(),
        Op::Preload => "importing metadata".to_owned(),
        Op::EndTasks => "ending data repository tasks".to_owned(),
        Op::Export => "exporting to S3".to_owned(),
        Op::Delete { ids } if ids.len() > 1 => format!("deleting {}", ids.len()),
        Op::Delete { ids: _ } => "deleting".to_owned(),
    }
}

fn waiting(detail: &str, waited_s: u64, typical_s: Option<u64>) -> String {
    let usual = typical_s.map(|typical| format!("usually about {}", duration(typical)));
    let so_far = (waited_s > 0).then(|| format!("{} so far", duration(waited_s)));
    let parts: Vec<String> = so_far.into_iter().chain(usual).collect();
    if parts.is_empty() { detail.to_owned() } else { format!("{detail} ({})", parts.join(", ")) }
}

fn took(seconds: f64) -> String {
    match whole_seconds(seconds) {
        0 => "done".to_owned(),
        seconds => format!("done in {}", duration(seconds)),
    }
}

/// A failure in one line: of many nodes only how many, since the report at the end has them all.
fn failed(failure: &Failure) -> String {
    match failure {
        Failure::Nodes { nodes } if nodes.len() > 1 => {
            let (id, why) = &nodes[0];
            format!("{}: {id}: {why}, …", count(nodes.len(), "node"))
        }
        Failure::TimedOut { limit_s, detail } => {
            format!("not done after {}, last seen: {detail}", duration(*limit_s))
        }
        Failure::Cloud { .. }
        | Failure::Broken { .. }
        | Failure::Unexported { .. }
        | Failure::Nodes { .. }
        | Failure::InUse { .. }
        | Failure::Stale { .. }
        | Failure::Boot { .. }
        | Failure::Interrupted
        | Failure::LostLock => failure.to_string(),
    }
}

/// `7 steps done, 1 failed, 3 not done`
pub(super) fn tally(done: usize, failed: usize, left: usize) -> String {
    let mut text = format!("{} done", count(done, "step"));
    for (number, word) in [(failed, "failed"), (left, "not done")] {
        if number > 0 {
            let _ = write!(text, ", {number} {word}");
        }
    }
    text
}

/// What stands on the bar of a step. The bar counts the time itself.
pub(super) fn on_bar(what: &What, theme: &Theme) -> Option<String> {
    match what {
        What::Waiting { detail, typical_s, .. } => Some(clean(&waiting(detail, 0, *typical_s), theme)),
        what => told(what, theme).map(|line| line.words),
    }
}

/// Whose bar it is.
pub(super) fn under_way(address: &Address, theme: &Theme) -> String {
    theme.paint(DIM, &format!("{:<ADDRESS_COLUMNS$}", clean(&address.to_string(), theme)))
}
