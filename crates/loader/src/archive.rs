//! The topics of a configuration, for `tally archive topics`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use tally_archive::{MessageSource, SourcePartition, TopicsArgs};
use tally_postgres::{Connector, Failure};
use tally_program::Stop;
use tally_rows::config::{Config, Mode, OnGap, Topic};
use tally_rows::decode::Record;
use tally_rows::raw::Clock;

use crate::job;
use crate::kafka::{
    self, is_too_large, judge, serve_events, too_large, JobConsumer, Partition, Prefetch, Queue, Watermarks,
};
use crate::pg;

/// The longest wait of a poll, and so the time within which a stop is noticed.
const POLL: Duration = Duration::from_millis(50);
/// Number of messages between looks at the memory of those that wait.
const LOOK: u32 = 256;

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
        let section = Topic { name: topic.into(), ..self.section(topic)?.clone() };
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
    /// The section of the configuration for a topic.
    fn section(&self, name: &str) -> Result<&Topic, Failure> {
        let fits = |topic: &&Topic| topic.name == name || topic.is_pattern() && topic.fits(name);
        let sections = &self.config.topics;
        let exact = sections.iter().find(|topic| topic.name == name);
        exact.or_else(|| sections.iter().find(fits)).ok_or_else(|| {
            Failure::usage(format!("no topic {name:?} in the configuration")).mend("add a [[topic]] section")
        })
    }

    fn seen(&self, partition: Partition) -> SourcePartition {
        let Partition { topic, topic_id, number, low, high, .. } = partition;
        let skips_gaps = self.section(&topic).is_ok_and(|topic| topic.on_gap == OnGap::Skip);
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
        let mut queue = Queue::new(consumer, self.prefetch.clone());
        kafka::assign(consumer, &queue, [(partition.topic.as_str(), partition.number, *next)])?;
        let patience = Duration::from_millis(self.config.watchdog_ms);
        let (mut idle, mut taken) = (None::<Instant>, 0u32);
        while !stop.is_requested() {
            let Some(message) = queue.poll(Duration::ZERO).or_else(|| queue.poll(POLL)) else {
                serve_events(consumer)?;
                if idle.get_or_insert_with(Instant::now).elapsed() > patience && !patience.is_zero() {
                    return Err(Failure::transient(
                        "makes no progress, although the broker has more messages",
                    )
                    .at(format!("topic {:?} partition {}", partition.topic, partition.number)));
                }
                continue;
            };
            idle = None;
            match message.error() {
                None if message.offset() >= to => return Ok(SessionEnd::Reached(to)),
                None => {}
                Some(KafkaError::PartitionEOF(_)) => {
                    return Ok(SessionEnd::Reached(message.offset().clamp(*next, to)))
                }
                Some(error) if is_too_large(&error) => return Err(too_large(&message)),
                Some(error) => {
                    judge(&error)?;
                    continue;
                }
            }
            let headers = message.headers();
            let record = Record {
                topic: message.topic(),
                partition: message.partition(),
                offset: message.offset(),
                timestamp: message.timestamp(),
                key: message.key(),
                value: message.value(),
                headers: headers.as_deref(),
            };
            let overhead = record.size() - record.value.map_or(0, <[u8]>::len);
            if !take(&record, message.clock()) {
                return Ok(SessionEnd::Stopped);
            }
            *next = record.offset + 1;
            if *next >= to {
                return Ok(SessionEnd::Reached(to));
            }
            queue.note_overhead(overhead);
            taken = taken.wrapping_add(1);
            if taken % LOOK == 0 {
                serve_events(consumer)?;
                if queue.lower_prefetch() {
                    return Ok(SessionEnd::Again);
                }
            }
        }
        Ok(SessionEnd::Stopped)
    }
}
