//! The table `loader.archive`: the only record of which slots are archived, and how far.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tally_postgres::own_tables::{OwnTables, Owner};
use tally_postgres::Failure;
use tokio_postgres::{Client, GenericClient, Row};
use uuid::Uuid;

use crate::proof::{RowsHash, Tallies};
use crate::server;
use crate::slot::Slot;
use crate::table::SourceTable;

const OURS: OwnTables =
    OwnTables { schema: "loader", owner: Owner::User, tables: &["archive"], create: CREATE };
const CREATE: &str = "
CREATE SCHEMA IF NOT EXISTS loader;

-- Which slots of tables are archived, and how far. Objects and manifests are copies; this is the truth about them.
CREATE TABLE IF NOT EXISTS loader.archive (
    id           uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(), -- also the key of the hash, and in the object
    table_name   text NOT NULL,
    from_time    timestamptz NOT NULL,
    to_time      timestamptz NOT NULL,
    state        text NOT NULL DEFAULT 'planned'
                 CHECK (state IN ('planned', 'written', 'verified', 'dropped', 'restored')),
    url          text NOT NULL,
    etag         text,
    rows         bigint,
    bytes        bigint,
    hash         text,
    tallies      jsonb NOT NULL DEFAULT '{}',
    trees        jsonb NOT NULL DEFAULT '{}', -- power trees that have the tallies of its rows, which are dropped, and of which values
    changed_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    UNIQUE (table_name, from_time)
)";

/// State of the archive of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The object is to be written, for the first time or again.
    Planned,
    /// The object is written.
    Written,
    /// The object has been read back, is proved, and has a manifest.
    Verified,
    /// The rows are no longer in the table.
    Dropped,
    /// The rows are in the table again.
    Restored,
}

impl State {
    /// The name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Written => "written",
            Self::Verified => "verified",
            Self::Dropped => "dropped",
            Self::Restored => "restored",
        }
    }

    fn named(name: &str) -> Option<Self> {
        let all = [Self::Planned, Self::Written, Self::Verified, Self::Dropped, Self::Restored];
        all.into_iter().find(|state| state.name() == name)
    }
}

/// A row of the ledger.
#[derive(Debug, Clone)]
pub struct Entry {
    pub id: Uuid,
    pub slot: Slot,
    pub state: State,
    /// The place of the archive that the object is below.
    pub url: String,
    /// The object that was written last, if one was.
    pub written: Option<Written>,
    /// Values that power trees have of rows that were dropped.
    pub trees: KeptTrees,
}

/// Values by the names of the power trees that have their tallies.
pub type KeptTrees = BTreeMap<String, Vec<String>>;

/// An object that was written, and what it must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub etag: String,
    pub rows: i64,
    pub bytes: i64,
    pub hash: String,
    pub tallies: Tallies,
}

impl Entry {
    /// Returns the hash of no rows, with the key of this slot.
    pub fn hash(&self) -> RowsHash {
        RowsHash::new(*self.id.as_bytes())
    }

    fn of(row: &Row) -> Result<Self, Failure> {
        let second = |column: &str| -> Result<i64, Failure> {
            let time: SystemTime = row.try_get(column).map_err(damaged)?;
            let since = time.duration_since(SystemTime::UNIX_EPOCH).map(|after| after.as_secs() as i64);
            Ok(since.unwrap_or_else(|before| -(before.duration().as_secs() as i64)))
        };
        let state: String = row.try_get("state").map_err(damaged)?;
        let tallies: Value = row.try_get("tallies").map_err(damaged)?;
        let written = match row.try_get::<_, Option<String>>("etag").map_err(damaged)? {
            Some(etag) => Some(Written {
                etag,
                rows: row.try_get("rows").map_err(damaged)?,
                bytes: row.try_get("bytes").map_err(damaged)?,
                hash: row.try_get("hash").map_err(damaged)?,
                tallies: serde_json::from_value(tallies).map_err(damaged)?,
            }),
            None => None,
        };
        Ok(Self {
            id: row.try_get("id").map_err(damaged)?,
            slot: Slot { from: second("from_time")?, to: second("to_time")? },
            state: State::named(&state).ok_or_else(|| damaged("unknown state"))?,
            url: row.try_get("url").map_err(damaged)?,
            written,
            trees: serde_json::from_value(row.try_get("trees").map_err(damaged)?).map_err(damaged)?,
        })
    }
}

fn damaged(what: impl std::fmt::Display) -> Failure {
    failure(what).mend("repair the row, or delete it if its object is not needed")
}

fn failure(what: impl std::fmt::Display) -> Failure {
    Failure::new(what).at("loader.archive")
}

fn of_server(error: tokio_postgres::Error) -> Failure {
    server::of_server(&error).at("loader.archive")
}

/// The time since 1970 for PostgreSQL.
fn time(second: i64) -> SystemTime {
    let since = Duration::from_secs(second.unsigned_abs());
    if second < 0 {
        SystemTime::UNIX_EPOCH - since
    } else {
        SystemTime::UNIX_EPOCH + since
    }
}

