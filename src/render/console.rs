//! What a node wrote, made fit for a terminal.

/// The last lines of a console. What a machine writes there must not steer the terminal of who reads it.
pub fn text(console: &str, lines: Option<usize>) -> String {
    let clean = plain(console);
    let all: Vec<&str> = clean.lines().collect();
    let from = lines.map_or(0, |lines| all.len().saturating_sub(lines));
    let mut text = all[from..].join("\n");
    text.push('\n');
    text
}

/// Without control characters and the sequences that they begin; tabs and line breaks stay.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' if rest.peek() == Some(&'[') => {
                // A control sequence ends with a byte from `@` on (ECMA-48).
                rest.next();
                while rest.next_if(|c| !('@'..='~').contains(c)).is_some() {}
                rest.next();
            }
            '\n' | '\t' => out.push(c),
            c if c.is_control() || is_direction(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// Marks that turn the direction of text around.
const fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_shown_and_nothing_steers() {
        let console = "one\r\n\u{1b}[1;32mtwo\u{1b}[0m\u{7}\n\u{1b}]0;title\u{7}three\t3\n";
        assert_eq!(text(console, Some(2)), "two\n]0;titlethree\t3\n");
        assert_eq!(text(console, None).lines().count(), 3);
        assert_eq!(text("\u{1b}[", Some(5)), "\n");
    }
}
