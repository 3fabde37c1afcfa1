//! Events on standard error, so that standard output stays for results; `RUST_LOG` chooses which.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing_subscriber::EnvFilter;

static JSON: AtomicBool = AtomicBool::new(false);

/// The format of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// JSON for machines: an object on each line.
    Json,
}

/// Starts writing events to standard error.
pub fn begin_events(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_target(false);
    match format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => {
            JSON.store(true, Ordering::Relaxed);
            subscriber.json().flatten_event(true).with_current_span(true).with_span_list(false).init();
        }
    }
}

/// Whether standard error is written for machines.
pub fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}
