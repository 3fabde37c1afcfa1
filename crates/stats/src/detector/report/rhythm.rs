//! The rhythm of a series: changes that it made alike at the same time of other days or weeks.

use super::change::{Change, Kind};
use super::Seen;

/// A day and a week, in microseconds.
pub const DAY: i64 = 86_400_000_000;
pub const WEEK: i64 = 7 * DAY;
/// Changes before one, and after it, that are looked at: as many as a detector keeps.
const AROUND: usize = 32;
/// The share of a season by which a change may come early or late.
const SLACK: u64 = 24;
/// The least rows in a season: among fewer, changes come at the same time by chance.
const LEAST_ROWS: f64 = 8.0;
/// The share of a change by which levels may differ from those of another that is like it.
const ALIKE: f64 = 0.5;

/// The least recurrence that is a rhythm: this many other changes, whole periods away and within this many.
struct Rule {
    period: i64,
    others: usize,
    within: u64,
}

impl Rule {
    fn holds(&self, changes: &[Change], i: usize, slack: u64) -> bool {
        let (period, change) = (self.period.unsigned_abs(), &changes[i]);
        let around = &changes[i.saturating_sub(AROUND)..changes.len().min(i + AROUND + 1)];
        let recurs = |other: &&Change| {
            let apart = change.at.abs_diff(other.at);
            let off = (apart % period).min(period - apart % period);
            apart > period / 2 && off <= slack && apart <= period.saturating_mul(self.within) + slack
        };
        around.iter().filter(recurs).filter(|other| alike(change, other)).count() >= self.others
    }
}

/// Whether two changes lead from the same to the same.
fn alike(one: &Change, other: &Change) -> bool {
    let most = ALIKE * one.difference().abs();
    one.kind == other.kind
        && (one.before - other.before).abs() <= most
        && (one.after - other.after).abs() <= most
}

/// Whether a change is one between segments.
fn lasts(change: &Change) -> bool {
    !matches!(change.kind, Kind::Spike | Kind::Dip)
}

/// Whether changes came fast enough for all but those of a few periods to be forgotten.
fn busy(changes: &[Change], period: i64) -> bool {
    let mut lasting = changes.iter().filter(|change| lasts(change));
    let Some(first) = lasting.next() else { return false };
    let last = lasting.next_back().unwrap_or(first);
    first.rows_before.is_none() && last.at.abs_diff(first.at) < period.unsigned_abs().saturating_mul(3)
}

/// Marks the changes that recur at the same time of the period, or of the week.
pub fn mark(seen: Seen, changes: &mut [Change]) {
    let rows = seen.step().map_or(0.0, |step| seen.period as f64 / (step * 1e6));
    if rows < LEAST_ROWS {
        return;
    }
    let slack = seen.period.unsigned_abs() / SLACK;
    // Some days in a row, unless only two are remembered; but a week may have come only twice.
    let others = if busy(changes, seen.period) { 1 } else { 2 };
    let rules =
        [Rule { period: seen.period, others, within: 4 }, Rule { period: WEEK, others: 1, within: 2 }];
    let rules = &rules[..1 + usize::from(seen.period <= WEEK)];
    for i in 0..changes.len() {
        if lasts(&changes[i]) {
            changes[i].recurs =
                rules.iter().find(|rule| rule.holds(changes, i, slack)).map(|rule| rule.period);
        }
    }
}
