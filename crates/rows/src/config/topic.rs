//! The settings of a topic: how its messages are read, and the tables they go to.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tally_postgres::Failure;

use super::{Column, PartitionBy, Partitions, Route, SqlType, TableName};

/// A topic and the table, or the tables, it goes to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// The topic's name in Kafka; with a star, a pattern for several topics.
    pub name: String,
    /// The table, `name` or `schema.name`; by default derived from the topic's name.
    pub table: Option<TableName>,
    /// The encoding of messages.
    #[serde(default)]
    pub format: MessageFormat,
    /// The encoding of the keys of messages.
    #[serde(default)]
    pub key_format: KeyFormat,
    /// The start of a partition that this job has never read.
    #[serde(default)]
    pub start: Start,
    /// The partitions to read, if not all of them.
    pub partitions: Option<Partitions>,
    /// Action when the broker no longer has the stored position.
    #[serde(default)]
    pub on_gap: OnGap,
    /// The columns; by default those of an existing table, or inferred from the first messages.
    pub columns: Option<Vec<Column>>,
    /// The fate of fields that no column takes.
    #[serde(default)]
    pub unknown_fields: UnknownFields,
    /// The jsonb column that keeps them.
    #[serde(default = "default_overflow")]
    pub overflow_column: String,
    /// The columns that identify a row, if newer messages replace it.
    #[serde(default)]
    pub key: Vec<String>,
    /// The partitions of the table, which are made when rows for them come.
    pub partition_by: Option<PartitionBy>,
    /// Maximum number of messages for inference.
    #[serde(default = "default_sample")]
    pub sample: usize,
    /// Number of dead letters without a stored message in between that stops the topic; 0 for no limit.
    #[serde(default = "default_max_dead_letters")]
    pub max_dead_letters_in_a_row: u64,
    /// The routes into several tables, instead of `table` and `columns`.
    #[serde(default, rename = "route")]
    pub routes: Vec<Route>,
    /// The fate of messages that take no route.
    #[serde(default)]
    pub unmatched: Unmatched,
}

/// A path from a topic into a table.
#[derive(Debug, Clone, Copy)]
pub struct Mapping<'a> {
    /// The table, or none for the one with the topic's name.
    pub table: Option<&'a TableName>,
    /// The columns, if they are configured.
    pub columns: Option<&'a [Column]>,
    /// The overflow and the key of the table.
    pub layout: TableLayout<'a>,
    /// The conditions and the list, if it is a route.
    pub route: Option<&'a Route>,
}

/// The overflow and the key of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableLayout<'a> {
    /// The fate of fields that no column takes.
    pub unknown_fields: UnknownFields,
    /// The jsonb column that keeps them.
    pub overflow_column: &'a str,
    /// The columns that identify a row, if newer messages replace it.
    pub key: &'a [String],
    /// The partitions that are made when rows for them come.
    pub partition_by: Option<&'a PartitionBy>,
}

impl TableLayout<'_> {
    /// Returns the overflow column, if there is one.
    pub fn overflow(&self) -> Option<&str> {
        self.unknown_fields.has_overflow().then_some(self.overflow_column)
    }
}

impl Topic {
    /// Returns the paths into tables: the routes, or the single path of a topic without routes.
    pub fn mappings(&self) -> Vec<Mapping<'_>> {
        if !self.routes.is_empty() {
            return self.routes.iter().map(Route::mapping).collect();
        }
        let Self { unknown_fields, overflow_column, key, partition_by, .. } = self;
        let partition_by = partition_by.as_ref();
        let layout = TableLayout { unknown_fields: *unknown_fields, overflow_column, key, partition_by };
        let (table, columns) = (self.table.as_ref(), self.columns.as_deref());
        vec![Mapping { table, columns, layout, route: None }]
    }

    /// Whether its messages need schemas from a registry.
    pub fn needs_registry(&self) -> bool {
        self.format == MessageFormat::Avro || self.key_format == KeyFormat::Avro
    }

    /// Returns the table of one of its paths.
    pub fn table_of(&self, mapping: &Mapping) -> TableName {
        mapping.table.cloned().unwrap_or_else(|| TableName::for_topic(&self.name))
    }
}

pub(super) fn default_overflow() -> String {
    "overflow".into()
}

fn default_sample() -> usize {
    1000
}

fn default_max_dead_letters() -> u64 {
    10_000
}

/// The encoding of a topic's messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageFormat {
    /// JSON: one object per message, or any value that routes can take apart.
    #[default]
    Json,
    /// Avro: a record preceded by the number of its schema in the registry, as Confluent's serializers write it.
    Avro,
}

/// Action on messages that retention removed before they were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnGap {
    /// Stop: an administrator has to decide.
    #[default]
    Stop,
    /// Continue at the oldest message, and record the gap in `loader.gaps`.
    Skip,
}

/// The encoding of the keys of a topic's messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyFormat {
    /// Text, which may be JSON.
    #[default]
    Text,
    /// Avro, preceded by the number of its schema.
    Avro,
}

/// The start of a partition without a stored position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// The oldest message.
    #[default]
    Earliest,
    /// The end: only messages that are still to come.
    Latest,
}

/// The policy for messages that meet the conditions of no route.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmatched {
    /// Make it a dead letter.
    #[default]
    Refuse,
    /// Skip it.
    Ignore,
}

/// The policy for fields that no column takes: by default nothing is dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownFields {
    /// Keep unknown fields in the overflow column.
    #[default]
    Keep,
    /// Add columns for unknown fields, and widen columns where an Avro schema does; what no column can hold is kept in
    /// the overflow column.
    Add,
    /// Drop unknown fields.
    Ignore,
    /// Make a message with unknown fields a dead letter.
    Refuse,
}

