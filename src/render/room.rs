//! When no zone has room for the nodes: what each answered, and how to go on.

use jiff::Timestamp;

use super::block::Block;
use super::lock::{length, time};
use super::table::{Cell, Column, Row, table};
use super::theme::{BAD, DIM, GOOD, Theme};
use crate::apply::event::Room;
use crate::apply::{NoRoom, ZoneAnswer};
use crate::cloud::CloudError;

/// The table of zones, types and answers. `command` is what was refused; `now` tells how long it was waited.
pub fn no_room(room: &NoRoom, command: &str, now: Timestamp, theme: &Theme) -> String {
    let NoRoom { since, answers, removed, kept } = room;
    let head = ["zone", "nodes", "answer"];
    let mut rows = vec![Row::from(head.map(|word| Cell::styled(DIM, word)).to_vec())];
    rows.extend(answers.iter().map(|ZoneAnswer { zone, group, instance, count, answer: given }| {
        let answer = match given {
            Some(Room::Granted) => Cell::styled(GOOD, "room"),
            Some(Room::Refused { error }) => Cell::styled(BAD, answer(error)),
            None => Cell::styled(DIM, "not asked"),
        };
        Row::from(vec![zone.as_str().into(), format!("{count} × {instance} for nodes.{group}").into(), answer])
    }));
    let mut block = Block::error("capacity::none", "no zone has room for the nodes");
    block.notes.extend(since.map(|since| format!("waited for {}, since {}", length(since, now), time(since))));
    block.notes.push(match (removed, kept) {
        (Some(id), _) => format!("{id} was empty and is removed again, with all that was made: nothing is left"),
        (None, Some(id)) => format!("{id} stays, and is billed: something may be on it by now"),
        (None, None) => "nothing was made, and nothing is left of what was asked for".to_owned(),
    });
    block.help = Some(format!(
        "wait for room: `{command} --wait-for-capacity 6h`; or take another instance type, fewer nodes, subnets in other \
         zones, or a reservation"
    ));
    let columns = [Column::Left, Column::Left, Column::Wrapped];
    format!("{}\n{}", table(0, &columns, rows, theme), block.text(theme))
}

/// In a cell or a line: the service's code, and its words where they are short.
pub(super) fn answer(error: &CloudError) -> String {
    const LONGEST: usize = 60;
    match &error.code {
        Some(code) if error.message.chars().count() > LONGEST => code.clone(),
        Some(code) => format!("{code}: {}", error.message),
        None => error.message.clone(),
    }
}
