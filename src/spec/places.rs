//! Where in the text each value of a spec stands, so that every later stage can point at it.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::Span;

/// Key paths such as `storage.capacity` or `dataset[0].s3`, and the span of what stands there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places(BTreeMap<String, Span>);

impl Places {
    pub(super) fn of(table: &DeTable<'_>) -> Self {
        let mut places = Self::default();
        places.walk("", table);
        places
    }

    fn walk(&mut self, path: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let path = if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
            self.note(path, value);
        }
    }

    fn note(&mut self, path: String, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => self.walk(&path, table),
            DeValue::Array(values) => {
                for (index, each) in values.iter().enumerate() {
                    self.note(format!("{path}[{index}]"), each);
                }
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {}
        }
        self.0.insert(path, span(value));
    }

    /// The span of the value at a key path; of a table, its header.
    pub fn get(&self, path: &str) -> Option<Span> {
        self.0.get(path).copied()
    }
}

pub(super) fn span<T>(value: &Spanned<T>) -> Span {
    let range = value.span();
    Span { start: range.start, end: range.end }
}
