//! States of a series: levels that it goes to and from, again and again.

use super::change::{Change, Kind, Recurrence};

/// Changes before one, and after it, that are looked at.
const AROUND: usize = 32;
/// The least number of other changes that lead from the same state to the same, and of other ones and of these as large
/// between levels where it was: three visits make a habit.
const ALIKE: usize = 2;
const OTHERS: usize = 4;
const LARGE: usize = 3;
/// Changes of a series that come before it has shown where it goes.
const FIRST: usize = 2;
/// The share of the way between two states by which a level may be off.
const OFF: f64 = 0.25;
/// The least share of a change that another one is as large as.
const AS_LARGE: f64 = 0.5;
/// Log of how rare a stay has to be, among stays that end at random, to be longer than usual: one in 150.
const RARE: f64 = 5.0;

/// Marks the changes between states that recur, unless they are marked as a rhythm. A last stay that is longer than usual
/// is news, and so is the change that it begins with.
pub fn mark(changes: &mut [Change]) {
    let levels: Vec<usize> = (0..changes.len()).filter(|&i| changes[i].kind == Kind::Level).collect();
    for (place, &i) in levels.iter().enumerate() {
        let first = place.saturating_sub(AROUND);
        let around: Vec<&Change> =
            levels[first..levels.len().min(place + AROUND + 1)].iter().map(|&j| &changes[j]).collect();
        let lasts = place + 1 == levels.len() && is_longer(&around);
        if changes[i].recurs.is_none() && recurs(&around, place - first) && !lasts {
            changes[i].recurs = Some(Recurrence::States);
        }
    }
}

/// Whether a change leads to where the series was at other times.
fn recurs(changes: &[&Change], place: usize) -> bool {
    let change = changes[place];
    let size = change.difference().abs();
    let others = || changes.iter().enumerate().filter(|(i, _)| *i != place).map(|(_, other)| *other);
    if others().filter(|other| alike(change, other)).count() >= ALIKE {
        return true;
    }
    // Levels that the series had left before: of the first changes, too few are known.
    let visited = changes[..place].iter().map(|c| c.before);
    let (least, most) =
        visited.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), x| (least.min(x), most.max(x)));
    let known = |level: f64| level >= least - OFF * size && level <= most + OFF * size;
    let large = others().filter(|other| other.difference().abs() >= AS_LARGE * size).count();
    place >= FIRST && changes.len() > OTHERS && large >= LARGE && known(change.after)
}

/// Whether the last stay is longer than those before it after changes of the same direction make likely: the times between
/// events at random are exponential, and their mean is known as well as there were stays.
fn is_longer(changes: &[&Change]) -> bool {
    let Some((last, earlier)) = changes.split_last() else { return false };
    let same = earlier.iter().filter(|c| (c.difference() > 0.0) == (last.difference() > 0.0));
    let stays: Vec<f64> = same.map(|c| c.rows_after as f64).collect();
    stays.len() as f64 * (last.rows_after as f64 / stays.iter().sum::<f64>()).ln_1p() > RARE
}

/// Whether two changes lead from the same state to the same.
fn alike(one: &Change, other: &Change) -> bool {
    let most = OFF * one.difference().abs();
    (one.before - other.before).abs() <= most && (one.after - other.after).abs() <= most
}
