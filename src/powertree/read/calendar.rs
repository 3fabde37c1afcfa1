//! The ends of PostgreSQL's calendar, beyond which its functions raise errors.

use crate::pg::server::process::{date_of_julian_day, julian_day};
use crate::powertree::model::position::{Position, DAY};

/// The first day of the calendar, and the one after the last day that has a time, in days since 2000.
const FIRST: i64 = -2_451_545;
const END: i64 = 106_751_983;
/// Day 0, as a Julian day.
const EPOCH: i64 = 2_451_545;
/// A year after the last one, where Julian days still fit into an integer.
const FAR: i64 = 300_000;

/// The position at which the calendar ends.
pub fn end(position: Position) -> i64 {
    match position {
        Position::Date => END,
        _ => END * DAY,
    }
}

/// Whether a position and the given number of days before it are in the calendar.
pub fn reaches_back(at: i64, days: i64, position: Position) -> bool {
    let day = day(at, position);
    day - days >= FIRST && day < END
}

/// Whether the position this many months and days after another is in the calendar, in any time zone.
pub fn reaches_on(from: i64, months: i32, days: i64, position: Position) -> bool {
    let before = day(from, position);
    if !(FIRST..END).contains(&before) {
        return false;
    }
    let (mut year, mut month, mut day) = (0, 0, 0);
    date_of_julian_day((before + EPOCH) as i32, &mut year, &mut month, &mut day);
    let month = i64::from(year) * 12 + i64::from(month) - 1 + i64::from(months);
    if month.div_euclid(12) >= FAR {
        return false;
    }
    let first_of = |month: i64| {
        let julian = julian_day(month.div_euclid(12) as i32, month.rem_euclid(12) as i32 + 1, 1);
        i64::from(julian) - EPOCH
    };
    let after = (first_of(month) + i64::from(day) - 1).min(first_of(month + 1) - 1) + days;
    let zone = i64::from(position == Position::Timestamptz);
    after + zone < END
}

/// The day of a position, since 2000.
fn day(at: i64, position: Position) -> i64 {
    match position {
        Position::Date => at,
        _ => at.div_euclid(DAY),
    }
}
