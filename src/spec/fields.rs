//! One table of the spec, read key by key: unknown keys, missing keys and wrong types become complaints, all of them.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::model::Budget;
use super::places::span;
use super::units::{self, Quantity, UnitError};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};

/// A value and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// Something was wrong and the complaint about it is already made: whoever needs the value gives up quietly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Complained;

/// A value, or none since the key is absent, or none since it is wrong.
pub(super) type Read<T> = Result<Option<At<T>>, Complained>;

/// A table and the keys that it may have.
pub(super) struct Fields<'t, 'i> {
    pub(super) span: Span,
    table: &'t DeTable<'i>,
}

impl<'t, 'i> Fields<'t, 'i> {
    /// Opens a table, `name` being its header; complains about every key that is not in `keys`.
    pub(super) fn open(
        name: &str,
        value: &'t Spanned<DeValue<'i>>,
        keys: &[&str],
        out: &mut Diagnostics,
    ) -> Result<Self, Complained> {
        let DeValue::Table(table) = value.get_ref() else {
            return Err(wrong_type(value, &format!("a table `{name}`"), out));
        };
        let fields = Self { span: span(value), table };
        unknown_keys(table, keys, &format!("`{name}`"), out);
        Ok(fields)
    }

    /// A table that is not there, read as an empty one: complaints go to `span`.
    pub(super) fn absent(empty: &'t DeTable<'i>, span: Span) -> Self {
        Self { span, table: empty }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.table.get(key)
    }

    /// Complains that a key must be there; `example` is a line that could be pasted.
    pub(super) fn missing(&self, key: &str, example: &str, out: &mut Diagnostics) -> Complained {
        out.push(
            Diagnostic::error("spec::missing", "a required key is missing")
                .at(self.span, format!("has no `{key}`"))
                .help(format!("add `{example}`")),
        );
        Complained
    }

    pub(super) fn text(&self, key: &str, expected: &str, out: &mut Diagnostics) -> Read<String> {
        self.get(key).map(|value| text(value, expected, out)).transpose()
    }

    /// Reads one word of a few.
    pub(super) fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)], out: &mut Diagnostics) -> Read<T> {
        self.get(key).map(|value| choice(key, value, choices, out)).transpose()
    }

    pub(super) fn flag(&self, key: &str, out: &mut Diagnostics) -> Read<bool> {
        self.get(key)
            .map(|value| match value.get_ref() {
                DeValue::Boolean(flag) => Ok(At { value: *flag, span: span(value) }),
                _ => Err(wrong_type(value, "`true` or `false`", out)),
            })
            .transpose()
    }

    pub(super) fn number(&self, key: &str, expected: &str, out: &mut Diagnostics) -> Read<i64> {
        self.get(key).map(|value| number(value, expected, out)).transpose()
    }

    pub(super) fn size(&self, key: &str, example: &str, out: &mut Diagnostics) -> Read<Quantity> {
        self.quantity(key, example, Quantity::size, units::SIZE_UNITS, out)
    }

    pub(super) fn rate(&self, key: &str, example: &str, out: &mut Diagnostics) -> Read<Quantity> {
        self.quantity(key, example, Quantity::rate, units::RATE_UNITS, out)
    }

    pub(super) fn duration(&self, key: &str, example: &str, out: &mut Diagnostics) -> Read<jiff::SignedDuration> {
        self.quantity(key, example, units::duration, units::DURATION_UNITS, out)
    }

    pub(super) fn budget(&self, key: &str, out: &mut Diagnostics) -> Read<Budget> {
        self.quantity(key, "500 USD/day", units::budget, units::BUDGET_UNITS, out)
    }

    fn quantity<T>(
        &self,
        key: &str,
        example: &str,
        read: impl Fn(&str) -> Result<T, UnitError>,
        accepted: &str,
        out: &mut Diagnostics,
    ) -> Read<T> {
        let Some(At { value, span }) = self.text(key, &format!("a string such as \"{example}\""), out)? else {
            return Ok(None);
        };
        match read(&value) {
            Ok(value) => Ok(Some(At { value, span })),
            Err(error) => Err(wrong_unit(span, &error, accepted, example, out)),
        }
    }

    /// Reads an array of words, each one of a few; sorted, no doubles.
    pub(super) fn choices<T: Copy + Ord>(&self, key: &str, words: &[(&str, T)], out: &mut Diagnostics) -> Read<Vec<T>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let each = array(value, "an array such as [\"new\", \"changed\"]", out)?;
        let read: Vec<_> = each.iter().map(|item| choice(key, item, words, out)).collect();
        let mut chosen = read.into_iter().map(|item| Ok(item?.value)).collect::<Result<Vec<T>, Complained>>()?;
        chosen.sort_unstable();
        chosen.dedup();
        Ok(Some(At { value: chosen, span: span(value) }))
    }

    /// Reads an array of strings.
    pub(super) fn texts(&self, key: &str, example: &str, out: &mut Diagnostics) -> Read<Vec<At<String>>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let each = array(value, &format!("an array such as [\"{example}\"]"), out)?;
        let read: Vec<_> =
            each.iter().map(|item| text(item, &format!("a string such as \"{example}\""), out)).collect();
        Ok(Some(At { value: read.into_iter().collect::<Result<_, _>>()?, span: span(value) }))
    }
}

