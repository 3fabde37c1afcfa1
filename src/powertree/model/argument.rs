//! Arguments that the functions that make and change trees share with those that read them.

use super::position::{Position, DAY};
use super::question::Range;
use super::tree::Tree;
use crate::pg::calls::call::{Call, Declared};
use crate::pg::server::error::raise;
use crate::pg::tables::column::base_type;
use crate::pg::values::value::Value;
use pgrx::pg_sys;
use pgrx::PgSqlErrorCode;

/// Returns the argument of this number, from 0; raises an error if it is NULL.
pub fn required<T: Declared>(call: Call, number: usize, name: &str) -> T {
    call.argument(number).unwrap_or_else(|| {
        raise(
            PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED,
            format!("{name} must not be null"),
            "",
            "Only the ends of a range may be null: the range is open there.",
        )
    })
}

/// The range from argument `number`, included, to the next, excluded; NULL is no end.
pub fn range(call: Call, number: usize, tree: &Tree) -> Range {
    let (least, greatest) = tree.position.ends();
    let from = position(call, number, tree.position).unwrap_or(least);
    let to = position(call, number + 1, tree.position);
    if to.is_some_and(|to| from > to) {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "range must not end before it begins",
            "",
            "Give the earlier end first; the later one does not belong to the range.",
        );
    }
    match to {
        None => Range { first: from, last: greatest },
        // Before the least position there is none.
        Some(to) => to.checked_sub(1).map_or(Range { first: 1, last: 0 }, |last| Range { first: from, last }),
    }
}

/// A position given as any type, None if it is NULL.
pub fn position(call: Call, number: usize, position: Position) -> Option<i64> {
    let given = call.value(number)?;
    let wanted = position.type_oid();
    if base_type(given.type_oid()) == wanted {
        return Some(position.read(given.datum()));
    }
    // As a cast in SQL would: through text.
    Some(position.read(given.through_text(wanted).datum()))
}

/// The distance from one bucket, or leaf, to the next.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A number of positions.
    Fixed(i64),
    /// An interval of the calendar in the session's time zone.
    Calendar(pg_sys::Interval),
}

impl Step {
    /// Returns about how many positions the step has.
    pub fn about(self, position: Position) -> i64 {
        match self {
            Step::Fixed(width) => width,
            Step::Calendar(interval) => {
                let days = i64::from(interval.month) * 30 + i64::from(interval.day);
                match position {
                    Position::Date => days,
                    _ => days.saturating_mul(DAY).saturating_add(interval.time),
                }
            }
        }
    }
}

/// Parses a step: an interval, or a number where positions are numbers. None if it is not positive.
pub fn step(text: &str, position: Position) -> Option<Step> {
    let parse = |type_oid| Value::parse(type_oid, -1, text);
    if position == Position::Bigint {
        let width = parse(pg_sys::INT8OID).datum().value() as i64;
        return Some(width).filter(|width| *width > 0).map(Step::Fixed);
    }
    let interval = parse(pg_sys::INTERVALOID).interval()?;
    let signs = [i64::from(interval.month), interval.day.into(), interval.time];
    if signs.iter().any(|part| *part < 0) || signs == [0; 3] || interval.month == i32::MAX {
        return None;
    }
    Some(
        position
            .of_interval(interval.month, interval.day, interval.time)
            .map_or(Step::Calendar(interval), Step::Fixed),
    )
}
