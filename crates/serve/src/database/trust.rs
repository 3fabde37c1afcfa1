//! Trust in the schema `serve`. Policies and triggers of its tables run as whoever reads and writes them, so that it must belong to
//! somebody who could do as much anyhow: the owner of the database, or a superuser.

use axum::http::StatusCode;
use tokio_postgres::Row;

use crate::problem::Problem;

/// Asks whether the tables of reports are there, and who owns any of the schema and should not.
pub const WHOSE: &str = "
    SELECT pg_catalog.to_regclass('serve.report_findings') IS NOT NULL AS is_there, (
        SELECT pg_catalog.pg_get_userbyid(o.owner)::text
        FROM (SELECT nspowner FROM pg_catalog.pg_namespace WHERE nspname = 'serve'
              UNION ALL SELECT c.relowner FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname = 'serve') o (owner)
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = o.owner AND r.rolsuper)
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database() AND d.datdba = o.owner)
        LIMIT 1) AS stranger";

/// Returns from a row of [`WHOSE`] whether the tables are there; raises a problem if they are not to be trusted.
pub fn are_there(row: &Row) -> Result<bool, Problem> {
    match row.get::<_, Option<String>>("stranger") {
        None => Ok(row.get("is_there")),
        Some(role) => Err(Problem::new(
            StatusCode::FORBIDDEN,
            format!("schema serve is not used, since role {role:?} owns it or some of it"),
        )
        .hint("The owner of the database, or a superuser, is to own it: drop it and run tally serve --setup as one of them.")),
    }
}
