//! The topics of a configuration, for `tally archive topics`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tally_archive::{MessageSource, SourcePartition, TopicsArgs};
use tally_postgres::{Connector, Failure};
use tally_program::Stop;
use tally_rows::config::{Config, Mode, OnGap, Topic};
use tally_rows::decode::Record;
use tally_rows::raw::Clock;

use crate::job;
use crate::kafka::{self, Fetched, JobConsumer, Partition, PartitionReader, Prefetch, Watermarks};
use crate::pg;

/// The topics of a configuration, on their broker.
struct KafkaSource {
    config: Config,
    metadata_client: JobConsumer,
    prefetch: Prefetch,
}

/// Opens the topics that the arguments name.
pub fn open(args: &TopicsArgs) -> Result<Arc<dyn MessageSource>, Failure> {
    let mut config = job::read(&args.config)?;
    if let Some(job) = &args.job {
        config.job.clone_from(job);
    }
    config.choose_topics(&args.topics)?;
    // No group takes part, and partitions are read one after the other.
    (config.mode, config.writers) = (Mode::Assign, 1);
    let metadata_client = kafka::metadata_client(&config)?;
    let prefetch = kafka::prefetch(&config);
    Ok(Arc::new(KafkaSource { config, metadata_client, prefetch }))
}

/// The end of a session with a consumer.
enum SessionEnd {
    /// The offset that comes next, with nothing before the end of the range.
    Reached(i64),
    /// Another consumer is to fetch fewer messages ahead.
    Again,
    /// The reading was ended before.
    Stopped,
}

impl MessageSource for KafkaSource {
    fn job(&self) -> &str {
        &self.config.job
    }

    fn connector(&self) -> Result<Connector, Failure> {
        pg::connector(&self.config.database, &format!("archive {}", self.config.job))
    }

    fn partitions(&self) -> Result<Vec<SourcePartition>, Failure> {
        let config = kafka::find_topics(&self.metadata_client, &self.config)?;
        let found = kafka::partitions(&self.metadata_client, &config)?;
        let topic = |name: &str| config.topics.iter().find(|topic| topic.name == name);
        let owned = |partition: &Partition| {
            topic(&partition.topic).is_some_and(|topic| config.owns(topic, partition.number))
        };
        let found = found.into_iter().filter(owned);
        Ok(found.map(|partition| self.seen(partition)).collect())
    }

    fn partition(&self, topic: &str, number: i32) -> Result<SourcePartition, Failure> {
        let section = Topic { name: topic.into(), ..self.config.section(topic)?.clone() };
        Ok(self.seen(kafka::partition(&self.metadata_client, &section, number)?))
    }

    fn read(
        &self,
        partition: &SourcePartition,
        from: i64,
        to: i64,
        stop: &Stop,
        take: &mut dyn FnMut(&Record, Clock) -> bool,
    ) -> Result<Option<i64>, Failure> {
        let mut next = from;
        loop {
            let consumer = kafka::consumer(&self.config, Watermarks::default(), 0, &self.prefetch)?;
            let ended = self.session(&consumer, partition, (&mut next, to), stop, take);
            kafka::close(consumer, None);
            match ended? {
                SessionEnd::Reached(end) => return Ok(Some(end)),
                SessionEnd::Again => {}
                SessionEnd::Stopped => return Ok(None),
            }
        }
    }
}

impl KafkaSource {
    fn seen(&self, partition: Partition) -> SourcePartition {
        let Partition { topic, topic_id, number, low, high, .. } = partition;
        let skips_gaps = self.config.section(&topic).is_ok_and(|topic| topic.on_gap == OnGap::Skip);
        SourcePartition { topic, topic_id: topic_id.map(|id| id.to_string()), number, low, high, skips_gaps }
    }

    /// Reads with one consumer; `next` follows what was taken.
    fn session(
        &self,
        consumer: &JobConsumer,
        partition: &SourcePartition,
        (next, to): (&mut i64, i64),
        stop: &Stop,
        take: &mut dyn FnMut(&Record, Clock) -> bool,
    ) -> Result<SessionEnd, Failure> {
        let begin = (partition.topic.as_str(), partition.number, *next);
        let mut reader = PartitionReader::begin(consumer, self.prefetch.clone(), [begin])?;
        let patience = Duration::from_millis(self.config.watchdog_ms);
        let mut idle = None::<Instant>;
        while !stop.is_requested() {
            let message = match reader.next()? {
                Fetched::Message(message) if message.offset() >= to => return Ok(SessionEnd::Reached(to)),
                Fetched::Message(message) => message,
                Fetched::End(_, offset) => return Ok(SessionEnd::Reached(offset.clamp(*next, to))),
                Fetched::Crowd => return Ok(SessionEnd::Again),
                Fetched::Nothing => {
                    if idle.get_or_insert_with(Instant::now).elapsed() > patience && !patience.is_zero() {
                        return Err(Failure::transient(
                            "makes no progress, although the broker has more messages",
                        )
                        .at(format!("topic {:?} partition {}", partition.topic, partition.number)));
                    }
                    continue;
                }
            };
            idle = None;
            let headers = message.headers();
            let record = message.record(headers.as_deref());
            reader.note(&record);
            if !take(&record, message.clock()) {
                return Ok(SessionEnd::Stopped);
            }
            *next = record.offset + 1;
            if *next >= to {
                return Ok(SessionEnd::Reached(to));
            }
        }
        Ok(SessionEnd::Stopped)
    }
}
