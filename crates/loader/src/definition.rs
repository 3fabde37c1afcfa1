//! What a topic's table looks like, however that came to be known: configured, inferred, or found in the catalog.

use serde::{Deserialize, Serialize};

use crate::config::{quoted, Column, ColumnType, TableName, Topic, UnknownFields};

/// A table as the loader sees it; stored in `loader.schema_history`, so that a restart uses the same columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The table, with its schema.
    pub table: TableName,
    /// The columns that are filled from fields and metadata.
    pub columns: Vec<Column>,
    /// The jsonb column that keeps the other fields.
    pub overflow: Option<String>,
    /// What becomes of fields that no column takes.
    pub unknown_fields: UnknownFields,
}

impl Definition {
    /// The definition of a topic's table with these columns.
    pub fn new(topic: &Topic, table: TableName, columns: Vec<Column>) -> Self {
        let overflow = topic.unknown_fields.has_overflow().then(|| topic.overflow_column.clone());
        Self { table, columns, overflow, unknown_fields: topic.unknown_fields }
    }

    /// The statement that creates the table.
    pub fn create_table(&self) -> String {
        let columns = self.columns.iter().map(|column| {
            let not_null = if column.required { " NOT NULL" } else { "" };
            format!("{} {}{not_null}", quoted(&column.name), column.kind)
        });
        let overflow = self.overflow.iter().map(|name| format!("{} {}", quoted(name), ColumnType::Jsonb));
        let columns: Vec<String> = columns.chain(overflow).collect();
        format!("CREATE TABLE {} ({})", self.table, columns.join(", "))
    }

    /// The statement that loads rows into it.
    pub fn copy(&self) -> String {
        let names: Vec<String> =
            self.columns.iter().map(|c| &c.name).chain(&self.overflow).map(|n| quoted(n)).collect();
        format!("COPY {} ({}) FROM STDIN (FORMAT binary)", self.table, names.join(", "))
    }
}
