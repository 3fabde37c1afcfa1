//! Reads partitions as a program does that takes part in no group and stores nothing by itself.

use std::time::Duration;

use rdkafka::error::KafkaError;
use tally_postgres::Failure;
use tally_rows::decode::Record;

use super::kafka_error::{is_too_large, judge, serve_events, too_large};
use super::queue::{Message, Queue};
use super::{assign, JobConsumer, Prefetch};

/// The longest wait for a message, and so the time within which a reader notices that it is to stop.
const POLL: Duration = Duration::from_millis(50);
/// Number of messages between looks at the memory of those that wait.
const LOOK: u32 = 256;

/// A reader of partitions.
pub struct PartitionReader<'c> {
    consumer: &'c JobConsumer,
    queue: Queue<'c>,
    taken: u32,
}

/// An event of reading.
pub enum Fetched<'c> {
    /// A message.
    Message(Message<'c>),
    /// The end of a partition, and its offset.
    End(i32, i64),
    /// No message in time.
    Nothing,
    /// Too many messages wait: another consumer with the same limit is to go on, and fetches fewer ahead.
    Crowd,
}

impl<'c> PartitionReader<'c> {
    /// Begins with these offsets of the partitions.
    pub fn begin<'t>(
        consumer: &'c JobConsumer,
        prefetch: Prefetch,
        from: impl IntoIterator<Item = (&'t str, i32, i64)>,
    ) -> Result<Self, Failure> {
        let queue = Queue::new(consumer, prefetch);
        assign(consumer, &queue, from)?;
        Ok(Self { consumer, queue, taken: 0 })
    }

    /// Returns what comes next.
    pub fn next(&mut self) -> Result<Fetched<'c>, Failure> {
        if self.taken == LOOK {
            self.taken = 0;
            serve_events(self.consumer)?;
            if self.queue.lower_prefetch() {
                return Ok(Fetched::Crowd);
            }
        }
        loop {
            let Some(message) = self.queue.poll(Duration::ZERO).or_else(|| self.queue.poll(POLL)) else {
                serve_events(self.consumer)?;
                return Ok(Fetched::Nothing);
            };
            self.taken += 1;
            match message.error() {
                None => return Ok(Fetched::Message(message)),
                Some(KafkaError::PartitionEOF(_)) => {
                    return Ok(Fetched::End(message.partition(), message.offset()))
                }
                Some(error) if is_too_large(&error) => return Err(too_large(&message)),
                Some(error) => judge(&error)?,
            }
        }
    }

    /// Counts a message among those whose mean size says how many may wait.
    pub fn note(&mut self, record: &Record<'_>) {
        self.queue.note(record);
    }
}
