//! What was asked and what happened, in order: for assertions, and for a person who reads a failed run.

use std::fmt;
use std::time::Duration;

use super::faults::When;
use crate::cloud::Class;

/// One line of a world's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Since the world began.
    pub at: Duration,
    pub what: Event,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Request(Request),
    /// Of itself, or by somebody's hand.
    Happened(String),
}

/// A request of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub client: String,
    /// Counted per client, from 1.
    pub number: usize,
    /// `fsx:CreateFileSystem`
    pub operation: &'static str,
    /// The address it is about, or a parameter's name; empty where it is about a whole kind.
    pub about: String,
    pub mutating: bool,
    pub outcome: Outcome,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Still on its way; for ever, if the one who asked has gone away.
    Sent,
    Answered,
    Failed(Class),
    /// Handled, and an error was the answer.
    Lost(Class),
    Hung(When),
    Crashed(When),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent => f.write_str("sent, not answered"),
            Self::Answered => f.write_str("ok"),
            Self::Failed(class) => write!(f, "refused: {class:?}"),
            Self::Lost(class) => write!(f, "handled, but answered: {class:?}"),
            Self::Hung(When::Before) => f.write_str("hangs, not handled"),
            Self::Hung(When::After) => f.write_str("hangs, handled"),
            Self::Crashed(When::Before) => f.write_str("CRASH before it was handled"),
            Self::Crashed(When::After) => f.write_str("CRASH after it was handled"),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>11.3}s  ", self.at.as_secs_f64())?;
        match &self.what {
            Event::Request(Request { client, number, operation, about, mutating, outcome }) => {
                let mark = if *mutating { '*' } else { ' ' };
                let space = if about.is_empty() { "" } else { " " };
                write!(f, "{client} #{number:<4}{mark} {operation}{space}{about} -> {outcome}")
            }
            Event::Happened(what) => write!(f, "-- {what}"),
        }
    }
}
