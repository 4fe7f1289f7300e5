//! Arguments and environment, resolved. The last place that reads the environment for us; the SDK reads its own.

use std::io::IsTerminal;

use super::args::{Color, Global};
use crate::render::theme::Theme;

/// What every command goes by.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub region: Option<String>,
    pub profile: Option<String>,
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
    pub(super) fn new(global: &Global) -> Self {
        let Global { region, profile, endpoint_url, verbose, quiet, color } = global;
        let (out, err) = (std::io::stdout(), std::io::stderr());
        let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        Self {
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

fn theme(color: Color, stream: &(impl IsTerminal + anstream::stream::RawStream)) -> Theme {
    let color = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never,
    };
    let width = terminal_width().filter(|_| stream.is_terminal()).unwrap_or(WIDTH);
    Theme::new(color, width)
}

fn terminal_width() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns >= 40)
}
