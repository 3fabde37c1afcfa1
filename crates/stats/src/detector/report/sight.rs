//! The times in which the changes of a series are seen.

use super::Seen;
use crate::detector::settings::Settings;

/// Multiples of the first rows in which a change is not surely seen: of these, and of those that tell what was before.
const UNSEEN: f64 = 3.0;

/// The times between which changes are seen: what came among the first rows, or has just come, is not.
#[derive(Clone, Copy)]
pub struct Sight {
    pub first: i64,
    pub last: i64,
}

impl Sight {
    pub fn new(seen: Seen, s: &Settings) -> Sight {
        let (rows, step) = (seen.clock.rows() as f64, seen.clock.step());
        let ago = |rows: f64| seen.clock.at().saturating_sub((rows * step) as i64);
        Sight { first: ago(rows - UNSEEN * s.warm_up as f64), last: ago((s.alert_rows + s.margin) as f64) }
    }

    /// Whether a change may be missed at a time that may be off by this much.
    pub fn may_miss(&self, at: i64, slack: i64) -> bool {
        at < self.first.saturating_add(slack) || at > self.last.saturating_sub(slack)
    }
}