/// Complains about each key of a table that is not among those known, with the one that was most likely meant.
pub(super) fn unknown_keys(table: &DeTable<'_>, keys: &[&str], place: &str, out: &mut Diagnostics) {
    for key in table.keys().filter(|key| !keys.contains(&key.get_ref().as_ref())) {
        let mut complaint = Diagnostic::error("spec::unknown-key", "this key is not known");
        complaint = match similar(key.get_ref(), keys.iter().copied()) {
            Some(meant) => {
                complaint.at(span(key), format!("not a key of {place}")).help(format!("did you mean `{meant}`?"))
            }
            None => complaint
                .at(span(key), format!("not a key of {place}"))
                .note(format!("{place} may have {}", listed(keys.iter().copied()))),
        };
        out.push(complaint);
    }
}

pub(super) fn text(
    value: &Spanned<DeValue<'_>>,
    expected: &str,
    out: &mut Diagnostics,
) -> Result<At<String>, Complained> {
    match value.get_ref() {
        DeValue::String(text) => Ok(At { value: text.to_string(), span: span(value) }),
        _ => Err(wrong_type(value, expected, out)),
    }
}

fn number(value: &Spanned<DeValue<'_>>, expected: &str, out: &mut Diagnostics) -> Result<At<i64>, Complained> {
    let written = match value.get_ref() {
        DeValue::Integer(written) => written,
        DeValue::Float(_) => return Err(wrong_type_is(value, expected, "a fraction", out)),
        _ => return Err(wrong_type(value, expected, out)),
    };
    if let Ok(number) = i64::from_str_radix(written.as_str(), written.radix()) {
        return Ok(At { value: number, span: span(value) });
    }
    out.push(Diagnostic::error("spec::number", "this number is out of range").at(span(value), "far too large"));
    Err(Complained)
}

fn array<'v, 'i>(
    value: &'v Spanned<DeValue<'i>>,
    expected: &str,
    out: &mut Diagnostics,
) -> Result<&'v [Spanned<DeValue<'i>>], Complained> {
    match value.get_ref() {
        DeValue::Array(values) => Ok(values),
        _ => Err(wrong_type(value, expected, out)),
    }
}

fn choice<T: Copy>(
    key: &str,
    value: &Spanned<DeValue<'_>>,
    choices: &[(&str, T)],
    out: &mut Diagnostics,
) -> Result<At<T>, Complained> {
    let words = || choices.iter().map(|(word, _)| *word);
    let expected = format!("a string such as \"{}\"", choices.first().map_or("", |(word, _)| word));
    let At { value: word, span } = text(value, &expected, out)?;
    if let Some((_, chosen)) = choices.iter().find(|(each, _)| *each == word) {
        return Ok(At { value: *chosen, span });
    }
    let mut complaint = Diagnostic::error("spec::value", "this word is not known here")
        .at(span, format!("not a value of `{key}`"))
        .note(format!("`{key}` may be {}", listed(words())));
    if let Some(meant) = similar(&word, words()) {
        complaint = complaint.help(format!("did you mean `\"{meant}\"`?"));
    }
    out.push(complaint);
    Err(Complained)
}

/// Complains about a value of the wrong TOML type, in the user's words.
pub(super) fn wrong_type(value: &Spanned<DeValue<'_>>, expected: &str, out: &mut Diagnostics) -> Complained {
    let is = match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "`true` or `false`",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    };
    wrong_type_is(value, expected, is, out)
}

fn wrong_type_is(value: &Spanned<DeValue<'_>>, expected: &str, is: &str, out: &mut Diagnostics) -> Complained {
    out.push(
        Diagnostic::error("spec::type", "this value has the wrong type")
            .at(span(value), format!("must be {expected}, not {is}")),
    );
    Complained
}

/// Complains about a quantity that cannot be read.
pub(super) fn wrong_unit(
    span: Span,
    error: &UnitError,
    accepted: &str,
    example: &str,
    out: &mut Diagnostics,
) -> Complained {
    out.push(
        Diagnostic::error("spec::unit", "this is no quantity with a unit")
            .at(span, error.0.clone())
            .note(format!("the unit may be {accepted}"))
            .help(format!("write it like `\"{example}\"`")),
    );
    Complained
}

/// The word that was most likely meant, if any is like it.
pub(super) fn similar<'w>(word: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    /// What cargo's users would still call a typo; below it suggestions turn into guesses.
    const LIKENESS: f64 = 0.8;
    words
        .map(|each| (strsim::jaro_winkler(&word.to_lowercase(), each), each))
        .filter(|(likeness, _)| *likeness > LIKENESS)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, each)| each)
}

/// "`a`, `b` or `c`"
pub(super) fn listed<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let quoted: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
