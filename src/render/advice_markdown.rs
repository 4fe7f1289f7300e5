//! Advice for a pull request or an issue: what to decide by is on top, the rest is folded away.

// Writing to a String cannot fail, so its answer is dropped wherever it is used.
use std::fmt::Write as _;

use super::advice_facts::{self as facts, Sources};
use super::markdown::{code, escaped, prose};
use super::scan::{self, Scanned};
use crate::sizing::Amount;
use crate::sizing::advice::{Advice, Candidate, Evaluated, Fit};

/// All of it.
pub fn advice(advice: &Advice, scans: &[Scanned]) -> String {
    let mut sources = Sources::default();
    let parts = [
        headline(advice),
        scans.iter().map(scanned).collect::<Vec<String>>().concat(),
        chosen(advice, &mut sources),
        options(advice),
        reasons(advice, &mut sources),
        money(advice),
        folded("Asked for", &asked(advice)),
        folded("What more money buys", &frontier(advice)),
        folded("Taken for granted", &assumptions(advice)),
        folded("Sources", &listed(advice, &sources)),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

fn headline(advice: &Advice) -> String {
    let mut out = format!("**{}**\n", escaped(&advice.headline));
    for warning in facts::warnings(advice) {
        let _ = write!(out, "\n> ⚠️ {}\n", prose(&warning));
    }
    out
}

fn scanned(scanned: &Scanned) -> String {
    let notes = scan::notes(&scanned.found).into_iter();
    let warnings = scan::warnings(&scanned.url, &scanned.found).into_iter().map(|warning| format!("⚠️ {warning}"));
    let notes: Vec<String> = notes.chain(warnings).map(|note| format!("  - {}\n", prose(&note))).collect();
    format!("- {}\n{}", escaped(&scan::headline(scanned)), notes.concat())
}

fn chosen<'a>(advice: &'a Advice, sources: &mut Sources<'a>) -> String {
    let mut out = String::new();
    if let Some(chosen) = &advice.chosen {
        let lines: String = chosen.configuration.spec_lines.iter().map(|line| line.clone() + "\n").collect();
        let _ = write!(out, "### The file system to take\n\n{}", evaluated(chosen, sources));
        let _ = write!(out, "\n```toml\n[storage]\n{}```\n", lines.replace("```", ""));
    }
    if let Some(current) = facts::current(advice) {
        let _ = write!(out, "\n### What <code>[storage]</code> says now\n\n{}", evaluated(current, sources));
    }
    out
}

fn evaluated<'a>(evaluated: &'a Evaluated, sources: &mut Sources<'a>) -> String {
    let Evaluated { configuration, meets: _, monthly, hourly, stages, bottleneck, why, wait_permille } = evaluated;
    let hourly = facts::hourly(*hourly).map(|hourly| format!(" ({hourly})")).unwrap_or_default();
    let cost = format!("{} a month{hourly}", facts::monthly(*monthly));
    let mut out = format!("**{}**: {cost}. {}\n", escaped(&configuration.words), prose(why));
    if let Some(wait) = wait_permille.filter(|wait| *wait > 0) {
        let _ = writeln!(out, "Nodes wait {} of the time for it.", facts::percent(wait));
    }
    if !stages.is_empty() {
        out.push_str("\n| stage | has | wanted | left |\n| --- | ---: | ---: | --- |\n");
    }
    for stage in stages {
        let had = stage.had.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        let is_least = *bottleneck == Some(stage.stage);
        let (bold, mark) = if is_least { ("**", ", the bottleneck") } else { ("", "") };
        let left = format!("{}{mark}", facts::left(stage));
        let cells = (escaped(stage.stage.words()), escaped(&had), escaped(&stage.wanted.to_string()));
        let cite = escaped(&sources.cite(&stage.source));
        let _ = writeln!(out, "| {} | {} | {} | {bold}{}{bold} {cite} |", cells.0, cells.1, cells.2, escaped(&left));
    }
    out
}

