//! A few connections for each user, opened as that user and closed when idle.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool::managed::{self, Object, PoolError, RecycleError, RecycleResult};
use deadpool::Runtime;
use tally_postgres::Connector;
use tokio::sync::{Notify, OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio_postgres::{Client, Error};

use crate::problem::Problem;

/// Age at which a connection is closed, so that a login that was revoked ends.
const OLD: Duration = Duration::from_secs(15 * 60);
/// Time that a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Limits of what users take of the database.
#[derive(Clone)]
pub struct Limits {
    /// Connections of one user.
    pub connections_per_user: usize,
    /// Connections of all users.
    pub connections: Arc<Semaphore>,
    /// Told when somebody waits for one of them.
    pub crowded: Arc<Notify>,
    /// Time that a statement may take, and a stream until its next row.
    pub statement: Duration,
}

/// The connections of one user, and the queries that can be cancelled by name.
pub struct Pool {
    connections: managed::Pool<Manager>,
    connector: Connector,
    limits: Limits,
    schema: OnceCell<String>,
    running: Mutex<HashMap<String, Arc<Notify>>>,
}

/// A connection of a pool.
pub type PooledConnection = Object<Manager>;

impl Pool {
    /// Creates a pool without connections.
    pub fn new(connector: Connector, limits: Limits) -> Self {
        let manager = Manager { connector: connector.clone(), limits: limits.clone() };
        let connections = managed::Pool::builder(manager)
            .max_size(limits.connections_per_user)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE * 3))
            .recycle_timeout(Some(PATIENCE))
            .runtime(Runtime::Tokio1)
            .build()
            .unwrap_or_else(|error| unreachable!("a runtime is named: {error}"));
        Self { connections, connector, limits, schema: OnceCell::new(), running: Mutex::default() }
    }

    /// Returns a connection, an idle one or a new one.
    pub async fn connection(&self) -> Result<PooledConnection, PoolError<Error>> {
        self.connections.get().await
    }

    /// The way to the database, by which queries are cancelled.
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    /// The time that a statement may take.
    pub fn patience(&self) -> Duration {
        self.limits.statement
    }

    /// Returns the schema of the extension, quoted.
    pub async fn schema(&self, client: &Client) -> Result<&str, Problem> {
        let sql = "SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e
                   JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_tally'";
        let find = async || {
            let found = client.query_opt(sql, &[]).await?;
            let missing =
                Problem::new(axum::http::StatusCode::NOT_FOUND, "the database has no extension pg_tally");
            found.map(|row| row.get(0)).ok_or_else(|| missing.hint("Run CREATE EXTENSION pg_tally."))
        };
        self.schema.get_or_try_init(find).await.map(String::as_str)
    }

    /// Closes connections that were idle for so long, or are old; returns whether there is any left.
    pub fn close_idle(&self, idle: Duration) -> bool {
        self.connections
            .retain(|connection, metrics| metrics.last_used() < idle && connection.born.elapsed() < OLD);
        self.connections.status().size > 0
    }

    /// Registers a query under the name that its user chose; none if the name is taken.
    pub fn announce(self: &Arc<Self>, name: &str) -> Option<Running> {
        let wish = Arc::new(Notify::new());
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.contains_key(name) {
            return None;
        }
        running.insert(name.into(), wish.clone());
        Some(Running { pool: self.clone(), name: name.into(), wish })
    }

    /// Asks a query to end; returns whether there is such a query.
    pub fn cancel(&self, name: &str) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // Kept for a query that is not waiting just now.
        running.get(name).map(|wish| wish.notify_one()).is_some()
    }
}

/// A query that can be cancelled by name for as long as this lives.
pub struct Running {
    pool: Arc<Pool>,
    name: String,
    wish: Arc<Notify>,
}

impl Running {
    /// Waits until the query is to end.
    pub async fn cancelled(&self) {
        self.wish.notified().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.pool.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

/// The making of connections.
pub struct Manager {
    connector: Connector,
    limits: Limits,
}

/// A connection with its share of all connections.
pub struct Connection {
    pub client: Client,
    born: Instant,
    _share: OwnedSemaphorePermit,
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = Error;

    async fn create(&self) -> Result<Connection, Error> {
        let all = &self.limits.connections;
        if all.available_permits() == 0 {
            self.limits.crowded.notify_one();
        }
        let share = all.clone().acquire_owned().await;
        let share = share.unwrap_or_else(|error| unreachable!("the semaphore is never closed: {error}"));
        Ok(Connection { client: self.connector.connect().await?, born: Instant::now(), _share: share })
    }

    async fn recycle(&self, connection: &mut Connection, _: &managed::Metrics) -> RecycleResult<Error> {
        if connection.client.is_closed() || connection.born.elapsed() >= OLD {
            return Err(RecycleError::message("gone or old"));
        }
        Ok(())
    }
}

impl From<PoolError<Error>> for Problem {
    fn from(error: PoolError<Error>) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            PoolError::Timeout(_) => {
                Problem::busy("too many requests at once").hint("Wait for answers before you ask for more.")
            }
            other => Problem::busy(other.to_string()),
        }
    }
}
