//! Kafka: the consumer, its partitions and their watermarks.

mod context;
mod kafka_error;
mod native_queue;
mod native_text;
mod partitions;
mod prefetch;
mod queue;
mod reach;
mod reader;
mod topic_id;
mod watermarks;

use std::time::Duration;

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

pub use context::GroupChange;
pub use kafka_error::{is_too_large, judge, too_large};
pub use partitions::{find_topics, numbers, offsets_at, partition, partitions, Partition};
pub use prefetch::Prefetch;
pub use queue::{Message, Queue};
pub use reader::{Fetched, PartitionReader};
pub use topic_id::{Question, TopicId};
pub use watermarks::Watermarks;

use crate::observe;
use context::Context;
use tally_postgres::Failure;
use tally_rows::config::{Config, Mode};

/// Properties that the loader's guarantees rest on; the configuration cannot override them.
const FIXED: [(&str, &str); 7] = [
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    // A position that the broker does not have must never be silently replaced by another.
    ("auto.offset.reset", "error"),
    ("enable.partition.eof", "true"),
    ("statistics.interval.ms", "1000"),
    // The new protocol stalls in this version of librdkafka.
    ("group.protocol", "classic"),
    ("partition.assignment.strategy", "cooperative-sticky"),
];

/// Defaults that suit a loader; the configuration can override them.
const DEFAULTS: [(&str, &str); 7] = [
    ("isolation.level", "read_committed"),
    ("fetch.wait.max.ms", "100"),
    // By default librdkafka pauses for a second when its queue is full, which would leave the writer idle most of the
    // time.
    ("fetch.queue.backoff.ms", "5"),
    ("allow.auto.create.topics", "false"),
    // A response of the broker is in memory as a whole, and so is each zstd batch in it once decompressed.
    ("fetch.max.bytes", "16777216"),
    ("receive.message.max.bytes", "67108864"),
    // The interval after which added partitions are noticed.
    ("topic.metadata.refresh.interval.ms", "30000"),
];

/// The memory of all queues of messages together, in KiB.
const QUEUES: usize = 32 << 10;

/// The consumer of a job.
pub type JobConsumer = BaseConsumer<Context>;

/// A client that asks for metadata and reads no messages; it does not connect yet.
pub fn metadata_client(config: &Config) -> Result<JobConsumer, Failure> {
    consumer(config, Watermarks::default(), 0, &prefetch(config))
}

/// The limit of the messages that a lane fetches ahead, before it has seen any.
pub fn prefetch(config: &Config) -> Prefetch {
    Prefetch::new((QUEUES << 10) / config.writers)
}

/// Makes the consumer of a lane; it does not connect yet.
pub fn consumer(
    config: &Config,
    watermarks: Watermarks,
    lane: usize,
    prefetch: &Prefetch,
) -> Result<JobConsumer, Failure> {
    let mut properties = ClientConfig::new();
    // Some reasons why a connection fails are only logged.
    properties.set_log_level(RDKafkaLogLevel::Info);
    properties.set("bootstrap.servers", &config.brokers);
    // librdkafka requires a name; without a subscription the consumer joins no group.
    properties.set("group.id", format!("tally-{}", config.job));
    properties.set("client.id", format!("tally-{}-{lane}", config.job));
    properties.set("queued.max.messages.kbytes", (QUEUES / config.writers).to_string());
    if config.mode == Mode::Assign {
        // No group waits for the next poll.
        properties.set("max.poll.interval.ms", "86400000");
    }
    for (key, value) in DEFAULTS {
        properties.set(key, value);
    }
    for (key, value) in &config.kafka {
        if FIXED.iter().any(|(fixed, _)| fixed == key) || key == "bootstrap.servers" {
            return Err(Failure::usage(format!("`kafka.{key:?}` cannot be set"))
                .mend("remove it: the loader's guarantees rest on its own value"));
        }
        match key.as_str() {
            // Each lane is a member of its own.
            "group.instance.id" => properties.set(key, format!("{}-{lane}", value.reveal()?)),
            _ => properties.set(key, value.reveal()?),
        };
    }
    for (key, value) in FIXED {
        properties.set(key, value);
    }
    if let Some(messages) = prefetch.limit() {
        properties.set("queued.min.messages", messages.to_string());
    }
    properties.create_with_context(Context::new(watermarks)).map_err(|error| {
        let what = match error {
            // The text of the error shows the value, which may be a password.
            KafkaError::ClientConfig(_, what, key, _) if key.is_empty() => what,
            KafkaError::ClientConfig(_, what, key, value) => format!("{key:?}: {}", hidden(&what, &value)),
            other => other.to_string(),
        };
        Failure::usage(what).at("[kafka]").mend("see librdkafka's CONFIGURATION.md for valid properties")
    })
}

/// Returns a text in which a value that may be secret is masked.
fn hidden(text: &str, value: &str) -> String {
    if value.is_empty() {
        text.into()
    } else {
        text.replace(value, "...")
    }
}

/// Assigns more partitions to the consumer, each from its position; their messages go to the queue.
pub fn assign<'a>(
    consumer: &JobConsumer,
    queue: &Queue,
    positions: impl IntoIterator<Item = (&'a str, i32, i64)>,
) -> Result<(), Failure> {
    let mut list = TopicPartitionList::new();
    for (topic, partition, next) in positions {
        list.add_partition_offset(topic, partition, Offset::Offset(next)).map_err(Failure::new)?;
        queue.lead(topic, partition);
        observe::assigned(topic, partition, next);
    }
    consumer.incremental_assign(&list).map_err(|e| Failure::new(e).at("assignment of partitions"))
}

/// Leaves the group, if there is one, and closes the consumer; `unanswered` is a change that was not carried out.
pub fn close(consumer: JobConsumer, unanswered: Option<&GroupChange>) {
    let context = consumer.context().clone();
    context.close();
    if let Some(change) = unanswered {
        context::agree(&consumer, change);
    }
    while let Some(change) = context.next_change() {
        context::agree(&consumer, &change);
    }
    drop(consumer);
}

/// Returns the interval at which added partitions are looked for.
pub fn refresh_interval(config: &Config) -> Duration {
    let configured = config.kafka.get("topic.metadata.refresh.interval.ms");
    let millis = configured.and_then(|value| value.reveal().ok()?.parse().ok());
    Duration::from_millis(millis.filter(|millis| *millis > 0).unwrap_or(30_000))
}
