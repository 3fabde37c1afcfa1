//! One transaction on a connection of a pool; dropped before its end, its statement is cancelled.

use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::Object;
use tokio_postgres::{CancelToken, Client, SimpleQueryMessage};

use super::pool::{Pool, PooledConnection};
use crate::problem::Problem;

/// Whether a transaction may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Read only. A query has run by the time that the user's begins, so that the mode can no longer be changed.
    Read,
    /// Read and write, as far as the role and the server do: a standby only reads.
    Write,
}

/// Time after which a statement that still runs is asked again to end.
const AGAIN: Duration = Duration::from_millis(200);

/// A transaction as the user of a pool.
pub struct Transaction {
    pool: Arc<Pool>,
    connection: Option<PooledConnection>,
    as_of: String,
}

impl Transaction {
    /// Begins a transaction whose statements may take so long, or as long as settings of the role allow if that is less.
    pub async fn begin(pool: &Arc<Pool>, mode: Mode, patience: Duration) -> Result<Self, Problem> {
        let connection = pool.connection().await?;
        let mut begun = Self { pool: pool.clone(), connection: Some(connection), as_of: String::new() };
        let mode = match mode {
            Mode::Read => " READ ONLY",
            Mode::Write => "",
        };
        // Where the service itself is killed, the server notices that nobody waits.
        let sql = format!(
            "BEGIN{mode};
             SELECT pg_catalog.set_config('statement_timeout',
                        LEAST(NULLIF(s.setting::pg_catalog.int8, 0), {})::pg_catalog.text, true),
                    pg_catalog.set_config('client_connection_check_interval', '5s', true),
                    pg_catalog.to_json(COALESCE(pg_catalog.pg_last_xact_replay_timestamp(), pg_catalog.now())) OPERATOR(pg_catalog.#>>) '{{}}'
             FROM pg_catalog.pg_settings s WHERE s.name = 'statement_timeout'",
            patience.as_millis()
        );
        for message in begun.client().simple_query(&sql).await? {
            if let SimpleQueryMessage::Row(row) = message {
                begun.as_of = row.get(2).unwrap_or_default().into();
            }
        }
        Ok(begun)
    }

    /// The connection.
    pub fn client(&self) -> &Client {
        match &self.connection {
            Some(connection) => &connection.client,
            None => unreachable!("the connection is taken when the transaction is dropped"),
        }
    }

    /// The time whose data the transaction sees: now, or on a standby that of the last transaction replayed.
    pub fn as_of(&self) -> &str {
        &self.as_of
    }

    /// Returns the schema of the extension, quoted.
    pub async fn schema(&self) -> Result<&str, Problem> {
        self.pool.schema(self.client()).await
    }

    /// Ends the transaction without a change.
    pub async fn roll_back(self) {
        // Of all that a statement can do, only locks of the session outlive the transaction.
        self.end("ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all()").await.ok();
    }

    /// Ends the transaction and keeps its changes.
    pub async fn commit(self) -> Result<(), Problem> {
        self.end("COMMIT").await
    }

    async fn end(mut self, sql: &str) -> Result<(), Problem> {
        self.client().batch_execute(sql).await?;
        self.connection = None;
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let connection = Object::take(connection);
        let pool = self.pool.clone();
        tokio::spawn(async move {
            let token = connection.client.cancel_token();
            cancel(&pool, &token).await;
            let ended = connection.client.batch_execute("ROLLBACK");
            tokio::pin!(ended);
            // A request to cancel that overtakes the statement is lost, so that one may not be enough.
            while tokio::time::timeout(AGAIN, &mut ended).await.is_err() {
                cancel(&pool, &token).await;
            }
        });
    }
}

async fn cancel(pool: &Pool, token: &CancelToken) {
    if let Err(error) = pool.connector().cancel(token).await {
        tracing::debug!(error = %tally_postgres::explain(&error), "a query could not be cancelled");
    }
}
