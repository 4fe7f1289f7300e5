//! Node groups: small ones whole, of large ones what is not well.

use super::lock::time;
use super::status::titled;
use super::table::{Cell, Column, Row, table};
use super::text::{duration, grouped, labelled};
use super::theme::{BAD, CAREFUL, DIM, GOOD, PLAIN, Theme};
use crate::observed::NodeState;
use crate::status::{Group, Health, Lost, NodeRow, Status};

/// Groups of up to so many nodes are listed whole.
const SMALL: usize = 8;

/// So many nodes that are lost.
const MOST_LOST: usize = 5;

/// Of larger ones, so many nodes that are not well.
const MOST_ROWS: usize = 20;

pub(super) fn groups(status: &Status, theme: &Theme) -> String {
    let parts: Vec<String> = status.groups.iter().map(|each| group(each, theme)).collect();
    if parts.is_empty() {
        return String::new();
    }
    titled("Nodes", &parts.concat(), theme)
}

fn group(group: &Group, theme: &Theme) -> String {
    let Group { address, wanted, min_count, ready, degraded, failed, booting, stopped, missing, nodes, lost: _ } =
        group;
    let mut parts: Vec<String> = [
        (*failed, "FAILED"),
        (*missing, "LOST"),
        (*stopped, "stopped"),
        (*degraded, "degraded"),
        (*booting, "booting"),
        (*ready, "ready"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, word)| format!("{} {word}", grouped(number as u64)))
    .collect();
    if let Some(wanted) = wanted {
        let enough = min_count.map(|least| format!(" (at least {})", grouped(u64::from(least)))).unwrap_or_default();
        parts.push(format!("{} wanted{enough}", grouped(u64::from(*wanted))));
    }
    if parts.is_empty() {
        parts.push("none".to_owned());
    }
    let mut out = labelled("  ", "  ", &format!("{address}: {}", parts.join(", ")), theme);
    let (shown, rest): (Vec<&NodeRow>, usize) = if nodes.len() <= SMALL {
        (nodes.iter().collect(), 0)
    } else {
        let mut bad: Vec<&NodeRow> = nodes.iter().filter(|row| row.health != Health::Ready).collect();
        bad.sort_by_key(|row| std::cmp::Reverse(row.health));
        let rest = bad.len().saturating_sub(MOST_ROWS);
        bad.truncate(MOST_ROWS);
        (bad, rest)
    };
    // Of the worst one: the same goes for the others.
    let worst =
        shown.iter().filter(|row| row.hint.is_some()).max_by_key(|row| (row.health, std::cmp::Reverse(&row.id)));
    let hint = worst.and_then(|row| row.hint.clone());
    let rows = shown.into_iter().map(node_row).collect();
    let columns =
        [Column::Left, Column::Left, Column::Left, Column::Left, Column::Left, Column::Right, Column::Wrapped];
    out.push_str(&table(4, &columns, rows, theme));
    if rest > 0 {
        let more = format!("    and {} more that are not ready", grouped(rest as u64));
        out.push_str(&(theme.paint(DIM, &more) + "\n"));
    }
    if let Some(command) = hint {
        out.push_str(&labelled("    see ", "    see ", &format!("`{command}`"), theme));
    }
    out.push_str(&lost(group, theme));
    out
}

/// Nodes that EC2 took away; who has all others is not told of hundreds.
fn lost(group: &Group, theme: &Theme) -> String {
    let Group { lost, missing, .. } = group;
    let mut out: String = lost
        .iter()
        .take(MOST_LOST)
        .map(|each| {
            let Lost { id, state, interrupted, code, at, .. } = each;
            let is = if *state == NodeState::ShuttingDown { "is being" } else { "was" };
            let what = if *interrupted { "interrupted" } else { "ended" };
            let at = at.map(|at| format!(" at {}", time(at))).unwrap_or_default();
            labelled("      ", "    ", &format!("{id} {is} {what} by EC2 ({code}){at}"), theme)
        })
        .collect();
    if lost.len() > MOST_LOST {
        let more = format!("    and {} more", grouped((lost.len() - MOST_LOST) as u64));
        out.push_str(&(theme.paint(DIM, &more) + "\n"));
    }
    let then = match (*missing, lost.len()) {
        (_, 0) => return out,
        (0, 1) => "another node has taken its place".to_owned(),
        (0, _) => "other nodes have taken their places".to_owned(),
        (1, _) => "`provision up` launches another".to_owned(),
        (missing, _) => format!("`provision up` launches {} others", grouped(missing as u64)),
    };
    out + &labelled("    ", "    ", &then, theme)
}

fn node_row(row: &NodeRow) -> Row {
    let (word, style) = match row.health {
        Health::Ready => ("ready", GOOD),
        Health::Booting => ("booting", PLAIN),
        Health::Degraded => ("degraded", CAREFUL),
        Health::Stopped => ("stopped", BAD),
        Health::Failed => ("FAILED", BAD),
    };
    let age = row.age_s.map(duration).unwrap_or_default();
    Row::from(vec![
        row.name.as_str().into(),
        row.id.as_str().into(),
        Cell::styled(style, word),
        row.ip.clone().unwrap_or_default().into(),
        row.zone.as_str().into(),
        age.into(),
        row.why.clone().unwrap_or_default().into(),
    ])
}
