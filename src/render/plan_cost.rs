//! What a plan costs, in the cells of a table: text and Markdown show the same.

use super::text::sum;
use crate::catalog::prices::{HOURS_PER_MONTH, Usd};
use crate::plan::{CostItem, Plan};

/// More items than these are summed by resource.
const MOST_ITEMS: usize = 12;

/// Lines of the cost table: whose, what for, an hour, a month.
pub(super) fn lines(plan: &Plan) -> Vec<[String; 4]> {
    let by_address = plan.cost.items.len() > MOST_ITEMS;
    let mut lines: Vec<Vec<&CostItem>> = Vec::new();
    for item in &plan.cost.items {
        match lines.last_mut() {
            Some(line) if by_address && line[0].address == item.address => line.push(item),
            _ => lines.push(vec![item]),
        }
    }
    lines.iter().map(|items| line(items)).collect()
}

fn line(items: &[&CostItem]) -> [String; 4] {
    let known: Usd = items.iter().filter_map(|item| item.hourly).sum();
    let is_complete = items.iter().all(|item| item.hourly.is_some());
    let what = match items.len() {
        1 => items[0].what.clone(),
        more => format!("{} and {} more", items[0].what, more - 1),
    };
    [items[0].address.to_string(), what, sum(known, is_complete, ""), sum(known.hour_to_month(), is_complete, "")]
}

/// The last line: an hour, a month.
pub(super) fn total(plan: &Plan) -> [String; 2] {
    let (total, is_complete) = plan.cost.hourly();
    [sum(total, is_complete, ""), sum(total.hour_to_month(), is_complete, "")]
}

/// `Cost once applied, prices of 2026-02-01, 730 hours a month`
pub(super) fn title(plan: &Plan) -> String {
    format!("Cost once applied (prices: {}; a month is {} hours)", plan.cost.prices_of, HOURS_PER_MONTH)
}
