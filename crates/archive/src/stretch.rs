//! Writing the objects of a stretch of time: their rows and PostgreSQL's tallies of them, in one snapshot.

use std::collections::BTreeMap;

use tally_objects::Address;
use tally_postgres::{ErrorKind, Failure};
use tokio_postgres::{Client, IsolationLevel, Transaction};

use crate::export;
use crate::key::sorted;
use crate::ledger::{Entry, Written};
use crate::proof::Tallies;
use crate::rows::{Rows, RowsBuffer};
use crate::server::of_server;
use crate::slot::{Granularity, Slot};
use crate::step::SlotWriter;
use crate::table::SourceTable;
use crate::work::is_too_much;

/// Number of bytes of rows that are encoded at a time.
const BLOCK: usize = 1 << 20;

/// A table, and where and how it is archived.
pub struct Source {
    pub table: std::sync::Arc<SourceTable>,
    pub place: Address,
    pub granularity: Granularity,
}

/// Rows of slots in memory, by their starts, with PostgreSQL's tallies of them.
pub struct Collected {
    rows: BTreeMap<i64, Rows>,
    tallies: BTreeMap<i64, Tallies>,
}

/// The outcome of reading rows into memory.
pub enum Collection {
    Whole(Collected),
    /// More than fits: the number of rows that were read, and of their bytes. The connection is of no more use.
    TooMuch(usize, usize),
}

impl Source {
    async fn snapshot<'c>(&self, client: &'c mut Client) -> Result<Transaction<'c>, Failure> {
        let fail = |e: tokio_postgres::Error| of_server(&e).at(self.table.sql());
        let snapshot =
            client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
        let tx = snapshot.start().await.map_err(fail)?;
        // Jobs are at work beside one another as it is.
        tx.batch_execute("SET LOCAL max_parallel_workers_per_gather = 0").await.map_err(fail)?;
        Ok(tx)
    }

    /// Returns PostgreSQL's tallies of the slots of a stretch of time, by their starts.
    async fn tallies(&self, tx: &Transaction<'_>, stretch: Slot) -> Result<BTreeMap<i64, Tallies>, Failure> {
        let Some((names, sql)) = self.table.tallies_of(stretch, self.granularity)? else {
            return Ok(BTreeMap::new());
        };
        let rows = tx.query(&sql, &[]).await.map_err(|e| of_server(&e).at(self.table.sql()))?;
        let tallies = |row: &tokio_postgres::Row| {
            names.iter().enumerate().map(|(at, name)| (name.clone(), row.get(at + 1))).collect()
        };
        Ok(rows.iter().map(|row| (row.get(0), tallies(row))).collect())
    }

    /// Reads the rows of planned slots into memory; the slots are by time.
    pub async fn collect(&self, client: &mut Client, entries: &[Entry]) -> Result<Collection, Failure> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(Collection::TooMuch(0, 0));
        };
        let stretch = Slot { from: first.slot.from, to: last.slot.to };
        let tx = self.snapshot(client).await?;
        let tallies = self.tallies(&tx, stretch).await?;
        let mut buffers: BTreeMap<i64, RowsBuffer> =
            entries.iter().map(|entry| (entry.slot.from, RowsBuffer::default())).collect();
        let (mut rows, mut bytes) = (0, 0);
        let at = self.table.at_place();
        let statement = export::statement(&self.table.rows_of(stretch)?);
        let copied = export::for_each_row(tx.copy_out(&statement).await, |row| {
            let slot = Slot::of_row(row, at, self.granularity)?;
            // Rows of other slots came after the count; the next run has them.
            if let Some(buffer) = buffers.get_mut(&slot.from) {
                buffer.push(row);
                (rows, bytes) = (rows + 1, bytes + row.len());
            }
            match is_too_much(bytes) {
                true => Err(Failure::new("rows do not fit into memory").of_kind(ErrorKind::Reject)),
                false => Ok(()),
            }
        })
        .await;
        if is_too_much(bytes) {
            return Ok(Collection::TooMuch(rows, bytes));
        }
        copied?;
        tx.commit().await.map_err(|e| of_server(&e).at(self.table.sql()))?;
        let rows = buffers.into_iter().map(|(from, mut buffer)| (from, buffer.take())).collect();
        Ok(Collection::Whole(Collected { rows, tallies }))
    }

    /// Writes the object of a slot whose rows were collected; none if there are no rows.
    pub fn write(&self, entry: &Entry, collected: &mut Collected) -> Result<Option<Written>, Failure> {
        let (rows, tallies) =
            (collected.rows.remove(&entry.slot.from), collected.tallies.remove(&entry.slot.from));
        let Some(rows) = rows.filter(|rows| rows.len() > 0) else { return Ok(None) };
        let mut writer = SlotWriter::new(&self.table, &self.place, entry)?;
        for row in sorted(&self.table, rows) {
            writer.push(&row)?;
        }
        writer.finish(tallies.unwrap_or_default()).map(Some)
    }

    /// Writes the object of a slot while its rows come, in the order in which PostgreSQL sends them.
    pub async fn stream(&self, client: &mut Client, entry: &Entry) -> Result<Option<Written>, Failure> {
        let tx = self.snapshot(client).await?;
        let tallies = self.tallies(&tx, entry.slot).await?.remove(&entry.slot.from);
        let mut writer = SlotWriter::new(&self.table, &self.place, entry)?;
        let mut buffer = RowsBuffer::default();
        let mut encode = |rows: Rows| rows.iter().try_for_each(|row| writer.push(&row));
        let mut rows = 0;
        let statement = export::statement(&self.table.sorted_rows_of(entry.slot)?);
        export::for_each_row(tx.copy_out(&statement).await, |row| {
            buffer.push(row);
            rows += 1;
            match buffer.size() >= BLOCK {
                true => encode(buffer.take()),
                false => Ok(()),
            }
        })
        .await?;
        encode(buffer.take())?;
        tx.commit().await.map_err(|e| of_server(&e).at(self.table.sql()))?;
        match rows {
            0 => Ok(None),
            _ => writer.finish(tallies.unwrap_or_default()).map(Some),
        }
    }
}
