//! The steps of a slot: written, verified, described. Each ends in the ledger, so that the next run goes on after it.

use bytes::Bytes;
use serde_json::json;
use tally_objects::{Address, Condition, Put};
use tally_postgres::{ErrorKind, Failure};
use tokio_postgres::{Client, IsolationLevel};

use crate::export;
use crate::ledger::{self, Entry, State, Written};
use crate::object::{self, ObjectDecoder, ObjectEncoder};
use crate::proof::{RunningTallies, Tallies};
use crate::server::of_server;
use crate::table::SourceTable;

/// Largest object that one request stores everywhere.
const MOST_BYTES: usize = 4 << 30;

/// Writes the object of a slot: all of its rows in one snapshot, and what that snapshot says of them.
pub async fn write(
    client: &mut Client,
    table: &SourceTable,
    place: &Address,
    entry: &Entry,
) -> Result<Written, Failure> {
    let fail = |e: tokio_postgres::Error| of_server(&e).at(table.sql());
    let snapshot = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    let tx = snapshot.start().await.map_err(fail)?;
    let mut tallies = Tallies::new();
    if let Some((names, sql)) = table.tallies_of(entry.slot)? {
        // Partial sums of several processes would differ in bits that no accessor shows.
        tx.batch_execute("SET LOCAL max_parallel_workers_per_gather = 0").await.map_err(fail)?;
        let row = tx.query_one(&sql, &[]).await.map_err(fail)?;
        tallies = names.into_iter().enumerate().map(|(at, name)| (name, row.get(at))).collect();
    }
    let mut hash = entry.hash();
    let mut encoder = ObjectEncoder::new(table, &entry.id.to_string()).map_err(Failure::new)?;
    let unfit =
        |what| Failure::new(what).at(table.sql()).mend("rows that Parquet cannot hold cannot be archived");
    export::for_each_row(tx.copy_out(&export::statement(&table.rows_of(entry.slot)?)).await, |row| {
        hash.add(row);
        encoder.push(row).map_err(unfit)
    })
    .await?;
    tx.commit().await.map_err(fail)?;
    let file = encoder.finish().map_err(Failure::new)?;
    let address = place.below(&entry.slot.object(&table.name)?);
    if file.len() > MOST_BYTES {
        return Err(Failure::new("object is larger than 4 GiB").at(&address).mend("archive by the hour"));
    }
    let etag = put(&address, &file, entry)?;
    let (rows, bytes) = (hash.rows as i64, file.len() as i64); // both are far smaller
    let written = Written { etag, rows, bytes, hash: hash.text(), tallies };
    ledger::written(client, entry, &written).await?;
    Ok(written)
}

/// Stores an object in place of what the ledger knows, or of what an earlier run of the same slot left; returns its tag.
fn put(address: &Address, file: &Bytes, entry: &Entry) -> Result<String, Failure> {
    let mut condition = match &entry.written {
        Some(before) => Condition::Tag(before.etag.clone()),
        None => Condition::Absent,
    };
    // What is found is either an answer that was lost, or an object of the run before, which nobody else replaces.
    for _ in 0..3 {
        if let Put::Stored(tag) = address.put(file.clone(), &condition)? {
            return Ok(tag);
        }
        condition = match address.get()? {
            Some((found, tag)) if found == *file => return Ok(tag),
            Some((found, tag))
                if object::owner(&found).is_some_and(|owner| owner == entry.id.to_string()) =>
            {
                Condition::Tag(tag)
            }
            Some(_) => {
                return Err(Failure::new("there is another object in place of the archive's")
                    .at(address)
                    .mend("move it away, or archive to another place"))
            }
            None => Condition::Absent,
        };
    }
    Err(Failure::transient("object is replaced again and again")
        .at(address)
        .mend("stop other archives to this place"))
}

/// Reads an object back, and fails unless it holds the rows that were exported.
pub fn prove(table: &SourceTable, place: &Address, entry: &Entry, written: &Written) -> Result<(), Failure> {
    let address = place.below(&entry.slot.object(&table.name)?);
    let unproved = |what: &str| Failure::new(what).at(&address);
    let (file, etag) = address.get()?.ok_or_else(|| unproved("there is no such object"))?;
    if etag != written.etag || file.len() as i64 != written.bytes {
        return Err(unproved("object has been replaced since it was written"));
    }
    let mut hash = entry.hash();
    let mut tallies = RunningTallies::new(table, written.tallies.keys().cloned());
    let rows = ObjectDecoder::new(table, file).map_err(|what| unproved(&what))?;
    for group in 0..rows.groups() {
        rows.for_each_row(group, |row| {
            hash.add(row);
            tallies.add(row)
        })
        .map_err(|what| unproved(&what))?;
    }
    if hash.rows as i64 != written.rows || hash.text() != written.hash {
        return Err(unproved("rows are not those of the table"));
    }
    let tallies = tallies.finish().map_err(|what| unproved(&what))?;
    match tallies.iter().find(|(name, tally)| written.tallies.get(*name) != Some(tally)) {
        Some((name, _)) => Err(unproved(&format!("tally of column {name:?} is not PostgreSQL's"))),
        None => Ok(()),
    }
}

/// Proves the object of a slot, and records that; an object that is not proved is written again by the next run.
pub async fn verify(
    client: &Client,
    table: &SourceTable,
    place: &Address,
    entry: &Entry,
    written: &Written,
) -> Result<(), Failure> {
    match prove(table, place, entry, written) {
        Ok(()) => ledger::reached(client, entry, State::Verified).await,
        Err(failure) if failure.kind() == ErrorKind::Retry => Err(failure),
        Err(failure) => {
            ledger::reached(client, entry, State::Planned).await?;
            Err(failure.mend("run the command again, which writes it anew"))
        }
    }
}

/// Writes the manifest of a slot, a copy of the ledger for people and other programs.
pub async fn describe(
    client: &Client,
    table: &SourceTable,
    place: &Address,
    entry: &Entry,
    written: &Written,
) -> Result<(), Failure> {
    let Written { etag, rows, bytes, hash, tallies } = written;
    let columns = table.columns.iter().map(|column| json!({"name": column.name, "type": column.kind.name()}));
    let manifest = json!({
        "table": table.sql(),
        "object": entry.slot.object(&table.name)?,
        "slot": entry.slot.name()?,
        "id": entry.id.to_string(),
        "rows": rows,
        "bytes": bytes,
        "etag": etag,
        "hash": hash,
        "tallies": tallies,
        "columns": columns.collect::<Vec<_>>(),
    });
    let address = place.below(&entry.slot.manifest(&table.name)?);
    address.put(Bytes::from(format!("{manifest:#}\n")), &Condition::Any)?;
    ledger::has_manifest(client, entry).await
}
