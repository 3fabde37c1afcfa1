//! A topic on a real broker, in KAFKA_BROKERS, for what the embedded one cannot do.

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::kafka::Kafka;
use crate::{environment, World, STUCK};

/// Keeps messages however old their timestamps say that they are; retention is looked at now and then only.
const FOR_EVER: [(&str, &str); 1] = [("retention.ms", "-1")];

/// A topic of one partition at first.
pub struct Topic {
    /// The name of the topic, which no other run uses.
    pub name: String,
    brokers: String,
    kafka: Kafka,
}

impl Topic {
    /// Creates the topic.
    pub fn new(name: &str) -> Self {
        Self::with(name, &[])
    }

    /// Creates the topic with these properties.
    pub fn with(name: &str, properties: &[(&str, &str)]) -> Self {
        let brokers = environment("KAFKA_BROKERS");
        let kafka = Kafka::new(&brokers);
        let name = format!("{name}_{}", std::process::id());
        kafka.create_topic(&name, 1, &[&FOR_EVER, properties].concat());
        Self { name, brokers, kafka }
    }

    /// Creates a producer, which may be transactional.
    pub fn producer(&self, transactional: bool) -> BaseProducer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        if transactional {
            config.set("transactional.id", &self.name);
        }
        config.create().unwrap()
    }

    /// Sends a message and waits until it is there; the time is in milliseconds since 1970.
    pub fn send(&self, producer: &BaseProducer, partition: i32, id: i64, time: Option<i64>) {
        let value = format!("{{\"id\":{id}}}");
        let record = BaseRecord::<(), str>::to(&self.name).partition(partition).payload(&value);
        let record = match time {
            Some(time) => record.timestamp(time),
            None => record,
        };
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.flush(STUCK).unwrap();
    }

    /// Replaces the properties.
    pub fn configure(&self, properties: &[(&str, &str)]) {
        self.kafka.configure_topic(&self.name, &[&FOR_EVER, properties].concat());
    }

    /// Adds partitions until there are as many.
    pub fn grow_to(&self, partitions: usize) {
        self.kafka.grow(&self.name, partitions);
    }

    /// Drops the messages before an offset, as retention would.
    pub fn drop_before(&self, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.name, 0, Offset::Offset(offset)).unwrap();
        self.kafka.delete_records(&list);
    }

    /// Returns the offsets of all messages that can be read.
    pub fn offsets(&self) -> Vec<i64> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("group.id", "offsets");
        let consumer: BaseConsumer = config.set("enable.partition.eof", "true").create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.name, 0, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let messages = consumer.iter().map_while(|message| match message {
            Err(KafkaError::PartitionEOF(_)) => None,
            message => Some(message.unwrap().offset()),
        });
        messages.collect()
    }

    /// Deletes the topic and creates it again.
    pub fn recreate(&self) {
        self.kafka.delete_topic(&self.name);
        self.kafka.create_topic(&self.name, 1, &FOR_EVER);
    }

    /// The configuration of a job that reads the topic.
    pub fn config(&self, world: &World, topic: &str) -> String {
        let config = world.config(topic).replace(&world.cluster.bootstrap_servers(), &self.brokers);
        config.replace(&format!("name = '{}'\ntable", world.name), &format!("name = '{}'\ntable", self.name))
    }
}
