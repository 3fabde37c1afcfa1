//! Reading a stretch of time: its rows and PostgreSQL's tallies of them, slot by slot, in one snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use tally_objects::Address;
use tally_postgres::{ErrorKind, Failure};
use tokio_postgres::{Client, IsolationLevel, Transaction};

use crate::beside::Helpers;
use crate::export::{self, RowStream};
use crate::key::SortedRows;
use crate::ledger::{Entry, Written};
use crate::overflow::Overflow;
use crate::proof::{RowsHash, Tallies};
use crate::rows::{Rows, RowsBuffer};
use crate::server::of_server;
use crate::slot::{Granularity, Slot};
use crate::spill::{merge, Run};
use crate::step::SlotWriter;
use crate::survey::{self, Survey, TalliedSlots};
use crate::table::SourceTable;
use crate::work::SPILLED_BYTES;

/// Number of bytes of rows that are encoded at a time.
const BLOCK: usize = 1 << 20;

/// A table, and where and how it is archived.
pub struct Source {
    pub table: Arc<SourceTable>,
    pub place: Address,
    pub granularity: Granularity,
    pub survey: Arc<Survey>,
    /// Number of bytes of rows that a job holds in memory.
    pub held: usize,
    /// Threads of jobs that have no work.
    pub helpers: Helpers,
}

/// The rows of a stretch that are being read.
pub struct Stretch<'s> {
    source: &'s Source,
    tx: Transaction<'s>,
    rows: RowStream,
    /// Slots of which rows are still to come, by their starts.
    slots: BTreeMap<i64, Filling>,
    /// Number of bytes of rows in memory.
    held: usize,
    overflow: Overflow,
}

/// A slot while its rows come, in any order among those of others.
struct Filling {
    buffer: RowsBuffer,
    /// Number of bytes of its rows that were in the way of others.
    spilled: usize,
    /// Hash of the rows that have come.
    hash: RowsHash,
    /// Number of rows that it has in the snapshot.
    rows: u64,
    tallies: Tallies,
}

/// All rows of a slot, with PostgreSQL's tallies of them.
pub struct Whole {
    /// Start of the slot.
    pub from: i64,
    rows: Rows,
    /// All of its rows, if they did not fit into memory.
    runs: Vec<Run>,
    hash: RowsHash,
    tallies: Tallies,
}

/// The next that a stretch has.
pub enum Next {
    Slot(Box<Whole>),
    /// Rows that were read take too much room together. The connection is of no more use.
    TooMuch,
    End,
}

impl Source {
    /// Begins a snapshot, or takes part in one of this name.
    async fn snapshot<'c>(
        &self,
        client: &'c mut Client,
        name: Option<&str>,
    ) -> Result<Transaction<'c>, Failure> {
        let fail = |e: tokio_postgres::Error| of_server(&e).at(self.table.sql());
        let snapshot =
            client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
        let tx = snapshot.start().await.map_err(fail)?;
        if let Some(name) = name {
            // It ends with the session that keeps it.
            let again = |e| fail(e).of_kind(ErrorKind::Retry).mend("run the command again");
            tx.batch_execute(&format!("SET TRANSACTION SNAPSHOT '{name}'")).await.map_err(again)?;
        }
        Ok(tx)
    }

    /// Returns the number of rows and PostgreSQL's tallies of the slots of a stretch of time, by their starts.
    async fn tallies(&self, tx: &Transaction<'_>, stretch: Slot) -> Result<TalliedSlots, Failure> {
        // Where jobs are at work beside one another, the server's processors are busy as it is.
        let helper = self.helpers.take();
        if helper.is_none() {
            self.read_alone(tx).await?;
        }
        survey::tallies(tx, &self.table, self.granularity, stretch).await
    }

    /// Has the server read by one process from now on.
    async fn read_alone(&self, tx: &Transaction<'_>) -> Result<(), Failure> {
        let fail = |e: tokio_postgres::Error| of_server(&e).at(self.table.sql());
        tx.batch_execute("SET LOCAL max_parallel_workers_per_gather = 0").await.map_err(fail)
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
        let (tx, mut tallies) = match self.survey.tallies(entries.iter().map(|entry| entry.slot.from)) {
            Some((snapshot, tallies)) => (self.snapshot(client, Some(snapshot)).await?, tallies),
            None => {
                let tx = self.snapshot(client, None).await?;
                let tallies = self.tallies(&tx, stretch).await?;
                (tx, tallies)
            }
        };
        // Rows that others hand on take more time than they save.
        self.read_alone(&tx).await?;
        // Other slots came after the count; the next run has them.
        let filling = |entry: &Entry| {
            let (rows, tallies) = tallies.remove(&entry.slot.from)?;
            let (buffer, hash) = (RowsBuffer::default(), entry.hash());
            Some((entry.slot.from, Filling { buffer, spilled: 0, hash, rows: rows as u64, tallies }))
        };
        let slots = entries.iter().filter_map(filling).collect();
        let statement = export::statement(&self.table.rows_of(stretch)?);
        let rows = RowStream::new(tx.copy_out(&statement).await)?;
        let overflow = Overflow::new(self.table.clone(), self.helpers.clone());
        Ok(Stretch { source: self, tx, rows, slots, held: 0, overflow })
    }

    /// Writes the object of a slot.
    pub fn write(&self, entry: &Entry, whole: Box<Whole>) -> Result<Written, Failure> {
        let mut writer = SlotWriter::new(&self.table, &self.place, entry, &self.helpers)?;
        for (bytes, row) in SortedRows::new(&self.table, &whole.rows).iter() {
            writer.push(bytes, row)?;
        }
        let mut block = RowsBuffer::default();
        let mut push = |block: &mut RowsBuffer| {
            let rows = block.take();
            let pushed = rows.iter().try_for_each(|(bytes, row)| writer.push(bytes, row));
            pushed
        };
        merge(whole.runs, |row| {
            block.push(row);
            if block.size() < BLOCK {
                return Ok(());
            }
            push(&mut block)
        })?;
        push(&mut block)?;
        writer.finish(&whole.hash, whole.tallies)
    }
}

