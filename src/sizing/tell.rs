//! The sentences: what comes first, why one file system and not another, and where each falls short by how much.

use super::advice::{Candidate, Evaluated, Fit, Headroom, Judgement, Outcome, Stage, TimeAndMoney};
use super::amount::{Amount, money};
use crate::catalog::prices::Usd;

/// The sentence that matters first.
pub(super) fn headline(
    current: Option<&Evaluated>,
    chosen: Option<&Evaluated>,
    options: &[Candidate],
    told: &TimeAndMoney,
) -> String {
    if let Some(idle) = told.idle.as_ref().filter(|idle| idle.wait_permille > 0) {
        return idle.sentence.clone();
    }
    let cost = |evaluated: &Evaluated| match evaluated.monthly {
        Some(monthly) => format!(" for {} a month", money(monthly)),
        None => String::new(),
    };
    match (current, chosen) {
        (Some(current), Some(chosen)) if current.meets => {
            let cheaper = match (current.monthly, chosen.monthly) {
                (Some(now), Some(least)) if least < now => {
                    format!("; {} would do for {} less", chosen.configuration.words, money(now - least))
                }
                (Some(_) | None, Some(_) | None) => String::new(),
            };
            format!("{} does the work{}{cheaper}", current.configuration.words, cost(current))
        }
        (Some(current), Some(chosen)) => format!(
            "{} is not enough: {}; {} does the work{}",
            current.configuration.words,
            current.why.trim_end_matches('.'),
            chosen.configuration.words,
            cost(chosen)
        ),
        (Some(current), None) if current.meets => {
            format!("{} does the work{}", current.configuration.words, cost(current))
        }
        (None, Some(chosen)) => {
            // Another service may do it for less.
            let other = options.first().filter(|best| best.fit == Fit::Fits && best.monthly < chosen.monthly);
            let cheaper = other.and_then(|best| Some(format!("; {} does it for {}", best.name, money(best.monthly?))));
            format!("{} does the work{}{}", chosen.configuration.words, cost(chosen), cheaper.unwrap_or_default())
        }
        (Some(_) | None, None) => match options.first() {
            Some(best) if best.fit != Fit::FallsShort => {
                let cost = best.monthly.map(|monthly| format!(" for {} a month", money(monthly))).unwrap_or_default();
                format!("{} does the work{cost}; no FSx for Lustre does", best.name)
            }
            Some(best) => format!(
                "nothing meets every requirement; {} comes nearest: {}",
                best.name,
                shortcomings(&best.judgements)
            ),
            None => "nothing meets every requirement".to_owned(),
        },
    }
}

/// "the disks are the narrowest place, with 1% to spare", or where it falls short.
pub(super) fn why(judged: &[Judgement], bottleneck: Option<Stage>, stages: &[Headroom]) -> String {
    if judged.iter().any(|each| each.outcome == Outcome::FallsShort) {
        return format!("It falls short: {}.", shortcomings(judged));
    }
    let left = stages.iter().find(|each| Some(each.stage) == bottleneck).and_then(|each| each.left_percent);
    let unknown: Vec<&str> =
        judged.iter().filter(|each| each.outcome == Outcome::Unknown).map(|each| each.key.words()).collect();
    let open = if unknown.is_empty() { String::new() } else { format!("; not known: {}", unknown.join(", ")) };
    match (bottleneck, left) {
        (Some(stage), Some(left)) => format!("Its {stage} is the narrowest place, with {left}% to spare{open}."),
        (Some(_) | None, _) => format!("It meets every requirement{open}."),
    }
}

/// "read of one node 1.6 GB/s of 2.5 GB/s (37% short), import by itself missing"
pub(super) fn shortcomings(judged: &[Judgement]) -> String {
    let short = judged.iter().filter(|each| each.outcome == Outcome::FallsShort);
    let each: Vec<String> = short.map(shortcoming).collect();
    if each.is_empty() { "no file system of this kind is large enough".to_owned() } else { each.join(", ") }
}

fn shortcoming(judgement: &Judgement) -> String {
    let key = judgement.key.words();
    match (&judgement.had, judgement.short_percent) {
        (Some(had @ Amount::Microseconds(_)), Some(_)) => format!("{key} {had} for {}", judgement.wanted),
        (Some(had), Some(percent)) => format!("{key} {had} of {} ({percent}% short)", judgement.wanted),
        (Some(_) | None, _) => format!("{key} missing"),
    }
}

/// One sentence on an option.
pub(super) fn verdict(option: &Candidate, best: Option<&(String, Usd)>) -> String {
    let unsure = option.judgements.iter().any(|each| each.outcome != Outcome::Meets && !each.source.verified);
    let mark = if unsure { " (a figure is not verified)" } else { "" };
    match option.fit {
        Fit::FallsShort => format!("Falls short: {}{mark}.", shortcomings(&option.judgements)),
        Fit::Fits | Fit::Unknown => {
            let unknown: Vec<&str> = option
                .judgements
                .iter()
                .filter(|each| each.outcome == Outcome::Unknown)
                .map(|each| each.key.words())
                .collect();
            let open = if unknown.is_empty() {
                String::new()
            } else {
                format!(", as far as is known (not known: {})", unknown.join(", "))
            };
            let cost = match (option.monthly, best) {
                (Some(monthly), Some((name, least))) if *name != option.name && monthly > *least => {
                    format!(" for {} a month, {} more than {name}", money(monthly), money(monthly - *least))
                }
                (Some(monthly), _) => format!(" for {} a month", money(monthly)),
                (None, _) => "; what it costs is not known".to_owned(),
            };
            format!("Meets every requirement{open}{cost}.")
        }
    }
}
