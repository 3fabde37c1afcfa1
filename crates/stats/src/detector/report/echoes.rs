//! Echoes: in differences to the week before, all that changes comes again a week later with the other sign.

use super::change::{Change, Recurrence};
use super::rhythm::{DAY, WEEK};
use super::Seen;

/// Time by which an echo may come early or late: that in which both changes are placed.
const SLACK: u64 = DAY.unsigned_abs() / 4;
/// The share of a change by which its echo may differ in size.
const OFF: f64 = 0.25;

/// Marks the changes that are the echo of another, unless that one is of a series that does not echo: one in which a
/// change as large came alone.
pub fn mark(seen: Seen, changes: &mut [Change]) {
    if !seen.clock.timed() {
        return;
    }
    // The newest may have an echo that has not come yet.
    let heard = seen.clock.at().saturating_sub(WEEK + SLACK as i64);
    let origins = origins(changes);
    let echoed = |i: usize| origins.contains(&Some(i));
    let alone = |i: usize| changes[i].lasts() && origins[i].is_none() && changes[i].at <= heard && !echoed(i);
    let sizes = (0..changes.len()).filter(|i| alone(*i)).map(|i| changes[i].difference().abs());
    let largest = sizes.fold(0.0, f64::max);
    for (i, origin) in origins.iter().enumerate() {
        let echo = origin.is_some_and(|origin| changes[origin].difference().abs() > largest);
        if echo && changes[i].recurs.is_none() {
            changes[i].recurs = Some(Recurrence::Echo);
        }
    }
}

/// For each change the one that it echoes, which is no echo itself and has no other.
fn origins(changes: &[Change]) -> Vec<Option<usize>> {
    let mut origins: Vec<Option<usize>> = vec![None; changes.len()];
    for (i, change) in changes.iter().enumerate().filter(|(_, change)| change.lasts()) {
        let free = |earlier: &usize| origins[*earlier].is_none() && !origins.contains(&Some(*earlier));
        origins[i] = (0..i).filter(free).find(|earlier| echoes(change, &changes[*earlier]));
    }
    origins
}

fn echoes(change: &Change, earlier: &Change) -> bool {
    let apart = change.at.abs_diff(earlier.at);
    change.kind == earlier.kind
        && apart.abs_diff(WEEK.unsigned_abs()) <= SLACK
        && (change.difference() + earlier.difference()).abs() <= OFF * earlier.difference().abs()
}
