//! The partitions of the topics, with the offsets that the broker has.

use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::metadata::MetadataTopic;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
use tally_postgres::Failure;
use tally_rows::config::{Config, Start, Topic};

use super::reach::{reach, unanswered};
use super::topic_id::{topic_id, TopicId};
use super::JobConsumer;

const TIMEOUT: Duration = Duration::from_secs(10);

/// A partition and its offsets on the broker.
#[derive(Debug, Clone)]
pub struct Partition {
    /// Name of the topic.
    pub topic: String,
    /// The topic's id, if the broker assigns one.
    pub topic_id: Option<TopicId>,
    /// Number of the partition in the topic.
    pub number: i32,
    /// The oldest offset that can be read.
    pub low: i64,
    /// The offset of the next message to be produced.
    pub high: i64,
    /// First offset of a job that has never read the topic.
    pub begin: i64,
}

/// Returns the configuration with each pattern replaced by the topics of the broker that it matches.
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
pub fn partitions(consumer: &JobConsumer, config: &Config) -> Result<Vec<Partition>, Failure> {
    reach(consumer, config)?;
    let mut found = Vec::new();
    for topic in &config.topics {
        let at_topic = |failure: Failure| failure.at(format!("topic {:?}", topic.name));
        let numbers = numbers(consumer, &topic.name).map_err(at_topic)?;
        if numbers.is_empty() {
            return Err(at_topic(
                Failure::new("not found on the broker")
                    .mend("create it, or correct `name` in its [[topic]] section"),
            ));
        }
        let topic_id = topic_id(consumer, &topic.name);
        for number in numbers {
            found.push(partition_with_id(consumer, topic, topic_id, number).map_err(at_topic)?);
        }
    }
    Ok(found)
}

/// Returns the numbers of a topic's partitions.
pub fn numbers(consumer: &JobConsumer, topic: &str) -> Result<Vec<i32>, Failure> {
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT).map_err(Failure::new)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    if found.and_then(MetadataTopic::error) == Some(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        return Err(Failure::new("no right to read the topic").mend(
            "give the loader's Kafka user the rights to describe and read it (kafka-acls), or log in as another",
        ));
    }
    Ok(found.iter().flat_map(|found| found.partitions()).map(|p| p.id()).collect())
}

/// Asks the broker for the offsets of a partition.
pub fn partition(consumer: &JobConsumer, topic: &Topic, number: i32) -> Result<Partition, Failure> {
    partition_with_id(consumer, topic, topic_id(consumer, &topic.name), number)
}

fn partition_with_id(
    consumer: &JobConsumer,
    topic: &Topic,
    topic_id: Option<TopicId>,
    number: i32,
) -> Result<Partition, Failure> {
    let (low, high) = consumer.fetch_watermarks(&topic.name, number, TIMEOUT).map_err(|e| {
        Failure::new(format!("the offsets of partition {number} cannot be read: {e}"))
            .mend("check the partition's leader and the right to read the topic")
    })?;
    let begin = if topic.start == Start::Latest { high } else { low };
    Ok(Partition { topic: topic.name.clone(), topic_id, number, low, high, begin })
}

/// Returns for each partition the first offset whose message is not older than a time, in milliseconds since 1970; the
/// high watermark if there is none.
pub fn offsets_at(
    consumer: &JobConsumer,
    partitions: &[Partition],
    millis: i64,
) -> Result<Vec<i64>, KafkaError> {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition_offset(&partition.topic, partition.number, Offset::Offset(millis))?;
    }
    let found = consumer.offsets_for_times(list, TIMEOUT)?;
    let offset_of = |partition: &Partition| match found.find_partition(&partition.topic, partition.number) {
        Some(found) => match (found.error(), found.offset()) {
            (Ok(()), Offset::Offset(offset)) => Ok(offset),
            (Ok(()), _) => Ok(partition.high),
            (Err(error), _) => Err(error),
        },
        None => Ok(partition.high),
    };
    partitions.iter().map(offset_of).collect()
}
