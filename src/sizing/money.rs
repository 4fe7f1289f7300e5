//! Time and money: what slow storage costs in nodes that wait, the first epoch, and whether to keep the file system.

use super::advice::{Better, FirstEpoch, Idle, Keeping, Point, Stage, TimeAndMoney};
use super::amount::money;
use super::config::Config;
use super::demand::{Demand, clamp};
use super::frontier::delivered;
use super::judge::import_rate;
use super::question::Question;
use crate::catalog::prices::{HOURS_PER_MONTH, Prices, Usd};
use crate::catalog::services::{self, Value};
use crate::spec::{Nodes, demand as gpus};

/// Readers on each GPU at a time: what data loaders of frameworks start with. Ours to choose.
const READERS_PER_GPU: u64 = 8;
/// Until a file system can be mounted: a quarter of an hour (one site's measurements of 454 s and 2.18 ms for each GiB, and
/// 938 s with metadata configuration).
const CREATION_S: u64 = 900;

/// What the nodes cost an hour on demand; None: there are none, or a price is not known.
pub(super) fn nodes_hourly(nodes: &[Nodes], prices: &Prices) -> Option<Usd> {
    if nodes.is_empty() {
        return None;
    }
    nodes.iter().map(|group| Some(prices.instance_hour(&group.instance)?.times(u64::from(group.count)))).sum()
}

/// "8 × p5.48xlarge"; several groups one after another.
pub(super) fn nodes_words(nodes: &[Nodes]) -> String {
    let each = nodes.iter().map(|group| format!("{} × {}", group.count, group.instance));
    each.collect::<Vec<String>>().join(" and ")
}

/// All of it, of the file system that is there or, without one, is chosen.
pub(super) fn of(
    question: &Question<'_>,
    demand: &Demand,
    prices: &Prices,
    judged: Option<(Config, Usd)>,
    points: &[Point],
) -> TimeAndMoney {
    let Some((config, monthly)) = judged else { return TimeAndMoney::default() };
    let hourly = nodes_hourly(question.nodes, prices);
    let first_epoch = first_epoch(question, demand, &config, hourly);
    let keeping = keeping(demand, monthly, hourly, first_epoch.as_ref());
    let idle = hourly.and_then(|hourly| idle(question, demand, &config, monthly, hourly, points));
    TimeAndMoney { first_epoch, keeping, idle }
}

/// A figure of S3.
fn s3(name: &str) -> u64 {
    match services::get("s3", name).map(|fact| fact.value) {
        Some(Value::Number(number)) => number,
        Some(Value::Any | Value::Yes | Value::No | Value::Unknown) | None => 0,
    }
}

/// What readers get who each wait for a whole file from S3: first byte, then one stream.
fn lazy_rate(demand: &Demand, question: &Question<'_>) -> Option<u64> {
    let readers = gpus::accelerators(question.nodes)?.saturating_mul(READERS_PER_GPU);
    let file = demand.dataset / demand.files.max(1);
    let stream_us = (u128::from(file) * 1_000_000).div_ceil(u128::from(s3("stream").max(1)));
    let each_us = u128::from(s3("first-byte")) + stream_us;
    Some(clamp(u128::from(readers) * u128::from(file) * 1_000_000 / each_us.max(1)))
}

fn seconds(bytes: u64, rate: u64) -> u64 {
    bytes.div_ceil(rate.max(1))
}

fn first_epoch(question: &Question<'_>, demand: &Demand, config: &Config, hourly: Option<Usd>) -> Option<FirstEpoch> {
    if !demand.s3_link {
        return None;
    }
    let gives = config.gives(demand)?;
    let rate = delivered(config, demand, question.nodes)?;
    let taken = rate.min(demand.gpus_take.unwrap_or(demand.read)).max(1);
    let import = import_rate(&gives, demand);
    if import == 0 {
        return None;
    }
    let lazy = lazy_rate(demand, question).map_or(import, |lazy| lazy.min(import));
    let epoch_s = seconds(demand.dataset, taken);
    let lazy_s = seconds(demand.dataset, taken.min(lazy));
    let restore_s = seconds(demand.dataset, import);
    let preloaded_s = restore_s.saturating_add(epoch_s);
    let bound_by = if taken <= lazy {
        None
    } else if lazy < import {
        Some("readers that wait for whole files from S3".to_owned())
    } else {
        Some(Stage::S3Import.words().to_owned())
    };
    let apart = lazy_s.abs_diff(preloaded_s);
    let difference = hourly.map(|hourly| hourly.part(apart, 3600));
    let cost = difference.map_or(String::new(), |cost| format!(", {} of nodes", money(cost)));
    let sentence = if apart == 0 {
        format!("The first epoch takes {} either way.", time(lazy_s))
    } else {
        let (better, worse) = if lazy_s < preloaded_s {
            ("reading from S3 as it goes", "loading everything first")
        } else {
            ("loading everything first", "reading from S3 as it goes")
        };
        let (least, most) = (lazy_s.min(preloaded_s), lazy_s.max(preloaded_s));
        format!(
            "The first epoch is over after {} by {better}, {} by {worse} ({} apart{cost}); later ones take {}.",
            time(least),
            time(most),
            time(apart),
            time(epoch_s)
        )
    };
    Some(FirstEpoch { lazy_s, restore_s, preloaded_s, epoch_s, bound_by, difference, sentence })
}

