//! Messages that were kept, as dead letters or in an archive: decoded with the configuration as it is now, and stored in
//! the transactions of whoever kept them.

use tally_postgres::{ErrorKind, Failure};
use tally_rows::config::Config;
use tally_rows::raw::KeptMessage;
use tokio_postgres::{Client, Error, Transaction};

use super::assignment::{Assigned, AssignedPartition, Table};
use super::batch::assembler::Assembler;
use super::batch::MessageBatch;
use super::start::{restart, start, Intent};
use super::write::changed;
use super::write::contents::{store, Tables};
use super::write::positions::Positions;
use crate::kafka::Watermarks;
use crate::observe::Stored;
use crate::store::ledger::CopyMode;
use crate::store::statements::Statements;

/// The tables of kept messages, and a connection to store them with.
pub struct KeptMessages<'a> {
    /// The connection.
    pub client: Client,
    statements: Statements,
    config: &'a Config,
    positions: Positions,
    assigned: Assigned,
}

impl<'a> KeptMessages<'a> {
    /// Prepares the tables of the configuration.
    pub async fn open(mut client: Client, config: &'a Config) -> Result<Self, Failure> {
        let assigned = start(&mut client, config, &[], Intent::Load { accept_empty_positions: true }).await?;
        let positions = Positions::new(&config.job, &assigned, Watermarks::default());
        Ok(Self { client, statements: Statements::default(), config, positions, assigned })
    }

    /// Looks at the tables again, after they have changed.
    pub async fn look_again(&mut self) -> Result<(), Failure> {
        self.assigned = restart(&mut self.client, self.config, &[], &[]).await?;
        Ok(())
    }

    /// Decodes messages, which are in the order of their offsets, into one batch after the other; `each` takes a batch
    /// with the number of its messages, and returns whether it wants more.
    pub fn decode(
        &self,
        messages: &[KeptMessage],
        mut each: impl FnMut(MessageBatch, usize) -> bool,
    ) -> Result<(), Failure> {
        let mut assembler = self.assembler(messages)?;
        let mut taken = 0;
        let mut rest = messages.iter().peekable();
        while let Some(message) = rest.peek() {
            match assembler.take_record(&message.record()) {
                Ok(true) => {
                    taken += 1;
                    rest.next();
                }
                Ok(false) => {}
                Err(failure) if failure.kind() == ErrorKind::Retry => {
                    return Err(failure.mend("run the command again when the registry is back"))
                }
                Err(failure) => return Err(failure),
            }
            let is_over = rest.peek().is_none();
            if is_over || taken > 0 && assembler.is_full() {
                let Some(batch) = assembler.close() else { continue };
                if !each(batch, std::mem::take(&mut taken)) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// An empty batch for the partitions of messages.
    fn assembler(&self, messages: &[KeptMessage]) -> Result<Assembler, Failure> {
        let mut assembler = Assembler::new(&self.assigned, self.config)?;
        for message in messages {
            let topic = assembler.topic(&message.topic);
            let (number, next) = (message.partition, 0);
            if !assembler.positions().any(|(partition, _)| partition == (topic, number)) {
                assembler.add(&[AssignedPartition {
                    topic,
                    number,
                    next,
                    high: 0,
                    epoch: 0,
                    topic_id: None,
                }]);
            }
        }
        Ok(assembler)
    }

    /// Begins a transaction.
    pub async fn begin(&mut self) -> Result<KeptTransaction<'_>, Error> {
        let Self { client, statements, config, positions, assigned } = self;
        let registry = config.registry.as_ref().map(|registry| registry.url.as_str());
        let after = assigned.tables.clone();
        let tx = client.transaction().await?;
        Ok(KeptTransaction { tx, statements, positions, registry, after, tables: &mut assigned.tables })
    }
}

/// A transaction that stores batches of kept messages.
pub struct KeptTransaction<'k> {
    /// The transaction, for the ledger of what was kept.
    pub tx: Transaction<'k>,
    statements: &'k mut Statements,
    positions: &'k Positions,
    registry: Option<&'k str>,
    /// The tables with the changes of the batches so far.
    after: Vec<Table>,
    tables: &'k mut Vec<Table>,
}

impl KeptTransaction<'_> {
    /// Stores a batch; returns none if the tables have changed since it was decoded.
    pub async fn store(&mut self, batch: &MessageBatch, mode: CopyMode) -> Result<Option<Stored>, Error> {
        let before = std::mem::take(&mut self.after);
        let after = changed(&before, batch).into_owned();
        let tables = Tables { before: &before, after: &after, registry: self.registry };
        let stored = store(&mut self.tx, self.statements, self.positions, tables, batch, mode).await?;
        self.after = after;
        Ok(stored)
    }

    /// Commits.
    pub async fn commit(self) -> Result<(), Error> {
        self.tx.commit().await?;
        *self.tables = self.after;
        Ok(())
    }
}
