//! The difference of two results, as bags of rows.
//!
//! Floating-point columns are alike if they differ by no more than the order of additions explains: PostgreSQL rounds each
//! addition, and a tree the sum.

use crate::pg::memory::heap;
use crate::pg::server::error::raise;
use crate::pg::server::lookup::hash_memory;
use crate::pg::tables::statement::TextRow;
use pgrx::pg_sys::{self, Oid};
use pgrx::PgSqlErrorCode;
use std::collections::HashMap;

/// Bytes of a row beside its columns, and of a column beside its text.
const ROW: usize = 64;
const COLUMN: usize = size_of::<Option<String>>() + 16;

/// Rows, each with how often the first result has it more than the second.
#[derive(Default)]
pub struct Difference {
    rows: HashMap<TextRow, i64>,
    bytes: usize,
}

/// A row that only one of the results has, or has more often.
pub struct Surplus {
    pub row: TextRow,
    /// Positive if the first result has it.
    pub times: i64,
}

impl Difference {
    /// Counts a row of the first result (1) or the second (-1).
    pub fn add(&mut self, row: TextRow, times: i64) {
        self.bytes +=
            ROW + row.iter().map(|text| COLUMN + text.as_ref().map_or(0, String::len)).sum::<usize>();
        if self.bytes > hash_memory() {
            raise(
                PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                "the query returns more rows than can be compared",
                "",
                "Compare a part of them: add a condition, or raise work_mem.",
            );
        }
        heap::room(&mut self.rows, 1);
        let known = self.rows.entry(row).or_default();
        *known += times;
    }

    /// Returns the rows that differ, where columns have these types.
    pub fn surplus(self, types: &[Oid]) -> Vec<Surplus> {
        let tolerances: Vec<Option<f64>> = types.iter().map(|&type_oid| tolerance(type_oid)).collect();
        let mut alike: HashMap<TextRow, Vec<Surplus>> = HashMap::new();
        for (row, times) in self.rows.into_iter().filter(|(_, times)| *times != 0) {
            let exact = row.iter().zip(&tolerances);
            let exact = exact.map(|(text, tolerance)| text.clone().filter(|_| tolerance.is_none())).collect();
            heap::room(&mut alike, 1);
            alike.entry(exact).or_default().push(Surplus { row, times });
        }
        let mut all: Vec<Surplus> = Vec::new();
        for mut rows in alike.into_values() {
            cancel(&mut rows, &tolerances);
            rows.retain(|row| row.times != 0);
            heap::room(&mut all, rows.len());
            all.append(&mut rows);
        }
        all.sort_unstable_by(|one, other| (&one.row, other.times).cmp(&(&other.row, one.times)));
        all
    }
}

/// Lets rows of one result cancel those of the other that are alike.
fn cancel(rows: &mut [Surplus], tolerances: &[Option<f64>]) {
    let Some((first, Some(tolerance))) =
        tolerances.iter().copied().enumerate().find(|(_, tolerance)| tolerance.is_some())
    else {
        return;
    };
    let number = |row: &Surplus| number(&row.row[first]).unwrap_or(f64::NAN);
    rows.sort_unstable_by(|one, other| number(one).total_cmp(&number(other)));
    for one in 0..rows.len() {
        for other in one + 1..rows.len() {
            heap::check();
            pgrx::check_for_interrupts!();
            if !is_alike(number(&rows[one]), number(&rows[other]), tolerance) || rows[one].times == 0 {
                break;
            }
            let (left, right) = (rows[one].times, rows[other].times);
            let pairs = rows[one].row.iter().zip(&rows[other].row).zip(tolerances);
            let mut columns = pairs.map(|((left, right), tolerance)| match tolerance {
                None => true,
                Some(tolerance) => match (self::number(left), self::number(right)) {
                    (Some(left), Some(right)) => is_alike(left, right, *tolerance),
                    _ => left == right,
                },
            });
            if left.signum() * right.signum() < 0 && columns.all(|is_alike| is_alike) {
                let times = left.abs().min(right.abs());
                rows[one].times -= times * left.signum();
                rows[other].times -= times * right.signum();
            }
        }
    }
}

/// The relative difference up to which values of a type are alike; None if they must be equal.
fn tolerance(type_oid: Oid) -> Option<f64> {
    match type_oid {
        pg_sys::FLOAT8OID => Some(1e-9),
        pg_sys::FLOAT4OID => Some(1e-4),
        _ => None,
    }
}

fn number(text: &Option<String>) -> Option<f64> {
    text.as_ref()?.parse().ok()
}

fn is_alike(one: f64, other: f64, tolerance: f64) -> bool {
    one == other
        || one.is_nan() && other.is_nan()
        || (one - other).abs() <= tolerance * one.abs().max(other.abs())
}

/// Writes a row as PostgreSQL writes records.
pub fn record(row: &TextRow) -> String {
    let column = |text: &Option<String>| match text {
        None => String::new(),
        Some(text) => {
            let special = |c: char| "\"\\(),".contains(c) || c.is_ascii_whitespace();
            if text.is_empty() || text.contains(special) {
                format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\"\""))
            } else {
                text.clone()
            }
        }
    };
    format!("({})", row.iter().map(column).collect::<Vec<_>>().join(","))
}
