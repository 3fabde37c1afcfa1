//! Values of answers: numbers that JSON may not know, positions of any type, and the statistics of a tally.

use serde::Serialize;
use tokio_postgres::Row;

/// A number; NaN and the infinities, for which JSON has no numbers, are text.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Number {
    /// A number as JSON knows it.
    Finite(f64),
    /// `NaN`, `Infinity` or `-Infinity`.
    Special(&'static str),
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        match number {
            _ if number.is_finite() => Self::Finite(number),
            _ if number.is_nan() => Self::Special("NaN"),
            _ if number > 0.0 => Self::Special("Infinity"),
            _ => Self::Special("-Infinity"),
        }
    }
}

/// A position of a tree: a time or a date as text, or a number.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Position {
    /// A position of type bigint.
    Number(i64),
    /// A time or a date as RFC 3339 has it.
    Moment(String),
}

impl Position {
    /// Reads what PostgreSQL's `to_json` writes.
    pub fn of_json(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Moment(text.trim_matches('"').into()), Self::Number)
    }
}

/// The statistics of a tally; all but the number are null where there are no values.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Statistics {
    /// The number of values.
    pub num_vals: i64,
    /// The sum.
    pub sum: Option<Number>,
    /// The mean.
    pub avg: Option<Number>,
    /// The standard deviation of the sample.
    pub stddev: Option<Number>,
    /// The least.
    pub min: Option<Number>,
    /// The greatest.
    pub max: Option<Number>,
}

/// The accessors, each with the alias by which it is read.
const ACCESSORS: [&str; 6] = ["num_vals", "sum", "avg", "stddev", "min", "max"];

impl Statistics {
    /// Returns the columns of a query that reads them from a tally.
    pub fn columns(schema: &str, tally: &str) -> String {
        ACCESSORS.map(|name| format!("{schema}.{name}({tally}) AS {name}")).join(", ")
    }

    /// Reads the columns of a row.
    pub fn of_row(row: &Row) -> Self {
        Self {
            num_vals: row.get::<_, Option<i64>>("num_vals").unwrap_or(0),
            sum: number(row, "sum"),
            avg: number(row, "avg"),
            stddev: number(row, "stddev"),
            min: number(row, "min"),
            max: number(row, "max"),
        }
    }
}

/// Reads a number of a row.
pub fn number(row: &Row, column: &str) -> Option<Number> {
    row.get::<_, Option<f64>>(column).map(Number::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_does_not_know() {
        let text = |number: f64| serde_json::to_string(&Number::from(number)).unwrap();
        assert_eq!([1.5, f64::NAN, f64::NEG_INFINITY].map(text), ["1.5", "\"NaN\"", "\"-Infinity\""]);
        assert_eq!(Position::of_json("12"), Position::Number(12));
        assert_eq!(Position::of_json("\"2026-03-01\""), Position::Moment("2026-03-01".into()));
    }
}
