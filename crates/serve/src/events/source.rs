//! The source of events, which the program hands in: what a broker is, and what the loader knows of tables, is not for here.

use tally_postgres::Failure;
use tally_rows::config::{RegistryConfig, Topic};
use tally_rows::decode::Record;
use tally_rows::definition::Definition;

/// A topic with the tables that its messages are rows of.
#[derive(Debug, Clone)]
pub struct TopicTables {
    /// The topic's section of the configuration.
    pub topic: Topic,
    /// The tables, each with its schema.
    pub tables: Vec<Definition>,
    /// The table of each way from the topic into one.
    pub targets: Vec<usize>,
}

/// A partition, and the offsets of it that the broker has.
#[derive(Debug, Clone, Copy)]
pub struct PartitionEnds {
    /// The number of the partition.
    pub number: i32,
    /// The oldest offset that can be read.
    pub low: i64,
    /// The offset of the next message to come.
    pub high: i64,
}

/// A thing that a reader meets.
#[derive(Debug)]
pub enum Met<'a> {
    /// A message.
    Message(&'a Record<'a>),
    /// The end of a partition for now, with the offset that comes next.
    End(i32, i64),
    /// Silence, for some milliseconds.
    Nothing,
}

/// Topics and their messages. All functions block.
pub trait EventSource: Send + Sync {
    /// The schema registry, if there is one.
    fn registry(&self) -> Option<&RegistryConfig>;

    /// The size above which messages are refused.
    fn max_message_bytes(&self) -> usize;

    /// The tables of a topic, as they are now.
    fn tables(&self, topic: &str) -> Result<TopicTables, Failure>;

    /// The partitions of a topic.
    fn partitions(&self, topic: &str) -> Result<Vec<PartitionEnds>, Failure>;

    /// Reads partitions from these offsets on, until `take` wants no more, or another reader is needed.
    fn read(
        &self,
        topic: &str,
        from: &[(i32, i64)],
        take: &mut dyn FnMut(Met) -> bool,
    ) -> Result<(), Failure>;
}
