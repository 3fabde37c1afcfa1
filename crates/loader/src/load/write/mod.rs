//! The writing side of a lane: what storing a batch of messages takes besides what `store` does for every batch.

pub mod contents;
pub mod ddl;
pub mod positions;
mod report;
pub mod types;

use std::borrow::Cow;
use std::time::Duration;

use tally_postgres::Failure;
use tally_rows::config::{Config, Mode};
use tokio_postgres::{Error, Transaction};

use crate::exit::Exit;
use crate::kafka::{Partition, Watermarks};
use crate::load::assignment::AssignedPartition;
use crate::load::assignment::{Assigned, Table};
use crate::load::batch::MessageBatch;
use crate::load::start::claims::claim;
use crate::observe;
use crate::pg;
use crate::store::ledger::{Attempt, CopyMode, Ledger};
use crate::store::refusals::Refused;
use crate::store::statements::Statements;
use crate::store::writer::Writer;
use contents::Tables;
use positions::Positions;

/// The claims of a lane in `loader.offsets`, and the tables that its batches go to.
pub struct OffsetLedger<'a> {
    config: &'a Config,
    positions: Positions,
    tables: Vec<Table>,
}

impl<'a> OffsetLedger<'a> {
    /// The ledger of an assignment.
    pub fn new(config: &'a Config, assigned: &Assigned, watermarks: Watermarks) -> Self {
        let positions = Positions::new(&config.job, assigned, watermarks);
        Self { config, positions, tables: assigned.tables.clone() }
    }

    /// Begins again with another assignment.
    pub fn reset(&mut self, assigned: &Assigned, watermarks: Watermarks) {
        *self = Self::new(self.config, assigned, watermarks);
    }

    /// The claims.
    pub fn positions(&self) -> &Positions {
        &self.positions
    }

    /// Claims partitions, however long that takes.
    pub async fn claim(
        &mut self,
        writer: &mut Writer,
        partitions: &[Partition],
    ) -> Result<Vec<AssignedPartition>, Exit> {
        let config = self.config;
        let at = |error: Error| pg::failure("table loader.offsets", &error);
        let claimed = writer
            .retry("claiming partitions", async |writer: &mut Writer| {
                let tx = writer.client().await.map_err(at)?.transaction().await.map_err(at)?;
                let claimed = claim(&tx, config, partitions).await?;
                tx.commit().await.map_err(at)?;
                Ok(claimed)
            })
            .await?;
        self.positions.add(&claimed);
        Ok(claimed)
    }
}

impl Ledger for OffsetLedger<'_> {
    type Batch = MessageBatch;
    type Stored = observe::Stored;

    async fn store(
        &mut self,
        tx: &mut Transaction<'_>,
        statements: &mut Statements,
        batch: &MessageBatch,
        mode: CopyMode,
    ) -> Result<Attempt<observe::Stored>, Error> {
        // First, so that a loader that was replaced fails before it sends rows, and its successor's claim waits for
        // this transaction.
        if !self.positions.advance(tx, statements, batch).await? {
            return Ok(Attempt::Refused(fenced(self.config)));
        }
        let after = changed(&self.tables, batch);
        let registry = self.config.registry.as_ref().map(|registry| registry.url.as_str());
        let tables = Tables { before: &self.tables, after: &after, registry };
        let stored = contents::store(tx, statements, &self.positions, tables, batch, mode).await?;
        Ok(stored.map_or_else(|| Attempt::Refused(outdated()), Attempt::Stored))
    }

    async fn find_attempt(
        &self,
        tx: &Transaction<'_>,
        batch: &MessageBatch,
    ) -> Result<Option<Attempt<observe::Stored>>, Error> {
        Ok(match self.positions.compare(tx, batch).await? {
            (true, _) => None,
            (_, true) => {
                let after = changed(&self.tables, batch);
                Some(Attempt::Stored(report::report(&self.positions, &after, batch, &Refused::new())))
            }
            _ => Some(Attempt::Refused(fenced(self.config))),
        })
    }

    fn committed(&mut self, batch: &MessageBatch, stored: &observe::Stored, took: Option<Duration>) {
        observe::stored(stored, took);
        if let Cow::Owned(after) = changed(&self.tables, batch) {
            self.tables = after;
        }
    }

    fn place(&self) -> String {
        "writing a batch".into()
    }

    async fn outdated(
        &self,
        tx: &Transaction<'_>,
        statements: &mut Statements,
        batch: &MessageBatch,
    ) -> Result<Option<Failure>, Error> {
        let current = ddl::is_current(tx, statements, self.positions.job(), &self.tables, batch).await?;
        Ok((!current).then(outdated))
    }
}

/// The failure of a loader whose partitions another one has claimed, which is normal where a group moves partitions.
pub fn fenced(config: &Config) -> Failure {
    match config.mode {
        Mode::Subscribe => Failure::transient("a partition was claimed by another loader"),
        Mode::Assign => Failure::new("the positions in loader.offsets were moved by someone else")
            .at(format!("job {:?}", config.job))
            .mend("let each partition be loaded by one loader of the job; the one that started last goes on"),
    }
}

/// The failure for a batch whose tables have changed since it was made.
fn outdated() -> Failure {
    Failure::transient("a table was changed")
}

/// The tables after the changes of a batch.
pub fn changed<'t>(tables: &'t [Table], batch: &MessageBatch) -> Cow<'t, [Table]> {
    let mut after = Cow::Borrowed(tables);
    for change in &batch.changes {
        after.to_mut()[change.table].definition = Some(change.definition.clone());
    }
    after
}
