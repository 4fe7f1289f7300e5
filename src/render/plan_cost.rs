//! What a plan costs, in the words and cells that every face of it shows.

use schemars::JsonSchema;
use serde::Serialize;

use super::text::{count, duration, listed, money, sum};
use crate::catalog::prices::{HOURS_PER_MONTH, Usd};
use crate::desired::Address;
use crate::plan::{Alternative, Alternatives, Line, Plan, Purpose, Sum};

/// More rows than these are put together by resource.
const MOST_ROWS: usize = 12;

/// More resources than these are told as a number.
const MOST_LISTED: usize = 4;

/// The table: its columns after resource and purpose, a row for each thing that is paid for, and the last row.
pub(super) struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Row>,
    /// `total`, or that it is only of what is known.
    pub label: &'static str,
    pub total: Vec<String>,
}

pub(super) struct Row {
    pub address: String,
    pub what: String,
    pub cells: Vec<String>,
}

/// None where nothing is paid for, now or then.
pub(super) fn table(plan: &Plan) -> Option<Table> {
    let cost = &plan.cost;
    let lines = cost.lines();
    if lines.is_empty() {
        return None;
    }
    let by_address = lines.len() > MOST_ROWS;
    let mut groups: Vec<Vec<&Line<'_>>> = Vec::new();
    for line in &lines {
        match groups.last_mut() {
            Some(group) if by_address && group[0].address == line.address => group.push(line),
            _ => groups.push(vec![line]),
        }
    }
    let with_difference = changes_something(plan);
    let mut columns = vec!["an hour".to_owned(), "a month".to_owned()];
    columns.extend(cost.ttl_s.filter(|_| !cost.items.is_empty()).map(|ttl_s| format!("in {} (ttl)", duration(ttl_s))));
    if with_difference {
        columns.push("this change".to_owned());
    }
    let cells = |after: &Sum, difference: Option<Sum>, is_total: bool| {
        // The label of the last row says so for all of its cells.
        let amount = |amount: Usd| sum(amount, after.complete || (is_total && amount > Usd::ZERO), "");
        let mut cells = vec![amount(after.hourly), amount(after.monthly)];
        if !cost.items.is_empty() {
            cells.extend(after.until_ttl.map(amount));
        }
        if with_difference {
            cells.push(difference.map_or_else(String::new, |difference| cell(&difference, is_total)));
        }
        cells
    };
    let rows = groups
        .iter()
        .map(|group| {
            let after = cost.sum(group.iter().flat_map(|line| line.after.iter().copied()));
            Row {
                address: group[0].address.to_string(),
                what: what(group),
                cells: cells(&after, cost.difference_in(group), false),
            }
        })
        .collect();
    let after = cost.after();
    let label = if after.complete || after.hourly == Usd::ZERO { "total" } else { "total, at least" };
    Some(Table { columns, rows, label, total: cells(&after, cost.difference(), true) })
}

/// There is something now, and it will cost something else.
fn changes_something(plan: &Plan) -> bool {
    let some_now = plan.cost.before.as_ref().is_some_and(|before| !before.is_empty());
    let differs = |line: &Line<'_>| plan.cost.difference_in(&[line]).is_some_and(|difference| !is_nothing(&difference));
    some_now && plan.cost.lines().iter().any(differs)
}

fn is_nothing(difference: &Sum) -> bool {
    difference.complete && difference.hourly == Usd::ZERO && difference.monthly == Usd::ZERO
}

