//! What advice says, in the words that text, Markdown and the comparison share.

use super::text::{count, grouped, listed, money};
use crate::catalog::prices::Usd;
use crate::sizing::Amount;
use crate::sizing::advice::{
    Advice, Candidate, Evaluated, Fit, Headroom, Judgement, Outcome, Point, Provision, Source,
};

/// Rows of the frontier that a person is shown.
pub(super) const MOST_POINTS: usize = 12;

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

/// What is wrong with an option, worst first: where it falls short, then what nobody knows.
pub(super) fn troubles(option: &Candidate) -> Vec<&Judgement> {
    let of = |outcome| option.judgements.iter().filter(move |judgement| judgement.outcome == outcome);
    of(Outcome::FallsShort).chain(of(Outcome::Unknown)).collect()
}

/// What it meets, by name.
pub(super) fn met(option: &Candidate) -> Vec<&'static str> {
    let meets = |judgement: &&Judgement| judgement.outcome == Outcome::Meets;
    option.judgements.iter().filter(meets).map(|judgement| judgement.key.words()).collect()
}

/// `write: 5 GB/s of 8 GB/s, 38% short` and what there is to know beside it; without the source.
pub(super) fn judged(judgement: &Judgement) -> String {
    let Judgement { key, outcome, wanted, had, short_percent, note, source: _ } = judgement;
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
    format!("{}: {figure}{short}{note}", key.words())
}

/// `meets all 11`, `meets 9 of 11`, `falls short of 2 of 11`
pub(super) fn fit(option: &Candidate) -> String {
    let all = option.judgements.len();
    let short = option.judgements.iter().filter(|judgement| judgement.outcome == Outcome::FallsShort).count();
    match option.fit {
        Fit::Fits => "fits".to_owned(),
        Fit::Unknown => format!("{} of {all} unknown", troubles(option).len()),
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
    if amount.micros() < 10_000_000 {
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

/// The points worth a row: what is chosen and what is there now, both ends, and some between them.
pub(super) fn points(advice: &Advice) -> Vec<&Point> {
    let all = &advice.frontier;
    let is_kept = |point: &Point| point.is_chosen || point.is_current;
    let kept = all.iter().filter(|point| is_kept(point)).count();
    let room = MOST_POINTS.saturating_sub(kept).max(2);
    let others: Vec<usize> = (0..all.len()).filter(|index| !is_kept(&all[*index])).collect();
    let chosen = |index: usize| {
        let Some(place) = others.iter().position(|other| *other == index) else { return true };
        // Evenly over the others, with both ends.
        let step = |number: usize| (number * (others.len() - 1)) / (room - 1);
        others.len() <= room || (0..room).any(|number| step(number) == place)
    };
    all.iter().enumerate().filter(|(index, _)| chosen(*index)).map(|(_, point)| point).collect()
}

/// What a point is: `chosen`, `now`, `too slow`; empty: it meets everything.
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

/// `prices of us-east-1, 2026-11-20`
pub(super) fn prices(advice: &Advice) -> String {
    let prices = &advice.prices;
    let date = prices.date.as_ref().map(|date| format!(" of {date}")).unwrap_or_default();
    let elsewhere = if prices.region == advice.region {
        String::new()
    } else {
        format!(": those of {} are not known (`provision prices update --region {0}`)", advice.region)
    };
    format!("prices{date} in {}{elsewhere}", prices.region)
}

/// `meets capacity, read and write`
pub(super) fn met_words(option: &Candidate) -> Option<String> {
    let met: Vec<String> = met(option).into_iter().map(str::to_owned).collect();
    (!met.is_empty()).then(|| format!("meets {}", listed(&met, met.len())))
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

/// `11 requirements`
pub(super) fn requirements(advice: &Advice) -> String {
    count(advice.requirements.len(), "requirement")
}
