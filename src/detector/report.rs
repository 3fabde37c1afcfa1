//! The parts of `important_changes` that are not SQL: the evidence of one series, and the choice among many.

use super::datum::{stored, SETTINGS};
use crate::pg::error::raise;
use crate::pg::memory::{collect, fallibly};
use pgrx::prelude::*;
use tally_stats::fleet;

/// Natural log of the Bayes factor for a change at `since` or later.
#[pg_extern(sql = false)]
fn detector_evidence(state: &[u8], since: i64) -> f64 {
    stored(state).evidence_since(since, SETTINGS)
}

/// The most series in one report, which takes seconds to compare them.
const MOST_SERIES: usize = 10_000_000;

/// Returns the series to report, 1-based, with their probabilities and the expected share of false ones.
#[pg_extern(sql = false)]
fn fleet_discoveries(
    evidence: Array<f64>,
    fdr: f64,
) -> TableIterator<'static, (name!(number, i32), name!(probability, f64), name!(expected_false_share, f64))> {
    if !(fdr > 0.0 && fdr < 1.0) {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("false discovery rate must be between 0 and 1: {fdr}"),
            "",
            "Write 5 % as 0.05.",
        );
    }
    if evidence.len() > MOST_SERIES {
        raise(
            PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            format!("too many series: {}", evidence.len()),
            format!("At most {MOST_SERIES} series can be compared at once."),
            "Compare groups of series, or their sums.",
        );
    }
    let evidence = collect(evidence.iter().map(|b| b.filter(|b| !b.is_nan()).unwrap_or(f64::NEG_INFINITY)));
    let share = fleet::changed_share(&evidence, || {
        pgrx::check_for_interrupts!();
    });
    let probabilities = collect(evidence.iter().map(|&b| fleet::probability(b, share)));
    let (found, expected) = fallibly(|| fleet::discoveries(&probabilities, fdr));
    let rows = collect(found.into_iter().map(|i| (i as i32 + 1, probabilities[i], expected)));
    TableIterator::new(rows)
}

/// Checks and returns the weight of a series.
#[pg_extern(sql = false)]
fn fleet_weight(series: Option<&str>, weight: Option<f64>) -> Option<f64> {
    let weight = weight?;
    if !(weight >= 0.0 && weight.is_finite()) {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!(
                "weight of series \"{}\" must be finite and not negative: {weight}",
                series.unwrap_or("NULL")
            ),
            "",
            "The weight of a series is 0 or more; NULL means 1.",
        );
    }
    Some(weight)
}