fn what(group: &[&Line<'_>]) -> String {
    let after: Vec<&str> = group.iter().flat_map(|line| &line.after).map(|item| item.what.as_str()).collect();
    let before: Vec<&str> = group.iter().flat_map(|line| &line.before).map(|item| item.what.as_str()).collect();
    let short = |all: &[&str]| match all {
        [] => String::new(),
        [first] => (*first).to_owned(),
        [first, others @ ..] => format!("{first} and {} more", others.len()),
    };
    match (after.as_slice(), before.as_slice()) {
        ([], before) => format!("no more: {}", short(before)),
        (after, []) => short(after),
        (after, before) if after == before => short(after),
        ([after], [before]) => format!("{after} (now: {before})"),
        (after, _) => short(after),
    }
}

/// An hour's difference. Of one thing it is known or not; of all, some may be.
fn cell(difference: &Sum, says_what_is_known: bool) -> String {
    match (difference.complete, is_nothing(&Sum { complete: true, ..*difference })) {
        (true, true) => String::new(),
        (true, false) => signed(difference.hourly),
        (false, false) if says_what_is_known => format!("known: {}", signed(difference.hourly)),
        (false, _) => "unknown".to_owned(),
    }
}

/// `+1,234.50 USD`
fn signed(amount: Usd) -> String {
    match amount.cmp(&Usd::ZERO) {
        std::cmp::Ordering::Less => format!("-{}", money(Usd::ZERO - amount)),
        std::cmp::Ordering::Equal => money(amount),
        std::cmp::Ordering::Greater => format!("+{}", money(amount)),
    }
}

/// `Cost once applied (prices of us-east-1, 2025-10-16; a month is 730 hours)`
pub(super) fn title(plan: &Plan) -> String {
    let prices = &plan.cost.prices;
    let of = match &prices.date {
        Some(date) => format!("prices of {}, {date}", prices.region),
        None => format!("no prices of {} are known", prices.region),
    };
    format!("Cost once applied ({of}; a month is {HOURS_PER_MONTH} hours)")
}

/// `; 441.61 USD/h (+12.34 USD/h)`, for the headline. Empty where there is nothing to say.
pub(super) fn headline(plan: &Plan) -> String {
    let difference = plan.cost.difference().filter(|_| changes_something(plan));
    let change = difference.map(|difference| match cell(&difference, true).as_str() {
        "" => String::new(),
        "unknown" => "change unknown".to_owned(),
        known => format!("{known}/h"),
    });
    let change = change.filter(|change| !change.is_empty());
    let (total, is_complete) = plan.cost.hourly();
    let costs = (plan.purpose == Purpose::Up && !plan.cost.items.is_empty()).then(|| {
        match sum(total, is_complete, "/h").as_str() {
            "unknown" => "cost unknown".to_owned(),
            known => match plan.cost.least {
                Some(least) => format!("from {} to {known}", sum(least.hourly, least.complete, "/h")),
                None => known.to_owned(),
            },
        }
    });
    match (costs, change) {
        (None, None) => String::new(),
        (Some(costs), None) => format!("; {costs}"),
        (None, Some(change)) => format!("; {change}"),
        (Some(costs), Some(change)) => format!("; {costs} ({change})"),
    }
}

/// What to know of the table, each a sentence: the difference, what comes after the ttl, what is not in it, whose prices.
pub(super) fn remarks(plan: &Plan) -> Vec<String> {
    let cost = &plan.cost;
    let mut remarks: Vec<String> = plan.alternatives.iter().map(types).collect();
    remarks.extend(most(plan));
    remarks.extend(least(plan));
    remarks.push(difference(plan));
    if let Some(until) = cost.until {
        remarks.push(format!("Nodes that are there now end themselves by {}.", super::lock::time(until)));
    }
    if let (Some(ttl_s), Some(after)) = (cost.ttl_s, cost.after_ttl()) {
        remarks.push(format!(
            "Nodes end themselves {} after their launch; storage stays until `provision down`, at {}.",
            duration(ttl_s),
            match sum(after.hourly, after.complete, "/h").as_str() {
                "unknown" => "an unknown cost",
                known => known,
            }
        ));
    }
    if !cost.not_included.is_empty() {
        remarks.push(format!("Not included: {}.", cost.not_included.join("; ")));
    }
    if let Some((file, number)) = &cost.prices.given {
        remarks.push(format!("{} from `{file}`.", count(*number, "price")));
    }
    if !cost.prices.source.is_empty() {
        remarks.push(format!("Prices: {}.", cost.prices.source));
    }
    remarks
}

/// `nodes.trainer is one of 2 types: p5.48xlarge, 55.04 USD/h each and 440.32 USD/h together (taken: …); …`
fn types(group: &Alternatives) -> String {
    let of_type = |each: &Alternative| {
        let price = match (each.price, each.hourly) {
            (Some(price), Some(hourly)) if group.count > 1 => {
                format!("{}/h each and {}/h together", money(price), money(hourly))
            }
            (Some(price), _) => format!("{}/h", money(price)),
            (None, _) => "price unknown".to_owned(),
        };
        let taken = if each.is_taken { "taken: " } else { "" };
        format!("{}, {price} ({taken}{})", each.instance, each.why)
    };
    let types: Vec<String> = group.types.iter().map(of_type).collect();
    format!("{} is one of {}: {}.", group.address, count(types.len(), "type"), types.join("; "))
}

/// What it may come to, with the dearest types.
fn most(plan: &Plan) -> Option<String> {
    let most = plan.cost.most?;
    let (hourly, monthly) = (sum(most.hourly, most.complete, "/h"), sum(most.monthly, most.complete, " a month"));
    Some(format!("The most that will be paid, with the dearest types that may be taken: {hourly}, {monthly}."))
}

/// What it comes to with as few nodes as are enough.
fn least(plan: &Plan) -> Option<String> {
    let (least, after) = (plan.cost.least?, plan.cost.after());
    let from_to = |of: fn(&Sum) -> Usd, per: &str| {
        format!("from {} to {}", sum(of(&least), least.complete, per), sum(of(&after), after.complete, per))
    };
    Some(format!(
        "Groups with `min_count` may come with fewer nodes than the table has: {}, {}.",
        from_to(|sum| sum.hourly, "/h"),
        from_to(|sum| sum.monthly, " a month")
    ))
}

fn difference(plan: &Plan) -> String {
    let cost = &plan.cost;
    let (Some(now), Some(difference)) = (cost.now(), cost.difference()) else {
        return "What this changes in cost is unknown: what exists was not looked at.".to_owned();
    };
    if cost.before.as_ref().is_some_and(Vec::is_empty) {
        return "All of it is new: nothing of this cluster costs anything now.".to_owned();
    }
    let now_and_then = format!(
        "now {}, then {}",
        sum(now.hourly, now.complete, "/h"),
        sum(cost.after().hourly, cost.after().complete, "/h")
    );
    let (verb, sign) = if difference.hourly < Usd::ZERO {
        ("saves", Usd::ZERO - difference.hourly)
    } else {
        ("adds", difference.hourly)
    };
    let month = if difference.hourly < Usd::ZERO { Usd::ZERO - difference.monthly } else { difference.monthly };
    let amount = format!("{verb} {} an hour, {} a month", money(sign), money(month));
    match (difference.complete, is_nothing(&Sum { complete: true, ..difference })) {
        (true, true) => "This change neither costs nor saves anything.".to_owned(),
        (true, false) => format!("This change {amount}: {now_and_then}."),
        (false, true) => format!("What this change costs or saves is unknown: {}.", unknown(plan)),
        (false, false) => {
            format!("What is known of this change {amount} ({now_and_then}); unknown: {}.", unknown(plan))
        }
    }
}

/// Whose difference is not known.
fn unknown(plan: &Plan) -> String {
    let lines = plan.cost.lines();
    let of =
        lines.iter().filter(|line| plan.cost.difference_in(&[line]).is_some_and(|difference| !difference.complete));
    let mut addresses: Vec<String> = of.map(|line| line.address.to_string()).collect();
    addresses.dedup();
    listed(&addresses, MOST_LISTED)
}

/// The same sums for programs; money in millionths of a US dollar, null where nobody looked.
#[derive(Serialize, JsonSchema)]
pub(super) struct Sums<'a> {
    /// Once the plan is applied.
    after: Sum,
    now: Option<Sum>,
    difference: Option<Sum>,
    /// Once nodes have ended themselves; null without a ttl.
    after_ttl: Option<Sum>,
    resources: Vec<OfResource<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct OfResource<'a> {
    address: &'a Address,
    after: Sum,
    now: Option<Sum>,
    difference: Option<Sum>,
}

pub(super) fn sums(plan: &Plan) -> Sums<'_> {
    let cost = &plan.cost;
    let lines = cost.lines();
    let resources = lines
        .chunk_by(|a, b| a.address == b.address)
        .map(|group| {
            let group: Vec<&Line<'_>> = group.iter().collect();
            OfResource {
                address: group[0].address,
                after: cost.sum(group.iter().flat_map(|line| line.after.iter().copied())),
                now: cost.before.as_ref().map(|_| cost.sum(group.iter().flat_map(|line| line.before.iter().copied()))),
                difference: cost.difference_in(&group),
            }
        })
        .collect();
    Sums { after: cost.after(), now: cost.now(), difference: cost.difference(), after_ttl: cost.after_ttl(), resources }
}
