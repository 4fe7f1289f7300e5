//! What advice says, in the words that text, Markdown and the comparison share.

use std::collections::BTreeSet;

use super::text::{grouped, listed, money};
use crate::catalog::prices::Usd;
use crate::sizing::Amount;
use crate::sizing::advice::{
    Advice, Candidate, Evaluated, Fit, Headroom, Judgement, Outcome, Point, Provision, Source,
};

/// Rows of the frontier that a person is shown.
const MOST_POINTS: usize = 12;
/// Of them, on each side of the chosen one.
const BESIDE: usize = 2;

/// Sources by number, in the order in which they are first named.
#[derive(Debug, Default)]
pub(super) struct Sources<'a>(Vec<&'a Source>);

impl<'a> Sources<'a> {
    /// ` [3]`, and before it ` (unverified)` where nobody could confirm it.
    pub(super) fn cite(&mut self, source: &'a Source) -> String {
        let known = self.0.iter().position(|each| (&each.text, &each.date) == (&source.text, &source.date));
        let number = known.unwrap_or_else(|| {
            self.0.push(source);
            self.0.len() - 1
        });
        let mark = if source.verified { "" } else { " (unverified)" };
        format!("{mark} [{}]", number + 1)
    }

    /// `1  FSx for Lustre User Guide, performance (2026-11-20)`
    pub(super) fn list(&self) -> Vec<(usize, String)> {
        let told = |(index, source): (usize, &&Source)| (index + 1, format!("{} ({})", source.text, source.date));
        self.0.iter().enumerate().map(told).collect()
    }
}

/// Requirements that an option fails, or may fail, in the same way and for the same reason.
#[derive(Debug)]
pub(super) struct Trouble<'a> {
    /// The first of them stands for all.
    pub judgement: &'a Judgement,
    names: Vec<String>,
}

/// What is wrong with an option: where it falls short, then what nobody knows.
pub(super) fn troubles(option: &Candidate) -> Vec<Trouble<'_>> {
    let of = |outcome| option.judgements.iter().filter(move |judgement| judgement.outcome == outcome);
    let mut troubles: Vec<Trouble<'_>> = Vec::new();
    for judgement in of(Outcome::FallsShort).chain(of(Outcome::Unknown)) {
        let name = judgement.key.words().to_owned();
        match troubles.iter_mut().find(|trouble| is_alike(trouble.judgement, judgement)) {
            Some(trouble) => trouble.names.push(name),
            None => troubles.push(Trouble { judgement, names: vec![name] }),
        }
    }
    troubles
}

/// No figures that differ, and the same to say beside them.
fn is_alike(one: &Judgement, other: &Judgement) -> bool {
    let figures =
        |judgement: &Judgement| matches!(judgement.had, Some(ref amount) if !matches!(amount, Amount::Words(_)));
    !figures(one)
        && !figures(other)
        && (one.outcome, &one.had, &one.note, &one.source) == (other.outcome, &other.had, &other.note, &other.source)
}

/// `write: 5 GB/s of 8 GB/s, 38% short` and what there is to know beside it; without the source.
pub(super) fn told(trouble: &Trouble<'_>) -> String {
    let Judgement { key: _, outcome, wanted, had, short_percent, note, source: _ } = trouble.judgement;
    let figure = match (had, outcome) {
        (None, Outcome::FallsShort) => "no".to_owned(),
        (None, Outcome::Unknown | Outcome::Meets) => "nobody knows".to_owned(),
        (Some(Amount::Words(words)), _) => words.clone(),
        (Some(had @ Amount::Microseconds(_)), _) => format!("{had}, {wanted} wanted"),
        (Some(had), _) => format!("{had} of {wanted}"),
    };
    // A time that is too long is too long, and not short of anything.
    let is_time = matches!(had, Some(Amount::Microseconds(_)));
    let short = short_percent.filter(|_| !is_time).map(|percent| format!(", {percent}% short")).unwrap_or_default();
    let note = note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
    format!("{}: {figure}{short}{note}", listed(&trouble.names, trouble.names.len()))
}

/// `meets all 11`, `meets 9 of 11`, `falls short of 2 of 11`
pub(super) fn fit(option: &Candidate) -> String {
    let all = option.judgements.len();
    let short = option.judgements.iter().filter(|judgement| judgement.outcome == Outcome::FallsShort).count();
    match option.fit {
        Fit::Fits => "fits".to_owned(),
        Fit::Unknown => {
            let unknown = option.judgements.iter().filter(|judgement| judgement.outcome == Outcome::Unknown).count();
            format!("{unknown} of {all} unknown")
        }
        Fit::FallsShort => format!("short in {short} of {all}"),
    }
}

/// What a requirement is met with, what follows from that, in the order of the options.
pub(super) fn monthly(amount: Option<Usd>) -> String {
    amount.map_or_else(|| "price unknown".to_owned(), |amount| format!("{} USD", whole(amount)))
}

