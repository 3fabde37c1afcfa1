//! The configuration file: what to read, where to put it, and how large a bite to take.

mod column;
mod complaint;
mod database;
mod http;
mod registry;
mod secret;
mod table;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use column::{Column, ColumnType, Source, Unit};
pub use complaint::suggestion;
pub use database::Database;
pub use http::Http;
pub use registry::Registry;
pub use secret::Secret;
pub use table::{plain_name, quoted, TableName};

use crate::failure::Failure;

/// The whole file; `docs/loader.md` is its reference.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Names the positions in `loader.offsets`: two jobs read the same topic independently.
    pub job: String,
    /// Where PostgreSQL is.
    pub database: Database,
    /// Kafka bootstrap servers, `host:port,...`.
    pub brokers: String,
    /// When a batch is closed and committed.
    #[serde(default)]
    pub batch: BatchLimits,
    /// Larger messages become dead letters, so that one cannot fill the memory of all parts of the way.
    #[serde(default = "default_max_message_bytes")]
    pub max_message_bytes: usize,
    /// Where the schemas of Avro topics are.
    pub registry: Option<Registry>,
    /// Where metrics and health are served, if they are.
    pub http: Option<Http>,
    /// Further librdkafka properties, as they are named there.
    #[serde(default)]
    pub kafka: BTreeMap<String, Secret>,
    /// The topics to load.
    #[serde(rename = "topic")]
    pub topics: Vec<Topic>,
}

/// A batch is one transaction; it closes at the first limit it reaches.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchLimits {
    /// Messages per batch.
    pub rows: usize,
    /// Bytes of messages per batch; a larger message still makes a batch of its own.
    pub bytes: usize,
    /// Milliseconds that a message may wait for its batch to fill.
    pub age_ms: u64,
}

impl BatchLimits {
    /// The age limit as a duration.
    pub fn age(&self) -> Duration {
        Duration::from_millis(self.age_ms)
    }
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { rows: 10_000, bytes: 8 << 20, age_ms: 500 }
    }
}

/// One topic and the table it goes to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// The topic's name in Kafka.
    pub name: String,
    /// The table, `name` or `schema.name`; by default made from the topic's name.
    pub table: Option<TableName>,
    /// How messages are encoded.
    #[serde(default)]
    pub format: Format,
    /// Where a partition begins that this job has never read.
    #[serde(default)]
    pub start: Start,
    /// The columns; where absent they are an existing table's, or inferred from the first messages.
    pub columns: Option<Vec<Column>>,
    /// What becomes of fields that no column takes.
    #[serde(default)]
    pub unknown_fields: UnknownFields,
    /// The jsonb column that keeps them.
    #[serde(default = "default_overflow")]
    pub overflow_column: String,
    /// How many messages inference looks at, at most.
    #[serde(default = "default_sample")]
    pub sample: usize,
}

impl Topic {
    /// The table this topic goes to.
    pub fn table(&self) -> TableName {
        self.table.clone().unwrap_or_else(|| TableName::for_topic(&self.name))
    }
}

fn default_max_message_bytes() -> usize {
    8 << 20
}

fn default_overflow() -> String {
    "overflow".into()
}

fn default_sample() -> usize {
    1000
}

/// The encoding of a topic's messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON object per message.
    #[default]
    Json,
    /// A record in Avro, with the number of its schema in the registry in front, as Confluent's serializers write it.
    Avro,
}

/// Where a partition begins when there is no stored position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// At its oldest message.
    #[default]
    Earliest,
    /// After its newest one.
    Latest,
}

impl UnknownFields {
    /// Whether there is an overflow column.
    pub fn has_overflow(self) -> bool {
        matches!(self, Self::Keep | Self::Add)
    }
}

/// The policy for fields that no column takes: by default nothing is dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownFields {
    /// They are kept in the overflow column.
    #[default]
    Keep,
    /// They get columns of their own, and columns become wider where the schema does; what no column can hold is kept in
    /// the overflow column.
    Add,
    /// They are dropped, because the user said so.
    Ignore,
    /// A message that has one becomes a dead letter.
    Refuse,
}

impl Config {
    /// Reads and validates a file.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|e| {
            Failure::usage(e).at(&name).mend("give the path of a readable TOML file to --config")
        })?;
        Self::parse(&name, &text)
    }

    /// Parses and validates the text of a file; `name` is only for messages.
    pub fn parse(name: &str, text: &str) -> Result<Self, Failure> {
        let config: Self = toml::from_str(text).map_err(|e| complaint::from_toml(name, text, &e))?;
        config.validate().map_err(|failure| failure.at(name))?;
        Ok(config)
    }

    fn validate(&self) -> Result<(), Failure> {
        if self.job.is_empty() {
            return Err(Failure::usage("`job` is empty").mend("name the job"));
        }
        if self.topics.is_empty() {
            return Err(Failure::usage("there is no topic").mend("add a [[topic]] section"));
        }
        if self.batch.rows == 0 || self.batch.bytes == 0 {
            return Err(Failure::usage("`batch.rows` and `batch.bytes` must be at least 1")
                .mend("leave them out for the defaults"));
        }
        if let Some(registry) = &self.registry {
            registry
                .validate()
                .map_err(|(what, mend)| Failure::usage(format!("[registry]: {what}")).mend(mend))?;
        }
        let mut tables = HashMap::new();
        for topic in &self.topics {
            if topic.format == Format::Avro && self.registry.is_none() {
                return Err(Failure::usage(format!(
                    "topic {:?} is Avro, but there is no [registry]",
                    topic.name
                ))
                .mend("add a section [registry] with the `url` of the schema registry"));
            }
            topic.validate().map_err(|(what, mend)| {
                Failure::usage(format!("topic {:?}: {what}", topic.name)).mend(mend)
            })?;
            if self.topics.iter().filter(|other| other.name == topic.name).count() > 1 {
                let what = format!("topic {:?} is listed twice", topic.name);
                return Err(
                    Failure::usage(what).mend("remove one section, or load it again under another `job`")
                );
            }
            if let Some(other) = tables.insert(topic.table(), &topic.name) {
                let what =
                    format!("topics {other:?} and {:?} both go to table {}", topic.name, topic.table());
                return Err(Failure::usage(what).mend("set `table` of one of them"));
            }
        }
        Ok(())
    }
}

