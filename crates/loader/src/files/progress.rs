//! The progress of a run as the user sees it: a bar over the bytes of all files on a terminal, lines in a log
//! elsewhere.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

/// Interval between two lines in the log.
const LOG_EVERY: Duration = Duration::from_secs(5);

/// The progress of a step of the run; shared by its threads.
pub struct StepProgress {
    verb: &'static str,
    total: u64,
    done: AtomicU64,
    shown: Shown,
}

enum Shown {
    Bar(ProgressBar),
    Log(Mutex<Instant>),
    Quiet,
}

impl StepProgress {
    /// Creates the progress of a step over this many bytes, in the form that suits the output.
    pub fn new(verb: &'static str, total: u64, quiet: bool) -> Self {
        let shown = if quiet {
            Shown::Quiet
        } else if std::io::stderr().is_terminal() {
            let style = "{msg} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
            let style = ProgressStyle::with_template(style).expect("the template is valid");
            Shown::Bar(ProgressBar::new(total).with_style(style).with_message(verb))
        } else {
            Shown::Log(Mutex::new(Instant::now()))
        };
        Self { verb, total, done: AtomicU64::new(0), shown }
    }

    /// Adds this many bytes that are done.
    pub fn add(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        match &self.shown {
            Shown::Bar(bar) => bar.inc(bytes),
            Shown::Log(last) => {
                let mut last = last.lock().expect("no thread panics with it");
                if last.elapsed() >= LOG_EVERY {
                    *last = Instant::now();
                    let (done, total) = (HumanBytes(done).to_string(), HumanBytes(self.total).to_string());
                    tracing::info!(done, total, "{}", self.verb);
                }
            }
            Shown::Quiet => {}
        }
    }

    /// Ends the step.
    pub fn finish(&self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
