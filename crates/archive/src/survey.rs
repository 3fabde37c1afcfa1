//! A look at the table before work begins: which slots have rows, and how many. What is new is tallied on the way if it is not too much to
//! be read in one snapshot.

use std::collections::BTreeMap;

use serde_json::Value;
use tally_postgres::{Connector, Failure};
use tokio_postgres::{Client, GenericClient, Row};

use crate::proof::Tallies;
use crate::server::of_server;
use crate::session::connect_beside;
use crate::slot::{Granularity, Slot, EVER};
use crate::table::SourceTable;
use crate::work::MOST_ROWS;

/// Numbers of rows and PostgreSQL's tallies of slots, by their starts.
pub type TalliedSlots = BTreeMap<i64, (i64, Tallies)>;

/// The slots of the table when it was looked at.
#[derive(Debug)]
pub struct Survey {
    /// Numbers of rows of slots, by their starts.
    pub rows: BTreeMap<i64, i64>,
    new: Option<Tallied>,
}

/// Tallies of slots, and the snapshot that they are of.
#[derive(Debug)]
struct Tallied {
    tallies: BTreeMap<i64, Tallies>,
    /// The connection that keeps the snapshot, and its name.
    keeper: Client,
    name: String,
}

impl Survey {
    /// Looks at the rows before `cut`; those from `known` on are of slots that the ledger does not know.
    pub async fn make(
        connector: &Connector,
        table: &SourceTable,
        granularity: Granularity,
        known: i64,
        cut: i64,
    ) -> Result<Self, Failure> {
        let client = connect_beside(connector).await?;
        let new = Slot { from: known.max(EVER.0).min(cut), to: cut };
        if new.from == cut || expected_rows(&client, table, new).await? > MOST_ROWS as f64 {
            let rows = counts(&client, table, granularity, Slot { from: EVER.0, to: cut }).await?;
            return Ok(Self { rows, new: None });
        }
        let fail = |e: tokio_postgres::Error| of_server(&e).at(table.sql());
        let never = "SELECT set_config(name, '0', false) FROM pg_settings
                     WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')";
        client.batch_execute(never).await.map_err(fail)?;
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(fail)?;
        let exported = client.query_one("SELECT pg_export_snapshot()", &[]).await.map_err(fail)?;
        // Jobs that begin later would wait behind who waits for a lock on the table that this session still held.
        client.batch_execute("SAVEPOINT unlocked").await.map_err(fail)?;
        let mut rows = BTreeMap::new();
        if new.from > EVER.0 {
            rows = counts(&client, table, granularity, Slot { from: EVER.0, to: new.from }).await?;
        }
        let tallied = tallies(&client, table, granularity, new).await?;
        rows.extend(tallied.iter().map(|(from, (rows, _))| (*from, *rows)));
        let tallies = tallied.into_iter().map(|(from, (_, tallies))| (from, tallies)).collect();
        client.batch_execute("ROLLBACK TO SAVEPOINT unlocked").await.map_err(fail)?;
        Ok(Self { rows, new: Some(Tallied { tallies, keeper: client, name: exported.get(0) }) })
    }

    /// Returns the tallies of some slots by their starts, with the name of their snapshot; none if not all of them are tallied.
    pub fn tallies(&self, starts: impl Iterator<Item = i64>) -> Option<(&str, TalliedSlots)> {
        let new = self.new.as_ref()?;
        let tallied = |from| Some((from, (*self.rows.get(&from)?, new.tallies.get(&from)?.clone())));
        Some((&new.name, starts.map(tallied).collect::<Option<_>>()?))
    }

    /// Ends the snapshot: as long as it is kept, the server keeps rows that are deleted.
    pub async fn end(&self) -> Result<(), Failure> {
        let Some(Tallied { keeper, .. }) = &self.new else { return Ok(()) };
        keeper.batch_execute("COMMIT").await.map_err(|e| {
            of_server(&e)
                .at("session that keeps the snapshot of the table")
                .mend("run the command again; what is archived stays so")
        })
    }
}

/// Returns the number of rows of a stretch of time that the planner expects.
async fn expected_rows(client: &Client, table: &SourceTable, stretch: Slot) -> Result<f64, Failure> {
    let sql = format!("EXPLAIN (FORMAT json) {}", table.rows_of(stretch)?);
    let plan: Value = client.query_one(&sql, &[]).await.map_err(|e| of_server(&e).at(table.sql()))?.get(0);
    Ok(plan[0]["Plan"]["Plan Rows"].as_f64().unwrap_or(f64::INFINITY))
}

async fn counts(
    client: &Client,
    table: &SourceTable,
    granularity: Granularity,
    stretch: Slot,
) -> Result<BTreeMap<i64, i64>, Failure> {
    let sql = table.counts_of(stretch, granularity)?;
    let rows = client.query(&sql, &[]).await.map_err(|e| of_server(&e).at(table.sql()))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(2))).collect())
}

/// Returns the number of rows and PostgreSQL's tallies of the slots of a stretch of time, by their starts.
pub async fn tallies(
    client: &impl GenericClient,
    table: &SourceTable,
    granularity: Granularity,
    stretch: Slot,
) -> Result<TalliedSlots, Failure> {
    let (names, sql) = table.tallies_of(stretch, granularity)?;
    let rows = client.query(&sql, &[]).await.map_err(|e| of_server(&e).at(table.sql()))?;
    let tallies =
        |row: &Row| names.iter().enumerate().map(|(at, name)| (name.clone(), row.get(at + 3))).collect();
    Ok(rows.iter().map(|row| (row.get(0), (row.get(2), tallies(row)))).collect())
}
