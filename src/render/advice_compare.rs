//! Several specs side by side: what each wants, takes, costs and waits for. What differs stands out.

// Writing to a String cannot fail, so its answer is dropped wherever it is used.
use std::fmt::Write as _;

use super::advice_facts as facts;
use super::markdown::escaped;
use super::table::{Cell, Column, Row, table};
use super::text::{clean, duration, labelled, money, width, wrap};
use super::theme::{BOLD, PLAIN, Theme};
use crate::catalog::prices::Usd;
use crate::sizing::advice::{Advice, Evaluated, Fit, Key};

/// Specs by the name of their files.
pub type Answers<'a> = [(String, &'a Advice)];

/// The file system that a spec is judged by: its own, where it says all of one, else the one to take.
fn judged(advice: &Advice) -> Option<&Evaluated> {
    advice.current.as_ref().or(advice.chosen.as_ref())
}

/// What is compared, and its value for each spec.
fn lines(answers: &Answers<'_>) -> Vec<(&'static str, Vec<String>)> {
    let of = |value: &dyn Fn(&Advice) -> Option<String>| -> Vec<String> {
        answers.iter().map(|(_, advice)| value(advice).unwrap_or_else(|| "-".to_owned())).collect()
    };
    let wanted = |key: Key| {
        move |advice: &Advice| {
            let found = advice.requirements.iter().find(|requirement| requirement.key == key)?;
            Some(format!("{}{}", found.wanted, if found.assumed { " (assumed)" } else { "" }))
        }
    };
    let evaluated = |value: fn(&Evaluated) -> Option<String>| move |advice: &Advice| value(judged(advice)?);
    let epoch = |advice: &Advice| {
        let epoch = advice.time_and_money.first_epoch.as_ref()?;
        Some(format!("{} lazily, {} preloaded", duration(epoch.lazy_s), duration(epoch.preloaded_s)))
    };
    let keeping = |advice: &Advice| {
        let keeping = advice.time_and_money.keeping.as_ref()?;
        Some(format!("{} USD", facts::whole(keeping.anew_monthly)))
    };
    let best = |advice: &Advice| {
        let fits = advice.options.iter().find(|option| option.fit == Fit::Fits);
        Some(fits.map_or_else(|| "none meets everything".to_owned(), |option| option.name.clone()))
    };
    let all = vec![
        ("wants to hold", of(&wanted(Key::Capacity))),
        ("wants to read", of(&wanted(Key::Read))),
        ("wants to write", of(&wanted(Key::Write))),
        ("file system", of(&evaluated(|it| Some(it.configuration.words.clone())))),
        ("meets everything", of(&evaluated(|it| Some(if it.meets { "yes" } else { "no" }.to_owned())))),
        ("bottleneck", of(&evaluated(bottleneck))),
        ("a month", of(&evaluated(|it| Some(facts::monthly(it.monthly))))),
        ("an hour", of(&evaluated(|it| it.hourly.map(money)))),
        ("nodes wait", of(&evaluated(|it| it.wait_permille.map(facts::percent)))),
        ("waiting costs an hour", of(&|advice| waiting(advice).map(money))),
        ("first epoch", of(&epoch)),
        ("a month, made anew each run", of(&keeping)),
        ("best option", of(&best)),
    ];
    all.into_iter().filter(|(_, values)| values.iter().any(|value| value != "-")).collect()
}

fn bottleneck(evaluated: &Evaluated) -> Option<String> {
    let stage = evaluated.bottleneck?;
    let left = evaluated.stages.iter().find(|each| each.stage == stage).map(facts::left)?;
    Some(format!("{stage}, {left}"))
}

fn waiting(advice: &Advice) -> Option<Usd> {
    advice.time_and_money.idle.as_ref().map(|idle| idle.idle_hourly)
}

/// `b.toml costs 3,216 USD a month less than a.toml`: each one against the first.
fn differences(answers: &Answers<'_>) -> Vec<String> {
    let Some(((first, of_first), others)) = answers.split_first() else { return Vec::new() };
    let cost = |advice: &Advice| judged(advice).and_then(|evaluated| evaluated.monthly);
    let told = |(name, advice): &(String, &Advice)| {
        let (before, after) = (cost(of_first)?, cost(advice)?);
        let more = Usd::from_micros(after.micros().saturating_sub(before.micros()));
        Some(match more.micros() {
            0 => format!("{name} costs as much as {first}"),
            1.. => format!("{name} costs {} USD a month more than {first}", facts::whole(more)),
            _ => {
                let less = Usd::from_micros(more.micros().saturating_neg());
                format!("{name} costs {} USD a month less than {first}", facts::whole(less))
            }
        })
    };
    others.iter().filter_map(told).collect()
}

