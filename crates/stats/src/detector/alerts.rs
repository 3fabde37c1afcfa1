//! Alerts of changes: each is raised once, when the change has become probable.

use super::check::{structure, Check};
use super::clock::Clock;
use super::numbers::time;
use serde::{Deserialize, Serialize};

/// The time at which a change was first alerted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alerted {
    /// Row at which the change was alerted.
    pub row: u64,
    /// Time of that row.
    #[serde(with = "time")]
    pub at: i64,
}

/// An alert: the start of the change as estimated then, and the time of the alert.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    pub start: u64,
    pub alerted: Alerted,
}

/// The alerts that are remembered, which is only the last one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alerts {
    last: Option<Alert>,
}

impl Alerts {
    /// The alert that was raised last.
    pub fn last(&self) -> Option<Alert> {
        self.last
    }

    /// Remembers a new alert.
    pub fn raise(&mut self, alert: Alert) {
        self.last = Some(alert);
    }

    pub fn check(&self, clock: &Clock) -> Check {
        let possible = |a: Alert| a.start <= a.alerted.row && clock.has(a.alerted.row, a.alerted.at);
        structure(self.last.is_none_or(possible), "its last alert is before the change or after the last row")
    }
}
