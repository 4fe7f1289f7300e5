//! What a cluster is now: first line in ten seconds, then what needs attention in full and what is well as numbers.

// Writing to a String cannot fail, so its answer is dropped wherever it is used.
use std::fmt::Write as _;

use anstyle::Style;

use super::plan_facts as facts;
use super::plan_json::pretty;
use super::plan_text;
use super::table::{Cell, Column, Row, table};
use super::text::{clean, count, duration, grouped, labelled, sum};
use super::theme::{BAD, BOLD, CAREFUL, GOOD, PLAIN, Theme};
use crate::catalog::capacity_blocks::is_ahead;
use crate::observed::{State, TaskState, Work};
use crate::plan::CapacityBlock;
use crate::status::{Status, TaskRow};

/// For a program. Money is in millionths of a US dollar.
pub fn json(status: &Status) -> String {
    pretty(status)
}

/// For a person.
pub fn text(status: &Status, theme: &Theme) -> String {
    let headline = theme.paint(BOLD, &clean(&headline(status), theme)) + "\n";
    let parts = [
        headline + &lock(status, theme),
        file_system(status, theme),
        links(status, theme),
        tasks(status, theme),
        super::preload::table_of(status, theme),
        super::status_nodes::groups(status, theme),
        blocks(status, theme),
        ends(status, theme),
        others(status, theme),
        drift(status, theme),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

fn headline(status: &Status) -> String {
    let place = status.zone.as_deref().unwrap_or(&status.region);
    let cluster = &status.cluster;
    if status.is_empty() {
        return format!("{cluster} in {}: nothing exists", status.region);
    }
    let (usable, all) = status.nodes();
    let bad: usize = status.groups.iter().map(|group| group.failed + group.stopped + group.missing).sum();
    let wanted: Option<u32> = status.groups.iter().map(|group| group.wanted).sum();
    let of = wanted.map_or(all as u64, u64::from).max(all as u64);
    let mut parts = vec![match of {
        0 => "no nodes".to_owned(),
        1 => format!("{usable} of 1 node ready"),
        of => format!("{} of {} nodes ready", grouped(usable as u64), grouped(of)),
    }];
    let links = status.links.iter();
    let bad_links = links.filter(|link| matches!(link.state, State::Misconfigured | State::Failed)).count();
    let troubles: Vec<String> = [(bad, "node"), (bad_links, "link")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| count(number, noun))
        .collect();
    if !troubles.is_empty() {
        parts.insert(0, format!("{} NOT WELL", super::text::listed(&troubles, 2)));
    }
    parts.push(match &status.file_system {
        Some(fs) => format!("file system {}", fs.lifecycle),
        None => "no file system".to_owned(),
    });
    parts.push(cost(status));
    format!("{cluster} in {place}: {}", parts.join("; "))
}

fn cost(status: &Status) -> String {
    match sum(status.hourly, status.hourly_complete, "/h").as_str() {
        "unknown" => "cost unknown".to_owned(),
        text => format!("costs {text}"),
    }
}

fn lock(status: &Status, theme: &Theme) -> String {
    let Some(lock) = &status.lock else {
        return String::new();
    };
    let line = format!(
        "{} runs `provision {}` on it since {} (lock until {})",
        lock.who,
        lock.command,
        super::lock::time(lock.since),
        super::lock::time(lock.until)
    );
    labelled("", "", &line, theme)
}

pub(super) fn titled(title: &str, body: &str, theme: &Theme) -> String {
    format!("{}\n{body}", theme.paint(BOLD, title))
}

const fn style(state: State) -> Style {
    match state {
        State::Ready => GOOD,
        State::Creating | State::Updating | State::Deleting => CAREFUL,
        State::Misconfigured | State::Failed => BAD,
    }
}

const DETAIL: &str = "      ";

fn file_system(status: &Status, theme: &Theme) -> String {
    let Some(fs) = &status.file_system else {
        return String::new();
    };
    let mut below = String::new();
    if let Some(reason) = &fs.reason {
        below.push_str(&labelled(DETAIL, DETAIL, reason, theme));
    }
    if let Some(command) = &fs.mount_command {
        // Never torn: it is there to be pasted.
        let _ = writeln!(below, "{DETAIL}{}", clean(command, theme));
    }
    let row = Row::from(vec![
        fs.id.as_str().into(),
        Cell::styled(style(fs.state), fs.lifecycle.as_str()),
        fs.summary.as_str().into(),
    ]);
    let columns = [Column::Left, Column::Left, Column::Wrapped];
    let body = table(2, &columns, vec![row.below(below)], theme);
    titled("File system", &body, theme)
}

fn links(status: &Status, theme: &Theme) -> String {
    if status.links.is_empty() {
        return String::new();
    }
    let rows = status
        .links
        .iter()
        .map(|link| {
            let below = link.reason.as_ref().map(|reason| labelled(DETAIL, DETAIL, reason, theme));
            Row::from(vec![
                link.path.as_str().into(),
                Cell::styled(style(link.state), link.lifecycle.as_str()),
                format!("{}: {}", link.s3, link.flows).into(),
            ])
            .below(below.unwrap_or_default())
        })
        .collect();
    let columns = [Column::Left, Column::Left, Column::Wrapped];
    titled("Links", &table(2, &columns, rows, theme), theme)
}

fn tasks(status: &Status, theme: &Theme) -> String {
    if status.tasks.is_empty() {
        return String::new();
    }
    let rows = status.tasks.iter().map(|task| task_row(task, theme)).collect();
    let columns = [Column::Left, Column::Left, Column::Left, Column::Wrapped];
    titled("Tasks", &table(2, &columns, rows, theme), theme)
}

fn task_row(task: &TaskRow, theme: &Theme) -> Row {
    let work = match task.work {
        Work::Export => "export",
        Work::Import => "import",
        Work::Release => "release",
    };
    let (state, style) = match task.state {
        TaskState::Pending => ("pending", PLAIN),
        TaskState::Executing => ("running", PLAIN),
        TaskState::Canceling => ("being cancelled", CAREFUL),
        TaskState::Canceled => ("cancelled", CAREFUL),
        TaskState::Succeeded => ("ended", PLAIN),
        TaskState::Failed => ("FAILED", BAD),
    };
    let paths = if task.paths.is_empty() { "everything".to_owned() } else { super::text::listed(&task.paths, 3) };
    let mut progress = format!("{paths}: {} of {} files", grouped(task.succeeded), grouped(task.total));
    if task.failed > 0 {
        let _ = write!(progress, ", {} failed", grouped(task.failed));
    }
    if let Some(age) = task.age_s {
        let _ = write!(progress, ", began {} ago", duration(age));
    }
    let list = task.report.as_ref().map(|url| format!("failed files: {url}"));
    let below: String = task.reason.iter().chain(&list).map(|line| labelled(DETAIL, DETAIL, line, theme)).collect();
    Row::from(vec![task.id.as_str().into(), work.into(), Cell::styled(style, state), progress.into()]).below(below)
}

/// When capacity that was bought for a time ends, and what has to be done by then.
fn blocks(status: &Status, theme: &Theme) -> String {
    let line = |block: &CapacityBlock| {
        let CapacityBlock { id, groups, state, starts, ends, nodes_end, export_by, .. } = block;
        let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
        let mut line = format!("Capacity block {id} of {} is {state}", super::text::listed(&groups, 3));
        if let Some(starts) = starts.filter(|_| is_ahead(state)) {
            let _ = write!(line, ", and begins at {}", super::lock::time(starts));
        }
        if let Some((ends, nodes_end)) = ends.zip(*nodes_end).filter(|_| state != "expired") {
            let (ends, from) = (super::lock::time(ends), super::lock::time(nodes_end));
            let _ = write!(line, ". It ends at {ends}; EC2 ends its nodes from {from} on");
        }
        if let Some(by) = export_by.filter(|_| state == "active") {
            let _ = write!(line, "; begin `provision down` by {}", super::lock::time(by));
        }
        labelled("", "", &(line + "."), theme)
    };
    status.blocks.iter().map(line).collect()
}

/// Also what a ttl does not end: who reads of an end may think that it is the end of all cost.
fn ends(status: &Status, theme: &Theme) -> String {
    let storage = "The file system does not end with them";
    let Some(ends) = &status.ends else {
        if status.ended == 0 {
            return String::new();
        }
        let mut line = format!("{} ended by their ttl.", count(status.ended, "node"));
        if status.file_system.is_some() {
            let _ = write!(line, " {storage}: it {} until `provision down`.", cost(status));
        }
        return labelled("", "", &line, theme);
    };
    let all: usize = status.groups.iter().map(|group| group.nodes.len()).sum();
    let who = if ends.nodes == all { "Nodes end".to_owned() } else { format!("{} of {all} nodes end", ends.nodes) };
    // Nodes of one launch are milliseconds apart.
    let (first, last) = (super::lock::time(ends.first), super::lock::time(ends.last));
    let first = if first == last { String::new() } else { format!(", the first at {first}, the last") };
    let mut line = format!("{who} themselves{first} at {last}");
    let _ = match sum(ends.cost, ends.cost_complete, "").as_str() {
        "unknown" => write!(line, " (in {}); the cost until then is unknown.", duration(ends.left_s)),
        known => write!(line, " (in {}); until then all of it costs {known}.", duration(ends.left_s)),
    };
    if status.file_system.is_some() {
        let _ = match sum(ends.then_hourly, ends.then_complete, "/h").as_str() {
            "unknown" => write!(line, " {storage}: it costs on until `provision down`."),
            known => write!(line, " {storage}: it costs {known} until `provision down`."),
        };
    }
    line.push_str(" Later: `provision extend 24h`.");
    labelled("", "", &line, theme)
}

fn others(status: &Status, theme: &Theme) -> String {
    let bad: Vec<String> = status
        .others
        .iter()
        .filter(|other| other.state != State::Ready)
        .map(|other| format!("{} ({})", other.address, other.id))
        .collect();
    if status.others.is_empty() {
        return String::new();
    }
    let mut line = count(status.others.len(), "other resource");
    if !bad.is_empty() {
        let _ = write!(line, ", not ready: {}", super::text::listed(&bad, 5));
    }
    labelled("", "", &line, theme)
}

fn drift(status: &Status, theme: &Theme) -> String {
    match status.drift.as_deref() {
        None => String::new(),
        Some([]) => "Nothing differs from the spec.\n".to_owned(),
        Some(actions) => {
            let title =
                format!("Differs from the spec: {} to change by `provision up`", count(actions.len(), "resource"));
            let groups = facts::together(actions.iter());
            titled(&title, &plan_text::table_of(&groups, theme), theme)
        }
    }
}
