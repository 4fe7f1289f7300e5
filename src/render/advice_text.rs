//! Advice for a person at a terminal: the sentence that matters, what was asked for, what to take and what limits it, every
//! option with what rules it out, then time and money, what more money buys, and what was taken for granted.

// Writing to a String cannot fail, so its answer is dropped wherever it is used.
use std::fmt::Write as _;

use super::advice_facts::{self as facts, Sources};
use super::scan::{self, Scanned};
use super::table::{Cell, Column, Row, table};
use super::text::{clean, labelled};
use super::theme::{BAD, BOLD, CAREFUL, DIM, GOOD, PLAIN, Theme};
use crate::sizing::Amount;
use crate::sizing::advice::{Advice, Assumption, Candidate, Evaluated, Fit, Outcome, Point, Requirement};

/// Before what belongs to the line above.
const DETAIL: &str = "      ";

/// How much is said of an option that falls short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What rules it out first.
    Worst,
    All,
}

/// So many lines of an option.
const MOST_TROUBLES: usize = 3;

/// All of it. Sources are numbered, and listed at the end.
pub fn advice(advice: &Advice, scans: &[Scanned], detail: Detail, theme: &Theme) -> String {
    let mut sources = Sources::default();
    let parts = [
        headline(advice, theme),
        scans.iter().map(|scanned| scan::text(scanned, theme)).collect::<Vec<String>>().join("\n"),
        asked(advice, theme),
        chosen(advice, &mut sources, theme),
        options(advice, &mut sources, detail, theme),
        money(advice, theme),
        frontier(advice, theme),
        assumptions(advice, theme),
        listed_sources(advice, &sources, theme),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

/// The sentence, and what was said and cannot all be true.
fn headline(advice: &Advice, theme: &Theme) -> String {
    let mut out = painted(BOLD, &advice.headline, theme);
    for warning in facts::warnings(advice) {
        let shown = format!("{} ", theme.paint(CAREFUL, "!"));
        out.push_str(&labelled("! ", &shown, &warning, theme));
    }
    out
}

/// A paragraph in a style.
fn painted(style: anstyle::Style, text: &str, theme: &Theme) -> String {
    let lines = labelled("", "", text, theme);
    lines.lines().map(|line| theme.paint(style, line) + "\n").collect()
}

fn title(text: &str, theme: &Theme) -> String {
    painted(BOLD, text, theme)
}

fn asked(advice: &Advice, theme: &Theme) -> String {
    if advice.requirements.is_empty() {
        return String::new();
    }
    let row = |requirement: &Requirement| {
        let Requirement { key, wanted, because, assumed } = requirement;
        let (style, mark) = if *assumed { (CAREFUL, "~") } else { (PLAIN, " ") };
        Row::from(vec![
            Cell::styled(style, mark),
            key.words().into(),
            wanted.to_string().into(),
            Cell::styled(DIM, because.as_str()),
        ])
    };
    let rows = advice.requirements.iter().map(row).collect();
    let columns = [Column::Left, Column::Left, Column::Left, Column::Wrapped];
    let hint = if advice.requirements.iter().any(|requirement| requirement.assumed) {
        labelled("  ", "  ", "~ hangs on something assumed: see below", theme)
    } else {
        String::new()
    };
    title("Asked for", theme) + &table(1, &columns, rows, theme) + &hint
}

fn chosen<'a>(advice: &'a Advice, sources: &mut Sources<'a>, theme: &Theme) -> String {
    let mut out = String::new();
    if let Some(chosen) = &advice.chosen {
        out.push_str(&title("The file system to take", theme));
        out.push_str(&evaluated(chosen, sources, theme));
        let _ = writeln!(out, "{DETAIL}[storage]");
        for line in &chosen.configuration.spec_lines {
            let _ = writeln!(out, "{DETAIL}{}", clean(line, theme));
        }
    }
    if let Some(current) = facts::current(advice) {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&title("What `[storage]` says now", theme));
        out.push_str(&evaluated(current, sources, theme));
    }
    out
}

