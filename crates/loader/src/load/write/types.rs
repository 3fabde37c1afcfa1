//! Notices tables whose columns have other types than the rows were made for.
//!
//! Binary COPY does not name the types of its values. A column of another type takes them without an error, as other
//! values, if they happen to have the right length.

use tally_rows::config::{Column, ColumnType};
use tokio_postgres::{Error, Transaction};

use crate::load::assignment::Table;
use crate::load::batch::MessageBatch;
use crate::store::statements::Statements;

/// Whether the tables of a batch still have the types that its rows were made for. To be called after the rows are
/// sent: their lock keeps others from altering the tables until the end of the transaction.
pub async fn are_as_known(
    tx: &Transaction<'_>,
    statements: &mut Statements,
    tables: &[Table],
    batch: &MessageBatch,
) -> Result<bool, Error> {
    const SQL: &str =
        "SELECT attname::text, pg_catalog.format_type(atttypid, NULL) FROM pg_catalog.pg_attribute
         WHERE attrelid = pg_catalog.to_regclass($1) AND attname = ANY ($2::text[])";
    for (table, rows) in tables.iter().zip(&batch.rows) {
        let Some(definition) = &table.definition else { continue };
        // A staging table is created with the types of the rows, and the server converts from there.
        if rows.is_empty() || definition.is_staged() {
            continue;
        }
        let statement = statements.prepare(tx, SQL).await?;
        let found = tx.query(&statement, &[&definition.table.to_string(), &definition.names()]).await?;
        let kind_of =
            |name: &str| definition.columns.iter().find(|column| column.name == name).map(Column::kind);
        let is_known = |row: &tokio_postgres::Row| {
            ColumnType::from_catalog(row.get(1)) == Some(kind_of(row.get(0)).unwrap_or(ColumnType::Jsonb))
        };
        if !found.iter().all(is_known) {
            return Ok(false);
        }
    }
    Ok(true)
}
