//! Hashes of rows that are in the table, to be compared with those of objects.

use std::collections::BTreeMap;

use tally_postgres::Failure;
use tokio_postgres::{CopyOutStream, Error};

use crate::export;
use crate::ledger::Entry;
use crate::proof::RowsHash;
use crate::slot::{Granularity, Slot};

/// Returns the hash of each slot of rows, by its start; `at` is the place of their time, and `entries` have the keys.
pub async fn hashes(
    rows: Result<CopyOutStream, Error>,
    at: usize,
    entries: &[Entry],
    granularity: Granularity,
) -> Result<BTreeMap<i64, RowsHash>, Failure> {
    let mut hashes: BTreeMap<i64, RowsHash> = BTreeMap::new();
    let keys: BTreeMap<i64, &Entry> = entries.iter().map(|entry| (entry.slot.from, entry)).collect();
    export::for_each_row(rows, |row| {
        let from = Slot::of_row(row, at, granularity)?.from;
        let none = || keys.get(&from).map_or_else(|| RowsHash::new([0; 16]), |entry| entry.hash());
        hashes.entry(from).or_insert_with(none).add(row);
        Ok(())
    })
    .await?;
    Ok(hashes)
}
