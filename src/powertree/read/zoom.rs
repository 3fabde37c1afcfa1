//! Zoom: the finest step for a number of points that costs little, from a ladder of steps that people read easily.

use super::bucket::{after, wrong, Cut};
use super::calendar::{end, reaches_back};
use super::leaves::Run;
use crate::pg::values::builtin::{
    DATE_OF_TIMESTAMP, TIMESTAMP_OF_DATE, TRUNCATED_TIMESTAMP, TRUNCATED_TIMESTAMPTZ,
};
use crate::pg::values::value::Value;
use crate::powertree::base::query::archived_leaves;
use crate::powertree::model::argument::Step;
use crate::powertree::model::position::{Position, DAY};
use crate::powertree::model::question::Range;
use crate::powertree::model::steps::{decimal, readable_widths};
use crate::powertree::model::tree::Tree;
use pgrx::pg_sys::{Datum, Interval};
use tally_stats::tree::Leaves;

/// The most points of one call.
const MOST: i32 = 100_000;

/// Steps of the calendar: months, days, and what `date_trunc` calls them.
const CALENDAR: [(i32, i32, &str); 8] = [
    (0, 1, "day"),
    (0, 7, "week"),
    (1, 0, "month"),
    (3, 0, "quarter"),
    (12, 0, "year"),
    (120, 0, "decade"),
    (1200, 0, "century"),
    (12_000, 0, "millennium"),
];

/// A step of the ladder.
#[derive(Clone, Copy)]
struct Rung {
    step: Step,
    /// The step as the caller sees it, unless positions are numbers.
    interval: Interval,
    /// The unit of the calendar at whose beginnings buckets begin; None for multiples of the step.
    unit: Option<&'static str>,
}

impl Rung {
    fn of(interval: Interval, unit: Option<&'static str>, position: Position) -> Rung {
        let fixed = position.of_interval(interval.month, interval.day, interval.time);
        Rung { step: fixed.map_or(Step::Calendar(interval), Step::Fixed), interval, unit }
    }

    /// A step of a fixed number of positions.
    fn fixed(width: i64, position: Position) -> Rung {
        let interval = match position {
            Position::Date => Interval { month: 0, day: width.try_into().unwrap_or(i32::MAX), time: 0 },
            _ => Interval { month: 0, day: 0, time: width },
        };
        Rung { step: Step::Fixed(width), interval, unit: None }
    }

    /// Returns where the bucket of a position begins; None if that may be before the calendar begins.
    fn begin(self, at: i64, position: Position) -> Option<i64> {
        match (self.unit, self.step) {
            (Some(unit), _) => {
                let days = 31 * i64::from(self.interval.month) + i64::from(self.interval.day);
                reaches_back(at, days, position).then(|| truncated(unit, at, position))
            }
            (None, Step::Fixed(width)) => at.div_euclid(width).checked_mul(width),
            (None, Step::Calendar(_)) => None,
        }
    }
}

/// Buckets of whole steps around a range.
pub struct Zoom {
    pub cut: Cut,
    rung: Rung,
    position: Position,
}

impl Zoom {
    /// Chooses the finest step of which at most `points` buckets hold the range, and whose buckets cut few leaves: cut ones are read from the
    /// table row by row.
    pub fn of(tree: &Tree, from: i64, to: i64, points: i32) -> Zoom {
        let archived = archived_leaves(tree);
        if !(2..=MOST).contains(&points) {
            wrong(
                format!("number of points must be from 2 to {MOST}: {points}"),
                "Give about as many as the chart has pixels across.",
            );
        }
        // The fewest buckets, two, have three ends.
        let most_cut = (points as usize / 4).max(3);
        let zoom = |&rung: &Rung| {
            let range = buckets(rung, from, to, points as usize, tree, (most_cut, &archived))?;
            Some(Zoom { cut: Cut::of(range, rung.step, tree.position), rung, position: tree.position })
        };
        ladder(tree, !archived.is_empty()).iter().find_map(zoom).unwrap_or_else(|| {
            wrong(
                format!("range is too wide for {points} points"),
                "Ask for more points, or for a shorter range.",
            )
        })
    }

