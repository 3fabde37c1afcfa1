//! Changes of one series, found on the buckets that its chart shows.

use axum::response::Response;
use serde::Serialize;
use tokio_postgres::Row;

use super::answer::json;
use super::parameters::Parameters;
use super::value::{number, Number, Position};
use super::zoom::View;
use crate::access::Caller;
use crate::problem::Problem;

/// A change of a series, or a bucket that stands out.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Change {
    /// The position at which the first bucket after the change begins.
    at: Position,
    /// The kind of change: `level`, `slope`, `spread` or `outlier`.
    kind: Option<String>,
    /// The probability that there was a change.
    probability: Option<Number>,
    /// The mean before.
    before: Option<Number>,
    /// The mean after.
    after: Option<Number>,
    /// The change of the mean.
    difference: Option<Number>,
    /// The lower end of the difference's 95 % interval.
    difference_low: Option<Number>,
    /// The upper end of the difference's 95 % interval.
    difference_high: Option<Number>,
    /// The difference in standard deviations.
    effect_sd: Option<Number>,
    /// Buckets before the change, back to the change before it.
    buckets_before: Option<i64>,
    /// Buckets after the change, up to the next one.
    buckets_after: Option<i64>,
    /// The change as a sentence.
    explanation: Option<String>,
}

impl Change {
    fn of_row(row: &Row) -> Self {
        Self {
            at: Position::of_json(row.get("position")),
            kind: row.get("kind"),
            probability: number(row, "probability"),
            before: number(row, "before"),
            after: number(row, "after"),
            difference: number(row, "difference"),
            difference_low: number(row, "difference_low"),
            difference_high: number(row, "difference_high"),
            effect_sd: number(row, "effect_sd"),
            buckets_before: row.get("rows_before"),
            buckets_after: row.get("rows_after"),
            explanation: row.get("explanation"),
        }
    }
}

/// Returns the changes of a series, in the means of the buckets that `zoom` returns for the same parameters.
#[utoipa::path(get, path = "/changes", tag = "trees",
    params(("tree" = String, Query), ("value" = String, Query), ("from" = Option<String>, Query), ("to" = Option<String>, Query),
        ("points" = Option<i32>, Query, minimum = 2, maximum = 100_000), ("tz" = Option<String>, Query)),
    responses((status = 200, description = "the answer", body = [Change]), Problem))]
pub async fn changes(caller: Caller, mut parameters: Parameters) -> Result<Response, Problem> {
    let name = parameters.require("tree")?;
    let Some(view) = View::take(&caller, &name, parameters).await? else {
        return json(&Vec::<Change>::new(), "");
    };
    let moment = match view.at_type() {
        "bigint" => "",
        "timestamp with time zone" => ", bucket",
        _ => ", bucket::pg_catalog.timestamp AT TIME ZONE 'UTC'",
    };
    let select = |s: &str| {
        format!(
            ", filled AS (
                 SELECT bucket, {s}.avg(tally) AS mean, pg_catalog.row_number() OVER (ORDER BY bucket) AS place
                 FROM zoom WHERE {s}.num_vals(tally) > 0
             )
             SELECT pg_catalog.to_json(f.bucket)::text AS position, c.*
             FROM pg_catalog.unnest((SELECT {s}.change_points(mean{moment} ORDER BY bucket) FROM filled)) c
             JOIN filled f ON f.place = c.\"row\" ORDER BY f.place"
        )
    };
    let found = view.ask_buckets(&caller, select).await?;
    let changes: Vec<Change> = found.rows.iter().map(Change::of_row).collect();
    json(&changes, &found.as_of)
}