fn evaluated<'a>(evaluated: &'a Evaluated, sources: &mut Sources<'a>, theme: &Theme) -> String {
    let Evaluated { configuration, meets: _, monthly, hourly, stages, bottleneck, why, wait_permille } = evaluated;
    let hourly = facts::hourly(*hourly).map(|hourly| format!(" ({hourly})")).unwrap_or_default();
    let cost = format!("{} a month{hourly}", facts::monthly(*monthly));
    let mut out = labelled("  ", "  ", &format!("{}: {cost}", configuration.words), theme);
    out.push_str(&labelled("  ", "  ", why, theme));
    if let Some(wait) = wait_permille.filter(|wait| *wait > 0) {
        out.push_str(&labelled("  ", "  ", &format!("Nodes wait {} of the time for it.", facts::percent(wait)), theme));
    }
    let rows: Vec<Row> = stages
        .iter()
        .map(|stage| {
            let is_least = *bottleneck == Some(stage.stage);
            let style = match stage.left_percent {
                Some(left) if left < 0 => BAD,
                _ if is_least => CAREFUL,
                _ => PLAIN,
            };
            let had = stage.had.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
            let mark = if is_least { ", the bottleneck" } else { "" };
            Row::from(vec![
                stage.stage.words().into(),
                had.into(),
                Cell::styled(
                    style,
                    format!("for {}: {}{mark}{}", stage.wanted, facts::left(stage), sources.cite(&stage.source)),
                ),
            ])
        })
        .collect();
    out + &table(2, &[Column::Left, Column::Right, Column::Wrapped], rows, theme)
}

fn options<'a>(advice: &'a Advice, sources: &mut Sources<'a>, detail: Detail, theme: &Theme) -> String {
    if advice.options.is_empty() {
        return String::new();
    }
    let rows = advice.options.iter().map(|option| row(option, sources, detail, theme)).collect();
    let columns = [Column::Right, Column::Wrapped, Column::Left, Column::Right];
    let head = format!("Options, best first: {}", facts::fitting(advice));
    title(&head, theme) + &table(1, &columns, rows, theme)
}

fn row<'a>(option: &'a Candidate, sources: &mut Sources<'a>, detail: Detail, theme: &Theme) -> Row {
    let style = match option.fit {
        Fit::Fits => GOOD,
        Fit::Unknown => CAREFUL,
        Fit::FallsShort => BAD,
    };
    let cells: Vec<Cell> = vec![
        option.rank.to_string().into(),
        Cell::styled(style, option.name.as_str()),
        Cell::styled(style, facts::fit(option)),
        facts::monthly(option.monthly).into(),
    ];
    let mut below = String::new();
    if let Some(size) = &option.size {
        below.push_str(&labelled(DETAIL, DETAIL, size, theme));
    }
    // Of all others, the list below says the same and more.
    if option.fit == Fit::Fits {
        below.push_str(&labelled(DETAIL, DETAIL, &option.verdict, theme));
    }
    let troubles = facts::troubles(option);
    let shown = match detail {
        Detail::All => troubles.len(),
        // One line for the last one is no more than one line that says there is one more.
        Detail::Worst => {
            if troubles.len() > MOST_TROUBLES + 1 {
                MOST_TROUBLES
            } else {
                troubles.len()
            }
        }
    };
    for trouble in &troubles[..shown] {
        let (mark, style) = match trouble.judgement.outcome {
            Outcome::FallsShort => ("- ", BAD),
            Outcome::Unknown | Outcome::Meets => ("? ", CAREFUL),
        };
        let label = format!("{DETAIL}{mark}");
        let shown = format!("{DETAIL}{}", theme.paint(style, mark.trim_end())) + " ";
        let text = format!("{}{}", facts::told(trouble), sources.cite(&trouble.judgement.source));
        below.push_str(&labelled(&label, &shown, &text, theme));
    }
    if shown < troubles.len() {
        let text = format!("and {} more, with `-v`", troubles.len() - shown);
        below.push_str(&labelled(DETAIL, DETAIL, &text, theme));
    }
    if let Some(made) = facts::made(option) {
        below.push_str(&labelled(DETAIL, DETAIL, &made, theme));
    }
    Row::from(cells).below(below)
}

