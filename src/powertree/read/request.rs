//! Arguments of the reading functions.

use crate::pg::calls::call::Call;
use crate::pg::server::error::{excerpt, raise};
use crate::pg::values::value::Value;
use crate::powertree::model::argument::required;
use crate::powertree::model::rights;
use crate::powertree::model::tree::Tree;
use pgrx::{Array, PgSqlErrorCode};

/// The value that argument `number` names, by its place; an error unless the caller may SELECT it.
pub fn value(call: Call, number: usize, tree: &Tree) -> usize {
    let given: &str = required(call, number, "value");
    let readable = readable_values(tree);
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
                format!("power tree \"{}\" has no value \"{}\"", tree.name, excerpt(given)),
                "",
                &format!("The tree summarises {}.", names.join(", ")),
            )
        }
    }
}

/// The series that argument `number`, a text array, names.
pub fn series(call: Call, number: usize, tree: &Tree) -> Vec<Value> {
    let given: Array<&str> = required(call, number, "series");
    let names: Vec<&str> = tree.series.iter().map(|key| key.column.name.as_str()).collect();
    if given.len() != names.len() || given.contains_nulls() {
        let wanted = match names.len() {
            0 => "All rows of the table are one series: give no value.".to_owned(),
            _ => format!("Give one value, not NULL, for each of {}.", names.join(", ")),
        };
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("wrong number of values for a series of power tree \"{}\": {}", tree.name, given.len()),
            "",
            &wanted,
        );
    }
    tree.series.iter().zip(given.iter().flatten()).map(|(key, text)| key.parse(text)).collect()
}

/// The values of the first columns of the series that argument `number`, a text array, names.
pub fn prefix(call: Call, number: usize, tree: &Tree) -> Vec<Value> {
    let given: Array<&str> = required(call, number, "prefix");
    let names: Vec<&str> = tree.series.iter().map(|key| key.column.name.as_str()).collect();
    if given.len() > names.len() || given.contains_nulls() {
        let wanted = match names.len() {
            0 => "All rows of the table are one series: give no value.".to_owned(),
            _ => format!("Give values, not NULL, for the first of {}, or for none.", names.join(", ")),
        };
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("wrong values for a prefix of series of power tree \"{}\"", tree.name),
            format!("There are {}.", given.len()),
            &wanted,
        );
    }
    tree.series.iter().zip(given.iter().flatten()).map(|(key, text)| key.parse(text)).collect()
}

/// The values of a tree that the caller may ask for, by their places: those that a SELECT of value, position and series
/// would give.
fn readable_values(tree: &Tree) -> Vec<usize> {
    let readable = |&value: &usize| may_read(tree, tree.values[value].0.number);
    if is_series_readable(tree) {
        (0..tree.values.len()).filter(readable).collect()
    } else {
        Vec::new()
    }
}

/// Raises an error unless the caller may SELECT position and series.
pub fn require_series(tree: &Tree) {
    if !is_series_readable(tree) {
        rights::denied(&tree.name);
    }
}

fn is_series_readable(tree: &Tree) -> bool {
    rights::may_use_schema(tree.base)
        && may_read(tree, tree.at.number)
        && tree.series.iter().all(|key| may_read(tree, key.column.number))
}

fn may_read(tree: &Tree, column: i16) -> bool {
    rights::may_select_table(tree.base) || rights::may_select_column(tree.base, column)
}
