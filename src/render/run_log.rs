//! The event log of a run: what its lines are, how they are read again, and how a run of the past is shown.
//!
//! JSON Lines: a header, the events of the run exactly as `--json` and the display had them, and an ending. Only what was
//! written before a kill is there, so the ending may be missing and the last line may be torn; both are read all the same.

// Writing to a String cannot fail, so its answer is dropped wherever it is used.
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::block::Block;
use super::events;
use super::lock::{length, time};
use super::plan_json::{compact, pretty};
use super::table::{Cell, Column, Row, table};
use super::text::{clean, count};
use super::theme::{BAD, BOLD, CAREFUL, DIM, GOOD, Theme};
use crate::apply::event::{Ending, Event};
use crate::diagnostic::Severity;

/// The format of header, ending and the documents of `provision log --format json`. New fields may come; none changes
/// its meaning. Events have a version of their own.
pub const FORMAT_VERSION: u32 = 1;

/// So many characters of a run's id name it: among the runs of one cluster in one folder they do not meet twice.
pub const SHORT_ID: usize = 8;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub format_version: u32,
    /// Random, and the same as in the cluster's lock.
    pub run: String,
    /// Of the program that wrote this.
    pub version: String,
    /// `up`, `down`
    pub command: String,
    /// As it was typed, without what is secret in it.
    pub command_line: String,
    pub cluster: String,
    /// None until it is known.
    pub region: Option<String>,
    /// None until it is known, which is after the first answer of AWS.
    pub account: Option<String>,
    /// `ana@laptop`
    pub who: String,
    pub started: Timestamp,
}

impl Header {
    pub fn short_id(&self) -> &str {
        short(&self.run)
    }
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    pub format_version: u32,
    pub at: Timestamp,
    pub ended: How,
    pub exit_code: u8,
    /// What the user was told of why it did not complete, without colour.
    pub error: Option<String>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    Complete,
    /// Everything was as wanted already.
    NothingToDo,
    /// The user said no.
    Declined,
    /// The plan, the command or the surroundings did not let it begin.
    Refused,
    /// Another run had the cluster.
    Held,
    Failed,
    Interrupted,
    LostLock,
}

impl From<Ending> for How {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Complete => Self::Complete,
            Ending::Failed => Self::Failed,
            Ending::Interrupted => Self::Interrupted,
            Ending::LostLock => Self::LostLock,
        }
    }
}

impl How {
    const fn words(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::NothingToDo => "nothing to do",
            Self::Declined => "declined",
            Self::Refused => "refused",
            Self::Held => "held by another run",
            Self::Failed => "FAILED",
            Self::Interrupted => "interrupted",
            Self::LostLock => "LOCK LOST",
        }
    }

    const fn style(self) -> anstyle::Style {
        match self {
            Self::Complete | Self::NothingToDo => GOOD,
            Self::Declined | Self::Interrupted | Self::Held => CAREFUL,
            Self::Refused | Self::Failed | Self::LostLock => BAD,
        }
    }
}

/// What a log was read as.
#[derive(Debug, Clone, PartialEq)]
pub struct RunLog {
    pub header: Header,
    pub events: Vec<Event>,
    /// The same as they stand in the file, with whatever a newer version has added.
    stored: Vec<Value>,
    /// None: the run was killed, or has not ended.
    pub end: Option<End>,
    /// Lines that mean nothing to this version. A last line that is torn is none of them.
    pub unreadable: usize,
}

/// What is in a file is no log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("it is empty: the run was killed before it began, or the disk was full")]
    Empty,
    #[error("its first line is no header of a run: {0}")]
    Header(String),
}

/// A header or an ending as a line of the file, with its line break.
pub fn line(of: &impl Serialize) -> String {
    compact(of) + "\n"
}

/// Reads a log. Nothing that follows the header can make it unreadable.
pub fn parse(text: &str) -> Result<RunLog, Unreadable> {
    let mut lines = text.split_inclusive('\n');
    let first = lines.next().ok_or(Unreadable::Empty)?;
    let header = serde_json::from_str(first).map_err(|why| Unreadable::Header(why.to_string()))?;
    let mut log = RunLog { header, events: Vec::new(), stored: Vec::new(), end: None, unreadable: 0 };
    for line in lines {
        let Ok(value) = serde_json::from_str::<Value>(line) else {
            log.unreadable += usize::from(line.ends_with('\n'));
            continue;
        };
        if value.get("event").is_some() {
            match serde_json::from_value(value.clone()) {
                Ok(event) => log.events.push(event),
                Err(_) => log.unreadable += 1,
            }
            log.stored.push(value);
        } else {
            match serde_json::from_value(value) {
                Ok(end) => log.end = Some(end),
                Err(_) => log.unreadable += 1,
            }
        }
    }
    Ok(log)
}

