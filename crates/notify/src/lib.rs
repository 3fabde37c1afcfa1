//! Tells a webhook of problems that need a person: Slack, Prometheus's Alertmanager, or anything that takes JSON.
//!
//! A program raises a problem as often as it sees it, and clears it as often as it does not. [`Problems`] makes of that
//! one message when a problem begins, one every four hours while it lasts, and one when it is over; a thread of its
//! own delivers them, so that the work never waits for a webhook.

mod delivery;
mod message;
mod problems;
mod readiness;

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use tally_postgres::Failure;
use tally_rows::config::NotifyConfig;

use delivery::Delivery;
use message::Message;
use problems::Problems;

pub use message::{Origin, Phase, Problem};
pub use readiness::Readiness;

/// Tells one webhook of the problems of one program.
pub struct Notifier {
    problems: Mutex<Problems>,
    delivery: Delivery,
}

impl Notifier {
    /// Begins to tell; nothing is sent before there is a problem.
    pub fn new(config: &NotifyConfig, origin: Origin) -> Result<Self, Failure> {
        let delivery = Delivery::begin(config.url.reveal()?, config.format, origin);
        Ok(Self { problems: Mutex::default(), delivery })
    }

    /// Says that there is a problem now, and in one sentence what it is.
    pub fn raise(&self, problem: Problem, summary: &str) {
        let message = self.problems().raise(problem, summary, Instant::now(), Timestamp::now());
        message.into_iter().for_each(|message| self.delivery.send(message, Box::new(|| {})));
    }

    /// Says that there is no such problem now.
    pub fn clear(&self, problem: &Problem) {
        let message = self.problems().clear(problem, Timestamp::now());
        message.into_iter().for_each(|message| self.delivery.send(message, Box::new(|| {})));
    }

    /// Tells one thing as it is, however often it was told before; `done` is called when it is delivered or given up,
    /// and dropped where too many messages wait.
    pub fn tell(&self, problem: Problem, phase: Phase, summary: &str, done: impl FnOnce() + Send + 'static) {
        let at = Timestamp::now();
        let message = Message { problem, phase, summary: summary.into(), since: at, at };
        self.delivery.send(message, Box::new(done));
    }

    /// Waits until everything is delivered, but some seconds at most.
    pub fn finish(self) {
        self.delivery.finish();
    }

    fn problems(&self) -> std::sync::MutexGuard<'_, Problems> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
