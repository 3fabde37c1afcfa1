//! The parts of `important_changes` that are not SQL: the evidence of one series, and the choice among many.

use super::datum::{stored, SETTINGS};
use crate::pg::memory::heap::{collect, fallibly};
use crate::pg::server::error::raise;
use pgrx::prelude::*;
use tally_stats::detector::excursions;
use tally_stats::fleet::{self, Null};

/// Natural log of the Bayes factor for a change at `since` or later.
#[pg_extern(sql = false)]
fn detector_evidence(state: &[u8], since: i64) -> f64 {
    stored(state).evidence_since(since, SETTINGS)
}

/// Natural log of the Bayes factor for the change at this row, from 1; NULL if none is there.
#[pg_extern(sql = false)]
fn detector_row_evidence(state: &[u8], since: i64, row: i64) -> Option<f64> {
    stored(state).evidence_at(u64::try_from(row.checked_sub(1)?).ok()?, since, SETTINGS)
}

/// Rows, from 1, of the changes that come alike at the same time of other days or weeks, lead between states that recur, or
/// are the opposite of one a week before.
#[pg_extern(sql = false)]
fn recurring_changes(state: &[u8]) -> Vec<i64> {
    let changes = stored(state).changes(SETTINGS);
    changes.iter().filter(|change| change.recurs.is_some()).map(|change| change.row as i64 + 1).collect()
}

/// Rows, from 1, of the changes since a time that are steps of excursions: of each the row at which its excursion began, and
/// whether it leads back.
#[pg_extern(sql = false)]
fn change_excursions(
    state: &[u8],
    since: i64,
) -> TableIterator<'static, (name!(row, i64), name!(first_row, i64), name!(back, bool))> {
    let detector = stored(state);
    let mut changes = detector.changes(SETTINGS);
    changes.retain(|change| since == i64::MIN || detector.timed() && change.at >= since);
    let steps = excursions(&changes);
    TableIterator::new(steps.into_iter().map(|step| (step.row as i64 + 1, step.first as i64 + 1, step.back)))
}

/// The most changes in one report, which takes seconds to compare them.
const MOST_CHANGES: usize = 10_000_000;

type Choice =
    TableIterator<'static, (name!(number, i32), name!(probability, f64), name!(expected_false_share, f64))>;

/// Returns the series to report, 1-based, with their probabilities and the expected share of false ones.
#[pg_extern(sql = false)]
fn fleet_discoveries(evidence: Array<f64>, fdr: f64) -> Choice {
    choose(evidence, fdr, |_| true)
}

/// Returns the same of the wanted changes.
#[pg_extern(sql = false)]
fn fleet_choice(evidence: Array<f64>, wanted: Array<bool>, fdr: f64) -> Choice {
    let wanted = collect(wanted.iter().map(|wanted| wanted == Some(true)));
    choose(evidence, fdr, |i| wanted.get(i) == Some(&true))
}

fn choose(evidence: Array<f64>, fdr: f64, wanted: impl Fn(usize) -> bool) -> Choice {
    if !(fdr > 0.0 && fdr < 1.0) {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("false discovery rate must be between 0 and 1: {fdr}"),
            "",
            "Write 5 % as 0.05.",
        );
    }
    if evidence.len() > MOST_CHANGES {
        raise(
            PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            format!("too many changes: {}", evidence.len()),
            format!("At most {MOST_CHANGES} changes can be compared at once."),
            "Compare groups of series, or their sums.",
        );
    }
    let breathe = || {
        pgrx::check_for_interrupts!();
    };
    let said = collect(evidence.iter().map(|b| b.filter(|b| !b.is_nan()).unwrap_or(f64::NEG_INFINITY)));
    let null = Null::fit(collect(said.iter().copied()), breathe);
    let believed = collect(said.iter().map(|&b| null.believed(b)));
    let share = fleet::changed_share(&believed, breathe);
    let candidates = collect((0..believed.len()).filter(|&i| wanted(i)));
    let probabilities = collect(candidates.iter().map(|&i| fleet::probability(believed[i], share)));
    let (found, expected) = fallibly(|| fleet::discoveries(&probabilities, fdr));
    let rows = collect(found.into_iter().map(|i| (candidates[i] as i32 + 1, probabilities[i], expected)));
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
