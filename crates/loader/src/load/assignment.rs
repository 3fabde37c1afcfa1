//! The topics of a run, their tables, and the partitions that this loader has claimed.

use tally_rows::config::{TableName, Topic};
use tally_rows::definition::{Definition, Template};
use tally_rows::registry::Schema;

use crate::kafka::TopicId;

/// The topics, tables and partitions of a lane.
#[derive(Clone)]
pub struct Assigned {
    /// The topics, in the order of the configuration.
    pub topics: Vec<AssignedTopic>,
    /// The tables of all topics.
    pub tables: Vec<Table>,
    /// The loader's partitions of the topics.
    pub partitions: Vec<AssignedPartition>,
    /// The schemas that were seen before.
    pub schemas: Vec<Schema>,
}

/// A topic and its tables.
#[derive(Clone)]
pub struct AssignedTopic {
    /// The topic's section of the configuration.
    pub config: Topic,
    /// The table of each route, as an index into [`Assigned::tables`].
    pub tables: Vec<usize>,
}

/// A table that rows go to.
#[derive(Clone)]
pub struct Table {
    /// Name of the table, with the schema.
    pub name: TableName,
    /// The first topic with this table.
    pub topic: String,
    /// The definition, unless it has to be inferred.
    pub definition: Option<Definition>,
    /// The columns that may be filled, if the table exists and only messages can say which of them are.
    pub template: Option<Template>,
}

/// A partition that this loader has claimed.
#[derive(Debug, Clone, Copy)]
pub struct AssignedPartition {
    /// Index of the topic.
    pub topic: usize,
    /// Number of the partition.
    pub number: i32,
    /// The offset to read next.
    pub next: i64,
    /// The high watermark when it was claimed.
    pub high: i64,
    /// The claim's epoch.
    pub epoch: i64,
    /// The topic's id, if the broker assigns one.
    pub topic_id: Option<TopicId>,
}