impl Stretch<'_> {
    /// Reads on until all rows of a slot are there.
    pub async fn next(&mut self) -> Result<Next, Failure> {
        let (at, granularity) = (self.source.table.at_place(), self.source.granularity);
        while let Some(row) = self.rows.next().await? {
            let from = Slot::of_row(row, at, granularity)?.from;
            let Some(slot) = self.slots.get_mut(&from) else { continue };
            let before = slot.buffer.held();
            slot.buffer.push(row);
            slot.hash.add(row);
            self.held += slot.buffer.held() - before;
            if slot.hash.rows == slot.rows {
                return self
                    .take(from)
                    .map(|whole| whole.map_or(Next::End, |whole| Next::Slot(Box::new(whole))));
            }
            if self.held > self.source.held {
                self.spill()?;
                if self.is_too_much() {
                    return Ok(Next::TooMuch);
                }
            }
        }
        Ok(Next::End)
    }

    /// Makes room in memory.
    fn spill(&mut self) -> Result<(), Failure> {
        self.held = 0;
        self.overflow
            .add(self.slots.iter_mut().filter_map(|(from, slot)| Some((*from, slot.spill()?))).collect())
    }

    /// Whether slots that are not complete take too much room in files; one alone may.
    fn is_too_much(&self) -> bool {
        let begun = || self.slots.values().filter(|slot| slot.spilled > 0);
        let size: usize = begun().map(|slot| slot.spilled).sum();
        size > SPILLED_BYTES && begun().nth(1).is_some()
    }

    fn take(&mut self, from: i64) -> Result<Option<Whole>, Failure> {
        let Some(mut slot) = self.slots.remove(&from) else { return Ok(None) };
        self.held -= slot.buffer.held();
        if slot.spilled > 0 {
            self.overflow.add(slot.spill().map(|rows| (from, rows)).into_iter().collect())?;
        }
        let (rows, runs) = (slot.buffer.take(), self.overflow.take(from)?);
        Ok(Some(Whole { from, rows, runs, hash: slot.hash, tallies: slot.tallies }))
    }

    /// Returns the slots that were not read to their end, with their numbers of rows, and the mean size of the rows that were read.
    pub fn left(&self) -> (Vec<(Slot, usize)>, usize) {
        let seconds = self.source.granularity.seconds();
        let slot =
            |(from, slot): (&i64, &Filling)| (Slot { from: *from, to: from + seconds }, slot.rows as usize);
        let slots = || self.slots.values();
        let size: usize = slots().map(|slot| slot.spilled).sum();
        let count: u64 = slots().map(|slot| slot.hash.rows).sum();
        (self.slots.iter().map(slot).collect(), size / (count as usize).max(1))
    }

    /// Ends the snapshot.
    pub async fn end(self) -> Result<(), Failure> {
        self.tx.commit().await.map_err(|e| of_server(&e).at(self.source.table.sql()))
    }
}

impl Filling {
    /// Returns the rows in memory, if there are any, which go to a file.
    fn spill(&mut self) -> Option<Rows> {
        self.spilled += self.buffer.held();
        Some(self.buffer.take()).filter(|rows| rows.len() > 0)
    }
}
