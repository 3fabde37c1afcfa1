//! Kafka: the consumer, its partitions, and how far they reach.

mod reach;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::metadata::MetadataTopic;
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;

use crate::config::{Config, Start, Topic};
use crate::failure::Failure;
use crate::observe;
use reach::{reach, unanswered, Complaint};

const TIMEOUT: Duration = Duration::from_secs(10);

/// What the loader's guarantees rest on; the configuration may not change it.
const FIXED: [(&str, &str); 5] = [
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    // A position that the broker does not have must stop the loader, never move it.
    ("auto.offset.reset", "error"),
    ("enable.partition.eof", "true"),
    ("statistics.interval.ms", "1000"),
];

/// What suits a loader, unless the configuration says otherwise.
const DEFAULTS: [(&str, &str); 6] = [
    ("isolation.level", "read_committed"),
    ("queued.max.messages.kbytes", "32768"),
    ("fetch.wait.max.ms", "100"),
    // librdkafka's own second of rest once its queue is full would leave the writer idle most of the time.
    ("fetch.queue.backoff.ms", "5"),
    // Positions are assigned, not subscribed to: no group waits for the next poll while PostgreSQL is away.
    ("max.poll.interval.ms", "86400000"),
    ("allow.auto.create.topics", "false"),
];

/// A partition and what the broker has of it.
#[derive(Debug, Clone)]
pub struct Partition {
    /// Its topic.
    pub topic: String,
    /// Its number in the topic.
    pub number: i32,
    /// The oldest offset that can be read.
    pub low: i64,
    /// The offset of the next message to be produced.
    pub high: i64,
    /// Where a job begins that has never read it.
    pub begin: i64,
}

/// The newest known high watermarks.
#[derive(Debug, Clone, Default)]
pub struct Watermarks(Arc<Mutex<HashMap<(String, i32), i64>>>);

impl Watermarks {
    /// The high watermark of a partition.
    pub fn get(&self, topic: &str, partition: i32) -> Option<i64> {
        self.lock().get(&(topic.to_string(), partition)).copied()
    }

    /// The sum over all partitions.
    pub fn total(&self) -> i64 {
        self.lock().values().sum()
    }

    /// Notes a watermark.
    pub fn set(&self, topic: &str, partition: i32, high: i64) {
        self.lock().insert((topic.to_string(), partition), high);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, i32), i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Receives what librdkafka has to say beside messages.
pub struct Context {
    watermarks: Watermarks,
    complaint: Mutex<Option<Complaint>>,
}

impl Context {
    /// The newest reason why a connection failed.
    fn complaint(&self) -> Option<Complaint> {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn complain(&self, complaint: Option<Complaint>) {
        if complaint.is_some() {
            *self.complaint.lock().unwrap_or_else(PoisonError::into_inner) = complaint;
        }
    }
}

impl ClientContext for Context {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, "{message}");
        self.complain(Complaint::of_log(facility, message));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, "{reason}");
        self.complain(Complaint::new(&error, reason));
    }

    fn stats(&self, statistics: Statistics) {
        observe::kafka(&statistics);
        for (name, topic) in &statistics.topics {
            for (number, partition) in &topic.partitions {
                if *number >= 0 && partition.hi_offset >= 0 {
                    self.watermarks.set(name, *number, partition.hi_offset);
                }
            }
        }
    }
}

impl ConsumerContext for Context {}

/// The consumer of a job.
pub type JobConsumer = BaseConsumer<Context>;

