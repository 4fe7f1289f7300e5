//! A policy document: its form, its size, and how it is divided where IAM takes no more in one.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

/// The most characters of a managed policy, white space not counted (IAM User Guide, "IAM and AWS STS quotas"; 2026-11).
pub const LONGEST: usize = 6144;
/// The same of all policies together that stand in a role itself.
pub const LONGEST_INLINE: usize = 10_240;

/// A piece of a statement has a number in its Sid.
const ROOM_FOR_NUMBER: usize = "99999".len();

/// An IAM policy, ready to be serialised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    pub version: &'static str,
    pub statement: Vec<Statement>,
}

/// What may be done, to what, and when. There are no others than those that allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    pub sid: String,
    pub effect: &'static str,
    pub action: OneOrMore<&'static str>,
    pub resource: OneOrMore<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub condition: Condition,
}

/// Operator → key → values, any of which will do.
pub(super) type Condition = BTreeMap<&'static str, BTreeMap<String, OneOrMore<String>>>;

/// A list that is written without brackets where it has one member: characters count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOrMore<T>(pub Vec<T>);

impl<T: Serialize> Serialize for OneOrMore<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            more => more.serialize(serializer),
        }
    }
}

impl Policy {
    pub(super) fn new(statement: Vec<Statement>) -> Self {
        Self { version: "2012-10-17", statement }
    }

    /// JSON for a person, with a line at its end.
    pub fn text(&self) -> String {
        // Maps of strings to strings can be written, whatever they hold.
        format!("{}\n", serde_json::to_string_pretty(self).unwrap_or_default())
    }

    /// As IAM counts it.
    pub fn size(&self) -> usize {
        serde_json::to_string(self).unwrap_or_default().chars().filter(|char| !char.is_whitespace()).count()
    }

    /// The same permissions in as many policies as it takes, each of which IAM takes. One statement allows what it
    /// allows wherever it stands, and so does each of its resources.
    pub fn parts(&self) -> Vec<Self> {
        let mut parts: Vec<Self> = Vec::new();
        for statement in self.statement.iter().flat_map(Statement::divided) {
            if let Some(last) = parts.last_mut() {
                last.statement.push(statement);
                if last.size() <= LONGEST {
                    continue;
                }
                let Some(statement) = last.statement.pop() else { continue };
                parts.push(Self::new(vec![statement]));
            } else {
                parts.push(Self::new(vec![statement]));
            }
        }
        parts
    }
}

impl Statement {
    /// In pieces of some of its resources each, if it alone is too long.
    fn divided(&self) -> Vec<Self> {
        let mut whole = vec![self.clone()];
        while let Some(long) = whole.iter().position(|each| {
            each.resource.0.len() > 1 && Policy::new(vec![each.clone()]).size() > LONGEST - ROOM_FOR_NUMBER
        }) {
            let mut first = whole.remove(long);
            let rest = first.resource.0.split_off(first.resource.0.len() / 2);
            let second = Self { resource: OneOrMore(rest), ..first.clone() };
            whole.splice(long..long, [first, second]);
        }
        if whole.len() > 1 {
            for (number, each) in (1..).zip(&mut whole) {
                each.sid = format!("{}{number}", self.sid);
            }
        }
        whole
    }
}
