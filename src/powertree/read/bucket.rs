//! Buckets: a range cut by a fixed step or by the calendar.

use super::calendar::reaches_on;
use super::reader::Reader;
use crate::pg::calls::call::Call;
use crate::pg::memory::heap::{self, room};
use crate::pg::server::error::{excerpt, raise};
use crate::pg::tables::column::type_name;
use crate::pg::values::builtin::{
    DATE_AND_INTERVAL, DATE_OF_TIMESTAMP, TIMESTAMPTZ_AND_INTERVAL, TIMESTAMP_AND_INTERVAL,
};
use crate::pg::values::value::LentValue;
use crate::powertree::model::argument::{position, required, step, Step};
use crate::powertree::model::position::{Position, DAY};
use crate::powertree::model::question::Range;
use crate::powertree::model::tree::Tree;
use pgrx::pg_sys;
use pgrx::PgSqlErrorCode;
use tally_stats::Tally;

/// The most buckets of one call; more would be a mistake.
const MOST: i64 = 1_000_000;

/// Buckets that are computed together, and kept in memory until their rows are read.
const TOGETHER: usize = 50_000;

/// A range, and the step that cuts it.
pub struct Cut {
    pub range: Range,
    step: Step,
    position: Position,
}

/// The range from argument `number` to the next, cut by the step that is the argument after.
pub fn cut(call: Call, number: usize, tree: &Tree) -> Cut {
    let (from, to) = ends(call, number, tree);
    let text: &str = required(call, number + 2, "step");
    let Some(step) = step(text, tree.position) else {
        wrong(
            format!("step must be positive: \"{}\"", excerpt(text)),
            "Give a step like '1 hour', '1 month' or, of numbers, '1000'.",
        )
    };
    if tree.position == Position::Date && matches!(step, Step::Calendar(interval) if interval.time != 0) {
        wrong(format!("step must be a whole number of days: \"{}\"", excerpt(text)), "Positions are dates.");
    }
    let length = i128::from(to) - i128::from(from);
    if length > i128::from(MOST) * i128::from(step.about(tree.position)) {
        wrong(
            format!("range has more than {MOST} buckets of \"{}\"", excerpt(text)),
            "Take a wider step, or a shorter range.",
        );
    }
    Cut { range: Range { first: from, last: to - 1 }, step, position: tree.position }
}

/// The ends of the range from argument `number` to the next, which are finite, of the type of positions, and in their order.
pub fn ends(call: Call, number: usize, tree: &Tree) -> (i64, i64) {
    let given = call.type_given(number);
    let wanted = tree.position.type_oid();
    if given != wanted && (given, wanted) != (pg_sys::TEXTOID, pg_sys::TIMESTAMPTZOID) {
        raise(
            PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
            format!("power tree \"{}\" has positions of type {}", tree.name, type_name(wanted)),
            format!("The argument is of type {}.", type_name(given)),
            &format!("Cast both ends of the range to {}.", type_name(wanted)),
        );
    }
    let (least, greatest) = tree.position.ends();
    let end = |number| position(call, number, tree.position).filter(|end| *end != least && *end != greatest);
    let (Some(from), Some(to)) = (end(number), end(number + 1)) else {
        wrong(
            "both ends of the range are required for buckets".into(),
            "Give both ends, neither NULL nor infinite.",
        )
    };
    if from > to {
        wrong("range must not end before it begins".into(), "Give the earlier end first.");
    }
    (from, to)
}

/// Raises an error about an argument.
pub fn wrong(what: String, hint: &str) -> ! {
    raise(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, what, "", hint)
}

impl Cut {
    /// A range of positions, of whole steps.
    pub fn of(range: Range, step: Step, position: Position) -> Cut {
        Cut { range, step, position }
    }

