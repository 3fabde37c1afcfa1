//! The steps of a slot: written, verified. Each ends in the ledger, so that the next run goes on after it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use tally_objects::{Address, Object};
use tally_postgres::{ErrorKind, Failure};
use tokio_postgres::Client;

use crate::beside::Helpers;
use crate::ledger::{self, Entry, State, Written};
use crate::manifest;
use crate::object::{ObjectDecoder, ObjectEncoder, ObjectSink, Stamp};
use crate::proof::{RowsHash, RunningTallies, Tallies};
use crate::table::SourceTable;

/// Writes the object of a slot, row by row.
pub struct SlotWriter {
    encoder: ObjectEncoder,
    id: String,
}

impl SlotWriter {
    /// Begins the object.
    pub fn new(
        table: &Arc<SourceTable>,
        place: &Address,
        entry: &Entry,
        helpers: &Helpers,
    ) -> Result<Self, Failure> {
        let (address, id) = (place.below(&entry.slot.object(&table.name)?), entry.id.to_string());
        let claim = {
            let (manifest, id) = (place.below(&entry.slot.manifest(&table.name)?), id.clone());
            move || manifest::claim(&manifest, &id)
        };
        let known = entry.written.as_ref().map(|written| written.etag.clone());
        let sink = ObjectSink::new(address, id.clone(), known, claim);
        let encoder = ObjectEncoder::new(table.clone(), sink, helpers.clone());
        Ok(Self { encoder, id })
    }

    /// Adds a row of binary COPY, which is a part of these bytes.
    pub fn push(&mut self, bytes: &Bytes, row: &[u8]) -> Result<(), Failure> {
        self.encoder.push(bytes, row)
    }

    /// Completes the object, of rows that had this hash when PostgreSQL sent them, and of which it has these tallies.
    pub fn finish(self, hash: &RowsHash, tallies: Tallies) -> Result<Written, Failure> {
        let (rows, hash) = (hash.rows as i64, hash.text()); // far fewer than 2^63 rows
        let stamp = Stamp { id: self.id, rows, hash, tallies };
        let (etag, bytes) = self.encoder.finish(&stamp)?;
        let Stamp { rows, hash, tallies, .. } = stamp;
        Ok(Written { etag, rows, bytes: bytes as i64, hash, tallies })
    }
}

/// Returns the object of a slot that a run has written but could not tell the ledger of, because it was killed.
pub fn unrecorded(table: &SourceTable, place: &Address, entry: &Entry) -> Result<Option<Written>, Failure> {
    let address = place.below(&entry.slot.object(&table.name)?);
    let Some(object) = Object::find(&address)? else { return Ok(None) };
    let etag = object.version();
    if entry.written.as_ref().is_some_and(|written| written.etag == etag) {
        return Ok(None);
    }
    let stamp = Stamp::find(&address)?.filter(|stamp| stamp.id == entry.id.to_string());
    let bytes = object.size() as i64;
    Ok(stamp.map(|Stamp { rows, hash, tallies, .. }| Written { etag, rows, bytes, hash, tallies }))
}

/// Reads an object back, and fails unless it holds the rows that were exported.
pub fn prove(
    table: &SourceTable,
    place: &Address,
    entry: &Entry,
    written: &Written,
    helpers: &Helpers,
) -> Result<(), Failure> {
    let address = place.below(&entry.slot.object(&table.name)?);
    let unproved = |what: &str| Failure::new(what).at(&address);
    let rows = ObjectDecoder::open(table, &address, &written.etag)?;
    if rows.size() as i64 != written.bytes {
        return Err(unproved("object has been replaced since it was written"));
    }
    let (hash, tallies) = sums(table, &rows, entry, written, helpers).map_err(|what| unproved(&what))?;
    if hash.rows as i64 != written.rows || hash.text() != written.hash {
        return Err(unproved("rows are not those of the table"));
    }
    match tallies.difference(&written.tallies) {
        Some(name) => Err(unproved(&format!("tally of column {name:?} is not PostgreSQL's"))),
        None => Ok(()),
    }
}

/// Returns the hash and the tallies of all rows of an object, some of whose row groups a helper reads if there is one.
fn sums<'a>(
    table: &'a SourceTable,
    rows: &ObjectDecoder<'_>,
    entry: &Entry,
    written: &Written,
    helpers: &Helpers,
) -> Result<(RowsHash, RunningTallies<'a>), String> {
    let next = AtomicUsize::new(0);
    let groups = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|group| *group < rows.groups());
    let add_up = || {
        let (mut hash, mut tallies) = (entry.hash(), RunningTallies::like(table, &written.tallies));
        while let Some(group) = groups() {
            rows.for_each_row(group, |row| {
                hash.add(row);
                tallies.add(row)
            })?;
        }
        Ok::<_, String>((hash, tallies))
    };
    thread::scope(|scope| {
        let helper = helpers.take().filter(|_| rows.groups() > 1);
        let beside = helper.is_some().then(|| scope.spawn(add_up));
        let (mut hash, mut tallies) = add_up()?;
        if let Some(beside) = beside {
            let (more, others) = beside.join().map_err(|_| "thread has ended early")??;
            hash.merge(&more);
            tallies.merge(&others);
        }
        Ok((hash, tallies))
    })
}

/// Whether a slot's object has another tag than the ledger knows, and yet the rows that were exported; `written` then has that tag.
pub fn follow(
    table: &SourceTable,
    place: &Address,
    entry: &Entry,
    written: &mut Written,
    helpers: &Helpers,
) -> Result<bool, Failure> {
    let found = Object::find(&place.below(&entry.slot.object(&table.name)?))?;
    let Some(etag) = found.map(|object| object.version()).filter(|etag| *etag != written.etag) else {
        return Ok(false);
    };
    let there = Written { etag, ..written.clone() };
    let is_proved = prove(table, place, entry, &there, helpers).is_ok();
    if is_proved {
        *written = there;
    }
    Ok(is_proved)
}

/// Proves the object of a slot, describes it, and records that; what is not proved is written again by the next run.
pub async fn verify(
    client: &Client,
    table: &SourceTable,
    place: &Address,
    entry: &Entry,
    written: &Written,
    helpers: &Helpers,
) -> Result<(), Failure> {
    match prove(table, place, entry, written, helpers) {
        Ok(()) => {
            manifest::write(table, place, entry, written)?;
            ledger::reached(client, entry, State::Verified).await
        }
        Err(failure) if failure.kind() == ErrorKind::Retry => Err(failure),
        Err(failure) => {
            ledger::reached(client, entry, State::Planned).await?;
            Err(failure.mend("run the command again, which writes it anew"))
        }
    }
}