fn options(advice: &Advice) -> String {
    if advice.options.is_empty() {
        return String::new();
    }
    let row = |option: &Candidate| {
        let (bold, mark) = match option.fit {
            Fit::Fits => ("**", "✅"),
            Fit::Unknown => ("", "❔"),
            Fit::FallsShort => ("", "❌"),
        };
        let cost = facts::monthly(option.monthly);
        let name = format!("{bold}{}{bold}", escaped(&option.name));
        format!(
            "| {} | {name} | {mark} {} | {} | {} |\n",
            option.rank,
            facts::fit(option),
            cost,
            prose(&option.verdict)
        )
    };
    let rows: String = advice.options.iter().map(row).collect();
    format!(
        "### Options: {}\n\n| | option | | a month | |\n| ---: | --- | --- | ---: | --- |\n{rows}",
        facts::fitting(advice)
    )
}

/// What rules options out, with its source.
fn reasons<'a>(advice: &'a Advice, sources: &mut Sources<'a>) -> String {
    let mut list = String::new();
    for option in &advice.options {
        let troubles = facts::troubles(option);
        let made = facts::made(option);
        if troubles.is_empty() && made.is_none() && option.size.is_none() {
            continue;
        }
        let size = option.size.as_ref().map(|size| format!(" ({})", escaped(size))).unwrap_or_default();
        let _ = writeln!(list, "- {}{size}", escaped(&option.name));
        for trouble in troubles {
            let text = format!("{}{}", facts::told(&trouble), sources.cite(&trouble.judgement.source));
            let _ = writeln!(list, "  - {}", escaped(&text));
        }
        if let Some(made) = made {
            let _ = writeln!(list, "  - {}", prose(&made));
        }
    }
    folded("Where each falls short", &list)
}

fn money(advice: &Advice) -> String {
    let sentences = facts::sentences(advice);
    if sentences.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = sentences.iter().map(|sentence| format!("- {}\n", prose(sentence))).collect();
    format!("### Time and money\n\n{}", lines.concat())
}

fn folded(title: &str, inner: &str) -> String {
    if inner.is_empty() {
        return String::new();
    }
    format!("<details><summary>{title}</summary>\n\n{inner}\n</details>\n")
}

fn asked(advice: &Advice) -> String {
    if advice.requirements.is_empty() {
        return String::new();
    }
    let rows = advice.requirements.iter().map(|requirement| {
        let assumed = if requirement.assumed { " (hangs on something assumed)" } else { "" };
        let wanted = escaped(&requirement.wanted.to_string());
        format!("| {} | {wanted} | {}{assumed} |\n", requirement.key.words(), prose(&requirement.because))
    });
    format!("| | wanted | because |\n| --- | --- | --- |\n{}", rows.collect::<String>())
}

fn frontier(advice: &Advice) -> String {
    let points = facts::points(advice);
    if points.is_empty() {
        return String::new();
    }
    let rows = points.iter().map(|point| {
        let wait = point.wait_permille.map(facts::percent).unwrap_or_default();
        let bold = if point.is_chosen { "**" } else { "" };
        let (read, cost) = (Amount::BytesPerSecond(point.read), facts::monthly(Some(point.monthly)));
        let words = escaped(&point.configuration.words);
        format!("| {bold}{cost}{bold} | {read} | {wait} | {words} | {} |\n", prose(&facts::marks(point)))
    });
    let head = "| a month | read from disk | nodes wait | | |\n| ---: | ---: | ---: | --- | --- |\n";
    format!("{head}{}", rows.collect::<String>())
}

fn assumptions(advice: &Advice) -> String {
    if advice.assumptions.is_empty() {
        return String::new();
    }
    let rows = advice.assumptions.iter().map(|each| {
        let key = each.key.as_deref().map(code).unwrap_or_default();
        format!("| {} | {} | {} | {key} |\n", prose(&each.what), escaped(&each.value), prose(&each.why))
    });
    format!("| | value | why | say it |\n| --- | --- | --- | --- |\n{}", rows.collect::<String>())
}

fn listed(advice: &Advice, sources: &Sources<'_>) -> String {
    let list = sources.list();
    let list: Vec<String> = list.iter().map(|(number, text)| format!("{number}. {}\n", escaped(text))).collect();
    format!("{}\n\n{}", escaped(&facts::prices(advice)), list.concat())
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::super::advice_sample::{advice as sample, hopeless};
    use super::*;

    #[test]
    fn for_a_pull_request() {
        assert_snapshot!(advice(&sample(), &[]));
    }

    #[test]
    fn nobody_brings_in_markup() {
        let text = advice(&hopeless(), &[]);
        for markup in ["<script", "<b>", "@everyone", "| `x`"] {
            assert!(!text.contains(markup), "{markup} in {text}");
        }
    }
}
