//! The problem that a program is not ready.

use std::time::{Duration, Instant};

use super::{Notifier, Problem};

/// Time for which a program may be not ready: what goes away by itself needs nobody.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether a program is ready, and for how long it has not been.
#[derive(Default)]
pub struct Readiness {
    unready: Option<Instant>,
}

impl Readiness {
    /// Notes why the program is not ready, if it is not; after a minute people are told.
    pub fn look(&mut self, notifier: &Notifier, reasons: &[String], now: Instant) {
        let problem = Problem { name: "not ready", subject: String::new() };
        if reasons.is_empty() {
            self.unready = None;
            notifier.clear(&problem);
        } else if now.duration_since(*self.unready.get_or_insert(now)) >= PATIENCE {
            notifier.raise(problem, &reasons.join("; "));
        }
    }
}
