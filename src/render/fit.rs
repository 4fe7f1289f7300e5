//! A document of no more than so many bytes: what matters least is left out, and said to be.
//!
//! It is made of sections, these of items, and an item is shown whole, in a short form, or not at all, so nothing is ever
//! torn. Once something did not fit, nothing that matters less is shown.

use super::text::{count, listed};

/// How much an item matters, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Worth {
    Diagram,
    Unchanged,
    Order,
    MoreNotes,
    Fields,
    Sizing,
    CostRemark,
    CostItem,
    Note,
    Change,
    Disruption,
    CostTotal,
    Warning,
    GraveFields,
    /// A change that destroys something.
    Grave,
    Error,
}

impl Worth {
    const ALL: [Self; 16] = [
        Self::Error,
        Self::Grave,
        Self::GraveFields,
        Self::Warning,
        Self::CostTotal,
        Self::Disruption,
        Self::Change,
        Self::Note,
        Self::CostItem,
        Self::CostRemark,
        Self::Sizing,
        Self::Fields,
        Self::MoreNotes,
        Self::Order,
        Self::Unchanged,
        Self::Diagram,
    ];

    /// What was left out, in words.
    fn left_out(self, number: usize) -> String {
        match self {
            Self::Diagram => "the diagram".to_owned(),
            Self::Order => "the order".to_owned(),
            Self::CostTotal => "the total cost".to_owned(),
            Self::Unchanged => count(number, "unchanged resource"),
            Self::MoreNotes => format!("further notes of {}", count(number, "finding")),
            Self::Fields => format!("fields and reasons of {}", count(number, "change")),
            Self::Sizing => format!("{} on the size of the storage", count(number, "line")),
            Self::CostItem => format!("{} of the cost", count(number, "line")),
            Self::CostRemark => format!("{} on the cost", count(number, "remark")),
            Self::Note => count(number, "note"),
            Self::Change => count(number, "safe change"),
            Self::Disruption => count(number, "disruptive change"),
            Self::Warning => count(number, "warning"),
            Self::GraveFields => format!("fields and reasons of {}", count(number, "destructive change")),
            Self::Grave => count(number, "destructive change"),
            Self::Error => count(number, "error"),
        }
    }
}

#[derive(Debug)]
pub(super) struct Item {
    pub worth: Worth,
    pub text: String,
    /// Instead of the text, where that is too long.
    pub short: Option<String>,
    /// It goes on where the item before it ends, and means nothing without that.
    pub continues: bool,
}

impl Item {
    pub(super) fn new(worth: Worth, text: String) -> Self {
        Self { worth, text, short: None, continues: false }
    }
}

/// Shown only with an item in it.
#[derive(Debug, Default)]
pub(super) struct Section {
    pub open: String,
    pub items: Vec<Item>,
    pub close: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Whole,
    Short,
    Not,
}

/// The head and the sections, each after an empty line, in no more bytes than these; `note` puts what was left out into
/// words. The head and the note have to fit: the caller sees to that.
pub(super) fn fit(head: &str, sections: &[Section], most: usize, note: impl Fn(&str) -> String) -> String {
    let whole: Vec<Vec<Shown>> = sections.iter().map(|section| vec![Shown::Whole; section.items.len()]).collect();
    let all = compose(head, "", sections, &whole);
    if all.len() <= most {
        return all;
    }
    let nothing: Vec<Vec<Shown>> = sections.iter().map(|section| vec![Shown::Not; section.items.len()]).collect();
    // Nothing that is left out has a longer name than all of it.
    let longest = compose(head, &note(&left_out(sections, &nothing)), &[], &[]);
    let shown = select(sections, most.saturating_sub(longest.len()));
    compose(head, &note(&left_out(sections, &shown)), sections, &shown)
}

