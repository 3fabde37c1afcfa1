//! Positions: what `at` counts, as integers.

use crate::pg::values::value::{Day, LocalMoment, Moment, Value};
use pgrx::pg_sys::{self, Datum, Oid};

/// The kind of the position column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Microseconds since 2000, UTC.
    Timestamptz,
    /// Microseconds since 2000, local.
    Timestamp,
    /// Days since 2000.
    Date,
    /// A number.
    Bigint,
}

/// A century, in days: the least width of a node of the topmost level.
const CENTURY_DAYS: i64 = 36_525;
/// A day, in microseconds.
pub const DAY: i64 = 86_400_000_000;

impl Position {
    /// The kind of position that a type is; None if positions cannot be of that type.
    pub fn of(type_oid: Oid) -> Option<Position> {
        match type_oid {
            pg_sys::TIMESTAMPTZOID => Some(Position::Timestamptz),
            pg_sys::TIMESTAMPOID => Some(Position::Timestamp),
            pg_sys::DATEOID => Some(Position::Date),
            pg_sys::INT8OID => Some(Position::Bigint),
            _ => None,
        }
    }

    pub fn type_oid(self) -> Oid {
        match self {
            Position::Timestamptz => pg_sys::TIMESTAMPTZOID,
            Position::Timestamp => pg_sys::TIMESTAMPOID,
            Position::Date => pg_sys::DATEOID,
            Position::Bigint => pg_sys::INT8OID,
        }
    }

    /// The type's name in SQL, independent of the search path.
    pub fn sql_type(self) -> &'static str {
        match self {
            Position::Timestamptz => "pg_catalog.timestamptz",
            Position::Timestamp => "pg_catalog.timestamp",
            Position::Date => "pg_catalog.date",
            Position::Bigint => "pg_catalog.int8",
        }
    }

    /// The position of a value that is not NULL. Infinities are the least and the greatest position.
    #[inline]
    pub fn read(self, datum: Datum) -> i64 {
        match self {
            Position::Date => i64::from(datum.value() as i32),
            _ => datum.value() as i64,
        }
    }

    /// The value of a position, or the nearest that the type can represent.
    pub fn to_value(self, position: i64) -> Value {
        match self {
            Position::Timestamptz => Moment(position).into(),
            Position::Timestamp => LocalMoment(position).into(),
            Position::Date => Day(self.nearest(position) as i32).into(),
            Position::Bigint => position.into(),
        }
    }

    /// The datum of a position, or the nearest that the type can represent.
    pub fn to_datum(self, position: i64) -> Datum {
        self.to_value(position).datum()
    }

    /// The nearest position that the type can represent.
    fn nearest(self, position: i64) -> i64 {
        let (least, greatest) = self.ends();
        position.clamp(least, greatest)
    }

    /// The least and the greatest position.
    pub fn ends(self) -> (i64, i64) {
        match self {
            Position::Date => (i32::MIN.into(), i32::MAX.into()),
            _ => (i64::MIN, i64::MAX),
        }
    }

    /// Returns how wide a node of the topmost level should be, in positions.
    pub fn top_span(self) -> i64 {
        match self {
            Position::Timestamptz | Position::Timestamp => CENTURY_DAYS * DAY,
            Position::Date => CENTURY_DAYS,
            Position::Bigint => 1_000_000_000_000_000,
        }
    }

    /// Returns how many positions an interval has; None if the number is not fixed, as for months.
    pub fn of_interval(self, months: i32, days: i32, micros: i64) -> Option<i64> {
        if months != 0 {
            return None;
        }
        match self {
            Position::Timestamptz if days != 0 => None,
            Position::Timestamptz => Some(micros),
            Position::Timestamp => i64::from(days).checked_mul(DAY)?.checked_add(micros),
            Position::Date if micros == 0 => Some(days.into()),
            Position::Date | Position::Bigint => None,
        }
    }
}
