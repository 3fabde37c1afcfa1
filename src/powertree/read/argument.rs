//! What the callers of the reading functions say.

use crate::pg::error::raise;
use crate::pg::name::c_string;
use crate::powertree::base::query::Range;
use crate::powertree::model::position::{Position, DAY};
use crate::powertree::model::rights;
use crate::powertree::model::tree::Tree;
use pgrx::pg_sys::{self, Datum, FunctionCallInfo, Oid};
use pgrx::{Array, PgSqlErrorCode};

/// The argument of this number, from 0, that must not be NULL.
pub fn required<T: pgrx::datum::FromDatum>(fcinfo: FunctionCallInfo, number: usize, name: &str) -> T {
    // SAFETY: the SQL declaration has an argument of the type there.
    unsafe { pgrx::fcinfo::pg_getarg(fcinfo, number) }.unwrap_or_else(|| {
        raise(
            PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED,
            format!("{name} must not be NULL"),
            "",
            "Only the ends of a range may be NULL: it is open there.",
        )
    })
}

/// The value that argument `number` names, by its place; an error unless the caller may SELECT it.
pub fn value(fcinfo: FunctionCallInfo, number: usize, tree: &Tree) -> usize {
    let given: String = required(fcinfo, number, "the value");
    let readable = rights::readable_values(tree);
    let name = |value: usize| tree.values[value].0.name.as_str();
    let found = (0..tree.values.len()).find(|&value| name(value) == given);
    match found {
        _ if readable.is_empty() => rights::denied(&tree.name),
        Some(value) if readable.contains(&value) => value,
        Some(_) => rights::denied(&tree.name),
        None => {
            let names: Vec<&str> = readable.into_iter().map(name).collect();
            raise(
                PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
                format!("power tree \"{}\" has no value \"{given}\"", tree.name),
                "",
                &format!("It summarises {}.", names.join(", ")),
            )
        }
    }
}

/// The range from argument `number`, included, to the next, excluded; NULL is no end.
pub fn range(fcinfo: FunctionCallInfo, number: usize, tree: &Tree) -> Range {
    let (least, greatest) = tree.position.ends();
    let from = position(fcinfo, number, tree.position).unwrap_or(least);
    let to = position(fcinfo, number + 1, tree.position);
    if to.is_some_and(|to| from > to) {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "the range ends before it begins",
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
pub fn position(fcinfo: FunctionCallInfo, number: usize, position: Position) -> Option<i64> {
    // SAFETY: the SQL declaration has the argument; its type is known from the call.
    unsafe {
        let datum = pgrx::fcinfo::pg_getarg_datum(fcinfo, number)?;
        let given = pg_sys::get_fn_expr_argtype((*fcinfo).flinfo, number as i32);
        let wanted = position.type_oid();
        if pg_sys::getBaseType(given) == wanted {
            return Some(position.read(datum));
        }
        // As a cast in SQL would: through text.
        let (mut output, mut varlena) = (Oid::INVALID, false);
        pg_sys::getTypeOutputInfo(given, &mut output, &mut varlena);
        let text = pg_sys::OidOutputFunctionCall(output, datum);
        let (mut input, mut parameter) = (Oid::INVALID, Oid::INVALID);
        pg_sys::getTypeInputInfo(wanted, &mut input, &mut parameter);
        Some(position.read(pg_sys::OidInputFunctionCall(input, text, parameter, -1)))
    }
}

/// The series that argument `number`, a text array, names.
pub fn series(fcinfo: FunctionCallInfo, number: usize, tree: &Tree) -> Vec<Datum> {
    let given: Array<&str> = required(fcinfo, number, "the series");
    let names: Vec<&str> = tree.series.iter().map(|key| key.column.name.as_str()).collect();
    if given.len() != names.len() || given.contains_nulls() {
        let wanted = match names.len() {
            0 => "All rows of its table are one series: give no value.".to_owned(),
            _ => format!("Give one value, not NULL, for each of {}.", names.join(", ")),
        };
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("{} values do not name a series of power tree \"{}\"", given.len(), tree.name),
            "",
            &wanted,
        );
    }
    tree.series.iter().zip(given.iter().flatten()).map(|(key, text)| key.parse(text)).collect()
}

/// How far it is from one bucket, or leaf, to the next.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// So many positions.
    Fixed(i64),
    /// Months, days and microseconds by the calendar and the session's time zone.
    Calendar(pg_sys::Interval),
}

impl Step {
    /// How many positions it is, about.
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

/// A step given as text: an interval, or a number where positions are numbers. None if it does not lead forward.
pub fn step(text: &str, position: Position) -> Option<Step> {
    let c_text = c_string(text);
    // SAFETY: the input functions raise an error if the text is none of theirs.
    let parse = |function: u32| unsafe {
        let function = Oid::from(function);
        pg_sys::OidInputFunctionCall(function, c_text.as_ptr().cast_mut(), Oid::INVALID, -1)
    };
    if position == Position::Bigint {
        return Some(parse(pg_sys::F_INT8IN).value() as i64).filter(|width| *width > 0).map(Step::Fixed);
    }
    // SAFETY: the datum of an interval points to one.
    let interval = unsafe { parse(pg_sys::F_INTERVAL_IN).cast_mut_ptr::<pg_sys::Interval>().read() };
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
