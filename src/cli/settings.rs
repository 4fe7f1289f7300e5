//! Arguments and environment, resolved. The last place that reads the environment for us; the SDK reads its own.

use std::ffi::OsString;
use std::io::IsTerminal;

use anstream::stream::RawStream;

use super::args::{Color, Global};
use super::runlog;
use crate::render::{Charset, Color as Paint, Theme};

/// What every command goes by.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The command as it was typed, fit to be kept.
    pub command_line: String,
    pub region: Option<String>,
    pub profile: Option<String>,
    #[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "only the SDK needs it"))]
    pub endpoint_url: Option<String>,
    pub verbose: u8,
    pub quiet: bool,
    /// Results.
    pub out: Theme,
    /// Progress, logs, errors.
    pub err: Theme,
    /// A person can be asked: input and errors both are a terminal.
    pub interactive: bool,
    /// Progress may move on the screen.
    pub animated: bool,
}

/// Where nothing tells the width of the terminal.
const WIDTH: usize = 100;

impl Settings {
    /// Whether errors may be coloured.
    pub(super) fn colors_errors(&self) -> bool {
        self.err.color == Paint::On
    }

    /// The profile that the SDK goes by: also the one of the environment.
    pub(super) fn profile_name(&self) -> Option<String> {
        self.profile.clone().or_else(|| std::env::var("AWS_PROFILE").ok()).filter(|name| !name.is_empty())
    }

    pub(super) fn new(global: &Global, args: &[OsString]) -> Self {
        let Global { region, profile, endpoint_url, verbose, quiet, color } = global;
        let (out, err) = (std::io::stdout(), std::io::stderr());
        let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        Self {
            command_line: runlog::command_line(args),
            region: region.clone(),
            profile: profile.clone(),
            endpoint_url: endpoint_url.clone(),
            verbose: *verbose,
            quiet: *quiet,
            out: theme(*color, &out),
            err: theme(*color, &err),
            interactive: std::io::stdin().is_terminal() && err.is_terminal(),
            animated: err.is_terminal() && !in_ci && !*quiet && *verbose < 2,
        }
    }
}

fn theme(color: Color, stream: &(impl IsTerminal + RawStream)) -> Theme {
    let on = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never,
    };
    Theme {
        color: if on { Paint::On } else { Paint::Off },
        charset: charset(),
        width: terminal_width().filter(|_| IsTerminal::is_terminal(stream)).unwrap_or(WIDTH),
    }
}

/// The locale's, as the C library would read it; where none is set, everything of today knows Unicode.
fn charset() -> Charset {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default().to_lowercase();
    let is_other = !locale.is_empty() && !locale.contains("utf") && locale != "c" && locale != "posix";
    if is_other { Charset::Ascii } else { Charset::Unicode }
}

fn terminal_width() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns >= 40)
}
