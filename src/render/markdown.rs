//! Text in GitHub's Markdown. Nothing from a spec or from AWS can break a table, bring in HTML, call a person or point at
//! an issue.

// Writing to a String cannot fail, so its answer is dropped wherever it is used.
use std::fmt::Write as _;

use super::text::clean;
use super::theme::Theme;

/// Text without any meaning to Markdown or GitHub, in one line.
///
/// Character references are no markup to CommonMark. GitHub looks for mentions and issues in the finished page, where a
/// reference is its character again: there a zero-width space keeps `@` and `#` from what follows.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in clean(text, &Theme::plain()).chars() {
        match c {
            '@' | '#' => {
                let _ = write!(out, "&#{};&#8203;", u32::from(c));
            }
            '&' | '<' | '>' | '"' | '\'' | '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '!' | '~' | '$' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            // A scheme without its colon is no link.
            ':' if out.ends_with("http") || out.ends_with("https") => out.push_str("&#58;"),
            c => out.push(c),
        }
    }
    // `www.` makes a link as well.
    out.replace("www.", "www&#46;")
}

/// A word of code. GitHub leaves mentions in `<code>` alone, and Markdown is kept out by the references.
pub(super) fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<code>{}</code>", escaped(text)) }
}

/// Sentences: what stands in back-ticks becomes code, the rest is only text.
pub(super) fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An even number of parts has a lone back-tick in it.
    if parts.len().is_multiple_of(2) {
        return escaped(text);
    }
    let clean_parts =
        parts.iter().enumerate().map(|(index, part)| if index.is_multiple_of(2) { spaced(part) } else { code(part) });
    clean_parts.collect()
}

/// Escaped, with the spaces at its ends.
fn spaced(text: &str) -> String {
    let space = |is: bool| if is { " " } else { "" };
    let inner = escaped(text);
    if inner.is_empty() {
        return space(!text.is_empty()).to_owned();
    }
    format!("{}{inner}{}", space(text.starts_with(char::is_whitespace)), space(text.ends_with(char::is_whitespace)))
}

/// The longest that a character becomes.
const LONGEST: usize = "&#64;&#8203;".len();

/// Cut to so many bytes once escaped.
pub(super) fn escaped_within(text: &str, most: usize) -> String {
    let whole = escaped(text);
    if whole.len() <= most {
        return whole;
    }
    let part: String = text.chars().take(most / LONGEST - 1).collect();
    escaped(&part) + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_fits() {
        assert_eq!(escaped_within("a@b", 30), "a&#64;&#8203;b");
        for c in ['@', 'a', '漢', '\u{7}', '|', ' '] {
            for most in 24..200 {
                let cut = escaped_within(&c.to_string().repeat(400), most);
                assert!(cut.len() <= most, "{c:?} {most}: {cut}");
            }
        }
    }
}