impl Topic {
    fn validate(&self) -> Result<(), (String, &'static str)> {
        if self.sample == 0 {
            return Err(("`sample` must be at least 1".into(), "leave it out for the default"));
        }
        let mut names = HashMap::new();
        for column in self.columns.iter().flatten() {
            column.validate().map_err(|(what, mend)| (format!("column {:?}: {what}", column.name), mend))?;
            if names.insert(&column.name, ()).is_some() {
                return Err((format!("column {:?} is listed twice", column.name), "remove one"));
            }
            if self.unknown_fields.has_overflow() && column.name == self.overflow_column {
                let mend = "set `overflow_column` to another name; it is not listed among the columns";
                return Err((format!("column {:?} is the overflow column", column.name), mend));
            }
        }
        if self.unknown_fields == UnknownFields::Add && self.format == Format::Json {
            return Err((
                "`unknown_fields = \"add\"` needs a schema, which JSON does not have".into(),
                "use \"keep\", or list the columns",
            ));
        }
        if self.columns.as_ref().is_some_and(Vec::is_empty) {
            return Err(("`columns` is empty".into(), "list columns, or leave the key out to infer them"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "job = 'j'\ndatabase = 'd'\nbrokers = 'b'\n";

    fn complaint(rest: &str) -> String {
        Config::parse("t.toml", &format!("{MINIMAL}{rest}")).unwrap_err().to_string()
    }

    #[test]
    fn defaults() {
        let config =
            Config::parse("t.toml", &format!("{MINIMAL}[[topic]]\nname = 'Md.Trades-v2'\n")).unwrap();
        assert_eq!(config.batch.rows, 10_000);
        assert_eq!(config.topics[0].table().to_string(), "\"md_trades_v2\"");
        assert_eq!(config.topics[0].unknown_fields, UnknownFields::Keep);
    }

    #[test]
    fn the_example_is_valid() {
        let config = Config::parse("trades.toml", include_str!("../../examples/trades.toml")).unwrap();
        assert_eq!(config.topics[0].columns.as_ref().unwrap().len(), 11);
    }

    #[test]
    fn unknown_key_names_line_and_nearest() {
        assert_eq!(
            complaint("[[topic]]\nname = 't'\ntabel = 'x'\n"),
            "t.toml:6: unknown key \"tabel\"; did you mean \"table\"?"
        );
        assert!(
            complaint("[[topic]]\nname = 't'\ncolour = 'x'\n").contains("valid here: name, table, format")
        );
    }

    #[test]
    fn wrong_types_and_values() {
        let text = complaint("[batch]\nrows = 'many'\n[[topic]]\nname = 't'\n");
        assert!(
            text.starts_with("t.toml:5: key \"rows\": invalid type: string \"many\", expected usize"),
            "{text}"
        );
        let column = "[[topic]]\nname = 't'\ncolumns = [{ name = 'a', type = 'integr' }]\n";
        assert_eq!(complaint(column), "t.toml:6: unknown value \"integr\"; did you mean \"integer\"?");
        assert!(complaint("").starts_with("t.toml: missing key \"topic\""), "{}", complaint(""));
        assert!(complaint("x = \n").starts_with("t.toml:4: "), "{}", complaint("x = \n"));
    }

    #[test]
    fn contradictions() {
        assert!(complaint("[[topic]]\nname = 'a.b'\n[[topic]]\nname = 'a_b'\n")
            .contains("both go to table \"a_b\""));
        assert!(
            complaint("[[topic]]\nname = 'a'\n[[topic]]\nname = 'a'\ntable = 'b'\n").contains("listed twice")
        );
        let unit = "[[topic]]\nname = 't'\ncolumns = [{ name = 'a', type = 'text', unit = 'ms' }]\n";
        assert!(complaint(unit).contains("column \"a\": `unit`"), "{}", complaint(unit));
        let source = "[[topic]]\nname = 't'\ncolumns = [{ name = 'a', type = 'text', from = '$ofset' }]\n";
        assert!(complaint(source).contains("$offset"), "{}", complaint(source));
        let twice = "[[topic]]\nname = 't'\ncolumns = [{ name = 'a', type = 'text' }, { name = 'a', type = 'text' }]\n";
        assert!(complaint(twice).contains("listed twice"));
    }
}
