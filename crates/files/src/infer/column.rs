//! A column as a scan of its file has seen it.

use tally_rows::config::{plain_name, ColumnType};
use tally_rows::decode::{Digits, FieldEvidence};

use super::evidence::ColumnEvidence;

/// A column that a scan has found.
#[derive(Debug, Clone, Default)]
pub struct SeenColumn {
    /// The name, where each record names its fields.
    pub name: Option<String>,
    /// Evidence of its type.
    pub evidence: Evidence,
}

/// Evidence of the type of a column.
#[derive(Debug, Clone)]
pub enum Evidence {
    /// Values that are text, as in CSV.
    Text(ColumnEvidence),
    /// Values of JSON.
    Json(FieldEvidence),
}

impl Default for Evidence {
    fn default() -> Self {
        Self::Text(ColumnEvidence::default())
    }
}

impl Evidence {
    /// Adds what was seen elsewhere in the column.
    pub fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Text(known), Self::Text(other)) => known.merge(other),
            (Self::Json(known), Self::Json(other)) => known.merge(other),
            // Only text holds both.
            (known, _) => *known = Self::Text(ColumnEvidence::of_text()),
        }
    }

    /// Returns the digits of its numbers.
    pub fn digits(&self) -> Digits {
        match self {
            Self::Text(evidence) => evidence.digits(),
            Self::Json(evidence) => evidence.digits(),
        }
    }

    /// Returns the type that holds all values of a column of this name.
    pub fn column_type(&self, name: &str) -> ColumnType {
        match self {
            Self::Text(evidence) => evidence.column_type(),
            Self::Json(evidence) => {
                evidence.conclude(&plain_name(name)).map_or(ColumnType::Text, |found| found.kind)
            }
        }
    }
}
