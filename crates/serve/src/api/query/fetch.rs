//! A query that runs: its columns, and its rows as PostgreSQL writes them.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::{Stream, StreamExt};
use serde_json::Value;
use tokio::time::timeout;
use tokio_postgres::types::{to_sql_checked, Format as WireFormat, IsNull, ToSql, Type};
use tokio_postgres::{Client, Error, SimpleQueryMessage};

use super::format::Format;
use super::row::{Column, TextRow};
use super::QueryForm;
use crate::database::{Mode, Pool, Transaction};
use crate::problem::Problem;

/// Time that a stream may take in all.
const STREAM: Duration = Duration::from_secs(3600);

/// Rows as they come; after the last one, none.
type TextRows = Pin<Box<dyn Stream<Item = Result<TextRow, Error>> + Send>>;

/// Time by which the server's own limit comes first.
const GRACE: Duration = Duration::from_secs(5);

/// A query that runs; dropped before its end, it is cancelled.
pub struct Fetch {
    transaction: Transaction,
    /// The wait for a row.
    patience: Duration,
    pub columns: Vec<Column>,
    rows: TextRows,
    /// The first row: once it is there, the query has begun well.
    first: Option<TextRow>,
}

impl Fetch {
    /// Begins a query and waits for its first row. A query that a standby has cancelled is begun once more.
    pub async fn begin(pool: &Arc<Pool>, form: &QueryForm, format: Format) -> Result<Self, Problem> {
        match Self::attempt(pool, form, format).await {
            Err(problem) if problem.is_conflict() => Self::attempt(pool, form, format).await,
            done => done,
        }
    }

    async fn attempt(pool: &Arc<Pool>, form: &QueryForm, format: Format) -> Result<Self, Problem> {
        if form.sql.contains('\0') {
            return Err(Problem::unprocessable("a statement has no NUL characters"));
        }
        // Of a stream, the wait for each row is limited in place of the whole, which the server limits.
        let (whole, patience) = match format {
            Format::Json => (pool.patience(), pool.patience() + GRACE),
            _ => (STREAM, pool.patience()),
        };
        let transaction = Transaction::begin(pool, Mode::Read, whole).await?;
        match timeout(patience, begin(transaction.client(), form)).await {
            Ok(Ok((columns, rows, first))) => Ok(Self { transaction, patience, columns, rows, first }),
            Ok(Err(problem)) => {
                transaction.roll_back().await;
                Err(problem)
            }
            // The statement still runs: to drop the transaction cancels it.
            Err(_) => Err(too_slow(patience)),
        }
    }

    /// Returns the next row, unless it takes too long.
    pub async fn next(&mut self) -> Result<Option<TextRow>, Problem> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        match timeout(self.patience, self.rows.next()).await {
            Ok(row) => Ok(row.transpose()?),
            Err(_) => Err(too_slow(self.patience)),
        }
    }

    /// The time whose data the query sees.
    pub fn as_of(&self) -> &str {
        self.transaction.as_of()
    }

    /// Ends a query all of whose rows were taken.
    pub async fn end(self) {
        self.transaction.roll_back().await;
    }
}

fn too_slow(patience: Duration) -> Problem {
    let title = format!("no row came for {} s", patience.as_secs());
    Problem::new(axum::http::StatusCode::REQUEST_TIMEOUT, title)
        .hint("Ask for less, or raise statement_seconds.")
}

/// Starts a statement, and waits for its first row.
async fn begin(
    client: &Client,
    form: &QueryForm,
) -> Result<(Vec<Column>, TextRows, Option<TextRow>), Problem> {
    // To prepare it refuses a second statement, and tells the columns of any.
    let prepared = client.prepare(&form.sql).await?;
    let columns: Vec<Column> = prepared
        .columns()
        .iter()
        .map(|c| Column { name: c.name().into(), kind: c.type_().clone() })
        .collect();
    if columns.is_empty() {
        return Err(Problem::bad_request("the statement returns no columns")
            .hint("Only queries are answered, such as SELECT, VALUES, SHOW and EXPLAIN."));
    }
    let wanted = prepared.params().len();
    if wanted != form.params.len() {
        let given = form.params.len();
        return Err(Problem::unprocessable(format!(
            "the statement has {wanted} parameters, but {given} were given"
        )));
    }
    let mut rows = if wanted == 0 {
        simple(client, &form.sql).await?
    } else {
        extended(client, form, columns.len()).await?
    };
    let first = rows.next().await.transpose()?;
    Ok((columns, rows, first))
}

/// Runs a statement without parameters: values of all types come as text.
async fn simple(client: &Client, sql: &str) -> Result<TextRows, Problem> {
    let messages = client.simple_query_raw(sql).await?;
    let rows = messages.filter_map(async |message| match message {
        Ok(SimpleQueryMessage::Row(row)) => Some(Ok(TextRow::Simple(row))),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    });
    Ok(Box::pin(rows.fuse()))
}

/// Runs a statement with parameters; a query around it makes text of its values.
async fn extended(client: &Client, form: &QueryForm, columns: usize) -> Result<TextRows, Problem> {
    let names: Vec<String> = (1..=columns).map(|number| format!("c{number}")).collect();
    let texts: Vec<String> = names.iter().map(|name| format!("t.{name}::text")).collect();
    // The line break ends a comment that the statement may end with.
    let sql = format!(
        "SELECT {} FROM (\n{}\n) AS t ({})",
        texts.join(", "),
        form.sql.trim_end().trim_end_matches(';'),
        names.join(", ")
    );
    let prepared = client.prepare(&sql).await.map_err(|error| {
        let problem = Problem::from(&error);
        match problem.sqlstate() {
            Some("42601") => Problem::bad_request("only SELECT, VALUES and TABLE take parameters"),
            _ => problem,
        }
    })?;
    let values = form.params.iter().map(TextValue::of_json).collect::<Result<Vec<_>, _>>()?;
    let rows = client.query_raw(&prepared, &values).await?;
    Ok(Box::pin(rows.map(|row| row.map(TextRow::Extended)).fuse()))
}

/// A parameter of any type, as text; none is NULL.
#[derive(Debug)]
struct TextValue(Option<String>);

impl TextValue {
    fn of_json(value: &Value) -> Result<Self, Problem> {
        let text = match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        if text.as_ref().is_some_and(|text| text.contains('\0')) {
            return Err(Problem::unprocessable("a parameter has no NUL characters"));
        }
        Ok(Self(text))
    }
}

impl ToSql for TextValue {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let Some(text) = &self.0 else { return Ok(IsNull::Yes) };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> WireFormat {
        WireFormat::Text
    }

    to_sql_checked!();
}
