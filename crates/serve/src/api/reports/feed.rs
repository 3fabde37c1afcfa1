//! The changes that a report has told, as a feed for readers of Atom and as CSV.

use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use percent_encoding::{utf8_percent_encode, NON_ALPHANUMERIC};
use quick_xml::events::{BytesDecl, BytesText, Event};
use quick_xml::Writer;
use tokio_postgres::Row;

use super::super::parameters::Parameters;
use super::{ask, require};
use crate::access::Caller;
use crate::problem::Problem;

/// Entries of a feed.
const ENTRIES: i64 = 100;
/// Rows of CSV.
const ROWS: i64 = 10_000;

/// New changes, the newest run first. Numbers and times are text, as PostgreSQL and JSON write them.
const CHANGES: &str = "
    SELECT r.run::text AS run, pg_catalog.to_json(r.due) OPERATOR(pg_catalog.#>>) '{}' AS due, pg_catalog.to_json(r.ended) OPERATOR(pg_catalog.#>>) '{}' AS told_at,
        f.change::text AS change, f.series, pg_catalog.to_json(f.at) OPERATOR(pg_catalog.#>>) '{}' AS at, f.kind, f.probability::text AS probability,
        f.before::text AS before, f.after::text AS after, f.difference::text AS difference, f.difference_low::text AS difference_low,
        f.difference_high::text AS difference_high, f.effect_sd::text AS effect_sd, f.importance::text AS importance,
        pg_catalog.to_json(f.ended_at) OPERATOR(pg_catalog.#>>) '{}' AS ended_at, f.explanation
    FROM serve.report_runs r JOIN serve.report_findings f ON f.run = r.run
    WHERE r.report = $1 AND f.state = 'new' ORDER BY r.due DESC, f.place LIMIT $2";

fn unwritable(error: impl std::fmt::Display) -> Problem {
    Problem::unprocessable(error.to_string())
}

/// Returns the changes that a report has told as CSV, those of the newest run first.
#[utoipa::path(get, path = "/reports/{report}/csv", tag = "reports", params(("report" = String, Path)),
    responses((status = 200, description = "the answer", content((String = "text/csv"))), Problem))]
pub async fn csv(
    caller: Caller,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    require(&caller, &name).await?;
    let found = ask(&caller, CHANGES, &[&name, &ROWS]).await?;
    let mut lines = csv::Writer::from_writer(Vec::new());
    let columns = [
        "run",
        "due",
        "told_at",
        "change",
        "series",
        "at",
        "kind",
        "probability",
        "before",
        "after",
        "difference",
        "difference_low",
        "difference_high",
        "effect_sd",
        "importance",
        "ended_at",
        "explanation",
    ];
    lines.write_record(columns).map_err(unwritable)?;
    for row in &found.rows {
        lines.write_record(columns.map(|column| text(row, column))).map_err(unwritable)?;
    }
    let body = lines.into_inner().map_err(unwritable)?;
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8")], body).into_response())
}

/// Returns the changes that a report has told as a feed, those of the newest run first.
#[utoipa::path(get, path = "/reports/{report}/atom", tag = "reports", params(("report" = String, Path)),
    responses((status = 200, description = "the answer", content((String = "application/atom+xml"))), Problem))]
pub async fn atom(
    caller: Caller,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let report = require(&caller, &name).await?;
    let found = ask(&caller, CHANGES, &[&name, &ENTRIES]).await?;
    let updated = report.get::<_, Option<String>>("ended").unwrap_or("1970-01-01T00:00:00Z".into());
    let body = feed(&name, &updated, &found.rows).map_err(unwritable)?;
    Ok(([(CONTENT_TYPE, "application/atom+xml")], body).into_response())
}

fn feed(name: &str, updated: &str, rows: &[Row]) -> std::io::Result<Vec<u8>> {
    let mut xml = Writer::new(Vec::new());
    let encoded = utf8_percent_encode(name, NON_ALPHANUMERIC).to_string();
    let page = format!("/report?report={encoded}");
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    xml.create_element("feed").with_attribute(("xmlns", "http://www.w3.org/2005/Atom")).write_inner_content(
        |xml| {
            element(xml, "id", &format!("urn:tally:report:{encoded}"))?;
            element(xml, "title", &format!("{name}: what changed"))?;
            element(xml, "updated", updated)?;
            xml.create_element("author").write_inner_content(|xml| element(xml, "name", "tally serve"))?;
            xml.create_element("link").with_attribute(("href", page.as_str())).write_empty()?;
            for row in rows {
                let (run, change) = (text(row, "run"), text(row, "change"));
                xml.create_element("entry").write_inner_content(|xml| {
                    element(xml, "id", &format!("urn:tally:report:{encoded}:{change}"))?;
                    element(xml, "title", &text(row, "explanation"))?;
                    element(xml, "updated", &text(row, "told_at"))?;
                    let place = format!("{page}&run={run}");
                    xml.create_element("link").with_attribute(("href", place.as_str())).write_empty()?;
                    xml.create_element("category")
                        .with_attribute(("term", text(row, "kind").as_str()))
                        .write_empty()?;
                    element(xml, "summary", &summary(row))
                })?;
            }
            Ok(())
        },
    )?;
    Ok(xml.into_inner())
}

fn element(xml: &mut Writer<Vec<u8>>, name: &str, content: &str) -> std::io::Result<()> {
    // Characters that XML has no place for, even escaped.
    let content: String = content.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    xml.create_element(name).write_text_content(BytesText::new(&content)).map(|_| ())
}

fn summary(row: &Row) -> String {
    let [at, difference, low, high, probability] =
        ["at", "difference", "difference_low", "difference_high", "probability"]
            .map(|column| text(row, column));
    format!(
        "At {at}, a difference of {difference} (95 % interval {low} to {high}), probability {probability}."
    )
}

fn text(row: &Row, column: &str) -> String {
    row.get::<_, Option<String>>(column).unwrap_or_default()
}