/// Of a column; below that, one stands below the other.
const LEAST_COLUMN: usize = 26;

/// For a terminal: columns, or one below the other where they do not fit.
pub fn text(answers: &Answers<'_>, theme: &Theme) -> String {
    let mut out = String::new();
    for (name, advice) in answers {
        let _ = writeln!(out, "{}", theme.paint(BOLD, &clean(name, theme)));
        out.push_str(&labelled("  ", "  ", &advice.headline, theme));
    }
    out.push('\n');
    let lines = lines(answers);
    let label = lines.iter().map(|(what, _)| width(what)).max().unwrap_or(0) + " ≠".len();
    let room = theme.width.saturating_sub(label) / answers.len().max(1);
    if room >= LEAST_COLUMN + GAP {
        let head = answers.iter().map(|(name, _)| Cell::styled(BOLD, cut_left(name, room - GAP)));
        let head = Row::from(std::iter::once("".into()).chain(head).collect::<Vec<Cell>>());
        let rows = lines.iter().flat_map(|(what, values)| columns(what, values, room - GAP));
        let kinds = vec![Column::Left; answers.len() + 1];
        out.push_str(&table(0, &kinds, std::iter::once(head).chain(rows).collect(), theme));
    } else {
        for (what, values) in &lines {
            let _ = writeln!(out, "{}", theme.paint(BOLD, what));
            let rows = answers
                .iter()
                .zip(values)
                .map(|((name, _), value)| Row::from(vec![cut_left(name, LEAST_COLUMN).into(), value.as_str().into()]));
            out.push_str(&table(2, &[Column::Left, Column::Wrapped], rows.collect(), theme));
        }
    }
    for sentence in differences(answers) {
        out.push('\n');
        out.push_str(&labelled("", "", &sentence, theme));
    }
    out
}

/// Between two columns.
const GAP: usize = 2;

/// One line of values, each wrapped in its own column: as many rows as the longest needs.
fn columns(what: &str, values: &[String], room: usize) -> Vec<Row> {
    let differs = values.iter().any(|value| Some(value) != values.first());
    let (style, mark) = if differs { (BOLD, "≠") } else { (PLAIN, " ") };
    let wrapped: Vec<Vec<String>> = values.iter().map(|value| wrap(value, room)).collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
    let row = |line: usize| {
        let label = if line == 0 { format!("{what} {mark}") } else { String::new() };
        let cells = wrapped.iter().map(|lines| Cell::styled(style, lines.get(line).map_or("", String::as_str)));
        Row::from(std::iter::once(label.into()).chain(cells).collect::<Vec<Cell>>())
    };
    (0..height).map(row).collect()
}

/// The end of a path, which is what differs.
fn cut_left(path: &str, columns: usize) -> String {
    let characters: Vec<char> = path.chars().collect();
    if characters.len() <= columns {
        return path.to_owned();
    }
    let kept: String = characters[characters.len() + 1 - columns..].iter().collect();
    format!("…{kept}")
}

/// For a pull request.
pub fn markdown(answers: &Answers<'_>) -> String {
    let headlines =
        answers.iter().map(|(name, advice)| format!("- **{}**: {}\n", escaped(name), escaped(&advice.headline)));
    let headlines: Vec<String> = headlines.collect();
    let names: Vec<String> = answers.iter().map(|(name, _)| escaped(name)).collect();
    let rule = "| --- ".repeat(answers.len() + 1);
    let mut rows = String::new();
    for (what, values) in lines(answers) {
        let differs = values.iter().any(|value| Some(value) != values.first());
        let bold = if differs { "**" } else { "" };
        let cells: Vec<String> = values.iter().map(|value| format!("{bold}{}{bold}", escaped(value))).collect();
        let _ = writeln!(rows, "| {what} | {} |", cells.join(" | "));
    }
    for sentence in differences(answers) {
        let _ = writeln!(rows, "\n{}", escaped(&sentence));
    }
    format!("{}\n| | {} |\n{rule}|\n{rows}", headlines.concat(), names.join(" | "))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::super::advice_sample::{advice as sample, hopeless};
    use super::*;

    #[test]
    fn side_by_side_or_below_each_other() {
        let (now, mut next) = (sample(), sample());
        next.current = None;
        next.headline = "nothing waits".to_owned();
        let none = hopeless();
        let both = [("now.toml".to_owned(), &now), ("next.toml".to_owned(), &next)];
        assert_snapshot!(text(&both, &Theme { width: 120, ..Theme::plain() }));
        assert_snapshot!(text(&both, &Theme { width: 60, ..Theme::plain() }));
        let three = [("a|b.toml".to_owned(), &now), ("next.toml".to_owned(), &next), ("none.toml".to_owned(), &none)];
        assert_snapshot!(markdown(&three));
    }
}