/// Whether the ledger is there.
pub async fn exists(client: &Client) -> Result<bool, Failure> {
    OURS.are_there(client).await.map_err(of_server)
}

/// Creates the ledger unless it is there.
pub async fn ensure(client: &mut Client) -> Result<(), Failure> {
    let tx = client.transaction().await.map_err(of_server)?;
    OURS.ensure(&tx).await.map_err(of_server)?;
    tx.commit().await.map_err(of_server)
}

/// Claims a table for this session: one archive of it is at work at a time.
pub async fn claim(client: &Client, table: &SourceTable) -> Result<(), Failure> {
    let sql = "SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtext('pg_tally archive'), pg_catalog.hashtext($1))";
    let is_claimed: bool = client.query_one(sql, &[&table.sql()]).await.map_err(of_server)?.get(0);
    match is_claimed {
        true => Ok(()),
        false => Err(Failure::transient("another archive of this table is at work")
            .at(format!("table {}", table.sql()))
            .mend("wait until it has ended")),
    }
}

/// Returns the entries of a table between two times, by time.
pub async fn entries(
    client: &Client,
    table: &SourceTable,
    from: i64,
    to: i64,
) -> Result<Vec<Entry>, Failure> {
    let sql = "SELECT * FROM loader.archive WHERE table_name = $1 AND from_time < $3 AND to_time > $2 ORDER BY from_time";
    let rows = client.query(sql, &[&table.sql(), &time(from), &time(to)]).await.map_err(of_server)?;
    rows.iter().map(Entry::of).collect()
}

/// Plans the objects of slots, or plans them again; returns the entries by time.
pub async fn plan(
    client: &Client,
    table: &SourceTable,
    slots: &[Slot],
    url: &str,
) -> Result<Vec<Entry>, Failure> {
    let sql = "INSERT INTO loader.archive (table_name, from_time, to_time, url)
               SELECT $1, slot.*, $4 FROM unnest($2::timestamptz[], $3::timestamptz[]) AS slot
               ON CONFLICT (table_name, from_time)
               DO UPDATE SET state = 'planned', changed_at = pg_catalog.now() RETURNING *";
    let (from, to): (Vec<_>, Vec<_>) = slots.iter().map(|slot| (time(slot.from), time(slot.to))).unzip();
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] = [&table.sql(), &from, &to, &url];
    let rows = client.query(sql, &values).await.map_err(of_server)?;
    let mut entries = rows.iter().map(Entry::of).collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(|entry| entry.slot);
    Ok(entries)
}

/// Records that an object was written.
pub async fn written(client: &Client, entry: &Entry, object: &Written) -> Result<(), Failure> {
    let sql = "UPDATE loader.archive SET state = 'written', etag = $2, rows = $3, bytes = $4, hash = $5, tallies = $6,
                      changed_at = pg_catalog.now() WHERE id = $1";
    let tallies = serde_json::to_value(&object.tallies).map_err(failure)?;
    let Written { etag, rows, bytes, hash, .. } = object;
    client.execute(sql, &[&entry.id, etag, rows, bytes, hash, &tallies]).await.map_err(of_server)?;
    Ok(())
}

/// Records the tag that an object has where it is now.
pub async fn moved(client: &Client, entry: &Entry, etag: &str) -> Result<(), Failure> {
    let sql = "UPDATE loader.archive SET etag = $2, changed_at = pg_catalog.now() WHERE id = $1";
    client.execute(sql, &[&entry.id, &etag]).await.map_err(of_server)?;
    Ok(())
}

/// Records how far a slot is.
pub async fn reached(client: &impl GenericClient, entry: &Entry, state: State) -> Result<(), Failure> {
    let sql = "UPDATE loader.archive SET state = $2, changed_at = pg_catalog.now() WHERE id = $1";
    client.execute(sql, &[&entry.id, &state.name()]).await.map_err(of_server)?;
    Ok(())
}

/// Records that the rows of a slot were dropped, and what power trees have of them.
pub async fn dropped(
    client: &impl GenericClient,
    entry: &Entry,
    trees: Option<&KeptTrees>,
) -> Result<(), Failure> {
    let sql = "UPDATE loader.archive SET trees = $2 WHERE id = $1";
    let trees = serde_json::to_value(trees.unwrap_or(&KeptTrees::new())).map_err(failure)?;
    client.execute(sql, &[&entry.id, &trees]).await.map_err(of_server)?;
    reached(client, entry, State::Dropped).await
}

/// Records that the rows of a slot are in the table again.
pub async fn restored(client: &impl GenericClient, entry: &Entry) -> Result<(), Failure> {
    let sql = "UPDATE loader.archive SET trees = '{}' WHERE id = $1";
    client.execute(sql, &[&entry.id]).await.map_err(of_server)?;
    reached(client, entry, State::Restored).await
}
