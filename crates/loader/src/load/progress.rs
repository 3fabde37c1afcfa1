//! The progress of a run as the user sees it: a bar on a terminal, lines in a log elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::LoadSummary;

/// The interval between two lines of the log.
const LOG_EVERY: Duration = Duration::from_secs(5);

/// Shows the run's progress.
pub enum LoadProgress {
    /// A bar on a terminal.
    Bar(ProgressBar),
    /// Lines in the log.
    Log {
        /// The time of the last line.
        last: Instant,
    },
    /// No output.
    Quiet,
}

impl LoadProgress {
    /// Chooses the form that suits the output.
    pub fn new(quiet: bool) -> Self {
        if quiet {
            return Self::Quiet;
        }
        if tally_program::is_json() || !std::io::stderr().is_terminal() {
            return Self::Log { last: Instant::now() };
        }
        let style =
            "{bar:32} {percent}% {human_pos}/{human_len} messages, {per_sec}, {msg} dead letters, {eta} left";
        let style = ProgressStyle::with_template(style).expect("the template is valid");
        Self::Bar(ProgressBar::new(0).with_style(style).with_message("0"))
    }

    /// Shows how far the run is; `total` is the number of messages known so far.
    pub fn update(&mut self, summary: &LoadSummary, total: u64) {
        match self {
            Self::Bar(bar) => {
                bar.set_length(total);
                bar.set_message(summary.dead_letters.to_string());
                bar.set_position(summary.messages);
            }
            Self::Log { last } if last.elapsed() >= LOG_EVERY => {
                *last = Instant::now();
                let behind = total.saturating_sub(summary.messages);
                let LoadSummary { messages, dead_letters, .. } = *summary;
                tracing::info!(messages, dead_letters, behind, "loading");
            }
            Self::Log { .. } | Self::Quiet => {}
        }
    }

    /// Shows the totals.
    pub fn finish(&self, summary: &LoadSummary) {
        if let Self::Bar(bar) = self {
            bar.finish();
        }
        if !matches!(self, Self::Quiet) {
            let rate = summary.messages as f64 / summary.elapsed.as_secs_f64().max(1e-9);
            let LoadSummary { messages, dead_letters, .. } = *summary;
            tracing::info!(messages, dead_letters, rows_per_second = rate.round(), "stopped");
        }
    }
}
