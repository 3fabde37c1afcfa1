//! Sends rows to their table: directly, or by a staging table if newer rows replace older ones or the server has to
//! cast text.

use bytes::Bytes;
use futures_util::{pin_mut, SinkExt};
use tally_postgres::pgtype::copy::{HEADER, TRAILER};
use tally_rows::definition::Definition;
use tokio_postgres::{CopyInSink, Error, Statement, Transaction};

use super::one_by_one::OneByOne;
use super::staging_table::StagingTable;
use super::statements::Statements;

/// The size of one protocol message: large enough to be cheap, small enough for the server to begin early.
const CHUNK: usize = 64 << 10;

/// The prepared statements that bring rows into one table.
pub struct Destination {
    table: String,
    copy: Statement,
    merge: Option<Merge>,
    one_by_one: Option<OneByOne>,
}

/// The statements that bring rows from the staging table into their own.
struct Merge {
    delete: Option<Statement>,
    insert: Statement,
    clear: String,
}

impl Destination {
    /// Prepares the statements that this connection has not prepared before.
    pub async fn open(
        tx: &Transaction<'_>,
        statements: &mut Statements,
        definition: &Definition,
    ) -> Result<Self, Error> {
        let (table, one_by_one) = (definition.table.name.clone(), OneByOne::new(definition));
        if !definition.is_staged() {
            let copy = statements.prepare(tx, &definition.copy()).await?;
            return Ok(Self { table, copy, merge: None, one_by_one });
        }
        let stage = StagingTable::new(definition);
        tx.batch_execute(&stage.create()).await?;
        let delete = match stage.delete() {
            Some(delete) => Some(statements.prepare(tx, &delete).await?),
            None => None,
        };
        let insert = statements.prepare(tx, &stage.insert()).await?;
        let merge = Merge { delete, insert, clear: stage.clear() };
        let copy = statements.prepare(tx, &stage.copy()).await?;
        Ok(Self { table, copy, merge: Some(merge), one_by_one })
    }

    /// A destination that is filled by a prepared COPY alone.
    pub fn straight(table: &str, copy: Statement) -> Self {
        Self { table: table.into(), copy, merge: None, one_by_one: None }
    }

    /// The name of the table without its schema, as it stands in the server's messages.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The statements that try rows one by one, if the table allows that.
    pub fn one_by_one(&self) -> Option<&OneByOne> {
        self.one_by_one.as_ref()
    }

    /// Sends rows, in pieces of binary COPY.
    pub async fn send<'r>(
        &self,
        tx: &Transaction<'_>,
        rows: impl IntoIterator<Item = &'r [u8]>,
    ) -> Result<(), Error> {
        copy(tx, &self.copy, rows).await?;
        if let Some(merge) = &self.merge {
            if let Some(delete) = &merge.delete {
                tx.execute(delete, &[]).await?;
            }
            tx.execute(&merge.insert, &[]).await?;
        }
        Ok(())
    }

    /// Empties the staging table, if there is one, for more rows in the same transaction.
    pub async fn clear(&self, tx: &Transaction<'_>) -> Result<(), Error> {
        match &self.merge {
            Some(merge) => tx.batch_execute(&merge.clear).await,
            None => Ok(()),
        }
    }
}

/// Sends pieces of binary COPY under their statement.
pub async fn copy<'r>(
    tx: &Transaction<'_>,
    statement: &Statement,
    rows: impl IntoIterator<Item = &'r [u8]>,
) -> Result<(), Error> {
    let sink = tx.copy_in(statement).await?;
    pin_mut!(sink);
    let sent = feed(sink.as_mut(), rows).await;
    // The server says only at the end why it refuses rows, even if that has cut the sending short.
    sink.finish().await?;
    sent
}

async fn feed<'r>(
    mut sink: std::pin::Pin<&mut CopyInSink<Bytes>>,
    rows: impl IntoIterator<Item = &'r [u8]>,
) -> Result<(), Error> {
    sink.feed(Bytes::from_static(HEADER)).await?;
    for chunk in rows.into_iter().flat_map(|rows| rows.chunks(CHUNK)) {
        sink.feed(Bytes::copy_from_slice(chunk)).await?;
    }
    sink.feed(Bytes::from_static(TRAILER)).await
}
