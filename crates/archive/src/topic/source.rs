//! The interface to the broker, which the loader knows how to reach.

use tally_postgres::{Connector, Failure};
use tally_program::Stop;
use tally_rows::decode::Record;
use tally_rows::raw::Clock;

/// A partition and its offsets on the broker.
#[derive(Debug, Clone)]
pub struct SourcePartition {
    /// Name of the topic.
    pub topic: String,
    /// Id of the topic, if the broker assigns one: a topic that is created again has another.
    pub topic_id: Option<String>,
    /// Number of the partition.
    pub number: i32,
    /// The oldest offset that can be read.
    pub low: i64,
    /// The offset of the next message to be produced.
    pub high: i64,
    /// Whether messages that retention has removed unread are passed over.
    pub skips_gaps: bool,
}

/// The topics of a job.
pub trait MessageSource: Send + Sync {
    /// The name of the job.
    fn job(&self) -> &str;

    /// The way to the job's database.
    fn connector(&self) -> Result<Connector, Failure>;

    /// Returns the partitions of all topics.
    fn partitions(&self) -> Result<Vec<SourcePartition>, Failure>;

    /// Returns a partition as it is now.
    fn partition(&self, topic: &str, number: i32) -> Result<SourcePartition, Failure>;

    /// Reads the messages of a partition between two offsets, the second one not included, as long as `take` wants
    /// them. Returns the offset that comes next: the end, or where the partition has no more; none if the reading was
    /// ended before.
    fn read(
        &self,
        partition: &SourcePartition,
        from: i64,
        to: i64,
        stop: &Stop,
        take: &mut dyn FnMut(&Record, Clock) -> bool,
    ) -> Result<Option<i64>, Failure>;
}
