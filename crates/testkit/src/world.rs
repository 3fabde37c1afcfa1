//! A broker in this process, with a topic to load.

use std::collections::HashMap;

use postgres::Client;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::ClientConfig;

use crate::{connect, database_url, tally, STUCK};

/// A topic of one partition, a schema and a job of the same name.
pub struct World {
    /// The name of the topic, the schema and the job.
    pub name: &'static str,
    /// A connection to look at what the loader did.
    pub database: Client,
    /// The broker.
    pub cluster: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
}

impl World {
    /// An empty topic and an empty schema.
    pub fn new(name: &'static str) -> Self {
        Self::with_brokers(name, 1)
    }

    /// A world with this many brokers, each of which has all of the topic.
    pub fn with_brokers(name: &'static str, brokers: i32) -> Self {
        let mut database = connect();
        database
            .batch_execute(&format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}"))
            .unwrap();
        let cluster = MockCluster::new(brokers).unwrap();
        cluster.create_topic(name, 1, brokers).unwrap();
        let mut properties = ClientConfig::new();
        properties.set("bootstrap.servers", cluster.bootstrap_servers()).set("message.max.bytes", "20000000");
        let producer = properties.create().unwrap();
        let mut world = Self { name, database, cluster, producer };
        for table in ["offsets", "gaps", "dead_letters", "schema_history"] {
            if world.exists(&format!("loader.{table}")) {
                world
                    .database
                    .execute(&format!("DELETE FROM loader.{table} WHERE job = $1"), &[&name])
                    .unwrap();
            }
        }
        world
    }

    /// Whether there is such a table.
    pub fn exists(&mut self, table: &str) -> bool {
        self.database.query_one("SELECT to_regclass($1::text) IS NOT NULL", &[&table]).unwrap().get(0)
    }

    /// Produces messages with a key; an empty one is Kafka's null value.
    pub fn produce(&self, messages: &[&[u8]]) {
        for message in messages {
            let record = BaseRecord::<[u8], [u8]>::to(self.name).key(b"k");
            // librdkafka sends an absent value as null, and an empty one as empty.
            let record = if message.is_empty() { record } else { record.payload(message) };
            self.producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        self.producer.flush(STUCK).unwrap();
    }

    /// Produces a message with this key.
    pub fn produce_keyed(&self, key: &str, value: Option<&[u8]>) {
        self.produce_bytes(key.as_bytes(), value);
    }

    /// Produces a message whose key need not be text.
    pub fn produce_bytes(&self, key: &[u8], value: Option<&[u8]>) {
        let record = BaseRecord::<[u8], [u8]>::to(self.name).key(key);
        let record = value.into_iter().fold(record, BaseRecord::payload);
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
        self.producer.flush(STUCK).unwrap();
    }

    /// The configuration of the job, with the rest of the topic's section.
    pub fn config(&self, topic: &str) -> String {
        let Self { name, cluster, .. } = self;
        let (url, brokers) = (database_url(), cluster.bootstrap_servers());
        format!(
            "job = '{name}'\ndatabase = '{url}'\nbrokers = '{brokers}'\n\
             [[topic]]\nname = '{name}'\ntable = '{name}.t'\n{topic}\n"
        )
    }

    /// Loads to the end, and expects that to work.
    pub fn load(&self, topic: &str) {
        self.load_config(&self.config(topic));
    }

    /// Loads with a configuration of its own.
    pub fn load_config(&self, config: &str) {
        let output = tally("load", config, &["--until-end", "--quiet"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The first column of a query.
    pub fn column(&mut self, query: &str) -> Vec<String> {
        self.database.query(query, &[]).unwrap().iter().map(|row| row.get(0)).collect()
    }

    /// Stage, SQLSTATE and column of each dead letter, by its offset.
    pub fn dead_letters(&mut self) -> HashMap<i64, (String, String, Option<String>)> {
        let sql = "SELECT \"offset\", stage, sqlstate, column_name FROM loader.dead_letters WHERE job = $1";
        let rows = self.database.query(sql, &[&self.name]).unwrap();
        rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2), row.get(3)))).collect()
    }

    /// The stored position.
    pub fn next_offset(&mut self) -> i64 {
        let sql = "SELECT next_offset FROM loader.offsets WHERE job = $1";
        self.database.query_one(sql, &[&self.name]).unwrap().get(0)
    }
}
