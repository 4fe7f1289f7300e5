//! Bars at the bottom of a terminal: a consumer of events beside the plain lines, and with the same words.
//!
//! What is under way has a bar with its time so far; what has ended scrolls up as the plain line of its event. The only
//! renderer that draws: where to is the caller's to say. Without a terminal the caller prints [`super::events::line`] instead.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::events;
use super::theme::Theme;
use crate::apply::event::{Event, What};

/// Between two frames of a spinner: calm, and cheap over a slow connection.
const FRAME: Duration = Duration::from_millis(200);

/// Shows the events of one run.
pub struct Progress {
    bars: MultiProgress,
    running: BTreeMap<usize, ProgressBar>,
    theme: Theme,
    is_moving: bool,
}

impl Progress {
    /// `ProgressDrawTarget::stderr()` for a terminal.
    pub fn new(target: ProgressDrawTarget, theme: Theme) -> Self {
        let is_moving = !target.is_hidden();
        Self { bars: MultiProgress::with_draw_target(target), running: BTreeMap::new(), theme, is_moving }
    }

    /// Takes up an event, in the order in which they happened.
    pub fn handle(&mut self, event: &Event) {
        match &event.what {
            What::Started { step, address, .. } => {
                let bar = self.bars.add(ProgressBar::new_spinner());
                bar.set_style(style(&self.theme));
                bar.set_prefix(events::under_way(address, &self.theme));
                if self.is_moving {
                    bar.enable_steady_tick(FRAME);
                }
                self.running.insert(*step, bar);
                self.tell(*step, event);
            }
            What::Answered { step, .. } | What::Waiting { step, .. } => self.tell(*step, event),
            What::Retrying { step, .. } | What::Noted { step, .. } | What::PartlyFilled { step, .. } => {
                self.tell(*step, event);
                self.print(event);
            }
            What::Finished { step, .. } | What::Failed { step, .. } => {
                self.drop_bar(*step);
                self.print(event);
            }
            What::Held { .. }
            | What::Counting { .. }
            | What::Room { .. }
            | What::NoRoomYet { .. }
            | What::BlockAhead { .. }
            | What::NextType { .. }
            | What::Moves { .. }
            | What::GivenUp { .. }
            | What::Unasked { .. }
            | What::CapacityHeld { .. }
            | What::CapacityGivenBack { .. }
            | What::Stopping
            | What::Preloading { .. }
            | What::DataEnded { .. } => self.print(event),
            What::Ended { .. } => {
                self.finish();
                self.print(event);
            }
        }
    }

    /// Takes the bars away; what was printed stays. Again is no harm.
    pub fn finish(&mut self) {
        let steps: Vec<usize> = self.running.keys().copied().collect();
        for step in steps {
            self.drop_bar(step);
        }
    }

    /// Prints something above the bars.
    pub fn say(&self, text: &str) {
        let _ = self.bars.println(text);
    }

    /// How many steps are shown as under way.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    fn drop_bar(&mut self, step: usize) {
        if let Some(bar) = self.running.remove(&step) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
    }

    fn tell(&self, step: usize, event: &Event) {
        let words = events::on_bar(&event.what, &self.theme);
        if let (Some(bar), Some(words)) = (self.running.get(&step), words) {
            bar.set_message(words);
        }
    }

    fn print(&self, event: &Event) {
        if let Some(line) = events::line(event, &self.theme) {
            // A terminal that is gone is no reason to stop a run.
            let _ = self.bars.println(line);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

/// One line that moves, for what is no run and has no events.
pub struct Spinner(ProgressBar);

impl Spinner {
    pub fn new(target: ProgressDrawTarget, prefix: &str, theme: &Theme) -> Self {
        let is_moving = !target.is_hidden();
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(style(theme));
        bar.set_prefix(super::text::clean(prefix, theme));
        if is_moving {
            bar.enable_steady_tick(FRAME);
        }
        Self(bar)
    }

    pub fn tell(&self, words: &str) {
        self.0.set_message(words.to_owned());
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn style(theme: &Theme) -> ProgressStyle {
    let frames = match theme.charset {
        super::Charset::Unicode => "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ",
        super::Charset::Ascii => "-\\|/ ",
    };
    ProgressStyle::with_template("{elapsed:>7}  {spinner}  {prefix}  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .tick_chars(frames)
}
