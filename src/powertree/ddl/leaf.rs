//! The width of a leaf: as given, or chosen by the statistics of the table.

use crate::pg::server::error::{excerpt, raise};
use crate::pg::server::name::relation_name;
use crate::pg::server::transaction::in_new_snapshot;
use crate::pg::tables::catalog::advance;
use crate::pg::tables::fence;
use crate::pg::tables::spi;
use crate::pg::values::value::Value;
use crate::powertree::base::statistics::rows_of_a_leaf;
use crate::powertree::model::argument::{self, Step};
use crate::powertree::model::position::Position;
use crate::powertree::model::steps::{readable_widths, usual_buckets};
use crate::powertree::model::tree::Tree;
use crate::powertree::store::definition::Definition;
use pgrx::notice;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::pg_sys::Interval;
use pgrx::{PgLogLevel, PgSqlErrorCode};

/// The number of rows in a good leaf, those that make it worth to summarise a usual bucket, and the least and the most without a
/// notice.
const GOOD_ROWS: f64 = 100.0;
const ENOUGH_ROWS: f64 = 10.0;
const LEAST_ROWS: f64 = 5.0;
const MOST_ROWS: f64 = 10_000.0;

/// Sets the leaf of a definition as given, or chooses one.
pub fn set(definition: &mut Definition, leaf: Option<&str>, resolved: impl Fn(&Definition) -> Tree) {
    definition.leaf = 1;
    let unit = resolved(definition);
    definition.leaf = leaf.map_or_else(|| chosen(&unit), |leaf| width(leaf, unit.position));
    definition.height = tally_stats::tree::height_for(definition.leaf, unit.position.top_span());
    if leaf.is_none() {
        let leaf = text(definition.leaf, unit.position);
        notice!("power tree \"{}\" has leaves of {leaf}", definition.name);
    }
}

/// Chooses the readable width at which a leaf of a busy series holds nearest to a hundred rows, but none that is wider
/// than a bucket by which people group, a minute, an hour or a day, if that holds enough rows. The leaves of `unit` are
/// one position wide.
fn chosen(unit: &Tree) -> i64 {
    let analyzed = || {
        fence::as_owner(unit.base, || spi::command(&format!("ANALYZE {}", relation_name(unit.base))));
        advance();
        // The statistics may have been written after the snapshot was taken.
        in_new_snapshot(|| rows_of_a_leaf(unit))
    };
    let Some(rows) = rows_of_a_leaf(unit).or_else(analyzed) else {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("no leaf can be chosen for power tree \"{}\"", unit.name),
            "The table has too few rows to tell how far apart they are.",
            "Give the width of a leaf that will hold about a hundred rows: leaf => '10 minutes', or a number.",
        )
    };
    let ideal = GOOD_ROWS / rows.end();
    let distance = |width: &i64| (*width as f64 / ideal).ln().abs();
    let nearest =
        readable_widths(unit.position).into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
    let enough = |bucket: &i64| *bucket as f64 * rows.end() >= ENOUGH_ROWS;
    let bucket = usual_buckets(unit.position).iter().copied().find(enough);
    nearest.unwrap_or(1).min(bucket.unwrap_or(i64::MAX))
}

/// The width of a leaf, in readable form.
fn text(width: i64, position: Position) -> String {
    match position {
        Position::Bigint => width.to_string(),
        Position::Date if width == 1 => "1 day".to_owned(),
        Position::Date => format!("{width} days"),
        _ => Value::from(Interval { month: 0, day: 0, time: width }).to_text(),
    }
}

/// The width that a text means.
fn width(leaf: &str, position: Position) -> i64 {
    match argument::step(leaf, position) {
        Some(Step::Fixed(width)) => width,
        Some(Step::Calendar(_)) => raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("leaf width must be fixed: \"{}\"", excerpt(leaf)),
            "",
            match position {
                Position::Timestamptz => "Give hours rather than days or months: '24 hours'.",
                Position::Timestamp => "Give days rather than months: '30 days'.",
                _ => "Give a number of days: '7 days'.",
            },
        ),
        None => raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("leaf width must be positive: \"{}\"", excerpt(leaf)),
            "",
            "A leaf that holds about a hundred rows is a good one.",
        ),
    }
}

/// Reports a leaf that holds far more or far fewer rows than is good, going by the table's statistics.
pub fn note_unfit(tree: &Tree, leaf: &str) {
    let Some(rows) = rows_of_a_leaf(tree) else { return };
    let (rows, change) = match (*rows.start(), *rows.end()) {
        (_, most) if most < LEAST_ROWS => (most, format!("{} times wider", rounded(GOOD_ROWS / most))),
        (least, _) if least > MOST_ROWS => (least, format!("{} times narrower", rounded(least / GOOD_ROWS))),
        _ => return,
    };
    let message = format!("a leaf of {leaf} holds about {} rows of a series", rounded(rows));
    ErrorReport::new(PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, message, "pg_tally")
        .set_detail("This is what the statistics of the table say.")
        .set_hint(format!("About a hundred rows in a leaf work best: make it about {change}."))
        .report(PgLogLevel::NOTICE);
}

/// Rounds to one significant digit.
fn rounded(number: f64) -> f64 {
    format!("{number:.0e}").parse().unwrap_or(number)
}
