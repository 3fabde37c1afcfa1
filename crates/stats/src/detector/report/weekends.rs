//! Weekends of series that were not seen for two whole weeks: what is no rhythm yet may be one.

use super::change::{Change, Kind, Recurrence};
use super::rhythm::{is_at, undoes, DAY, WEEK};
use super::sight::Sight;
use super::Seen;
use crate::detector::settings::Settings;

/// Days of a weekend, and the time by which its ends may be off.
const WEEKEND: u64 = 2 * DAY.unsigned_abs();
const SLACK: u64 = DAY.unsigned_abs() / 4;
/// Time by which the newest change may be off, of which few rows tell when it came.
const NEWEST: u64 = DAY.unsigned_abs() / 2;
/// Evidence of a change that may be part of a rhythm: none.
const NONE: f64 = 0.0;
/// The least rows of a weekend: of fewer, few changes are found.
const LEAST_ROWS: f64 = 8.0;

/// Marks two days that came once, the like of which a week before or after would not have been seen: they are news only if
/// they are no weekend, which is not known. Two days that begin again after a week are one, even if the end is not seen.
pub fn mark(seen: Seen, changes: &mut [Change], s: &Settings) {
    let few = seen.clock.step() * LEAST_ROWS > WEEKEND as f64;
    if !seen.clock.timed() || seen.period > WEEK || few {
        return;
    }
    let sight = Sight::new(seen, s);
    let lasting: Vec<usize> = (0..changes.len()).filter(|&i| changes[i].lasts()).collect();
    let Some(&newest) = lasting.last() else { return };
    for pair in lasting.windows(2) {
        let [away, back] = [pair[0], pair[1]].map(|i| &changes[i]);
        let days = back.at.abs_diff(away.at);
        if away.kind != Kind::Level || !undoes(back, away) || days.abs_diff(WEEKEND) > SLACK {
            continue;
        }
        if begins_again(seen, away, days, &changes[newest], s) {
            for i in [pair[0], pair[1], newest] {
                changes[i].recurs = changes[i].recurs.or(Some(Recurrence::Period(WEEK)));
            }
        } else if [away, back].iter().all(|change| change.recurs.is_none())
            && sight.may_miss(back.at.saturating_sub(WEEK), SLACK as i64)
            && sight.may_miss(away.at.saturating_add(WEEK), SLACK as i64)
        {
            for &i in pair {
                changes[i].rarity = Some(NONE);
            }
        }
    }
}

/// Whether the newest change is the same again after a week: if it lasts no longer than that lasted, or the series is back.
fn begins_again(seen: Seen, away: &Change, lasted: u64, newest: &Change, s: &Settings) -> bool {
    let apart = newest.at.saturating_sub(away.at).saturating_sub(WEEK);
    let since = seen.clock.at().abs_diff(newest.at);
    let same = newest.kind == Kind::Variance || newest.difference() * away.difference() > 0.0;
    apart.unsigned_abs() <= NEWEST && (same && since <= lasted + SLACK || is_at(seen, away.before, away, s))
}