/// What is shown in so many bytes.
fn select(sections: &[Section], mut room: usize) -> Vec<Vec<Shown>> {
    let mut shown: Vec<Vec<Shown>> = sections.iter().map(|section| vec![Shown::Not; section.items.len()]).collect();
    'worths: for worth in Worth::ALL {
        let mut is_full = false;
        for (section, shown) in sections.iter().zip(&mut shown) {
            let mut is_open = shown.iter().any(|each| *each != Shown::Not);
            for (index, item) in section.items.iter().enumerate().filter(|(_, item)| item.worth == worth) {
                if item.continues && index.checked_sub(1).is_none_or(|before| shown[before] != Shown::Whole) {
                    continue;
                }
                let frame = if is_open { 0 } else { section.open.len() + section.close.len() + 1 };
                let short = item.short.as_ref().map(|short| (Shown::Short, short.len()));
                let forms = [Some((Shown::Whole, item.text.len())), short];
                let fitting = forms.into_iter().flatten().find(|(_, length)| frame + length <= room);
                is_full |= !matches!(fitting, Some((Shown::Whole, _)));
                if let Some((form, length)) = fitting {
                    shown[index] = form;
                    room -= frame + length;
                    is_open = true;
                }
            }
        }
        if is_full {
            break 'worths;
        }
    }
    shown
}

/// `the diagram, 4 unchanged resources and the order`
fn left_out(sections: &[Section], shown: &[Vec<Shown>]) -> String {
    let mut parts = Vec::new();
    for worth in Worth::ALL.into_iter().rev() {
        let of_worth = |wanted: fn(Shown) -> bool| {
            let items = sections.iter().zip(shown).flat_map(|(section, shown)| section.items.iter().zip(shown));
            items.filter(|(item, shown)| item.worth == worth && wanted(**shown)).count()
        };
        let number = of_worth(|shown| shown != Shown::Whole);
        if number > 0 {
            parts.push(worth.left_out(number));
        }
    }
    listed(&parts, Worth::ALL.len())
}

fn compose(head: &str, note: &str, sections: &[Section], shown: &[Vec<Shown>]) -> String {
    let mut out = head.to_owned();
    if !note.is_empty() {
        out.push('\n');
        out.push_str(note);
    }
    for (section, shown) in sections.iter().zip(shown) {
        if shown.iter().all(|each| *each == Shown::Not) {
            continue;
        }
        out.push('\n');
        out.push_str(&section.open);
        for (item, shown) in section.items.iter().zip(shown) {
            match shown {
                Shown::Whole => out.push_str(&item.text),
                Shown::Short => out.push_str(item.short.as_ref().unwrap_or(&item.text)),
                Shown::Not => {}
            }
        }
        out.push_str(&section.close);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn note(what: &str) -> String {
        format!("left out: {what}\n")
    }

    fn items() -> impl Strategy<Value = Vec<Section>> {
        let item = (0..Worth::ALL.len(), 0..80_usize, any::<bool>());
        proptest::collection::vec(proptest::collection::vec(item, 0..12), 0..6).prop_map(|sections| {
            let item = |(at, (worth, length, short)): (usize, (usize, usize, bool))| Item {
                short: short.then(|| format!("<{at}s>")),
                ..Item::new(Worth::ALL[worth], format!("<{at}{}>", "x".repeat(length)))
            };
            let section = |items: Vec<_>| Section {
                open: "(\n".to_owned(),
                items: items.into_iter().enumerate().map(item).collect(),
                close: ")\n".to_owned(),
            };
            sections.into_iter().map(section).collect()
        })
    }

    proptest! {
        #[test]
        fn it_fits_and_the_worthiest_stays(sections in items(), most in 700..3000_usize) {
            let text = fit("head\n", &sections, most, note);
            prop_assert!(text.len() <= most, "{} of {most}: {text}", text.len());
            let whole: usize = sections.iter().map(|section| section.items.iter().map(|item| item.text.len()).sum::<usize>() + 5).sum();
            prop_assert_eq!(text.contains("left out"), whole + 5 - 5 * sections.iter().filter(|section| section.items.is_empty()).count() > most);
            let shown = select(&sections, most);
            let of = |wanted: fn(Shown) -> bool| {
                let items = sections.iter().zip(&shown).flat_map(|(section, shown)| section.items.iter().zip(shown));
                items.filter(move |(_, shown)| wanted(**shown)).map(|(item, _)| item.worth)
            };
            let worthiest_lost = of(|shown| shown != Shown::Whole).max();
            let least_shown = of(|shown| shown != Shown::Not).min();
            if let (Some(lost), Some(shown)) = (worthiest_lost, least_shown) {
                prop_assert!(lost <= shown, "{lost:?} is not there whole, and {shown:?} is");
            }
        }
    }
}
