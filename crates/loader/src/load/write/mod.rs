//! The writing side: one transaction per batch, tried again until it is stored or cannot be.

pub mod ddl;
mod one_by_one;
pub mod path;
pub mod positions;
pub mod refusals;
mod stage;
pub mod transaction;
pub mod types;

use std::collections::HashMap;

use tokio_postgres::{Client, Error, Statement};

use crate::config::Config;
use crate::failure::Failure;
use crate::kafka::{Partition, Watermarks};
use crate::load::batch::Batch;
use crate::load::blocked;
use crate::load::observed;
use crate::load::pause::Pause;
use crate::load::setback::Setback;
use crate::load::start::claims::{claim, AssignedPartition};
use crate::load::start::tables::Table;
use crate::load::start::Assigned;
use crate::load::stop::Stop;
use crate::observe;
use crate::pg::{self, verdict, Connector, Verdict};
use positions::{Positions, Standing};
use refusals::Refused;
use transaction::{attempt, Attempt, Care, Places};

/// What became of a batch.
#[derive(Debug)]
pub enum Fate {
    /// Committed.
    Stored(observe::Stored),
    /// Dropped, because the run was told to stop while PostgreSQL was away; the next run reads it again.
    Dropped,
    /// Dropped, because another loader has claimed a partition of it.
    Fenced,
    /// Dropped, because its tables have changed since it was made.
    Stale,
}

/// Owns a connection.
pub struct Writer<'a> {
    config: &'a Config,
    connector: Connector,
    client: Client,
    statements: Statements,
    positions: Positions,
    tables: Vec<Table>,
    stop: Stop,
}

/// The prepared statements of a connection, by their text.
pub type Statements = HashMap<String, Statement>;

impl<'a> Writer<'a> {
    /// A writer over this connection; the connector makes the next ones.
    pub fn new(
        (connector, client): (Connector, Client),
        config: &'a Config,
        assigned: &Assigned,
        watermarks: Watermarks,
        stop: Stop,
    ) -> Self {
        let positions = Positions::new(&config.job, assigned, watermarks);
        let tables = assigned.tables.clone();
        Self { config, connector, client, statements: HashMap::new(), positions, tables, stop }
    }

    /// Begins anew with what is known now.
    pub fn reset(&mut self, assigned: &Assigned, watermarks: Watermarks) {
        self.positions = Positions::new(&self.config.job, assigned, watermarks);
        self.tables = assigned.tables.clone();
    }

    /// Where connections come from.
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    /// The claims.
    pub fn positions(&self) -> &Positions {
        &self.positions
    }

    /// A connection that works, as far as can be known without using it.
    pub async fn client(&mut self) -> Result<&mut Client, Error> {
        if self.client.is_closed() {
            self.client = self.connector.connect().await?;
            self.statements.clear();
        }
        Ok(&mut self.client)
    }

    /// Stores a batch, whatever it takes.
    pub async fn store(&mut self, batch: &Batch) -> Result<Fate, Failure> {
        let after = changed(&self.tables, batch);
        let mut care = Care::None;
        let mut pause = Pause::default();
        loop {
            let Self { config, connector, client, statements, positions, tables, .. } = self;
            let registry = config.registry.as_ref().map(|registry| registry.url.as_str());
            let places = Places { before: tables, tables: &after, registry };
            let attempt = attempt(client, statements, positions, places, batch, care);
            let error = match blocked::watch(connector, &config.job, attempt).await {
                Ok(Attempt::Stored(stored)) => {
                    self.tables = after;
                    return Ok(Fate::Stored(stored));
                }
                Ok(Attempt::Fenced) => return Ok(Fate::Fenced),
                Ok(Attempt::Stale) => return Ok(Fate::Stale),
                Err(error) => error,
            };
            match verdict(&error) {
                Verdict::Row if care == Care::None => care = Care::RowByRow,
                Verdict::Outage => {
                    let reason = pg::explain(&error);
                    tracing::warn!(error = %reason, "the database is in trouble; trying again");
                    observe::database_away(&reason);
                    match self.recover(batch, &mut pause).await? {
                        Recovered::Again => {}
                        Recovered::AlreadyStored => {
                            let stored = observed::stored(&self.positions, &after, batch, &Refused::new());
                            observe::stored(&stored, None);
                            self.tables = after;
                            return Ok(Fate::Stored(stored));
                        }
                        Recovered::Elsewhere => return Ok(Fate::Fenced),
                        Recovered::Stopped => return Ok(Fate::Dropped),
                    }
                }
                Verdict::Stop if self.is_stale(batch).await => return Ok(Fate::Stale),
                Verdict::Row | Verdict::Stop => return Err(pg::failure("writing a batch", &error)),
            }
        }
    }

