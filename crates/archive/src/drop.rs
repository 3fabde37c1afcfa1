//! Drops partitions whose rows are archived: in one transaction, which first reads them again.

use std::collections::BTreeMap;
use std::time::Duration;

use tally_objects::Object;
use tally_postgres::{explain, quoted, Failure};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, IsolationLevel, Transaction};

use crate::compare::hashes;
use crate::export;
use crate::ledger::{self, Entry, KeptTrees, State, Written};
use crate::places::Places;
use crate::proof::RowsHash;
use crate::server::of_server;
use crate::session::{trees, Session};
use crate::slot::{Granularity, Slot, EVER};
use crate::table::SourceTable;
use crate::tree::PowerTrees;

/// Number of attempts to get the locks of a partition, and the time between them.
const ATTEMPTS: u32 = 30;
const PAUSE: Duration = Duration::from_secs(2);

/// A partition of the table.
struct Partition {
    oid: u32,
    name: String,
    /// First second, and the first one after it.
    bounds: (i64, i64),
    is_leaf: bool,
}

/// Fails unless partitions of the table can be dropped.
pub async fn check(session: &Session) -> Result<(), Failure> {
    let table = &session.table;
    let fail = |e: Error| of_server(&e).at(format!("table {}", table.sql()));
    let refuse =
        |what: &str, mend: &str| Err(Failure::usage(what).at(format!("table {}", table.sql())).mend(mend));
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_partitioned_table
                              WHERE partrelid = $1 AND partstrat = 'r' AND partnatts = 1 AND partattrs[0] = $2),
                      EXISTS (SELECT FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
                              WHERE p.proname = 'powertree_capture' AND t.tgrelid = $1)";
    let number = table.columns[table.at_place()].number;
    let row = session.client.query_one(sql, &[&table.oid, &number]).await.map_err(fail)?;
    let trees = trees(&session.client, table).await?;
    match (row.get(0), row.get(1)) {
        (false, _) => refuse(
            "table is not partitioned by ranges of its column of time",
            "archive without --drop, and delete rows yourself once `tally archive status` says verified",
        ),
        (_, true) if trees.is_empty() => refuse(
            "table is a partition of one with a power tree, which would forget the rows that are dropped",
            "archive that table, or drop the tree first",
        ),
        _ if trees.is_outdated => refuse(
            "table has a power tree, which would forget the rows that are dropped",
            "update the extension, which then keeps what the tree has of them: ALTER EXTENSION pg_tally UPDATE",
        ),
        _ => Ok(()),
    }
}

/// Drops the partitions that end before a time; returns the number of those that could not be.
pub async fn partitions(session: &mut Session, cut: i64, granularity: Granularity) -> Result<u64, Failure> {
    let mut left = 0;
    for partition in find(session).await? {
        if partition.bounds.1 > cut {
            continue;
        }
        let whole = |second: i64| second.rem_euclid(granularity.seconds()) == 0;
        let dropped = match partition {
            Partition { is_leaf: false, .. } => Err("it is no plain table".into()),
            Partition { bounds: (from, to), .. } if !whole(from) || !whole(to) => {
                Err("it begins or ends within a slot".into())
            }
            _ => drop_once_free(session, &partition, granularity).await?,
        };
        match dropped {
            Ok(rows) => println!("dropped partition {} of {rows} rows", partition.name),
            Err(what) => {
                tracing::warn!("partition {} was not dropped: {what}", partition.name);
                left += 1;
            }
        }
    }
    Ok(left)
}

async fn find(session: &Session) -> Result<Vec<Partition>, Failure> {
    let table = &session.table;
    let kind = if table.has_zone() { "timestamptz" } else { "timestamp" };
    // A bound is written for the session's settings, and read with them. An infinite one is no end.
    let bound = |word: &str| {
        let time =
            format!("substring(pg_get_expr(c.relpartbound, c.oid) FROM '{word} \\(''([^'']*)''\\)')::{kind}");
        format!("CASE WHEN isfinite({time}) THEN floor(extract(epoch FROM {time}))::int8 END")
    };
    let sql = format!(
        "SELECT n.nspname::text, c.relname::text, c.relkind = 'r', {}, {}, c.oid
         FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE i.inhparent = $1 AND NOT i.inhdetachpending ORDER BY 5",
        bound("FROM"),
        bound("TO")
    );
    let rows = session.client.query(&sql, &[&table.oid]).await;
    let rows = rows.map_err(|e| of_server(&e).at(table.sql()))?;
    let partition = |row: &tokio_postgres::Row| {
        let (from, to): (Option<i64>, Option<i64>) = (row.get(3), row.get(4));
        // The default partition, and one without an end, have no last second.
        Some(Partition {
            oid: row.get(5),
            name: format!("{}.{}", quoted(row.get(0)), quoted(row.get(1))),
            bounds: (from.unwrap_or(EVER.0).max(EVER.0), to?),
            is_leaf: row.get(2),
        })
    };
    Ok(rows.iter().filter_map(partition).collect())
}

/// The reason why a partition stays.
enum Stay {
    /// The server has refused something, perhaps only now.
    Refused(Error),
    /// The reason lies in rows or objects: they are not what was archived.
    Differs(String),
    Failed(Failure),
}

