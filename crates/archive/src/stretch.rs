//! Reading a stretch of time: its rows and PostgreSQL's tallies of them, slot by slot, in one snapshot.

use std::collections::BTreeMap;

use tally_objects::Address;
use tally_postgres::Failure;
use tokio::sync::mpsc;
use tokio_postgres::{Client, IsolationLevel, Row, Transaction};

use crate::export::{self, RowStream};
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

/// The rows of a stretch that are being read.
pub struct Stretch<'s> {
    source: &'s Source,
    tx: Transaction<'s>,
    rows: RowStream,
    /// Slots of which rows are still to come, by their starts.
    slots: BTreeMap<i64, Filling>,
    /// Number of bytes of rows in memory.
    bytes: usize,
}

/// A slot while its rows come, in any order among those of others.
struct Filling {
    buffer: RowsBuffer,
    /// Number of rows that it has in the snapshot.
    rows: usize,
    tallies: Tallies,
}

/// All rows of a slot, with PostgreSQL's tallies of them.
pub struct Whole {
    /// Start of the slot.
    pub from: i64,
    rows: Rows,
    tallies: Tallies,
}

/// The next that a stretch has.
pub enum Next {
    Slot(Whole),
    /// Rows that were read do not fit into memory together. The connection is of no more use.
    TooMuch,
    End,
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

    /// Returns the number of rows and PostgreSQL's tallies of the slots of a stretch of time, by their starts.
    async fn tallies(
        &self,
        tx: &Transaction<'_>,
        stretch: Slot,
    ) -> Result<BTreeMap<i64, (i64, Tallies)>, Failure> {
        let (names, sql) = self.table.tallies_of(stretch, self.granularity)?;
        let rows = tx.query(&sql, &[]).await.map_err(|e| of_server(&e).at(self.table.sql()))?;
        let tallies =
            |row: &Row| names.iter().enumerate().map(|(at, name)| (name.clone(), row.get(at + 3))).collect();
        Ok(rows.iter().map(|row| (row.get(0), (row.get(2), tallies(row)))).collect())
    }

    /// Begins to read the rows of planned slots; the slots are by time.
    pub async fn read<'s>(
        &'s self,
        client: &'s mut Client,
        entries: &[Entry],
    ) -> Result<Stretch<'s>, Failure> {
        let ends = entries.first().zip(entries.last());
        let stretch = ends.map_or(Slot { from: 0, to: 0 }, |(first, last)| Slot {
            from: first.slot.from,
            to: last.slot.to,
        });
        let tx = self.snapshot(client).await?;
        let mut tallies = self.tallies(&tx, stretch).await?;
        // Other slots came after the count; the next run has them.
        let planned = entries.iter().filter_map(|entry| tallies.remove_entry(&entry.slot.from));
        let filling = |rows, tallies| Filling { buffer: RowsBuffer::default(), rows, tallies };
        let slots = planned.map(|(from, (rows, tallies))| (from, filling(rows as usize, tallies))).collect();
        let statement = export::statement(&self.table.rows_of(stretch)?);
        let rows = RowStream::new(tx.copy_out(&statement).await)?;
        Ok(Stretch { source: self, tx, rows, slots, bytes: 0 })
    }

    /// Writes the object of a slot.
    pub fn write(&self, entry: &Entry, whole: Whole) -> Result<Written, Failure> {
        let mut writer = SlotWriter::new(&self.table, &self.place, entry)?;
        for row in sorted(&self.table, &whole.rows) {
            writer.push(&whole.rows.bytes, row)?;
        }
        writer.finish(whole.tallies)
    }

    /// Writes the object of a slot while its rows come, in the order in which PostgreSQL sends them.
    pub async fn stream(&self, client: &mut Client, entry: &Entry) -> Result<Option<Written>, Failure> {
        let tx = self.snapshot(client).await?;
        let Some((_, tallies)) = self.tallies(&tx, entry.slot).await?.remove(&entry.slot.from) else {
            return Ok(None);
        };
        let mut writer = SlotWriter::new(&self.table, &self.place, entry)?;
        // Rows are encoded while others come.
        let (blocks, mut read) = mpsc::channel::<Rows>(1);
        let encoding = tokio::task::spawn_blocking(move || {
            while let Some(rows) = read.blocking_recv() {
                rows.iter().try_for_each(|row| writer.push(&rows.bytes, row))?;
            }
            Ok::<_, Failure>(writer)
        });
        let statement = export::statement(&self.table.sorted_rows_of(entry.slot)?);
        let mut rows = RowStream::new(tx.copy_out(&statement).await)?;
        let mut buffer = RowsBuffer::default();
        while let Some(row) = rows.next().await? {
            buffer.push(row);
            // Nobody takes them if encoding has failed, which says why.
            if buffer.size() >= BLOCK && blocks.send(buffer.take()).await.is_err() {
                break;
            }
        }
        let _ = blocks.send(buffer.take()).await;
        drop(blocks);
        let writer = encoding.await.map_err(Failure::new)??;
        tx.commit().await.map_err(|e| of_server(&e).at(self.table.sql()))?;
        writer.finish(tallies).map(Some)
    }
}

impl Stretch<'_> {
    /// Reads on until all rows of a slot are there.
    pub async fn next(&mut self) -> Result<Next, Failure> {
        let (at, granularity) = (self.source.table.at_place(), self.source.granularity);
        while let Some(row) = self.rows.next().await? {
            let from = Slot::of_row(row, at, granularity)?.from;
            let Some(slot) = self.slots.get_mut(&from) else { continue };
            slot.buffer.push(row);
            self.bytes += row.len();
            if slot.buffer.count() == slot.rows {
                return Ok(self.take(from).map_or(Next::End, Next::Slot));
            }
            if is_too_much(self.bytes) {
                return Ok(Next::TooMuch);
            }
        }
        Ok(Next::End)
    }

    fn take(&mut self, from: i64) -> Option<Whole> {
        let Filling { mut buffer, tallies, .. } = self.slots.remove(&from)?;
        self.bytes -= buffer.size();
        Some(Whole { from, rows: buffer.take(), tallies })
    }

    /// Returns the slots that were not read to their end, with their numbers of rows, and the mean size of rows in memory.
    pub fn left(&self) -> (Vec<(Slot, usize)>, usize) {
        let seconds = self.source.granularity.seconds();
        let slot = |(from, slot): (&i64, &Filling)| (Slot { from: *from, to: from + seconds }, slot.rows);
        let rows: usize = self.slots.values().map(|slot| slot.buffer.count()).sum();
        (self.slots.iter().map(slot).collect(), self.bytes / rows.max(1))
    }

    /// Ends the snapshot.
    pub async fn end(self) -> Result<(), Failure> {
        self.tx.commit().await.map_err(|e| of_server(&e).at(self.source.table.sql()))
    }
}
