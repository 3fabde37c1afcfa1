//! The way of rows into their table: straight, or, where newer rows replace older ones, over a table in between.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use bytes::Bytes;
use futures_util::{pin_mut, SinkExt};
use tokio_postgres::{CopyInSink, Error, Statement, Transaction};

use super::positions::prepare;
use super::Statements;
use crate::config::{quoted, ColumnType};
use crate::copy::{HEADER, TRAILER};
use crate::definition::Definition;

/// How much goes into one protocol message: enough to be cheap, little enough for the server to begin early.
const CHUNK: usize = 64 << 10;

/// The prepared way into one table.
pub struct Path {
    copy: Statement,
    merge: Option<Merge>,
}

/// What brings rows from the table in between into their own.
struct Merge {
    delete: Statement,
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
        if definition.key.is_empty() {
            return Ok(Self { copy: prepare(tx, statements, &definition.copy()).await?, merge: None });
        }
        let stage = Stage::new(definition);
        tx.batch_execute(&stage.create()).await?;
        let merge = Merge {
            delete: prepare(tx, statements, &stage.delete()).await?,
            insert: prepare(tx, statements, &stage.insert()).await?,
            clear: format!("DELETE FROM {}", stage.name),
        };
        Ok(Self { copy: prepare(tx, statements, &stage.copy()).await?, merge: Some(merge) })
    }

    /// The one of a prepared COPY into the table itself.
    pub fn straight(copy: Statement) -> Self {
        Self { copy, merge: None }
    }

    /// Sends rows, in pieces of binary COPY.
    pub async fn send<'r>(
        &self,
        tx: &Transaction<'_>,
        rows: impl IntoIterator<Item = &'r [u8]>,
    ) -> Result<(), Error> {
        copy(tx, &self.copy, rows).await?;
        if let Some(merge) = &self.merge {
            tx.execute(&merge.delete, &[]).await?;
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

/// The temporary table in which rows with a key wait for each other: of those with the same key the last one counts.
struct Stage<'d> {
    definition: &'d Definition,
    name: String,
}

impl<'d> Stage<'d> {
    /// The names of its own columns; the table's do not begin so.
    const NUMBER: &'static str = "\"$number\"";
    const IS_GONE: &'static str = "\"$is_gone\"";

    fn new(definition: &'d Definition) -> Self {
        // A table that gets new columns gets another stage.
        let mut hasher = DefaultHasher::new();
        definition.create_table().hash(&mut hasher);
        Self { definition, name: format!("pg_temp.{}", quoted(&format!("tally {:016x}", hasher.finish()))) }
    }

    fn create(&self) -> String {
        let columns =
            self.definition.columns.iter().map(|column| format!("{} {}", quoted(&column.name), column.kind));
        let overflow =
            self.definition.overflow.iter().map(|name| format!("{} {}", quoted(name), ColumnType::Jsonb));
        let columns: Vec<String> = columns.chain(overflow).collect();
        format!(
            "CREATE TEMPORARY TABLE IF NOT EXISTS {} ({}, {} integer, {} boolean) ON COMMIT DELETE ROWS",
            self.name,
            columns.join(", "),
            Self::NUMBER,
            Self::IS_GONE
        )
    }

    fn columns(&self) -> String {
        self.definition.names().into_iter().map(quoted).collect::<Vec<_>>().join(", ")
    }

    fn copy(&self) -> String {
        let (columns, number, is_gone) = (self.columns(), Self::NUMBER, Self::IS_GONE);
        format!("COPY {} ({columns}, {number}, {is_gone}) FROM STDIN (FORMAT binary)", self.name)
    }

    /// The last row of each key.
    fn last(&self) -> String {
        let key = self.definition.key_list();
        format!("SELECT DISTINCT ON ({key}) * FROM {} ORDER BY {key}, {} DESC", self.name, Self::NUMBER)
    }

    fn delete(&self) -> String {
        let same = |name: &String| format!("t.{0} = s.{0}", quoted(name));
        let same: Vec<String> = self.definition.key.iter().map(same).collect();
        format!(
            "DELETE FROM {} t USING ({}) s WHERE s.{} AND {}",
            self.definition.table,
            self.last(),
            Self::IS_GONE,
            same.join(" AND ")
        )
    }

    fn insert(&self) -> String {
        let is_key = |name: &&str| self.definition.key.iter().any(|key| key == name);
        let others = self.definition.names().into_iter().filter(|name| !is_key(name));
        let set: Vec<String> = others.map(|name| format!("{0} = EXCLUDED.{0}", quoted(name))).collect();
        let action = if set.is_empty() { "NOTHING".into() } else { format!("UPDATE SET {}", set.join(", ")) };
        format!(
            "INSERT INTO {} ({columns}) SELECT {columns} FROM ({}) s WHERE NOT {} ON CONFLICT ({}) DO {action}",
            self.definition.table,
            self.last(),
            Self::IS_GONE,
            self.definition.key_list(),
            columns = self.columns(),
        )
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
