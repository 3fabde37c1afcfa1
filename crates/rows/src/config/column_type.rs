//! The types of columns that the loader writes, and the units of times that are numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The types that a column can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // They are PostgreSQL's own names.
pub enum ColumnType {
    #[serde(alias = "varchar", alias = "character varying")]
    Text,
    #[serde(alias = "bool")]
    Boolean,
    #[serde(alias = "int2")]
    Smallint,
    #[serde(alias = "int", alias = "int4")]
    Integer,
    #[serde(alias = "int8")]
    Bigint,
    #[serde(alias = "float4")]
    Real,
    #[serde(rename = "double precision", alias = "float8", alias = "float", alias = "double")]
    DoublePrecision,
    #[serde(alias = "decimal")]
    Numeric,
    #[serde(alias = "timestamp with time zone")]
    Timestamptz,
    #[serde(alias = "timestamp without time zone")]
    Timestamp,
    Date,
    #[serde(alias = "time without time zone")]
    Time,
    Uuid,
    Bytea,
    Jsonb,
}

impl ColumnType {
    /// Returns the type with this name in `format_type`, if the loader can write it.
    pub fn from_catalog(name: &str) -> Option<Self> {
        Some(match name {
            "text" | "character varying" | "character" => Self::Text,
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

    /// Whether values are numbers.
    pub fn is_number(self) -> bool {
        use ColumnType::*;
        matches!(self, Smallint | Integer | Bigint | Real | DoublePrecision | Numeric)
    }

    /// Whether numbers of this type count from 1970.
    pub fn is_time(self) -> bool {
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

/// The unit of a number that counts from 1970-01-01 00:00 UTC.
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
