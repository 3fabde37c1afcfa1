//! The rhythm of a series: changes that it made alike at the same time of other days or weeks.

use super::change::{Change, Recurrence};
use super::sight::Sight;
use super::Seen;
use crate::detector::settings::Settings;

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
    /// Time by which a change may come early or late.
    slack: u64,
}

impl Rule {
    fn holds(&self, changes: &[Change], i: usize) -> bool {
        let (period, slack, change) = (self.period.unsigned_abs(), self.slack, &changes[i]);
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
    one.kind == other.kind && one.leads(other.before, other.after, most)
}

/// Whether a change leads back from where another led to, or to where that led from.
pub fn undoes(one: &Change, other: &Change) -> bool {
    let most = ALIKE * other.difference().abs();
    one.kind == other.kind && one.leads(other.after, other.before, most)
}

/// Whether changes came fast enough for all but those of a few periods to be forgotten.
fn busy(changes: &[Change], period: i64) -> bool {
    let mut lasting = changes.iter().filter(|change| change.lasts());
    let Some(first) = lasting.next() else { return false };
    let last = lasting.next_back().unwrap_or(first);
    first.rows_before.is_none() && last.at.abs_diff(first.at) < period.unsigned_abs().saturating_mul(3)
}

/// Marks the changes that recur at the same time of the period, or of the week.
pub fn mark(seen: Seen, changes: &mut [Change], s: &Settings) {
    let rows = seen.step().map_or(0.0, |step| seen.period as f64 / (step * 1e6));
    if rows < LEAST_ROWS {
        return;
    }
    let slack = seen.period.unsigned_abs() / SLACK;
    // Some days in a row, unless only two are remembered; but a week may have come only twice.
    let others = if busy(changes, seen.period) { 1 } else { 2 };
    // In a week, more than the few rows that the place of a change is off.
    let weekly = slack.max((s.margin as f64 * seen.clock.step()) as u64);
    let rules = [
        Rule { period: seen.period, others, within: 4, slack },
        Rule { period: WEEK, others: 1, within: 2, slack: weekly },
    ];
    let rules = &rules[..1 + usize::from(seen.period <= WEEK)];
    for i in 0..changes.len() {
        if changes[i].lasts() {
            let rule = rules.iter().find(|rule| rule.holds(changes, i));
            changes[i].recurs = rule.map(|rule| Recurrence::Period(rule.period));
        }
    }
    mark_halves(seen, weekly as i64, changes, s);
}

/// Whether the level is now near to this one, beside the size of a change.
pub fn is_at(seen: Seen, level: f64, change: &Change, s: &Settings) -> bool {
    let now = seen.segmentation.reading(&seen.clock.now(), s);
    now.is_some_and(|now| (now.level * seen.unit - level).abs() <= ALIKE * change.difference().abs())
}

/// Marks a change beside a marked one that it undoes, or that undoes it, if the period before and the one after are
/// beyond the rows, or by this slack within: of the second weekend of a series, only the beginning may have come. Or its
/// end did, and the series is back where the change leads.
fn mark_halves(seen: Seen, slack: i64, changes: &mut [Change], s: &Settings) {
    let sight = Sight::new(seen, s);
    let lasting: Vec<usize> = (0..changes.len()).filter(|&i| changes[i].lasts()).collect();
    let recurs: Vec<Option<Recurrence>> = lasting.iter().map(|&i| changes[i].recurs).collect();
    // The way back may be no change of its own, where a slope or a level that wanders explains it.
    let newest = lasting.last().map_or(i64::MAX, |&i| changes[i].at);
    for (place, &i) in lasting.iter().enumerate().filter(|(place, _)| recurs[*place].is_none()) {
        let half = |neighbour: Option<usize>| {
            let neighbour = neighbour.filter(|&n| n < lasting.len())?;
            let Some(Recurrence::Period(period)) = recurs[neighbour] else { return None };
            let next = changes[i].at.saturating_add(period);
            let alone = changes[i].at.saturating_sub(period.saturating_add(slack)) < sight.first
                && (next.saturating_add(slack) > sight.last
                    || next > newest && is_at(seen, changes[i].after, &changes[i], s));
            (alone && undoes(&changes[i], &changes[lasting[neighbour]])).then_some(Recurrence::Period(period))
        };
        changes[i].recurs = half(place.checked_sub(1)).or_else(|| half(Some(place + 1)));
    }
}