fn money(advice: &Advice, theme: &Theme) -> String {
    let sentences = facts::sentences(advice);
    if sentences.is_empty() {
        return String::new();
    }
    let lines: String = sentences.iter().map(|sentence| labelled("  - ", "  - ", sentence, theme)).collect();
    title("Time and money", theme) + &lines
}

fn frontier(advice: &Advice, theme: &Theme) -> String {
    let points = facts::points(advice);
    if points.is_empty() {
        return String::new();
    }
    let row = |point: &&Point| {
        let style = match () {
            () if point.is_chosen => GOOD,
            () if point.meets => PLAIN,
            () => DIM,
        };
        let wait = point.wait_permille.map_or_else(String::new, facts::percent);
        let mark = match () {
            () if point.is_chosen => ">",
            () if point.meets => "+",
            () => "-",
        };
        let marks = facts::marks(point);
        let marks = if marks.is_empty() { marks } else { format!(": {marks}") };
        let cells: Vec<Cell> = vec![
            Cell::styled(style, mark),
            Cell::styled(style, facts::whole(point.monthly)),
            Cell::styled(style, Amount::BytesPerSecond(point.read).to_string()),
            wait.into(),
            Cell::styled(style, format!("{}{marks}", point.configuration.words)),
        ];
        Row::from(cells)
    };
    let has_wait = points.iter().any(|point| point.wait_permille.is_some());
    let head = ["", "USD/month", "read", if has_wait { "wait" } else { "" }, ""];
    let head = Row::from(head.map(|word| Cell::styled(DIM, word)).to_vec());
    let rows = std::iter::once(head).chain(points.iter().map(row)).collect();
    let columns = [Column::Left, Column::Right, Column::Right, Column::Right, Column::Wrapped];
    let hidden = advice.frontier.len() - points.len();
    let more = if hidden > 0 { format!(" ({hidden} more in JSON)") } else { String::new() };
    title(&format!("What more money buys; reading goes on beside the writing asked for{more}"), theme)
        + &table(1, &columns, rows, theme)
}

fn assumptions(advice: &Advice, theme: &Theme) -> String {
    if advice.assumptions.is_empty() {
        return String::new();
    }
    let line = |assumption: &Assumption| {
        let Assumption { key, what, value, why } = assumption;
        let said = key.as_ref().map(|key| format!(" `{key}` says otherwise.")).unwrap_or_default();
        labelled("  - ", "  - ", &format!("{what}: {value}, since {why}.{said}"), theme)
    };
    title("Taken for granted", theme) + &advice.assumptions.iter().map(line).collect::<String>()
}

fn listed_sources(advice: &Advice, sources: &Sources<'_>, theme: &Theme) -> String {
    let list = sources.list();
    let prices = labelled("  ", "  ", &facts::prices(advice), theme);
    let lines: String = list
        .iter()
        .map(|(number, text)| {
            let label = format!("  [{number}] ");
            labelled(&label, &label, text, theme)
        })
        .collect();
    title("Sources", theme) + &prices + &lines
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::super::advice_sample::{advice as sample, hopeless};
    use super::super::{Charset, Color};
    use super::*;

    #[test]
    fn for_a_person() {
        assert_snapshot!(advice(&sample(), &[], Detail::Worst, &Theme::plain()));
        assert_snapshot!(advice(&hopeless(), &[], Detail::All, &Theme::plain()));
    }

    #[test]
    fn in_a_narrow_terminal_no_line_is_too_long_but_those_to_paste() {
        let theme = Theme { width: 60, charset: Charset::Ascii, ..Theme::plain() };
        let text = advice(&sample(), &[], Detail::Worst, &theme);
        let long: Vec<&str> = text.lines().filter(|line| line.len() > 60 && !line.contains(" = ")).collect();
        assert!(long.is_empty(), "{long:#?}");
        assert_snapshot!(text);
    }

    #[test]
    fn colour_adds_nothing() {
        let colored = advice(&sample(), &[], Detail::Worst, &Theme { color: Color::On, ..Theme::plain() });
        assert!(colored.contains('\u{1b}'));
        let plain = anstream::adapter::strip_str(&colored).to_string();
        assert_eq!(plain, advice(&sample(), &[], Detail::Worst, &Theme::plain()));
    }
}
