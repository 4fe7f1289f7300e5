//! Reads a table of prices that a user or an earlier run wrote: every fault at once, each with its place.

use std::collections::BTreeMap;

use super::money::Usd;
use super::prices::item_names;
use crate::diagnostic::Span;

/// What a table says.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub date: Option<String>,
    pub region: Option<String>,
    pub source: Option<String>,
    pub items: BTreeMap<String, Usd>,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub place: Span,
    pub what: String,
}

/// Reads the table, or says everything that is wrong with it.
pub(super) fn read(text: &str) -> Result<Table, Vec<Fault>> {
    let mut table = Table::default();
    let mut faults = Vec::new();
    let names = item_names();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let mut fault = |cell: &str, what: String| {
            // Of two alike on a line, the price is the last.
            let at = start + line.rfind(cell).unwrap_or(0);
            faults.push(Fault { place: Span { start: at, end: at + cell.len() }, what });
        };
        let content = line.trim();
        if let Some(comment) = content.strip_prefix('#') {
            let (key, value) = comment.split_once(':').unwrap_or((comment, ""));
            let value = value.trim();
            match key.trim() {
                "date" if !is_date(value) => fault(content, "not a day such as `2026-11-23`".to_owned()),
                "date" => table.date = Some(value.to_owned()),
                "region" => table.region = Some(value.to_owned()),
                "source" => table.source = Some(value.to_owned()),
                _ => {}
            }
        } else if !content.is_empty() {
            match content.split_whitespace().collect::<Vec<_>>().as_slice() {
                [item, price] => match Usd::parse(price) {
                    _ if !is_item(item, &names) => fault(item, unknown(item, &names)),
                    None => fault(price, "not a price: digits, and six places at most".to_owned()),
                    Some(Usd::ZERO) => fault(price, "nothing is free; leave out what has no known price".to_owned()),
                    Some(price) => {
                        if table.items.insert((*item).to_owned(), price).is_some() {
                            fault(item, "a second price of this item".to_owned());
                        }
                    }
                },
                _ => fault(content, "not an item and its price".to_owned()),
            }
        }
        start += line.len();
    }
    if faults.is_empty() { Ok(table) } else { Err(faults) }
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

/// Any instance type will do: new ones come faster than versions of this program.
fn is_item(item: &str, names: &[String]) -> bool {
    let is_instance = item.strip_prefix("ec2/").and_then(|name| name.split_once('.')).is_some_and(|(family, size)| {
        let is_word = |word: &str| {
            let mut bytes = word.bytes();
            !word.is_empty() && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        is_word(family) && is_word(size)
    });
    is_instance || names.iter().any(|name| name == item)
}

fn unknown(item: &str, names: &[String]) -> String {
    let like = names.iter().map(|name| (strsim::jaro_winkler(item, name), name)).max_by(|a, b| a.0.total_cmp(&b.0));
    match like {
        Some((likeness, name)) if likeness > 0.9 => format!("no item of a table; is it `{name}`?"),
        _ => "no item of a table: `provision prices show` has them all".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_fault_is_told_with_its_place() {
        let text = "# date: soon\nec2/p5.48xlarge\t55.04\nebs/gp33 0.08\nebs/gp3 0\nfsx/metadata-iops -1\nec2/p5.48xlarge 1\nwhat\n";
        let faults = read(text).expect_err("full of faults");
        let told: Vec<(&str, &str)> =
            faults.iter().map(|fault| (&text[fault.place.start..fault.place.end], fault.what.as_str())).collect();
        assert_eq!(
            told,
            [
                ("# date: soon", "not a day such as `2026-11-23`"),
                ("ebs/gp33", "no item of a table; is it `ebs/gp3`?"),
                ("0", "nothing is free; leave out what has no known price"),
                ("-1", "not a price: digits, and six places at most"),
                ("ec2/p5.48xlarge", "a second price of this item"),
                ("what", "not an item and its price"),
            ]
        );
    }

    #[test]
    fn comments_blanks_and_any_white_space_will_do() {
        let table = read("\n# ours\n#region:  eu-west-1 \r\n  ec2/x9.huge   1.5\r\n").expect("a table");
        assert_eq!((table.region.as_deref(), table.items.len()), (Some("eu-west-1"), 1));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), nearly in "(# ?(date|region): ?[0-9a-z-]{0,12}\n|(ec2|ebs|fsx)/[a-z0-9./]{0,9}[ \t][0-9.]{0,9}\n){0,5}") {
            for text in [text, nearly] {
                for fault in read(&text).err().unwrap_or_default() {
                    prop_assert!(text.get(fault.place.start..fault.place.end).is_some());
                }
            }
        }
    }
}