    /// Claims partitions, whatever it takes; gives nothing if the run was told to stop meanwhile.
    pub async fn claim(
        &mut self,
        partitions: &[Partition],
    ) -> Result<Option<Vec<AssignedPartition>>, Failure> {
        let mut pause = Pause::default();
        loop {
            let (config, connector) = (self.config, self.connector.clone());
            match blocked::watch(&connector, &config.job, self.try_claim(partitions)).await {
                Ok(claimed) => {
                    self.positions.add(&claimed);
                    return Ok(Some(claimed));
                }
                Err(Setback::Lasting(failure)) => return Err(failure),
                Err(Setback::Passing(error)) => {
                    tracing::warn!(error, "partitions cannot be claimed yet; trying again");
                    if !pause.unless_stopped(&mut self.stop).await {
                        return Ok(None);
                    }
                }
            }
        }
    }

    async fn try_claim(&mut self, partitions: &[Partition]) -> Result<Vec<AssignedPartition>, Setback> {
        let config = self.config;
        let at = |error: Error| Setback::database("table loader.offsets", &error);
        let tx = self.client().await.map_err(at)?.transaction().await.map_err(at)?;
        let claimed = claim(&tx, config, partitions).await?;
        tx.commit().await.map_err(at)?;
        Ok(claimed)
    }

    /// Waits for the database, and asks it whether the last attempt was committed after all.
    async fn recover(&mut self, batch: &Batch, pause: &mut Pause) -> Result<Recovered, Failure> {
        loop {
            if !pause.unless_stopped(&mut self.stop).await {
                return Ok(Recovered::Stopped);
            }
            let (config, connector) = (self.config, self.connector.clone());
            match blocked::watch(&connector, &config.job, self.reconnect_and_look(batch)).await {
                Ok(recovered) => return Ok(recovered),
                Err(error) if verdict(&error) == Verdict::Outage => {
                    let reason = pg::explain(&error);
                    tracing::warn!(error = %reason, "the database is away");
                    observe::database_away(&reason);
                }
                Err(error) => return Err(pg::failure("reconnecting to the database", &error)),
            }
        }
    }

    async fn reconnect_and_look(&mut self, batch: &Batch) -> Result<Recovered, Error> {
        self.client().await?;
        Ok(match self.positions.look(&mut self.client, batch).await? {
            Standing::Before => Recovered::Again,
            Standing::After => Recovered::AlreadyStored,
            Standing::Elsewhere => Recovered::Elsewhere,
        })
    }
}

impl Writer<'_> {
    /// Whether the tables have changed since the batch was made; where that cannot be told, the error stands.
    async fn is_stale(&mut self, batch: &Batch) -> bool {
        let Self { client, statements, positions, tables, .. } = self;
        let Ok(tx) = client.transaction().await else { return false };
        matches!(ddl::is_current(&tx, statements, positions.job(), tables, batch).await, Ok(false))
    }
}

enum Recovered {
    Again,
    AlreadyStored,
    Elsewhere,
    Stopped,
}

/// The tables after the changes of a batch.
pub fn changed(tables: &[Table], batch: &Batch) -> Vec<Table> {
    let mut after = tables.to_vec();
    for change in &batch.changes {
        after[change.table].definition = Some(change.definition.clone());
    }
    after
}
