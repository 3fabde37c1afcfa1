//! A route from messages of a topic into a table: conditions, the list that becomes rows, and columns.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::source::{steps, Source};
use super::topic::{default_overflow, Mapping, TableLayout, UnknownFields};
use super::{Column, PartitionBy, TableName};

/// A section `[[topic.route]]`. A message takes every route whose conditions it meets.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The table of its rows; several routes may share one.
    pub table: TableName,
    /// Conditions that a message must meet: for each source a text with `*` for any characters, or several of which one
    /// must match.
    #[serde(default)]
    pub when: BTreeMap<Source, Wanted>,
    /// The array or object whose elements each become a row.
    pub for_each: Option<Steps>,
    /// The columns.
    pub columns: Vec<Column>,
    /// The fate of fields that no column takes.
    #[serde(default)]
    pub unknown_fields: UnknownFields,
    /// The jsonb column that keeps unknown fields.
    #[serde(default = "default_overflow")]
    pub overflow_column: String,
    /// The columns that identify a row, if newer messages replace it.
    #[serde(default)]
    pub key: Vec<String>,
    /// The partitions of the table, which are made when rows for them come.
    pub partition_by: Option<PartitionBy>,
}

/// A path in the message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Steps(pub Vec<String>);

impl From<String> for Steps {
    fn from(path: String) -> Self {
        Self(steps(&path))
    }
}

/// Texts of which one must match.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Wanted {
    /// A single text.
    One(String),
    /// Several texts.
    Any(Vec<String>),
}

impl Wanted {
    /// Returns the texts.
    pub fn texts(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Any(texts) => texts,
        }
    }
}

impl Route {
    /// Returns the path into its table.
    pub fn mapping(&self) -> Mapping<'_> {
        let Self { table, columns, unknown_fields, overflow_column, key, partition_by, .. } = self;
        let partition_by = partition_by.as_ref();
        let layout = TableLayout { unknown_fields: *unknown_fields, overflow_column, key, partition_by };
        Mapping { table: Some(table), columns: Some(columns), layout, route: Some(self) }
    }

    /// Returns what is wrong with the route and how to mend it, if anything.
    pub fn validate(&self) -> Result<(), (String, &'static str)> {
        for source in self.when.keys() {
            if !matches!(source, Source::Field(_) | Source::Key | Source::Topic) {
                let text = String::from(source.clone());
                return Err((
                    format!("`when` cannot test {text:?}"),
                    "use a path in the message, $key, or $topic",
                ));
            }
        }
        if self.when.values().any(|wanted| wanted.texts().is_empty()) {
            return Err((
                "`when` has an empty list, which no message matches".into(),
                "list texts, or remove it",
            ));
        }
        let of_element = self.columns.iter().find(|column| column.source().is_of_element());
        if let (None, Some(column)) = (&self.for_each, of_element) {
            let what =
                format!("column {:?} is taken from an element, but there is no `for_each`", column.name);
            return Err((what, "set `for_each` to the path of the array"));
        }
        Ok(())
    }
}
