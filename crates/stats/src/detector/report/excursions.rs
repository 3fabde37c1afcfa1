//! Excursions: changes of level that later ones take back, at once or in a few steps.

use super::change::{Change, Kind};
use crate::detector::numbers::bounded;

/// The share of the first change by which a level may be off the one before it.
const OFF: f64 = 0.25;
/// The most changes in an excursion: a way away and one back, of two steps each.
const MOST: usize = 4;

/// A change that is a part of an excursion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Row of the change, from 0.
    pub row: u64,
    /// Row of the change with which the excursion began.
    pub first: u64,
    /// Whether the change leads back.
    pub back: bool,
}

/// The steps of excursions among changes in order of rows; no change is in two of them.
pub fn excursions(changes: &[Change]) -> Vec<Step> {
    let lasting: Vec<&Change> = changes.iter().filter(|change| change.lasts()).collect();
    let (mut rest, mut steps) = (lasting.as_slice(), Vec::new());
    while let Some(first) = rest.first() {
        let length = length(rest);
        steps.extend(rest[..length].iter().map(|change| Step {
            row: change.row,
            first: first.row,
            back: rises(change) != rises(first),
        }));
        rest = &rest[length.max(1)..];
    }
    steps
}

/// Number of changes in the excursion that begins with the first of these, 0 if none does. The levels in it are all on the
/// same side of the one before.
fn length(changes: &[&Change]) -> usize {
    let Some(first) = changes.first() else { return 0 };
    let near = OFF * first.difference().abs();
    for (i, change) in changes.iter().take(MOST).take_while(|change| change.kind == Kind::Level).enumerate() {
        let off = bounded(change.after - first.before);
        if off.abs() <= near && rises(change) != rises(first) {
            return i + 1;
        }
        if off == 0.0 || (off > 0.0) != rises(first) {
            return 0;
        }
    }
    0
}

fn rises(change: &Change) -> bool {
    change.difference() > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Changes of level between these, one every ten rows, and whether each leads back; none outside excursions.
    fn told(levels: &[f64]) -> Vec<Option<(u64, bool)>> {
        told_of(&levels.windows(2).map(|pair| (Kind::Level, pair[0], pair[1])).collect::<Vec<_>>())
    }

    fn told_of(changes: &[(Kind, f64, f64)]) -> Vec<Option<(u64, bool)>> {
        let changes: Vec<Change> =
            (1..).zip(changes).map(|(i, change)| Change::told(10 * i, 10, *change)).collect();
        let steps = excursions(&changes);
        let of = |change: &Change| steps.iter().find(|step| step.row == change.row);
        changes.iter().map(|change| of(change).map(|step| (step.first / 10, step.back))).collect()
    }

    #[test]
    fn what_comes_back_at_once_or_in_steps_is_an_excursion() {
        let (away, back) = (Some((1, false)), Some((1, true)));
        assert_eq!(told(&[100.0, 40.0, 110.0]), [away, back]);
        assert_eq!(told(&[100.0, 40.0, 70.0, 101.0]), [away, back, back]);
        assert_eq!(told(&[100.0, 70.0, 40.0, 70.0, 95.0]), [away, away, back, back]);
        assert_eq!(told(&[-1.0, 1.7e308, -1.0]), [away, back]);
        assert_eq!(told(&[-1.7e308, 1.7e308, -1.7e308]), [away, back]);
        assert_eq!(told(&[-5e-324, 5e-324, -5e-324]), [away, back]);
    }

    #[test]
    fn what_stays_or_goes_beyond_is_none() {
        assert_eq!(told(&[100.0, 40.0]), [None]);
        assert_eq!(told(&[100.0, 40.0, 70.0]), [None; 2]);
        assert_eq!(told(&[100.0, 40.0, 130.0, 42.0]), [None, Some((2, false)), Some((2, true))]);
        assert_eq!(told(&[0.0, 10.0, 20.0, 30.0, 40.0, 0.0]), [None; 5]);
        assert_eq!(told(&[-1.0, 0.0, 10.0, 0.0]), [None, Some((2, false)), Some((2, true))]);
    }

    #[test]
    fn each_change_is_in_one_excursion() {
        let pair = |first| [Some((first, false)), Some((first, true))];
        assert_eq!(told(&[0.0, 1.0, 0.0, 1.0, 0.0]), [pair(1), pair(3)].concat());
        assert_eq!(told(&[0.0, 1.0, 0.0, 1.0]), [pair(1).as_slice(), &[None]].concat());
    }

    #[test]
    fn rows_that_stand_out_are_passed_over_and_other_changes_end_it() {
        let (down, up) = ((Kind::Level, 9.0, 1.0), (Kind::Level, 1.0, 9.0));
        let between = |kind| told_of(&[down, (kind, 1.0, 2.0), up]);
        assert_eq!(between(Kind::Spike), [Some((1, false)), None, Some((1, true))]);
        assert_eq!(between(Kind::Variance), [None; 3]);
    }
}
