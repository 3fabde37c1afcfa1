//! The configuration file: sources, tables, and sizes of batches.

mod column;
mod column_type;
mod complaint;
mod database;
mod http;
mod notify;
mod partition_by;
mod pattern;
mod registry;
mod route;
mod secret;
mod share;
mod source;
mod sql_type;
mod table;
mod topic;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tally_postgres::suggestion;

pub use column::Column;
pub use column_type::{ColumnType, Unit};
pub use complaint::from_toml;
pub use database::Database;
pub use http::Http;
pub use notify::{NotifyConfig, NotifyFormat};
pub use partition_by::{PartitionBy, Step};
pub use registry::RegistryConfig;
pub use route::Route;
pub use secret::Secret;
pub use share::{Mode, Partitions, Replica};
pub use source::Source;
pub use sql_type::SqlType;
pub use table::{plain_name, TableName, MAX_NAME_BYTES};
pub use topic::{
    KeyFormat, Mapping, MessageFormat, OnGap, Start, TableLayout, Topic, UnknownFields, Unmatched,
};

use tally_postgres::Failure;

/// The whole file; `docs/loader.md` is its reference.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of the job in `loader.offsets`: two jobs read the same topic independently.
    pub job: String,
    /// The database to load into.
    pub database: Database,
    /// Kafka bootstrap servers, `host:port,...`.
    pub brokers: String,
    /// The limits at which a batch is closed and committed.
    #[serde(default)]
    pub batch: BatchLimits,
    /// Maximum size of a message; larger ones become dead letters, so that none exhausts memory.
    #[serde(default = "default_max_message_bytes")]
    pub max_message_bytes: usize,
    /// The way partitions are assigned to this loader.
    #[serde(default)]
    pub mode: Mode,
    /// The loader's share of the partitions, if several loaders share by partition number.
    pub replica: Option<Replica>,
    /// Number of connections that write at the same time; each has partitions of its own.
    #[serde(default = "default_writers")]
    pub writers: usize,
    /// Milliseconds that a stop may take; what is not stored by then is read again.
    #[serde(default = "default_stop_ms")]
    pub stop_ms: u64,
    /// Milliseconds that a partition may stall while the broker has more messages of it; 0 for no limit.
    #[serde(default = "default_watchdog_ms")]
    pub watchdog_ms: u64,
    /// The registry of the schemas of Avro topics.
    pub registry: Option<RegistryConfig>,
    /// The address at which metrics and health are served, if they are.
    pub http: Option<Http>,
    /// The webhook that is told of problems, if there is one.
    pub notify: Option<NotifyConfig>,
    /// The section of `tally serve`, which reads it itself.
    pub serve: Option<IgnoredAny>,
    /// The reports of `tally serve`.
    pub report: Option<IgnoredAny>,
    /// Further properties of librdkafka.
    #[serde(default)]
    pub kafka: BTreeMap<String, Secret>,
    /// The topics to load.
    #[serde(rename = "topic")]
    pub topics: Vec<Topic>,
}

/// Limits of a batch, which is one transaction; it closes at the first limit it reaches.
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

/// A constant that every row has; all kinds are text underneath.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Property {
    /// A constant in quotes.
    Text(String),
    /// A whole number.
    Number(i64),
    /// A boolean.
    Flag(bool),
}

impl std::fmt::Display for Property {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
        }
    }
}

fn default_max_message_bytes() -> usize {
    8 << 20
}

fn default_writers() -> usize {
    2
}

fn default_stop_ms() -> u64 {
    10_000
}

fn default_watchdog_ms() -> u64 {
    60_000
}

impl Config {
    /// Keeps only these topics, if any are named.
    pub fn choose_topics(&mut self, names: &[String]) -> Result<(), Failure> {
        if let Some(name) = names.iter().find(|name| self.topics.iter().all(|topic| topic.name != **name)) {
            let known: Vec<&str> = self.topics.iter().map(|topic| topic.name.as_str()).collect();
            return Err(Failure::usage(format!("no topic {name:?} in the configuration"))
                .mend(suggestion(name, &known)));
        }
        self.topics.retain(|topic| names.is_empty() || names.contains(&topic.name));
        Ok(())
    }

    /// Whether a partition is in this loader's fixed share.
    pub fn owns(&self, topic: &Topic, partition: i32) -> bool {
        let is_listed = topic.partitions.as_ref().is_none_or(|list| list.contains(partition));
        is_listed && self.replica.is_none_or(|replica| replica.owns(partition))
    }