impl From<Error> for Stay {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<Failure> for Stay {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Tries to drop a partition until its locks are had; returns its number of rows, or the reason why it must stay.
async fn drop_once_free(
    session: &mut Session,
    partition: &Partition,
    granularity: Granularity,
) -> Result<Result<i64, String>, Failure> {
    let is_passing = |e: &Error| {
        use SqlState as S;
        let passing = [S::LOCK_NOT_AVAILABLE, S::T_R_DEADLOCK_DETECTED, S::T_R_SERIALIZATION_FAILURE];
        e.code().is_some_and(|code| passing.contains(code))
    };
    for _ in 0..ATTEMPTS {
        match attempt(session, partition, granularity).await {
            Ok(rows) => return Ok(Ok(rows)),
            Err(Stay::Refused(error)) if is_passing(&error) => tokio::time::sleep(PAUSE).await,
            Err(Stay::Refused(error)) => {
                let hint = error.as_db_error().and_then(|error| error.hint());
                return Ok(Err(hint.map_or(explain(&error), |hint| format!("{}; {hint}", explain(&error)))));
            }
            Err(Stay::Differs(what)) => return Ok(Err(what)),
            Err(Stay::Failed(failure)) => return Err(failure),
        }
    }
    Ok(Err("others hold locks on it".into()))
}

async fn attempt(
    session: &mut Session,
    partition: &Partition,
    granularity: Granularity,
) -> Result<i64, Stay> {
    let entries = session.entries(partition.bounds.0, partition.bounds.1).await?;
    let mut places = Places::default();
    for entry in entries.iter().filter(|entry| is_proved(entry)) {
        let address = places.at(&entry.url)?.below(&entry.slot.object(&session.table.name)?);
        let found = Object::find(&address)?.map(|object| object.version());
        if found.as_ref() != entry.written.as_ref().map(|written| &written.etag) {
            return Err(Stay::Differs(format!(
                "{address} is not what was proved; see `tally archive verify`"
            )));
        }
    }
    let (table, name) = (&session.table, &partition.name);
    // A tree keeps also what others commit while its locks are waited for.
    let latest = session.client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
    let tx = latest.start().await?;
    // Others go on reading while the rows are compared; only the drop itself shuts them out.
    let lock = format!("SET LOCAL lock_timeout = '2s'; LOCK TABLE ONLY {name} IN EXCLUSIVE MODE");
    tx.batch_execute(&lock).await?;
    let statement = export::statement(&format!("SELECT {} FROM ONLY {name}", table.list()));
    let hashes = hashes(tx.copy_out(&statement).await, table.at_place(), &entries, granularity).await?;
    if let Some(what) = difference(&hashes, &entries)? {
        // What differs is archived again by the next run, if rows came.
        for entry in entries.iter().filter(|entry| is_changed(entry, &hashes)) {
            ledger::reached(&tx, entry, State::Planned).await?;
        }
        tx.commit().await?;
        return Err(Stay::Differs(what));
    }
    let trees = keep(&tx, table, partition, &entries, &hashes).await?;
    tx.batch_execute(&format!("DROP TABLE {name}")).await?;
    for entry in entries.iter().filter(|entry| is_proved(entry)) {
        ledger::dropped(&tx, entry, hashes.get(&entry.slot.from).map(|_| &trees)).await?;
    }
    tx.commit().await?;
    Ok(hashes.values().map(|hash| hash.rows as i64).sum())
}

/// Has the trees of the table keep the leaves of a partition, which must be those of the objects' rows; returns what they keep.
async fn keep(
    tx: &Transaction<'_>,
    table: &SourceTable,
    partition: &Partition,
    entries: &[Entry],
    hashes: &BTreeMap<i64, RowsHash>,
) -> Result<KeptTrees, Stay> {
    // Nobody can make or drop one while the partition is locked.
    let trees = PowerTrees::find(tx, table).await?;
    trees.keep(tx, partition.oid).await?;
    let (new, old): (Vec<&Entry>, Vec<&Entry>) =
        entries.iter().partition(|entry| hashes.contains_key(&entry.slot.from));
    let objects: Vec<&Written> = new.iter().filter_map(|entry| entry.written.as_ref()).collect();
    let kept = trees.tallied(&objects);
    // Others were dropped before, with an earlier partition.
    let old = old.iter().filter_map(|entry| Some((entry.written.as_ref()?, &entry.trees)));
    let all: Vec<_> = objects.iter().map(|object| (*object, &kept)).chain(old).collect();
    let range = Slot { from: partition.bounds.0, to: partition.bounds.1 };
    match trees.difference(tx, table, range, &all).await? {
        None => Ok(kept),
        Some(tree) => {
            Err(Stay::Differs(format!("power tree {tree:?} has other tallies of it than the objects")))
        }
    }
}

fn is_proved(entry: &Entry) -> bool {
    matches!(entry.state, State::Verified | State::Restored) && entry.written.is_some()
}

/// Whether a slot has as many rows as its object or more, but not the same.
fn is_changed(entry: &Entry, hashes: &BTreeMap<i64, RowsHash>) -> bool {
    match (hashes.get(&entry.slot.from), &entry.written) {
        (Some(hash), Some(written)) => hash.rows as i64 >= written.rows && hash.text() != written.hash,
        _ => false,
    }
}

/// Returns the reason why rows are not those of the proved objects, if they are not.
fn difference(hashes: &BTreeMap<i64, RowsHash>, entries: &[Entry]) -> Result<Option<String>, Failure> {
    for (from, hash) in hashes {
        let entry = entries.iter().find(|entry| entry.slot.from == *from).filter(|entry| is_proved(entry));
        let Some((entry, written)) = entry.and_then(|entry| Some((entry, entry.written.as_ref()?))) else {
            return Ok(Some("it has rows that are not archived and proved".into()));
        };
        if hash.rows as i64 != written.rows || hash.text() != written.hash {
            let slot = entry.slot.name()?;
            return Ok(Some(format!(
                "its rows of {slot} are not those that were archived; run the command again"
            )));
        }
    }
    Ok(None)
}
