//! States of a series: levels that it goes to and from, again and again.

use super::change::{Change, Kind, Recurrence};

/// Changes before one, and after it, that are looked at.
const AROUND: usize = 32;
/// The least number of other changes between the same states: three make a habit.
const OTHERS: usize = 2;
/// The share of the way between two states by which a level may be off.
const OFF: f64 = 0.25;
/// Multiple of the longest other stay in a state that is longer than usual: of stays at random, one in fifteen among
/// three, one in seventy among five.
const LONGER: u64 = 4;

/// Marks the changes between states that recur, unless they are marked as a rhythm. A stay that is longer than usual is
/// news, and so are the changes that it begins and ends with.
pub fn mark(changes: &mut [Change]) {
    let levels: Vec<usize> = (0..changes.len()).filter(|&i| changes[i].kind == Kind::Level).collect();
    for (place, &i) in levels.iter().enumerate() {
        let around = &levels[place.saturating_sub(AROUND)..levels.len().min(place + AROUND + 1)];
        let change = &changes[i];
        let others = || around.iter().filter(|&&j| j != i).map(|&j| &changes[j]).filter(|o| alike(change, o));
        let usual = |stay: Option<u64>, others: Option<u64>| {
            stay.zip(others).is_none_or(|(stay, longest)| stay <= LONGER.saturating_mul(longest))
        };
        if change.recurs.is_none()
            && others().count() >= OTHERS
            && usual(change.rows_before, others().filter_map(|o| o.rows_before).max())
            && usual(Some(change.rows_after), others().map(|o| o.rows_after).max())
        {
            changes[i].recurs = Some(Recurrence::States);
        }
    }
}

/// Whether two changes lead from the same state to the same.
fn alike(one: &Change, other: &Change) -> bool {
    let most = OFF * one.difference().abs();
    (one.before - other.before).abs() <= most && (one.after - other.after).abs() <= most
}