    /// Reads and validates a file.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|e| {
            Failure::usage(e).at(&name).mend("set --config to the path of a readable TOML file")
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
            return Err(Failure::usage("no topic is configured").mend("add a [[topic]] section"));
        }
        if self.batch.rows == 0 || self.batch.bytes == 0 {
            return Err(Failure::usage("`batch.rows` and `batch.bytes` must be at least 1")
                .mend("omit them for the defaults"));
        }
        if self.writers == 0 || self.writers > 64 {
            return Err(Failure::usage("`writers` must be between 1 and 64").mend("omit it for the default"));
        }
        let has_share = self.replica.is_some() || self.topics.iter().any(|topic| topic.partitions.is_some());
        if self.mode == Mode::Subscribe && has_share {
            return Err(Failure::usage("`replica` and `partitions` do not apply to `mode = \"subscribe\"`")
                .mend("remove them: the consumer group assigns the partitions"));
        }
        if let Some(registry) = &self.registry {
            registry
                .validate()
                .map_err(|(what, mend)| Failure::usage(format!("[registry]: {what}")).mend(mend))?;
        }
        if let Some(notify) = &self.notify {
            notify
                .validate()
                .map_err(|(what, mend)| Failure::usage(format!("[notify]: {what}")).mend(mend))?;
        }
        for topic in &self.topics {
            let of_topic = |what: String| format!("topic {:?}: {what}", topic.name);
            topic.validate().map_err(|(what, mend)| Failure::usage(of_topic(what)).mend(mend))?;
            if topic.needs_registry() && self.registry.is_none() {
                return Err(Failure::usage(of_topic("Avro requires a [registry]".into()))
                    .mend("add a section [registry] with the `url` of the schema registry"));
            }
            if self.topics.iter().filter(|other| other.name == topic.name).count() > 1 {
                return Err(Failure::usage(of_topic("topic is listed twice".into()))
                    .mend("remove one section, or load it again under another `job`"));
            }
        }
        topic::agree(&self.topics)
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
        assert_eq!(
            config.topics[0].table_of(&config.topics[0].mappings()[0]).to_string(),
            "\"md_trades_v2\""
        );
        assert_eq!(config.topics[0].unknown_fields, UnknownFields::Keep);
    }

    #[test]
    fn the_examples_are_valid() {
        let config =
            Config::parse("trades.toml", include_str!("../../../loader/examples/trades.toml")).unwrap();
        assert_eq!(config.topics[0].columns.as_ref().unwrap().len(), 11);
        let config =
            Config::parse("exchanges.toml", include_str!("../../../loader/examples/exchanges.toml")).unwrap();
        assert_eq!(config.topics[0].routes.len(), 10);
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
            text.starts_with(
                "t.toml:5: key \"rows\": invalid type: string \"many\", expected a non-negative integer"
            ),
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
        let pattern = "[[topic]]\nname = 't'\ncolumns = [{ name = 'a', type = 'text', pattern = '(' }]\n";
        assert!(complaint(pattern).contains("`pattern`: regex parse error"), "{}", complaint(pattern));
        let share = "[[topic]]\nname = 't'\npartitions = '0-3'\n";
        assert!(complaint(&format!("mode = 'subscribe'\n{share}")).contains("do not apply to"));
        assert!(complaint("replica = '4 of 3'\n[[topic]]\nname = 't'\n").contains("is not a replica"));
        let twice = "[[topic]]\nname = 't'\ncolumns = [{ name = 'a', type = 'text' }, { name = 'a', type = 'text' }]\n";
        assert!(complaint(twice).contains("listed twice"));
        let route = |rest: &str| {
            let first = "[[topic.route]]\ntable = 'r'\ncolumns = [{ name = 'a', type = 'text' }]\n";
            complaint(&format!("[[topic]]\nname = 't'\n{first}[[topic.route]]\ntable = 'r'\n{rest}\n"))
        };
        let text = route("columns = [{ name = 'a', type = 'bigint' }]");
        assert!(text.contains("is text in one place and bigint in another"), "{text}");
        let text = route("columns = [{ name = 'a', type = 'text', from = '@.x' }]");
        assert!(text.contains("route 2 into \"r\": column \"a\" is taken from an element"), "{text}");
        let text = route("key = ['b']\ncolumns = [{ name = 'a', type = 'text' }]");
        assert!(text.contains("key \"b\" is not among the columns"), "{text}");
        let text = route("unknown_fields = 'ignore'\ncolumns = [{ name = 'a', type = 'text' }]");
        assert!(text.contains("differ in `key`, `partition_by` or the overflow column"), "{text}");
    }
}