impl UnknownFields {
    /// Whether there is an overflow column.
    pub fn has_overflow(self) -> bool {
        matches!(self, Self::Keep | Self::Add)
    }
}

type TopicComplaint = (String, &'static str);

impl Topic {
    /// Returns what is wrong with the topic and how to mend it, if anything.
    pub fn validate(&self) -> Result<(), TopicComplaint> {
        if self.sample == 0 {
            return Err(("`sample` must be at least 1".into(), "omit it for the default"));
        }
        let stars = |text: &str| text.matches('*').count();
        if stars(&self.name) > 1
            || self.table.as_ref().map_or(0, |table| stars(&table.name)) > stars(&self.name)
        {
            return Err((
                "only one star is allowed in `name`, and one in `table` for what it matched".into(),
                "add more [[topic]] sections",
            ));
        }
        if self.columns.as_ref().is_some_and(Vec::is_empty) {
            return Err(("`columns` is empty".into(), "list columns, or omit the key to infer them"));
        }
        let is_fixed = self.columns.is_some() || !self.routes.is_empty();
        if self.unknown_fields == UnknownFields::Add && self.format == MessageFormat::Json && is_fixed {
            return Err((
                "`unknown_fields = \"add\"` requires inferred columns".into(),
                "use \"keep\", or omit columns and routes",
            ));
        }
        if !self.routes.is_empty() {
            if self.table.is_some() || self.columns.is_some() || !self.key.is_empty() {
                return Err((
                    "topic has both routes and `table`, `columns` or `key`".into(),
                    "move those keys into a [[topic.route]]",
                ));
            }
            if self.format == MessageFormat::Avro {
                return Err((
                    "routes require JSON".into(),
                    "use `columns`, which take any field of a record",
                ));
            }
        }
        for (number, mapping) in self.mappings().iter().enumerate() {
            let of_route = |what| match mapping.route {
                Some(route) => format!("route {} into {}: {what}", number + 1, route.table),
                None => what,
            };
            mapping.validate().map_err(|(what, mend)| (of_route(what), mend))?;
        }
        Ok(())
    }
}

impl Mapping<'_> {
    fn validate(&self) -> Result<(), TopicComplaint> {
        if let Some(route) = self.route {
            route.validate()?;
        }
        let mut names = HashMap::new();
        for column in self.columns.iter().copied().flatten() {
            column.validate().map_err(|(what, mend)| (format!("column {:?}: {what}", column.name), mend))?;
            if names.insert(&column.name, ()).is_some() {
                return Err((format!("column {:?} is listed twice", column.name), "remove one"));
            }
            if self.layout.overflow() == Some(column.name.as_str()) {
                let mend = "set `overflow_column` to another name, or remove it from the columns";
                return Err((format!("column {:?} is the overflow column", column.name), mend));
            }
            if self.route.is_none() && column.source().is_of_element() {
                let mend = "only a [[topic.route]] with `for_each` has elements";
                return Err((format!("column {:?} is taken from an element", column.name), mend));
            }
        }
        if let (Some(_), Some(key)) =
            (self.columns, self.layout.key.iter().find(|key| !names.contains_key(key)))
        {
            return Err((
                format!("key {key:?} is not among the columns"),
                "add the column, or remove it from `key`",
            ));
        }
        let Some(by) = self.layout.partition_by else { return Ok(()) };
        let divides = |column: &Column| column.name == by.column && column.kind().is_time();
        match self.columns {
            Some(columns) if !columns.iter().any(divides) => Err((
                format!("`partition_by` names {:?}, which is no column of times", by.column),
                "name a column of type timestamptz, timestamp or date",
            )),
            _ => Ok(()),
        }
    }
}

/// Checks that all paths into the same table agree about it.
pub fn agree(topics: &[Topic]) -> Result<(), Failure> {
    let mut tables: HashMap<TableName, (&Topic, Mapping)> = HashMap::new();
    let mut kinds: HashMap<(TableName, &str), &SqlType> = HashMap::new();
    for topic in topics {
        for mapping in topic.mappings() {
            let table = topic.table_of(&mapping);
            for column in mapping.columns.into_iter().flatten() {
                let kind = *kinds.entry((table.clone(), &column.name)).or_insert(&column.declared);
                if *kind != column.declared {
                    let what = format!(
                        "column {:?} of table {table} is {kind} in one place and {} in another",
                        column.name, column.declared
                    );
                    return Err(Failure::usage(what).mend("use the same `type` everywhere"));
                }
            }
            let Some((other, first)) = tables.insert(table.clone(), (topic, mapping)) else { continue };
            if first.columns.is_none() || mapping.columns.is_none() {
                let what = format!("topics {:?} and {:?} both go to table {table}", other.name, topic.name);
                return Err(Failure::usage(what)
                    .mend("set `table` of one of them, or list the `columns` of both to share the table"));
            }
            let shared = |layout: &TableLayout| {
                (layout.key.to_vec(), layout.overflow().map(str::to_string), layout.partition_by.cloned())
            };
            if shared(&first.layout) != shared(&mapping.layout) {
                let what =
                    format!("routes or topics of table {table} differ in `key`, `partition_by` or the overflow column");
                return Err(Failure::usage(what)
                    .mend("use the same `key`, `partition_by`, `unknown_fields` and `overflow_column` in all of them"));
            }
        }
    }
    Ok(())
}
