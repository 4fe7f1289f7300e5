//! Words and lines: what every renderer writes alike. Text that comes from elsewhere is cleaned here before it is shown.

use unicode_width::UnicodeWidthStr as _;

use super::theme::{Charset, Theme};
use crate::catalog::prices::Usd;

/// What is foreign, made fit for one line: no control or direction characters (a name must not steer a terminal), no account
/// numbers in ARNs, ASCII where the theme says so.
pub(super) fn clean(text: &str, theme: &Theme) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => line.push(' '),
            c if c.is_control() => line.push('\u{fffd}'),
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
                line.push('\u{fffd}');
            }
            c => line.push(c),
        }
    }
    let line = without_accounts(line.trim());
    match theme.charset {
        Charset::Unicode => line,
        Charset::Ascii => ascii(&line),
    }
}

/// `arn:aws:iam::123456789012:user/ana` becomes `arn:aws:iam::…:user/ana`: output is pasted into tickets.
fn without_accounts(text: &str) -> String {
    let is_account = |part: &str| part.len() == 12 && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = text.split(':').collect();
    let last = parts.len() - 1;
    let parts: Vec<&str> = parts
        .iter()
        .enumerate()
        .map(|(index, part)| if index > 0 && index < last && is_account(part) { "…" } else { part })
        .collect();
    parts.join(":")
}

fn ascii(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii() => plain.push(c),
            '×' => plain.push('x'),
            '→' => plain.push_str("->"),
            '⇄' => plain.push_str("<->"),
            '±' => plain.push_str("-/+"),
            '…' => plain.push_str("..."),
            '·' => plain.push('.'),
            '≠' => plain.push_str("!="),
            _ => plain.push('?'),
        }
    }
    plain
}

pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// Words of a line. What stands in back-ticks is one word: a command must not be torn apart.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (at, c) in text.char_indices() {
        match c {
            '`' => quoted = !quoted,
            ' ' if !quoted || !text[at..].contains('`') => {
                words.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(&text[start..]);
    words.retain(|word| !word.is_empty());
    words
}

/// Lines of at most so many columns, torn at spaces only. At least one line.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words(text) {
        let line = lines.last().map_or(0, |line| width(line));
        if line > 0 && line + 1 + width(word) > columns {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// A paragraph behind a label: `= note: …`, its further lines below the first one's text. Cleaned; ends with a line break.
pub(super) fn labelled(label: &str, shown: &str, text: &str, theme: &Theme) -> String {
    let indent = width(label);
    let columns = theme.width.saturating_sub(indent).max(MIN_COLUMNS);
    let mut out = shown.to_owned();
    for (index, line) in wrap(&clean(text, theme), columns).iter().enumerate() {
        if index > 0 {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// However narrow a terminal is, below this nothing can be read.
pub(super) const MIN_COLUMNS: usize = 24;

/// Cuts to so many columns, with `…` for what is left out.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if width(&kept) + width(c.encode_utf8(&mut [0; 4])) + 1 > columns {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

/// `1 node`, `2 nodes`.
pub(super) fn count(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{} {noun}s", grouped(count as u64)) }
}

/// `1,000`
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `a`, `a and b`, `a, b and c`; past `most` of them `a, b and 38 more`.
pub(super) fn listed(all: &[String], most: usize) -> String {
    let (shown, rest) = all.split_at(all.len().min(most));
    let rest = match rest.len() {
        0 => None,
        more => Some(format!("{more} more")),
    };
    let parts: Vec<&str> = shown.iter().map(String::as_str).chain(rest.as_deref()).collect();
    match parts.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

/// `1,234.50 USD`
pub(super) fn money(amount: Usd) -> String {
    let text = amount.to_string();
    let (whole, rest) = text.split_once('.').unwrap_or((&text, "00 USD"));
    match whole.parse() {
        Ok(number) => format!("{}.{rest}", grouped(number)),
        Err(_) => text,
    }
}

/// A sum of which parts may be unknown: `at least …`, and `unknown` where nothing is known at all.
pub(super) fn sum(amount: Usd, is_complete: bool, per: &str) -> String {
    match (amount, is_complete) {
        (amount, true) => format!("{}{per}", money(amount)),
        (Usd::ZERO, false) => "unknown".to_owned(),
        (amount, false) => format!("at least {}{per}", money(amount)),
    }
}

/// `45 s`, `9 min`, `1 h 5 min`, `3 d 2 h`: two figures are enough for a person.
pub(super) fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600, seconds / 60);
    let with = |main: String, rest: u64, unit: &str| {
        if rest == 0 { main } else { format!("{main} {rest} {unit}") }
    };
    match () {
        () if minutes == 0 => format!("{seconds} s"),
        () if minutes < 10 => with(format!("{minutes} min"), seconds % 60, "s"),
        () if hours == 0 => format!("{minutes} min"),
        () if days == 0 => with(format!("{hours} h"), minutes % 60, "min"),
        () => with(format!("{days} d"), hours % 24, "h"),
    }
}

/// Whole seconds of a length that was measured; what is negative or no number is none.
pub(super) fn whole_seconds(seconds: f64) -> u64 {
    // Checked: neither negative nor too large, and the fraction is what is to go.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
    let whole = seconds.clamp(0.0, 1e15) as u64;
    whole
}

/// `0:07`, `12:30`, `1:02:03`
pub(super) fn clock(seconds: f64) -> String {
    let whole = whole_seconds(seconds);
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_becomes_one_harmless_line() {
        let theme = Theme::plain();
        assert_eq!(clean("a\nb\x1b[2Jc\u{202e}d", &theme), "a b\u{fffd}[2Jc\u{fffd}d");
        assert_eq!(clean("arn:aws:iam::123456789012:user/ana", &theme), "arn:aws:iam::…:user/ana");
        let ascii = Theme { charset: Charset::Ascii, ..theme };
        assert_eq!(clean("8 × a ⇄ b ±…é", &ascii), "8 x a <-> b -/+...?");
    }

    #[test]
    fn commands_are_not_torn() {
        assert_eq!(wrap("then run `provision up --yes` again", 14), ["then run", "`provision up --yes`", "again"]);
        assert_eq!(wrap("a ` lone tick", 5), ["a `", "lone", "tick"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn figures_are_written_for_people() {
        assert_eq!(count(1, "node"), "1 node");
        assert_eq!(count(1000, "node"), "1,000 nodes");
        assert_eq!(money(Usd::from_micros(1_234_500_000)), "1,234.50 USD");
        assert_eq!(money(Usd::from_micros(-2_000_000)), "-2.00 USD");
        assert_eq!(sum(Usd::ZERO, false, "/h"), "unknown");
        for (seconds, text) in [
            (59, "59 s"),
            (60, "1 min"),
            (65, "1 min 5 s"),
            (700, "11 min"),
            (3600, "1 h"),
            (3900, "1 h 5 min"),
            (86_400 * 3 + 7200, "3 d 2 h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
        assert_eq!(clock(7.9), "0:07");
        assert_eq!(clock(3723.0), "1:02:03");
        let names: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(listed(&names, 9), "a, b and c");
        assert_eq!(listed(&names, 1), "a and 2 more");
        assert_eq!(cut("abcdef", 4), "abc…");
    }
}
