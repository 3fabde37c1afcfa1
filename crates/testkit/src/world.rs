//! A real PostgreSQL, a broker in this process, and jobs of one topic between them.

// Each test file uses a part of it.
#![allow(dead_code)]

pub mod topic;

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use postgres::{Client, NoTls};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::ClientConfig;

/// A topic of one partition, a schema and a job of the same name.
pub struct World {
    pub name: &'static str,
    pub database: Client,
    pub cluster: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
}

pub fn database_url() -> String {
    std::env::var("DATABASE_URL").expect("DATABASE_URL names a PostgreSQL database")
}

impl World {
    pub fn new(name: &'static str) -> Self {
        Self::with_brokers(name, 1)
    }

    /// A world with this many brokers, each of which has all of the topic.
    pub fn with_brokers(name: &'static str, brokers: i32) -> Self {
        let mut database = Client::connect(&database_url(), NoTls).unwrap();
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

    /// Another connection to the database.
    pub fn connect(&self) -> Client {
        Client::connect(&database_url(), NoTls).unwrap()
    }

    pub fn exists(&mut self, table: &str) -> bool {
        self.database.query_one("SELECT to_regclass($1::text) IS NOT NULL", &[&table]).unwrap().get(0)
    }

    pub fn produce(&self, messages: &[&[u8]]) {
        for message in messages {
            let record = BaseRecord::<[u8], [u8]>::to(self.name).key(b"k");
            // librdkafka sends an absent value as null, and an empty one as empty.
            let record = if message.is_empty() { record } else { record.payload(message) };
            self.producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        self.producer.flush(Duration::from_secs(20)).unwrap();
    }

    pub fn produce_keyed(&self, key: &str, value: Option<&[u8]>) {
        self.produce_bytes(key.as_bytes(), value);
    }

    pub fn produce_bytes(&self, key: &[u8], value: Option<&[u8]>) {
        let record = BaseRecord::<[u8], [u8]>::to(self.name).key(key);
        let record = value.into_iter().fold(record, BaseRecord::payload);
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
        self.producer.flush(Duration::from_secs(20)).unwrap();
    }

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

    pub fn load_config(&self, config: &str) {
        let output = tally("load", config, &["--until-end", "--quiet"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub fn column(&mut self, query: &str) -> Vec<String> {
        self.database.query(query, &[]).unwrap().iter().map(|row| row.get(0)).collect()
    }

    pub fn dead_letters(&mut self) -> HashMap<i64, (String, String, Option<String>)> {
        let sql = "SELECT \"offset\", stage, sqlstate, column_name FROM loader.dead_letters WHERE job = $1";
        let rows = self.database.query(sql, &[&self.name]).unwrap();
        rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2), row.get(3)))).collect()
    }

    pub fn next_offset(&mut self) -> i64 {
        let sql = "SELECT next_offset FROM loader.offsets WHERE job = $1";
        self.database.query_one(sql, &[&self.name]).unwrap().get(0)
    }
}

pub fn start(
    command: &str,
    config: &str,
    options: &[&str],
) -> (std::process::Child, tempfile::NamedTempFile) {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(config.as_bytes()).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_tally"))
        .arg(command)
        .arg("--config")
        .arg(file.path())
        .args(options)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    (child, file)
}

pub fn tally(command: &str, config: &str, options: &[&str]) -> Output {
    let (child, _file) = start(command, config, options);
    child.wait_with_output().unwrap()
}

/// What `tally load` says when it cannot: a single line, and not exit code 0.
pub fn complaint(config: &str) -> String {
    let output = tally("load", config, &["--until-end", "--quiet"]);
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

pub fn wait_until(mut condition: impl FnMut() -> bool) {
    for _ in 0..600 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("it did not happen within half a minute");
}