fn keeping(demand: &Demand, monthly: Usd, hourly: Option<Usd>, first: Option<&FirstEpoch>) -> Option<Keeping> {
    // What is nowhere else cannot be deleted and imported again.
    let first = first?;
    let waits_s = CREATION_S.saturating_add(first.lazy_s.saturating_sub(first.epoch_s));
    let run_s = demand.run_s.saturating_add(waits_s);
    let month_s = HOURS_PER_MONTH * 3600;
    let there_s = run_s.saturating_mul(demand.runs_per_month).min(month_s);
    // Nodes are launched when the file system can be mounted: they wait for the import alone.
    let waiting_s = first.lazy_s.saturating_sub(first.epoch_s).saturating_mul(demand.runs_per_month);
    let anew_waiting = hourly.unwrap_or(Usd::ZERO).part(waiting_s, 3600);
    let anew_monthly = monthly.part(there_s, month_s) + anew_waiting;
    let runs = demand.runs_per_month;
    let times = if runs == 1 { "its run each month".to_owned() } else { format!("each of {runs} runs a month") };
    let sentence = if anew_monthly < monthly {
        format!(
            "Deleting it after {times} and importing anew costs {} instead of {}: {} less.",
            money(anew_monthly),
            money(monthly),
            money(monthly - anew_monthly)
        )
    } else {
        format!(
            "Keeping it costs {} a month; deleting it after {times} and importing anew would cost {}.",
            money(monthly),
            money(anew_monthly)
        )
    };
    Some(Keeping {
        runs_per_month: runs,
        hours_per_run: demand.run_s.div_ceil(3600),
        keep_monthly: monthly,
        anew_monthly,
        anew_waiting,
        sentence,
    })
}

fn idle(
    question: &Question<'_>,
    demand: &Demand,
    config: &Config,
    monthly: Usd,
    nodes_hourly: Usd,
    points: &[Point],
) -> Option<Idle> {
    demand.gpus_take?;
    let rate = delivered(config, demand, question.nodes)?;
    let wait_permille = super::frontier::wait_permille(rate, demand);
    let idle_hourly = nodes_hourly.part(wait_permille, 1000);
    let now = monthly.month_to_hour() + idle_hourly;
    let total = |point: &&Point| point.hourly + point.idle_hourly.unwrap_or(Usd::ZERO);
    let best = points.iter().filter(|point| point.idle_hourly.is_some()).min_by_key(total);
    let better = best.filter(|point| total(point) < now && wait_permille > 0).map(|point| Better {
        configuration: point.configuration.clone(),
        costs_hourly: point.hourly - monthly.month_to_hour(),
        saves_hourly: idle_hourly - point.idle_hourly.unwrap_or(Usd::ZERO),
    });
    let nodes = nodes_words(question.nodes);
    let alone = question.nodes.iter().map(|group| u64::from(group.count)).sum::<u64>() == 1;
    let (verb, does) = if alone { ("waits", "does") } else { ("wait", "do") };
    let sentence = match &better {
        _ if wait_permille == 0 => format!("not storage bound: {nodes} {does} not wait for storage"),
        Some(Better { costs_hourly, saves_hourly, .. }) => format!(
            "storage bound: {nodes} {verb} {} of the time; {} of throughput saves {}/h of GPU",
            percent(wait_permille),
            signed(*costs_hourly),
            money(*saves_hourly)
        ),
        None => format!(
            "storage bound: {nodes} {verb} {} of the time, {}/h of GPU; no file system of this kind is better",
            percent(wait_permille),
            money(idle_hourly)
        ),
    };
    Some(Idle { nodes, nodes_hourly, wait_permille, idle_hourly, better, sentence })
}

/// "+0.90 USD/h"
fn signed(amount: Usd) -> String {
    if amount < Usd::ZERO { format!("{}/h", money(amount)) } else { format!("+{}/h", money(amount)) }
}

/// "37%", and below one of them "0.4%".
fn percent(permille: u64) -> String {
    if permille < 10 { format!("0.{permille}%") } else { format!("{}%", (permille + 5) / 10) }
}

/// "2 h 13 min"
pub(super) fn time(seconds: u64) -> String {
    let minutes = seconds.div_ceil(60);
    let (days, hours, left) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours, left) {
        (0, 0, _) if seconds < 120 => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let table = [
            (0, "0 s"),
            (90, "90 s"),
            (121, "3 min"),
            (3600, "1 h"),
            (7980, "2 h 13 min"),
            (86_400, "1 d"),
            (118_000, "1 d 8 h"),
        ];
        for (seconds, words) in table {
            assert_eq!(time(seconds), words, "{seconds}");
        }
        assert_eq!((percent(4), percent(65), percent(1000)), ("0.4%".to_owned(), "7%".to_owned(), "100%".to_owned()));
        assert_eq!(signed(Usd::from_micros(900_000)), "+0.90 USD/h");
        assert_eq!(signed(Usd::from_micros(-900_000)), "-0.90 USD/h");
    }
}