/// Makes the consumer of a job; it does not connect yet.
pub fn consumer(config: &Config, watermarks: Watermarks) -> Result<JobConsumer, Failure> {
    let mut properties = ClientConfig::new();
    // Some reasons why a connection fails are only logged.
    properties.set_log_level(RDKafkaLogLevel::Info);
    properties.set("bootstrap.servers", &config.brokers);
    // librdkafka wants a name; without commits and subscriptions no group comes of it.
    properties.set("group.id", format!("tally-{}", config.job));
    properties.set("client.id", format!("tally-{}", config.job));
    for (key, value) in DEFAULTS {
        properties.set(key, value);
    }
    for (key, value) in &config.kafka {
        if FIXED.iter().any(|(fixed, _)| fixed == key) || key == "bootstrap.servers" {
            return Err(Failure::usage(format!("`kafka.{key:?}` cannot be set"))
                .mend("remove it: the loader's guarantees rest on its own value"));
        }
        properties.set(key, value.reveal()?);
    }
    for (key, value) in FIXED {
        properties.set(key, value);
    }
    properties.create_with_context(Context { watermarks, complaint: Mutex::default() }).map_err(|error| {
        let what = match error {
            // The error's own words show the value, which may be a password.
            KafkaError::ClientConfig(_, what, key, _) if key.is_empty() => what,
            KafkaError::ClientConfig(_, what, key, value) => format!("{key:?}: {}", hidden(&what, &value)),
            other => other.to_string(),
        };
        Failure::usage(what).at("[kafka]").mend("see librdkafka's CONFIGURATION.md for valid properties")
    })
}

/// A text without a value that may be secret.
fn hidden(text: &str, value: &str) -> String {
    if value.is_empty() {
        text.into()
    } else {
        text.replace(value, "...")
    }
}

/// The configuration with a section for each topic of the broker that a pattern in it fits.
pub fn find_topics(consumer: &JobConsumer, config: &Config) -> Result<Config, Failure> {
    if !config.has_patterns() {
        return Ok(config.clone());
    }
    reach(consumer, config)?;
    let metadata = consumer.fetch_metadata(None, TIMEOUT).map_err(|error| unanswered(config, &error))?;
    let mut names: Vec<String> = metadata.topics().iter().map(|topic| topic.name().to_string()).collect();
    names.sort_unstable();
    config.for_topics(&names)
}

/// Asks the broker for the partitions of the topics.
///
/// Partitions that are added later are noticed at the next start.
pub fn partitions(consumer: &JobConsumer, config: &Config) -> Result<Vec<Partition>, Failure> {
    reach(consumer, config)?;
    let mut found = Vec::new();
    for topic in &config.topics {
        found.extend(
            partitions_of(consumer, topic)
                .map_err(|failure| failure.at(format!("topic {:?}", topic.name)))?,
        );
    }
    Ok(found)
}

fn partitions_of(consumer: &JobConsumer, topic: &Topic) -> Result<Vec<Partition>, Failure> {
    let metadata = consumer.fetch_metadata(Some(&topic.name), TIMEOUT).map_err(Failure::new)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic.name);
    if found.and_then(MetadataTopic::error) == Some(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        return Err(Failure::new("the loader's Kafka user may not read it").mend(
            "give the user the rights to describe and read the topic (kafka-acls), or log in as another",
        ));
    }
    let numbers: Vec<i32> = found.iter().flat_map(|found| found.partitions()).map(|p| p.id()).collect();
    if numbers.is_empty() {
        return Err(Failure::new("it does not exist on the broker")
            .mend("create it, or mend `name` in its [[topic]] section"));
    }
    let mut partitions = Vec::with_capacity(numbers.len());
    for number in numbers {
        let (low, high) = consumer.fetch_watermarks(&topic.name, number, TIMEOUT).map_err(|e| {
            Failure::new(format!("the offsets of partition {number} cannot be read: {e}"))
                .mend("check the partition's leader and the right to read the topic")
        })?;
        let begin = if topic.start == Start::Latest { high } else { low };
        partitions.push(Partition { topic: topic.name.clone(), number, low, high, begin });
    }
    Ok(partitions)
}

/// Lets the consumer read each partition from its position.
pub fn assign<'a>(
    consumer: &JobConsumer,
    positions: impl IntoIterator<Item = (&'a str, i32, i64)>,
) -> Result<(), Failure> {
    let mut list = TopicPartitionList::new();
    for (topic, partition, next) in positions {
        list.add_partition_offset(topic, partition, Offset::Offset(next)).map_err(Failure::new)?;
        observe::assigned(topic, partition, next);
    }
    consumer.assign(&list).map_err(|e| Failure::new(e).at("assignment of partitions"))
}
