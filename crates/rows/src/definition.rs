//! The definition of a topic's table, whether configured, inferred, or found in the catalog.

use serde::{Deserialize, Serialize};
use tally_postgres::quoted;

use crate::config::{Column, ColumnType, PartitionBy, TableLayout, TableName, UnknownFields};

/// A table as the loader sees it; stored in `loader.schema_history`, so that a restart uses the same columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The table, with its schema.
    pub table: TableName,
    /// The columns that are filled from fields and metadata.
    pub columns: Vec<Column>,
    /// The jsonb column that keeps the other fields.
    pub overflow: Option<String>,
    /// The fate of fields that no column takes.
    pub unknown_fields: UnknownFields,
    /// The columns that identify a row, if newer messages replace it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// The partitions that are made when rows for them come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_by: Option<PartitionBy>,
}

/// The constraints of a table that exists already: some of its columns fill themselves where no field does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// All columns.
    pub definition: Definition,
    /// Columns with a default or an identity.
    pub optional: Vec<String>,
}

impl Template {
    /// Returns the definition without the columns that fill themselves, unless there is a field of their name.
    pub fn definition_with(&self, has_field: impl Fn(&str) -> bool) -> Definition {
        let mut definition = self.definition.clone();
        definition.columns.retain(|column| !self.optional.contains(&column.name) || has_field(&column.name));
        definition
    }
}

impl Definition {
    /// Creates the definition of a table with these columns.
    pub fn new(layout: TableLayout, table: TableName, columns: Vec<Column>) -> Self {
        let TableLayout { unknown_fields, key, partition_by, .. } = layout;
        Self {
            table,
            columns,
            overflow: layout.overflow().map(str::to_string),
            unknown_fields,
            key: key.to_vec(),
            partition_by: partition_by.cloned(),
        }
    }

    /// Adds the columns of another route into the table. A column that some route need not fill may be NULL.
    pub fn unite(&mut self, columns: &[Column]) {
        for known in &mut self.columns {
            known.required &= columns.iter().any(|column| column.name == known.name && column.required);
        }
        for column in columns {
            if self.columns.iter().all(|known| known.name != column.name) {
                self.columns.push(Column { required: false, ..column.clone() });
            }
        }
    }

    /// Adds a column at the end; returns the clause of ALTER TABLE for that.
    pub fn add(&mut self, column: Column) -> String {
        let clause = format!("ADD COLUMN IF NOT EXISTS {} {}", quoted(&column.name), column.sql_type());
        self.columns.push(column);
        clause
    }

    /// Returns the statement that creates the table.
    pub fn create_table(&self) -> String {
        let columns = self.columns.iter().map(|column| {
            let not_null = if column.required { " NOT NULL" } else { "" };
            format!("{} {}{not_null}", quoted(&column.name), column.sql_type())
        });
        let overflow = self.overflow.iter().map(|name| format!("{} {}", quoted(name), ColumnType::Jsonb));
        let key = (!self.key.is_empty()).then(|| format!("PRIMARY KEY ({})", self.key_list()));
        let columns: Vec<String> = columns.chain(overflow).chain(key).collect();
        let divided = |by: &PartitionBy| format!(" PARTITION BY RANGE ({})", quoted(&by.column));
        let divided = self.partition_by.as_ref().map(divided).unwrap_or_default();
        format!("CREATE TABLE {} ({}){divided}", self.table, columns.join(", "))
    }

    /// Returns the columns that a row has values for.
    pub fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.name.as_str()).chain(self.overflow.as_deref()).collect()
    }

    /// Whether newer rows replace older ones.
    pub fn is_keyed(&self) -> bool {
        !self.key.is_empty()
    }

    /// Whether rows go through a temporary table: if there is a key, or values that the server converts from text.
    pub fn is_staged(&self) -> bool {
        self.is_keyed() || self.columns.iter().any(|column| column.cast().is_some())
    }

    /// Returns the columns that identify a row, as a list for SQL.
    pub fn key_list(&self) -> String {
        self.key.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
    }

    /// Returns the COPY statement for the table.
    pub fn copy(&self) -> String {
        let names: Vec<String> = self.names().into_iter().map(quoted).collect();
        format!("COPY {} ({}) FROM STDIN (FORMAT binary)", self.table, names.join(", "))
    }
}
