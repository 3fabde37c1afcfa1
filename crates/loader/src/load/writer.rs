//! The writing side: one transaction per batch, tried again until it is stored or cannot be.

use std::collections::HashMap;
use std::time::Duration;

use tokio_postgres::{Client, Error, Statement};

use super::batch::Batch;
use super::observed;
use super::positions::{Positions, Standing};
use super::refusals::Refused;
use super::stop::Stop;
use super::tables::Table;
use super::transaction::{attempt, Attempt, Care, Places};
use crate::config::Config;
use crate::failure::Failure;
use crate::observe;
use crate::pg::{self, verdict, Connector, Verdict};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Committed, with so many dead letters.
    Stored {
        /// How many of its messages became dead letters.
        dead_letters: usize,
    },
    /// Dropped, because the run was told to stop while PostgreSQL was away; the next run reads it again.
    Dropped,
}

/// Owns the connection.
pub struct Writer {
    client: Client,
    connector: Connector,
    statements: Statements,
    positions: Positions,
    tables: Vec<Table>,
    registry: Option<String>,
    stop: Stop,
}

/// The prepared statements of a connection, by their text.
pub type Statements = HashMap<String, Statement>;

impl Writer {
    /// A writer over this connection; the connector makes the next ones.
    pub fn new(
        (connector, client): (Connector, Client),
        config: &Config,
        positions: Positions,
        tables: Vec<Table>,
        stop: Stop,
    ) -> Self {
        let registry = config.registry.as_ref().map(|registry| registry.url.clone());
        Self { client, connector, statements: HashMap::new(), positions, tables, registry, stop }
    }

    /// Stores a batch, whatever it takes.
    pub async fn store(&mut self, batch: &Batch) -> Result<Fate, Failure> {
        for change in &batch.changes {
            self.tables[change.table].definition = Some(change.definition.clone());
        }
        let mut care = Care::None;
        let mut pause = FIRST_PAUSE;
        loop {
            let Self { client, statements, positions, tables, registry, .. } = self;
            let places = Places { tables, registry: registry.as_deref() };
            let error = match attempt(client, statements, positions, places, batch, care).await {
                Ok(Attempt::Stored { dead_letters }) => return Ok(Fate::Stored { dead_letters }),
                Ok(Attempt::Fenced) => return Err(self.fenced()),
                Err(error) => error,
            };
            match verdict(&error) {
                Verdict::Row if care == Care::None => care = Care::RowByRow,
                Verdict::Outage => {
                    let reason = pg::explain(&error);
                    tracing::warn!(error = %reason, "the database is in trouble; trying again");
                    observe::database_away(&reason);
                    match self.recover(batch, &mut pause).await? {
                        Recovered::AlreadyStored => {
                            let nobody = Refused::new();
                            let stored = observed::stored(&self.positions, &self.tables, batch, &nobody);
                            observe::stored(&stored, None);
                            return Ok(Fate::Stored { dead_letters: batch.dead_letters.len() });
                        }
                        Recovered::Again => {}
                        Recovered::Stopped => return Ok(Fate::Dropped),
                    }
                }
                Verdict::Row | Verdict::Stop => return Err(pg::failure("writing a batch", &error)),
            }
        }
    }

    /// Waits for the database, and asks it whether the last attempt was committed after all.
    async fn recover(&mut self, batch: &Batch, pause: &mut Duration) -> Result<Recovered, Failure> {
        loop {
            tokio::select! {
                () = self.stop.requested() => return Ok(Recovered::Stopped),
                () = tokio::time::sleep(*pause) => {}
            }
            *pause = (*pause * 2).min(LONGEST_PAUSE);
            match self.reconnect_and_look(batch).await {
                Ok(Some(recovered)) => return Ok(recovered),
                Ok(None) => return Err(self.fenced()),
                Err(error) if verdict(&error) == Verdict::Outage => {
                    let reason = pg::explain(&error);
                    tracing::warn!(error = %reason, "the database is away");
                    observe::database_away(&reason);
                }
                Err(error) => return Err(pg::failure("reconnecting to the database", &error)),
            }
        }
    }

    async fn reconnect_and_look(&mut self, batch: &Batch) -> Result<Option<Recovered>, Error> {
        if self.client.is_closed() {
            self.client = self.connector.connect().await?;
            self.statements.clear();
        }
        let standing = self.positions.look(&mut self.client, batch).await?;
        Ok(match standing {
            Standing::Before => Some(Recovered::Again),
            Standing::After => Some(Recovered::AlreadyStored),
            Standing::Elsewhere => None,
        })
    }

    fn fenced(&self) -> Failure {
        Failure::new("the positions in loader.offsets were moved by someone else")
            .at(format!("job {:?}", self.positions.job()))
            .mend("run one loader per job; the one that started last goes on")
    }
}

enum Recovered {
    Again,
    AlreadyStored,
    Stopped,
}
