//! Requests to stop: by SIGINT, SIGTERM or SIGHUP, or by a part of the run that cannot continue.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use tally_postgres::Failure;
use tokio::signal::unix::{signal, Signal, SignalKind};
use tokio::sync::watch;

/// The meaning of SIGHUP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hangup {
    /// The terminal was closed: the run stops, unless it is to outlive its terminal.
    Stops,
    /// The program listens for it itself.
    Passes,
}

/// A flag shared by everything that has to end when the run stops.
#[derive(Debug, Clone)]
pub struct Stop {
    wish: Arc<watch::Sender<bool>>,
    seen: watch::Receiver<bool>,
    /// Returns a copy of the flag, cheap enough to check between any two messages.
    at_a_glance: Arc<AtomicBool>,
}

impl Stop {
    /// Starts listening for signals; a second one ends the process at once, which loses nothing either. Before
    /// anything stops, `announce` is called.
    pub fn on_signals(announce: fn(), hangup: Hangup) -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|e| Failure::new(e).at("listening for signals"));
        let mut interrupt = listen(SignalKind::interrupt())?;
        let mut terminate = listen(SignalKind::terminate())?;
        let is_stop = hangup == Hangup::Stops && !is_hangup_ignored();
        let mut hangup = is_stop.then(|| listen(SignalKind::hangup())).transpose()?;
        let (wish, seen) = watch::channel(false);
        let stop = Self { wish: Arc::new(wish), seen, at_a_glance: Arc::default() };
        let heard = stop.clone();
        tokio::spawn(async move {
            for first in [true, false] {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    () = heard_of(&mut hangup) => {}
                }
                if first {
                    tracing::info!("stopping");
                    announce();
                    heard.request();
                }
            }
            std::process::exit(1);
        });
        Ok(stop)
    }

    /// Asks everything to stop.
    pub fn request(&self) {
        self.at_a_glance.store(true, Ordering::Relaxed);
        self.wish.send_replace(true);
    }

    /// Whether a stop was requested.
    pub fn is_requested(&self) -> bool {
        self.at_a_glance.load(Ordering::Relaxed)
    }

    /// Waits until a stop is requested.
    pub async fn requested(&mut self) {
        if self.seen.wait_for(|wish| *wish).await.is_err() {
            std::future::pending().await
        }
    }
}

/// Waits for one of the signals.
async fn heard_of(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether the process was started by nohup, and so is to outlive its terminal.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 != 0)
}
