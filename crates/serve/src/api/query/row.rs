//! Columns and rows as PostgreSQL writes them.

use tokio_postgres::types::Type;
use tokio_postgres::{Row, SimpleQueryRow};

/// A column of the answer.
pub struct Column {
    pub name: String,
    pub kind: Type,
}

/// A row whose values are text.
pub enum TextRow {
    /// A row of a query without parameters.
    Simple(SimpleQueryRow),
    /// A row of a query with parameters.
    Extended(Row),
}

impl TextRow {
    /// Returns a value; none for NULL.
    pub fn get(&self, column: usize) -> Option<&str> {
        match self {
            Self::Simple(row) => row.get(column),
            Self::Extended(row) => row.get(column),
        }
    }
}