    /// The step, as a datum of what SQL declares: an interval, or a number where positions are numbers.
    pub fn step(&self) -> Datum {
        match (self.position, self.rung.step) {
            (Position::Bigint, Step::Fixed(width)) => width.into(),
            _ => Value::from(self.rung.interval).datum(),
        }
    }
}

/// Returns the positions of the buckets of a step that hold a range; None if they are more than `points`, or begin and end inside of more leaves than
/// `most_cut`, or of one that is archived.
fn buckets(
    rung: Rung,
    from: i64,
    to: i64,
    points: usize,
    tree: &Tree,
    (most_cut, archived): (usize, &[Run]),
) -> Option<Range> {
    let position = tree.position;
    let about = i128::from(rung.step.about(position)) * 2 * points as i128;
    if i128::from(to) - i128::from(from) > about {
        return None;
    }
    let first = rung.begin(from, position)?;
    let end = match rung.step {
        Step::Fixed(_) => position.ends().1,
        Step::Calendar(_) => end(position),
    };
    let Leaves { width } = tree.leaves;
    let (mut next, mut cut_leaves, mut cut_leaf) = (first, 0, None);
    for i in 1.. {
        if next.rem_euclid(width) != 0 && cut_leaf != Some(next.div_euclid(width)) {
            cut_leaves += 1;
            cut_leaf = Some(next.div_euclid(width));
            if archived.iter().any(|(first, last)| (first..=last).contains(&&next.div_euclid(width))) {
                return None;
            }
        }
        if cut_leaves > most_cut {
            return None;
        }
        if next >= to {
            break;
        }
        if i > points as i64 {
            return None;
        }
        // The last bucket may end with the calendar, or with the line.
        let end = || Some(end).filter(|end| to <= *end);
        next = after(first, rung.step, i, position).or_else(end)?;
    }
    Some(Range { first, last: next.checked_sub(1)? })
}

/// All steps for the positions of a tree, the finest first. A leaf is one of them and, if no other is a multiple of it, so are some multiples;
/// all of them if buckets must not cut leaves.
fn ladder(tree: &Tree, has_archived: bool) -> Vec<Rung> {
    let (position, width) = (tree.position, tree.leaves.width);
    let fixed = readable_widths(position).into_iter();
    let mut ladder: Vec<Rung> = match position {
        Position::Bigint => fixed.map(|width| Rung::fixed(width, position)).collect(),
        // Days are those of the calendar.
        Position::Date => Vec::new(),
        _ => fixed.filter(|width| *width < DAY).map(|width| Rung::fixed(width, position)).collect(),
    };
    let is_multiple = |rung: &Rung| matches!(rung.step, Step::Fixed(step) if step % width == 0);
    let has_multiple = ladder.iter().any(is_multiple);
    if position != Position::Bigint {
        ladder.extend(
            CALENDAR
                .map(|(month, day, unit)| Rung::of(Interval { month, day, time: 0 }, Some(unit), position)),
        );
    }
    // After the day, where a leaf is one: among equals the first is chosen.
    if has_archived {
        ladder.extend(decimal(18).map(|times| Rung::fixed(width.saturating_mul(times), position)));
    } else if has_multiple {
        ladder.push(Rung::fixed(width, position));
    } else {
        ladder.extend(decimal(3).map(|times| Rung::fixed(width.saturating_mul(times), position)));
    }
    ladder.sort_by_key(|rung| rung.step.about(position));
    ladder
}

/// Returns the beginning of the unit of the calendar that a position is in, in the session's time zone.
fn truncated(unit: &str, at: i64, position: Position) -> i64 {
    let (unit, at) = (Value::from(unit), position.to_value(at));
    let (unit, at) = (unit.lent(), at.lent());
    // The functions raise no error, since the beginning is in the calendar.
    let truncated = match position {
        Position::Timestamptz => TRUNCATED_TIMESTAMPTZ.call([unit, at]),
        Position::Date => {
            let midnight = TIMESTAMP_OF_DATE.call([at]);
            DATE_OF_TIMESTAMP.call([TRUNCATED_TIMESTAMP.call([unit, midnight.lent()]).lent()])
        }
        _ => TRUNCATED_TIMESTAMP.call([unit, at]),
    };
    position.read(truncated.datum())
}
