//! Prepared statements of one connection.

use std::collections::HashMap;

use tokio_postgres::{Error, Statement, Transaction};

/// Statements that were prepared on a connection, by their text.
#[derive(Default)]
pub struct Statements(HashMap<String, Statement>);

impl Statements {
    /// Prepares a statement, unless this connection has prepared it before.
    pub async fn prepare(&mut self, tx: &Transaction<'_>, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.0.get(sql) {
            return Ok(statement.clone());
        }
        let statement = tx.prepare(sql).await?;
        self.0.insert(sql.into(), statement.clone());
        Ok(statement)
    }
}
