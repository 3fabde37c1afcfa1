//! A client for what tests ask of a broker apart from messages.

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::{ClientConfig, TopicPartitionList};

use crate::{wait_until, STUCK};

/// An administrator of the topics of a broker.
pub struct Kafka {
    brokers: String,
    admin: AdminClient<DefaultClientContext>,
    options: AdminOptions,
    runtime: tokio::runtime::Runtime,
}

impl Kafka {
    /// Connects.
    pub fn new(brokers: &str) -> Self {
        Self {
            brokers: brokers.into(),
            admin: ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap(),
            options: AdminOptions::new().operation_timeout(Some(STUCK)),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
        }
    }

    /// Creates a topic, which must not be there; one that was just deleted may still be in the way.
    pub fn create_topic(&self, name: &str, partitions: i32, properties: &[(&str, &str)]) {
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let topic = properties.iter().fold(topic, |topic, (name, value)| topic.set(name, value));
        wait_until(|| self.wait(self.admin.create_topics([&topic], &self.options))[0].is_ok());
        self.wait_for_leaders(name, partitions as usize);
    }

    /// Waits until clients see this many partitions of a topic, which takes a moment after they were created.
    fn wait_for_leaders(&self, topic: &str, partitions: usize) {
        wait_until(|| {
            let metadata = self.admin.inner().fetch_metadata(Some(topic), STUCK).unwrap();
            let known = metadata.topics()[0].partitions();
            known.len() == partitions && known.iter().all(|partition| partition.leader() >= 0)
        });
    }

    /// Replaces the properties of a topic.
    pub fn configure_topic(&self, name: &str, properties: &[(&str, &str)]) {
        let topic = AlterConfig::new(ResourceSpecifier::Topic(name));
        let topic = properties.iter().fold(topic, |topic, (name, value)| topic.set(name, value));
        self.wait(self.admin.alter_configs([&topic], &self.options))[0].as_ref().unwrap();
    }

    /// Deletes a topic.
    pub fn delete_topic(&self, name: &str) {
        self.wait(self.admin.delete_topics(&[name], &self.options))[0].as_ref().unwrap();
    }

    /// Removes the messages before these offsets, as retention would.
    pub fn delete_records(&self, before: &TopicPartitionList) {
        self.wait(self.admin.delete_records(before, &self.options));
    }

    /// Adds partitions until there are as many.
    pub fn grow(&self, name: &str, partitions: usize) {
        let added = NewPartitions::new(name, partitions);
        self.wait(self.admin.create_partitions([&added], &self.options))[0].as_ref().unwrap();
        self.wait_for_leaders(name, partitions);
    }

    /// Returns the start and the end of each partition of a topic.
    pub fn watermarks(&self, topic: &str) -> Vec<(i32, (i64, i64))> {
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &self.brokers).create().unwrap();
        let metadata = consumer.fetch_metadata(Some(topic), STUCK).unwrap();
        let ids = metadata.topics()[0].partitions().iter().map(|partition| partition.id());
        let mut all: Vec<_> =
            ids.map(|id| (id, consumer.fetch_watermarks(topic, id, STUCK).unwrap())).collect();
        all.sort_unstable();
        all
    }

    fn wait<T>(&self, future: impl std::future::Future<Output = KafkaResult<T>>) -> T {
        self.runtime.block_on(future).unwrap()
    }
}
