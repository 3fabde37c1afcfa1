//! A topic on a real broker, in KAFKA_BROKERS, for what the embedded one cannot do.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::World;

/// A topic of one partition at first.
pub struct Topic {
    pub name: String,
    brokers: String,
    admin: AdminClient<DefaultClientContext>,
    runtime: tokio::runtime::Runtime,
}

impl Topic {
    pub fn new(name: &str) -> Self {
        let brokers = std::env::var("KAFKA_BROKERS").expect("KAFKA_BROKERS names a real broker");
        let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", &brokers).create().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let name = format!("{name}_{}", std::process::id());
        let topic = NewTopic::new(&name, 1, TopicReplication::Fixed(1));
        let created = runtime.block_on(admin.create_topics([&topic], &options())).unwrap();
        created[0].as_ref().unwrap();
        Self { name, brokers, admin, runtime }
    }

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
        producer.flush(Duration::from_secs(20)).unwrap();
    }

    /// Adds partitions until there are so many.
    pub fn grow_to(&self, partitions: usize) {
        let added = NewPartitions::new(&self.name, partitions);
        let added = self.runtime.block_on(self.admin.create_partitions([&added], &options())).unwrap();
        added[0].as_ref().unwrap();
    }

    /// Drops the messages before an offset, as retention would.
    pub fn drop_before(&self, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.name, 0, Offset::Offset(offset)).unwrap();
        self.runtime.block_on(self.admin.delete_records(&list, &options())).unwrap();
    }

    /// Deletes it and makes it anew.
    pub fn make_anew(&self) {
        let deleted = self.runtime.block_on(self.admin.delete_topics(&[&self.name], &options())).unwrap();
        deleted[0].as_ref().unwrap();
        let topic = NewTopic::new(&self.name, 1, TopicReplication::Fixed(1));
        let make = || self.runtime.block_on(self.admin.create_topics([&topic], &options())).unwrap();
        super::wait_until(|| make()[0].is_ok());
    }

    /// The configuration of a job that reads it.
    pub fn config(&self, world: &World, topic: &str) -> String {
        let config = world.config(topic).replace(&world.cluster.bootstrap_servers(), &self.brokers);
        config.replace(&format!("name = '{}'\ntable", world.name), &format!("name = '{}'\ntable", self.name))
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)))
}
