//! Questions to the database as the caller, and answers in JSON.

use axum::http::header::{HeaderName, HeaderValue, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio_postgres::types::ToSql;
use tokio_postgres::Row;

use crate::access::Caller;
use crate::database::{Mode, Transaction};
use crate::problem::Problem;

/// The header that says whose data an answer has: those of this time.
pub const AS_OF: HeaderName = HeaderName::from_static("tally-as-of");

/// The text of a query, given the schema of the extension, quoted.
pub type Text<'a> = dyn Fn(&str) -> String + Send + Sync + 'a;

/// Parameters of a query.
pub type Values<'a> = [&'a (dyn ToSql + Sync)];

/// A question to the database, with the time zone in which it is to be answered.
#[derive(Default)]
pub struct Question {
    /// The time zone; without it, that of the role.
    pub time_zone: Option<String>,
}

/// Rows, and the time whose data they are of.
pub struct Rows {
    pub rows: Vec<Row>,
    pub as_of: String,
}

impl Question {
    /// Runs a query as the caller. A query that a standby has cancelled is run once more.
    pub async fn ask(&self, caller: &Caller, sql: &Text<'_>, values: &Values<'_>) -> Result<Rows, Problem> {
        match self.attempt(caller, sql, values).await {
            Err(problem) if problem.is_conflict() => self.attempt(caller, sql, values).await,
            done => done,
        }
    }

    async fn attempt(&self, caller: &Caller, sql: &Text<'_>, values: &Values<'_>) -> Result<Rows, Problem> {
        let transaction = Transaction::begin(&caller.pool, Mode::Read, caller.pool.patience()).await?;
        let found = self.run(&transaction, sql, values).await;
        let as_of = transaction.as_of().into();
        transaction.roll_back().await;
        found.map(|rows| Rows { rows, as_of })
    }

    async fn run(
        &self,
        transaction: &Transaction,
        sql: &Text<'_>,
        values: &Values<'_>,
    ) -> Result<Vec<Row>, Problem> {
        // The steps of charts are intervals, which programs read in one form.
        transaction.client().batch_execute("SET LOCAL IntervalStyle = iso_8601").await?;
        if let Some(zone) = &self.time_zone {
            let set = "SELECT pg_catalog.set_config('TimeZone', $1, true)";
            transaction.client().query_one(set, &[zone]).await?;
        }
        let sql = sql(transaction.schema().await?);
        Ok(transaction.client().query(&sql, values).await?)
    }
}

/// Returns a body as JSON, with the time whose data it has.
pub fn json(body: &impl Serialize, as_of: &str) -> Result<Response, Problem> {
    let text = serde_json::to_string(body).map_err(|error| Problem::unprocessable(error.to_string()))?;
    let mut response = ([(CONTENT_TYPE, "application/json")], text).into_response();
    if let Ok(as_of) = HeaderValue::from_str(as_of) {
        response.headers_mut().insert(AS_OF, as_of);
    }
    Ok(response)
}
