//! The way of rows into their table: straight, or over a table in between, where newer rows replace older ones or the server
//! has to make values of text.

use bytes::Bytes;
use futures_util::{pin_mut, SinkExt};
use tokio_postgres::{CopyInSink, Error, Statement, Transaction};

use super::one_by_one::OneByOne;
use super::positions::prepare;
use super::stage::Stage;
use super::Statements;
use crate::copy::{HEADER, TRAILER};
use crate::definition::Definition;

/// How much goes into one protocol message: enough to be cheap, little enough for the server to begin early.
const CHUNK: usize = 64 << 10;

/// The prepared way into one table.
pub struct Path {
    copy: Statement,
    merge: Option<Merge>,
    one_by_one: Option<OneByOne>,
}

/// What brings rows from the table in between into their own.
struct Merge {
    delete: Option<Statement>,
    insert: Statement,
    clear: String,
}

impl Path {
    /// Prepares what has not been prepared before.
    pub async fn open(
        tx: &Transaction<'_>,
        statements: &mut Statements,
        definition: &Definition,
    ) -> Result<Self, Error> {
        if !definition.is_staged() {
            let copy = prepare(tx, statements, &definition.copy()).await?;
            return Ok(Self { copy, merge: None, one_by_one: OneByOne::new(definition) });
        }
        let stage = Stage::new(definition);
        tx.batch_execute(&stage.create()).await?;
        let delete = match stage.delete() {
            Some(delete) => Some(prepare(tx, statements, &delete).await?),
            None => None,
        };
        let insert = prepare(tx, statements, &stage.insert()).await?;
        let merge = Merge { delete, insert, clear: stage.clear() };
        let copy = prepare(tx, statements, &stage.copy()).await?;
        Ok(Self { copy, merge: Some(merge), one_by_one: OneByOne::new(definition) })
    }

    /// The one of a prepared COPY into the table itself.
    pub fn straight(copy: Statement) -> Self {
        Self { copy, merge: None, one_by_one: None }
    }

    /// What tries rows one by one, if it can.
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

    /// Makes room for more rows in the same transaction.
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
    // What the server has against the rows is told at the end, even if sending was cut short by it.
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