    /// The buckets in their order.
    fn buckets(&self) -> impl Iterator<Item = Range> + '_ {
        let Range { first, last } = self.range;
        let begin = move |i| after(first, self.step, i, self.position).filter(|begin| *begin <= last);
        let mut next = (first <= last).then_some(first);
        (1..).map_while(move |i| {
            let first = next?;
            next = begin(i);
            Some(Range { first, last: next.map_or(last, |next| next - 1) })
        })
    }
}

/// The position `i` steps after another; None beyond the end of the line, or of the calendar.
pub fn after(from: i64, step: Step, i: i64, position: Position) -> Option<i64> {
    let interval = match step {
        Step::Fixed(width) => return from.checked_add(width.checked_mul(i)?),
        Step::Calendar(interval) => interval,
    };
    let times = |part: i32| i32::try_from(i64::from(part).checked_mul(i)?).ok();
    let interval = pg_sys::Interval {
        month: times(interval.month)?,
        day: times(interval.day)?,
        time: interval.time.checked_mul(i)?,
    };
    let days = i64::from(interval.day).saturating_add(interval.time / DAY + 1);
    let days = if interval.time == 0 { interval.day.into() } else { days };
    if !reaches_on(from, interval.month, days, position) {
        return None;
    }
    let (from, interval) = (position.to_value(from), LentValue::from(&interval));
    let from = from.lent();
    // The functions raise no error, since the position is in the calendar.
    let moved = match position {
        Position::Timestamptz => TIMESTAMPTZ_AND_INTERVAL.call([from, interval]),
        Position::Date => DATE_OF_TIMESTAMP.call([DATE_AND_INTERVAL.call([from, interval]).lent()]),
        _ => TIMESTAMP_AND_INTERVAL.call([from, interval]),
    };
    Some(position.read(moved.datum()))
}

impl Reader {
    /// Calls `each` with where a bucket begins and its tally, in order.
    pub fn buckets(&mut self, cut: &Cut, mut each: impl FnMut(i64, &Tally)) {
        let mut buckets = cut.buckets().peekable();
        while buckets.peek().is_some() {
            let together = heap::collect(buckets.by_ref().take(TOGETHER));
            for (bucket, tally) in together.iter().zip(self.together(&together)) {
                each(bucket.first, &tally);
            }
        }
    }

    /// The tallies of buckets. Rows of neighbouring ones are read together.
    fn together(&mut self, buckets: &[Range]) -> Vec<Tally> {
        let mut tallies = Vec::new();
        room(&mut tallies, buckets.len());
        // Ranges that are read as one, and to which bucket each belongs.
        let mut rows: Vec<Vec<(usize, Range)>> = Vec::new();
        // Are there no values since the last of them? Then to read on costs nothing.
        let mut nothing_since = false;
        for (bucket, &whole) in buckets.iter().enumerate() {
            pgrx::check_for_interrupts!();
            heap::check();
            let (tally, ranges) = self.stored(whole);
            let only_rows = tally.num_vals() == 0;
            tallies.push(tally);
            let (mut next, none) = (whole.first, ranges.is_empty());
            for range in ranges {
                match rows.last_mut() {
                    Some(together) if nothing_since && (only_rows || range.first == next) => {
                        room(together, 1);
                        together.push((bucket, range));
                    }
                    _ => {
                        room(&mut rows, 1);
                        rows.push(vec![(bucket, range)]);
                    }
                }
                (next, nothing_since) = (range.last + 1, true);
            }
            nothing_since &= only_rows || !none && next == whole.last + 1;
        }
        for together in rows {
            match together[..] {
                [(bucket, range)] => tallies[bucket].merge(&self.rows(range)),
                _ => {
                    let range =
                        Range { first: together[0].1.first, last: together[together.len() - 1].1.last };
                    let begins = heap::collect(together.iter().map(|(_, range)| range.first));
                    self.rows_between(range, &begins, |place, tally| {
                        // Places count from 1.
                        if let Some((bucket, _)) = place.checked_sub(1).and_then(|place| together.get(place))
                        {
                            tallies[*bucket].merge(&tally);
                        }
                    });
                }
            }
        }
        tallies
    }
}
