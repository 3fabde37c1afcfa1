//! A column: its type, and where in the message its value is found.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::complaint::suggestion;
use super::table::MAX_NAME_BYTES;

/// A column of the table and its source in the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The column's name in the table.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// Where the value comes from; by default the field with the column's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Source>,
    /// What a number counts, for a column of time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// A message without the value becomes a dead letter, and the column is created NOT NULL.
    #[serde(default)]
    pub required: bool,
}

impl Column {
    /// Where the value comes from.
    pub fn source(&self) -> Source {
        self.from.clone().unwrap_or_else(|| Source::Field(vec![self.name.clone()]))
    }

    /// What is wrong with it and how to mend it, if anything.
    pub fn validate(&self) -> Result<(), (String, &'static str)> {
        if self.name.is_empty() || self.name.len() > MAX_NAME_BYTES || self.name.contains('\0') {
            return Err(("a column name has 1 to 63 bytes".into(), "choose another name"));
        }
        if self.unit.is_some() && !self.kind.is_time() {
            return Err((format!("`unit` does not apply to {}", self.kind), "remove it, or use timestamptz"));
        }
        if self.kind == ColumnType::Jsonb && !matches!(self.source(), Source::Field(_)) {
            return Err(("record metadata is not jsonb".into(), "use text or bigint"));
        }
        Ok(())
    }
}

/// The types that a column can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // They are PostgreSQL's own names.
pub enum ColumnType {
    Text,
    Boolean,
    Smallint,
    Integer,
    Bigint,
    Real,
    #[serde(rename = "double precision")]
    DoublePrecision,
    Numeric,
    Timestamptz,
    Timestamp,
    Date,
    Time,
    Uuid,
    Bytea,
    Jsonb,
}

impl ColumnType {
    /// The type with this name in `format_type`, if the loader can write it.
    pub fn from_catalog(name: &str) -> Option<Self> {
        Some(match name {
            "text" | "character varying" => Self::Text,
            "boolean" => Self::Boolean,
            "smallint" => Self::Smallint,
            "integer" => Self::Integer,
            "bigint" => Self::Bigint,
            "real" => Self::Real,
            "double precision" => Self::DoublePrecision,
            "numeric" => Self::Numeric,
            "timestamp with time zone" => Self::Timestamptz,
            "timestamp without time zone" => Self::Timestamp,
            "date" => Self::Date,
            "time without time zone" => Self::Time,
            "uuid" => Self::Uuid,
            "bytea" => Self::Bytea,
            "jsonb" => Self::Jsonb,
            _ => return None,
        })
    }

    fn is_time(self) -> bool {
        matches!(self, Self::Timestamptz | Self::Timestamp | Self::Date)
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Boolean => "boolean",
            Self::Smallint => "smallint",
            Self::Integer => "integer",
            Self::Bigint => "bigint",
            Self::Real => "real",
            Self::DoublePrecision => "double precision",
            Self::Numeric => "numeric",
            Self::Timestamptz => "timestamptz",
            Self::Timestamp => "timestamp",
            Self::Date => "date",
            Self::Time => "time",
            Self::Uuid => "uuid",
            Self::Bytea => "bytea",
            Self::Jsonb => "jsonb",
        })
    }
}

/// What a number counts since 1970-01-01 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Seconds.
    S,
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds, rounded to microseconds.
    Ns,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Source {
    /// A field of the message, by its path.
    Field(Vec<String>),
    /// The topic's name.
    Topic,
    /// The partition's number.
    Partition,
    /// The message's offset.
    Offset,
    /// The message's timestamp, milliseconds.
    Timestamp,
    /// The message's key, as text.
    Key,
}

impl TryFrom<String> for Source {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Ok(match text.as_str() {
            "$topic" => Self::Topic,
            "$partition" => Self::Partition,
            "$offset" => Self::Offset,
            "$timestamp" => Self::Timestamp,
            "$key" => Self::Key,
            _ if text.starts_with('$') => {
                let near = suggestion(&text, &["$topic", "$partition", "$offset", "$timestamp", "$key"]);
                return Err(format!("no record metadata is called {text:?}; {near}"));
            }
            path => Self::Field(path.split('.').map(str::to_string).collect()),
        })
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        match source {
            Source::Field(path) => path.join("."),
            Source::Topic => "$topic".into(),
            Source::Partition => "$partition".into(),
            Source::Offset => "$offset".into(),
            Source::Timestamp => "$timestamp".into(),
            Source::Key => "$key".into(),
        }
    }
}