/// `17,136`: whole dollars, as much as a month's price can be trusted.
pub(super) fn whole(amount: Usd) -> String {
    let cents = money(amount);
    let dollars = (amount.micros() + 500_000).div_euclid(1_000_000);
    if (1..10_000_000).contains(&amount.micros()) {
        return cents.trim_end_matches(" USD").to_owned();
    }
    grouped(dollars.unsigned_abs())
}

/// `23.47 USD/h`
pub(super) fn hourly(amount: Option<Usd>) -> Option<String> {
    amount.map(|amount| format!("{}/h", money(amount)))
}

/// `37%` of thousandths.
pub(super) fn percent(permille: u64) -> String {
    if permille < 100 && !permille.is_multiple_of(10) {
        return format!("{}.{}%", permille / 10, permille % 10);
    }
    format!("{}%", (permille + 5) / 10)
}

/// Whether `provision` makes it, in few words; None: it does, and there is nothing to say.
pub(super) fn made(option: &Candidate) -> Option<String> {
    match &option.provision {
        Provision::Kind { kind } if kind == "fsx-lustre" => None,
        Provision::Kind { kind } => Some(format!("`kind = \"{kind}\"` in `[storage]`")),
        Provision::AdviceOnly { why } => Some(format!("advice only: {why}")),
    }
}

/// What a stage has left: `21% left`, `12% missing`, `unknown`.
pub(super) fn left(headroom: &Headroom) -> String {
    match headroom.left_percent {
        None => "unknown".to_owned(),
        Some(left) if left < 0 => format!("{}% missing", left.unsigned_abs()),
        Some(left) => format!("{left}% left"),
    }
}

/// What `[storage]` says, if it says all of it and something else is better.
pub(super) fn current(advice: &Advice) -> Option<&Evaluated> {
    let chosen = advice.chosen.as_ref().map(|chosen| &chosen.configuration);
    advice.current.as_ref().filter(|current| Some(&current.configuration) != chosen)
}

/// The points worth a row: what is chosen and what is beside it, what there is now, both ends, and some between them.
pub(super) fn points(advice: &Advice) -> Vec<&Point> {
    let all = &advice.frontier;
    let Some(last) = all.len().checked_sub(1) else { return Vec::new() };
    let mut shown = BTreeSet::from([0, last]);
    for (index, _) in all.iter().enumerate().filter(|(_, point)| point.is_chosen || point.is_current) {
        shown.insert(index);
    }
    if let Some(chosen) = all.iter().position(|point| point.is_chosen) {
        shown.extend(chosen.saturating_sub(BESIDE)..=(chosen + BESIDE).min(last));
    }
    let room = MOST_POINTS.saturating_sub(shown.len());
    let others: Vec<usize> = (0..all.len()).filter(|index| !shown.contains(index)).collect();
    // Each from the middle of its share.
    shown.extend((0..room).filter_map(|number| others.get((2 * number + 1) * others.len() / (2 * room))));
    shown.into_iter().filter_map(|index| all.get(index)).collect()
}

/// What a point is beside its configuration: `chosen`, `falls short`; empty: it meets everything, and is only that.
pub(super) fn marks(point: &Point) -> String {
    let marks = [(point.is_chosen, "chosen"), (point.is_current, "as in `[storage]`"), (!point.meets, "falls short")];
    let marks: Vec<String> = marks.iter().filter(|(is, _)| *is).map(|(_, word)| (*word).to_owned()).collect();
    marks.join(", ")
}

/// The sentences about time and money, the first one first; what the headline has said already is left out.
pub(super) fn sentences(advice: &Advice) -> Vec<&str> {
    let facts = &advice.time_and_money;
    let idle = facts.idle.as_ref().map(|idle| idle.sentence.as_str());
    let epoch = facts.first_epoch.as_ref().map(|epoch| epoch.sentence.as_str());
    let keeping = facts.keeping.as_ref().map(|keeping| keeping.sentence.as_str());
    let all = [idle, epoch, keeping].into_iter().flatten();
    all.filter(|sentence| !advice.headline.contains(sentence.trim_end_matches('.'))).collect()
}

/// `Prices of us-east-1, 2026-11-20: AWS Price List`
pub(super) fn prices(advice: &Advice) -> String {
    let prices = &advice.prices;
    let date = prices.date.as_ref().map(|date| format!(", {date}")).unwrap_or_default();
    format!("prices of {}{date}: {}", prices.region, prices.source)
}

/// What keeps the figures from being the user's own: said before them.
pub(super) fn warnings(advice: &Advice) -> Vec<String> {
    let Advice { region, prices, .. } = advice;
    let elsewhere = (prices.region != *region).then(|| {
        format!(
            "prices of {region} are not known, these are of {}: `provision prices update --region {region}` asks AWS",
            prices.region
        )
    });
    advice.contradictions.iter().cloned().chain(elsewhere).collect()
}

/// How many of the options do it all.
pub(super) fn fitting(advice: &Advice) -> String {
    let fitting = advice.options.iter().filter(|option| option.fit == Fit::Fits).count();
    match fitting {
        0 => "none meets everything".to_owned(),
        1 => format!("1 of {} meets everything", advice.options.len()),
        fitting => format!("{fitting} of {} meet everything", advice.options.len()),
    }
}
