//! States of a series: levels that it goes to and from, again and again.

use super::change::{Change, Kind, Recurrence};
use crate::detector::settings::Settings;

/// Changes before one, and after it, that are looked at.
const AROUND: usize = 32;
/// The least number of other changes that lead from the same state to the same, and of other ones and of these as large
/// between levels where it was: three visits make a habit.
const ALIKE: usize = 2;
const OTHERS: usize = 4;
const LARGE: usize = 3;
/// Changes of a series that come before it has shown where it goes.
const FIRST: usize = 2;
/// The least number of changes to and fro between two states that are a habit, and how many times as often as changes are
/// expected they have to come: two incidents are none, nor a few in a long time.
const TO_AND_FRO: usize = 5;
const OFTEN: f64 = 4.0;
/// The share of the way between two states by which a level may be off.
const OFF: f64 = 0.25;
/// The least share of a change that another one is as large as.
const AS_LARGE: f64 = 0.5;
/// Log of how rare a stay has to be, among stays that end at random, to be longer than usual: one in 150.
const RARE: f64 = 5.0;

/// Marks the changes of a series of this many rows between states that recur, unless they are marked as a rhythm. A last stay
/// that is longer than usual is news, and so is the change that it begins with, which is then told how rare that is.
pub fn mark(changes: &mut [Change], rows: u64, s: &Settings) {
    let lasting: Vec<usize> = (0..changes.len()).filter(|&i| changes[i].lasts()).collect();
    for (place, &i) in lasting.iter().enumerate() {
        let range = place.saturating_sub(AROUND)..lasting.len().min(place + AROUND + 1);
        let around: Vec<&Change> = lasting[range].iter().map(|&j| &changes[j]).collect();
        let change = &changes[i];
        if change.recurs.is_some()
            || !(is_between_states(&around, change, rows, s) || is_visited(changes, &around, change))
        {
            continue;
        }
        match Some(rarity(&around, change)).filter(|rarity| *rarity > RARE) {
            None => changes[i].recurs = Some(Recurrence::States),
            rarity => changes[i].rarity = rarity,
        }
    }
}

/// The changes of the level among these.
fn of_level<'a>(changes: &[&'a Change]) -> Vec<&'a Change> {
    changes.iter().copied().filter(|change| change.kind == Kind::Level).collect()
}

/// Whether a change leads between states that recur, or is one of how often they do.
fn is_between_states(around: &[&Change], change: &Change, rows: u64, s: &Settings) -> bool {
    let levels = of_level(around);
    match change.kind {
        Kind::Level => {
            let place = levels.partition_point(|other| other.row < change.row);
            recurs(&levels, place)
                || is_within_states(around, change)
                || goes_often(&levels, place, rows, s)
                || goes_evenly(&levels, change)
        }
        Kind::Variance => is_of_states(&levels, change),
        _ => false,
    }
}

