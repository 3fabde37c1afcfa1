//! Creates or alters tables for the rows of a batch, while other writers and other loaders may do the same.

use tokio_postgres::{Error, Transaction};

use super::types;
use crate::load::assignment::Table;
use crate::load::batch::{MessageBatch, TableChange};
use crate::pg;
use crate::store::statements::Statements;

/// Time that DDL waits for its lock; while it waits, all other sessions queue behind it.
const PATIENCE: &str = "SET LOCAL lock_timeout = '5s'";

/// Makes the changes of a batch; returns false if one of them is based on a definition that is no longer in force.
pub async fn apply(
    tx: &Transaction<'_>,
    job: &str,
    before: &[Table],
    changes: &[TableChange],
) -> Result<bool, Error> {
    if changes.is_empty() {
        return Ok(true);
    }
    tx.batch_execute(PATIENCE).await?;
    let mut in_force = before.to_vec();
    for TableChange { table, definition, statement } in changes {
        let Table { name, topic, definition: known, .. } = &mut in_force[*table];
        pg::lock_table(tx, name).await?;
        if pg::recorded(tx, job, topic, name).await? != *known {
            return Ok(false);
        }
        if let Some(statement) = statement {
            tx.batch_execute(statement).await?;
        }
        pg::record(tx, job, topic, definition, statement.as_deref()).await?;
        *known = Some(definition.clone());
    }
    tx.batch_execute("SET LOCAL lock_timeout TO DEFAULT").await?;
    Ok(true)
}

/// Whether the batch was made for the tables as they are now; if not, that may be why its rows were refused.
pub async fn is_current(
    tx: &Transaction<'_>,
    statements: &mut Statements,
    job: &str,
    tables: &[Table],
    batch: &MessageBatch,
) -> Result<bool, Error> {
    for (Table { name, topic, definition, .. }, rows) in tables.iter().zip(&batch.rows) {
        if !rows.is_empty() && pg::recorded(tx, job, topic, name).await? != *definition {
            return Ok(false);
        }
    }
    types::are_as_known(tx, statements, tables, batch).await
}