/// The run as its display told it, between who started it and how it ended.
pub fn text(log: &RunLog, theme: &Theme) -> String {
    let Header { run: _, version, command: _, command_line, cluster, region, account: _, who, started, .. } =
        &log.header;
    let place = region.as_ref().map(|region| format!(" in {region}")).unwrap_or_default();
    let run = log.header.short_id();
    let mut out = format!("{}\n", theme.paint(BOLD, &clean(command_line, theme)));
    let by = format!("run {run} of {cluster}{place}, by {who}, {} (provision {version})", time(*started));
    let _ = writeln!(out, "{}\n", clean(&by, theme));
    for event in &log.events {
        if let Some(line) = events::line(event, theme) {
            let _ = writeln!(out, "{line}");
        }
    }
    if !log.events.is_empty() {
        out.push('\n');
    }
    if log.unreadable > 0 {
        let lines = count(log.unreadable, "line");
        let _ =
            writeln!(out, "{lines} of it cannot be read by this version (it was written by {})", clean(version, theme));
    }
    if let Some(error) = log.end.as_ref().and_then(|end| end.error.as_ref()) {
        for line in error.lines() {
            let _ = writeln!(out, "{}", harmless(line, theme));
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{}", ending(log, theme));
    out
}

/// A line of what was told at the time: somebody may have edited the file since. It keeps its indentation.
fn harmless(line: &str, theme: &Theme) -> String {
    let indent = line.len() - line.trim_start_matches(' ').len();
    format!("{}{}", &line[..indent], clean(line, theme))
}

fn ending(log: &RunLog, theme: &Theme) -> String {
    if let Some(End { at, ended, exit_code, format_version: _, error: _ }) = &log.end {
        let took = length(log.header.started, *at);
        return format!("{} after {took}, exit code {exit_code}", theme.paint(ended.style(), ended.words()));
    }
    let last = log.events.last().map(|event| format!(" (last event at {})", time(event.at))).unwrap_or_default();
    format!("{}: it was killed or is still running{last}", theme.paint(CAREFUL, "no ending"))
}

#[derive(Serialize)]
struct Document<'a> {
    format_version: u32,
    file: &'a str,
    run: &'a Header,
    events: &'a [Value],
    end: Option<&'a End>,
    unreadable_lines: usize,
}

/// The stored lines as one document.
pub fn json(log: &RunLog, file: &str) -> String {
    let RunLog { header, events: _, stored, end, unreadable } = log;
    pretty(&Document {
        format_version: FORMAT_VERSION,
        file,
        run: header,
        events: stored,
        end: end.as_ref(),
        unreadable_lines: *unreadable,
    })
}

/// A log among others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    pub run: String,
    pub command: String,
    pub command_line: String,
    pub started: Timestamp,
    /// None: it was killed or is still running.
    pub ended: Option<How>,
    pub exit_code: Option<u8>,
    /// Seconds from start to end, with the time in which it asked.
    pub took_s: Option<u64>,
    pub who: String,
    pub file: String,
}

impl Entry {
    pub fn new(log: &RunLog, file: String) -> Self {
        let Header { run, command, command_line, who, started, .. } = log.header.clone();
        let end = log.end.as_ref();
        let took = |end: &End| super::lock::seconds(started, end.at);
        Self {
            run,
            command,
            command_line,
            started,
            ended: end.map(|end| end.ended),
            exit_code: end.map(|end| end.exit_code),
            took_s: end.map(took),
            who,
            file,
        }
    }
}

/// A file that is no log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stray {
    pub file: String,
    pub why: String,
}

/// The logs of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    pub format_version: u32,
    pub cluster: String,
    /// The newest first.
    pub runs: Vec<Entry>,
    pub unreadable: Vec<Stray>,
}

pub fn list_json(listing: &Listing) -> String {
    pretty(listing)
}

pub fn list(listing: &Listing, theme: &Theme) -> String {
    let Listing { format_version: _, cluster, runs, unreadable } = listing;
    let title = format!("{} of {cluster}", count(runs.len(), "run"));
    let head = ["run", "started", "command", "ended", "took", "by"];
    let mut rows = vec![Row::from(head.map(|word| Cell::styled(DIM, word)).to_vec())];
    rows.extend(runs.iter().map(|run| {
        let (style, ended) = run.ended.map_or((CAREFUL, "no ending"), |how| (how.style(), how.words()));
        Row::from(vec![
            short(&run.run).into(),
            time(run.started).into(),
            run.command.as_str().into(),
            Cell::styled(style, ended),
            run.took_s.map(super::text::duration).unwrap_or_default().into(),
            run.who.as_str().into(),
        ])
    }));
    let columns = [Column::Left, Column::Left, Column::Left, Column::Left, Column::Left, Column::Left];
    let mut out = format!("{}\n{}", theme.paint(BOLD, &clean(&title, theme)), table(2, &columns, rows, theme));
    for Stray { file, why } in unreadable {
        let _ = writeln!(out, "{}", clean(&format!("{file} cannot be read: {why}"), theme));
    }
    out
}

fn short(run: &str) -> &str {
    run.get(..SHORT_ID).unwrap_or(run)
}

/// Said once when a run cannot be logged: it goes on all the same.
pub fn unwritable(file: &str, why: &str, theme: &Theme) -> String {
    let mut block = Block::error("log::write", "the log of this run cannot be written; the run goes on without it");
    block.severity = Severity::Warning;
    block.notes.push(format!("{file}: {why}"));
    block.help = Some("for the next run, see that `.provision` in this folder can be written and has room".to_owned());
    block.text(theme)
}