/// Whether the spread changed only because of how the series goes to and fro within a segment, between states that other
/// changes of the level lead between.
fn is_of_states(levels: &[&Change], change: &Change) -> bool {
    let leads_within = |other: &Change, (low, high): (f64, f64)| {
        let (size, slack) = (other.difference().abs(), OFF * other.difference().abs());
        let within = |level: f64| level >= low - slack && level <= high + slack;
        within(other.before) && within(other.after) && size >= AS_LARGE * (high - low)
    };
    let mut ranges = change.between.into_iter().flatten();
    ranges.any(|range| levels.iter().filter(|other| leads_within(other, range)).count() >= ALIKE)
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

/// Whether a change is one of many, to and fro between the same two states, of which the series makes more than others do.
fn goes_often(changes: &[&Change], place: usize, rows: u64, s: &Settings) -> bool {
    let same = |other: &&&Change| alike(changes[place], other) || undoes(changes[place], other);
    let count = changes.iter().filter(same).count();
    let first = changes.iter().find(same).map_or(rows, |first| first.row);
    count >= TO_AND_FRO && count as f64 >= OFTEN * s.hazard * rows.saturating_sub(first) as f64
}

/// Whether a change is one of four, to and fro between two states, of which neither is the usual one: the series was back
/// between two visits for no longer than these lasted.
fn goes_evenly(changes: &[&Change], change: &Change) -> bool {
    changes.windows(4).filter(|four| four.iter().any(|one| one.row == change.row)).any(|four| {
        let [away, back, again, last] = [four[0], four[1], four[2], four[3]];
        let same = alike(away, again) && alike(back, last) && undoes(away, back);
        same && back.rows_after <= away.rows_after + again.rows_after
    })
}

/// Whether a change leads between two states that another one leads between in the same way, and that a row which stood
/// out alone did too: such a visit is the third one.
fn is_visited(changes: &[Change], around: &[&Change], change: &Change) -> bool {
    let again = around
        .iter()
        .any(|other| other.kind == Kind::Level && other.row != change.row && alike(change, other));
    let visit = |other: &Change| !other.lasts() && (alike(change, other) || undoes(change, other));
    change.kind == Kind::Level && again && changes.iter().any(visit)
}

/// Whether a change leads to a state between which and others the series went to and fro before, without a change each time,
/// or is one between two such states of a later segment. Segments end with changes of any kind.
fn is_within_states(changes: &[&Change], change: &Change) -> bool {
    let slack = OFF * change.difference().abs();
    let earlier = || changes.iter().filter(|c| c.row <= change.row).filter_map(|c| c.between[0]);
    let was = |level: f64| earlier().any(|(low, high)| level >= low - slack && level <= high + slack);
    let goes_within = |(low, high): (f64, f64)| {
        [change.before, change.after].iter().all(|level| (low..=high).contains(level))
    };
    let comes_later =
        || changes.iter().filter(|c| c.row > change.row).filter_map(|c| c.between[1]).any(goes_within);
    was(change.after) && (change.between[0].is_some() || was(change.before))
        || change.between == [None; 2] && comes_later()
}

/// Log of how rare so long a last stay is, among those before it after changes of the same direction: the times between
/// events at random are exponential, and their mean is known as well as there were stays. 0 if it is not the last, or none.
fn rarity(around: &[&Change], last: &Change) -> f64 {
    let levels = of_level(around);
    if last.between[1].is_some() || levels.iter().any(|other| other.row > last.row) {
        return 0.0;
    }
    let same = |other: &&&Change| {
        last.kind != Kind::Level || (other.difference() > 0.0) == (last.difference() > 0.0)
    };
    let earlier = levels.iter().filter(|other| other.row < last.row).filter(same);
    let stays: Vec<f64> = earlier.map(|other| other.rows_after as f64).collect();
    let rows = stays.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    stays.len() as f64 * (last.rows_after as f64 / rows).ln_1p()
}

/// Whether two changes lead from the same state to the same.
fn alike(one: &Change, other: &Change) -> bool {
    let most = OFF * one.difference().abs();
    one.leads(other.before, other.after, most)
}

/// Whether a change leads back from where another led to, to where that led from.
fn undoes(one: &Change, other: &Change) -> bool {
    let most = OFF * one.difference().abs();
    one.leads(other.after, other.before, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether each change of a series recurs: after this many rows each, to a level, or a spike to it.
    fn recurring(steps: &[(u64, Kind, f64)]) -> Vec<bool> {
        let (mut row, mut level, mut changes) = (0, 0.0, vec![]);
        for (i, (rows, kind, to)) in steps.iter().enumerate() {
            row += rows;
            let after = steps.get(i + 1).map_or(60, |next| next.0);
            changes.push(Change::told(row, after, (*kind, level, *to)));
            level = if *kind == Kind::Level { *to } else { level };
        }
        mark(&mut changes, row + 60, &Settings::DEFAULT);
        changes.iter().filter(|change| change.lasts()).map(|change| change.recurs.is_some()).collect()
    }

    #[test]
    fn a_row_that_stood_out_alone_is_a_visit() {
        let (level, spike) = (Kind::Level, Kind::Spike);
        let twice = [(100, level, 20.0), (30, level, 0.0), (90, level, 20.0), (30, level, 0.0)];
        let visited = |to| recurring(&[[(60, spike, to)].as_slice(), &twice].concat());
        assert_eq!(visited(19.0), [true; 4]);
        assert_eq!(visited(40.0), [false; 4]);
        assert_eq!(recurring(&[(60, spike, 19.0), (100, level, 20.0), (30, level, 0.0)]), [false; 2]);
    }

    #[test]
    fn four_changes_recur_between_two_states_of_which_neither_is_the_usual_one() {
        let to = |rows, level| (rows, Kind::Level, level);
        let visits = |between| [to(100, 20.0), to(30, 0.0), to(between, 20.0), to(30, 0.0)];
        assert_eq!(recurring(&visits(60)), [true; 4]);
        assert_eq!(recurring(&visits(61)), [false; 4]);
        // A new level is news.
        let left = [visits(60).as_slice(), &[to(50, 35.0)]].concat();
        assert_eq!(recurring(&left), [true, true, true, true, false]);
    }
}
