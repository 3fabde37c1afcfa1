//! A column: its type, and the source of its value in the message.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::column_type::{ColumnType, Unit};
use super::source::Source;
use super::sql_type::SqlType;
use super::table::MAX_NAME_BYTES;
use super::Property;

/// A column of the table and its source in the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The column's name in the table.
    pub name: String,
    /// Type in the table.
    #[serde(rename = "type")]
    pub declared: SqlType,
    /// The source of the value; by default the field with the column's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Source>,
    /// A constant for every row, instead of a value from the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Property>,
    /// Texts that mean NULL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub null: Vec<String>,
    /// A regular expression that the value's text must match; the match of its first group is the new value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// A template for the new value, in which `$1` or `${name}` stands for the match of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    /// New values for texts; any other text is refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// The type that the server converts the text to, if the loader does not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cast: Option<String>,
    /// The unit of a number, for a column of time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Whether the value is required: a message without it becomes a dead letter, and the column is created NOT NULL.
    #[serde(default)]
    pub required: bool,
}

impl Column {
    /// Creates a column that takes a value as it is.
    pub fn plain(name: impl Into<String>, declared: impl Into<SqlType>, from: Option<Source>) -> Self {
        Self {
            name: name.into(),
            declared: declared.into(),
            from,
            value: None,
            null: Vec::new(),
            pattern: None,
            replacement: None,
            values: BTreeMap::new(),
            cast: None,
            unit: None,
            required: false,
        }
    }

    /// Whether the value's text is transformed.
    pub fn is_transformed(&self) -> bool {
        !self.null.is_empty() || self.pattern.is_some() || !self.values.is_empty()
    }

    /// Returns the type in which its values are written.
    pub fn kind(&self) -> ColumnType {
        self.declared.kind
    }

    /// Returns the type that the server converts its text to, if the loader does not write it.
    pub fn cast(&self) -> Option<String> {
        self.cast.clone().or_else(|| self.declared.cast())
    }

    /// The type in SQL.
    pub fn sql_type(&self) -> String {
        self.cast.clone().unwrap_or_else(|| self.declared.to_string())
    }

    /// Returns the source of the value.
    pub fn source(&self) -> Source {
        self.from.clone().unwrap_or_else(|| Source::Field(vec![self.name.clone()]))
    }

    /// Returns what is wrong with the column and how to mend it, if anything.
    pub fn validate(&self) -> Result<(), (String, &'static str)> {
        if self.name.is_empty() || self.name.len() > MAX_NAME_BYTES || self.name.contains('\0') {
            return Err(("column name must have 1 to 63 bytes".into(), "choose another name"));
        }
        if let Some(cast) = &self.cast {
            let is_plain = |c: char| c.is_alphanumeric() || " _.,()[]\"".contains(c);
            if self.declared != ColumnType::Text.into() || cast.is_empty() || !cast.chars().all(is_plain) {
                return Err((
                    "`cast` must be a type that text is converted to".into(),
                    "set `type = \"text\"`",
                ));
            }
        }
        if self.unit.is_some() && !self.kind().is_time() {
            return Err((
                format!("`unit` does not apply to {}", self.declared),
                "remove it, or use timestamptz",
            ));
        }
        if self.kind() == ColumnType::Jsonb {
            if self.value.is_some() || self.is_transformed() {
                return Err((
                    "`value`, `null`, `pattern` and `values` do not apply to jsonb".into(),
                    "use text",
                ));
            }
            if !matches!(self.source(), Source::Field(_) | Source::Element(_) | Source::KeyField(_)) {
                return Err(("record metadata cannot be jsonb".into(), "use text or bigint"));
            }
        }
        if self.value.is_some() && (self.from.is_some() || self.is_transformed()) {
            return Err(("column has both a `value` and a source".into(), "remove one of them"));
        }
        if self.replacement.is_some() && self.pattern.is_none() {
            return Err(("`replacement` needs a `pattern`".into(), "add it, or use `values`"));
        }
        if let Some(Err(error)) = self.pattern.as_deref().map(Regex::new) {
            let what = error.to_string().replace('\n', " ");
            return Err((format!("`pattern`: {what}"), "write a regular expression"));
        }
        Ok(())
    }
}
