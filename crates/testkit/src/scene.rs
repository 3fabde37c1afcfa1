//! A topic of numbered messages, the table that they are loaded into, and what must hold between the two.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use postgres::types::ToSql;
use postgres::{Client, Row};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, TopicPartitionList};

use crate::kafka::Kafka;
use crate::program::directory;
use crate::{connect, environment, invariant, wait_for, Loader, Proxy, STUCK};

const PARTITIONS: i32 = 4;
/// Number of keys; the messages of each are numbered from 1.
const KEYS: i64 = 20;
/// The key of the messages that must not become rows.
const POISON: &str = "poison";

/// A topic and a job of one name, with a proxy between the loader and PostgreSQL.
pub struct Scene {
    /// The name of the topic, the table and the job.
    pub name: String,
    /// The proxy between the loader and PostgreSQL.
    pub proxy: Proxy,
    /// Addresses of the topic's brokers.
    pub brokers: String,
    /// The loader's user in PostgreSQL.
    pub user: String,
    /// Further environment variables of the loader.
    pub environment: Vec<(String, String)>,
    /// Options that the loader's connection asks of the server.
    pub database_options: String,
    /// The part of the configuration before the topics.
    pub settings: String,
    /// The rest of the topic's section.
    pub topic: String,
    database: Client,
    producer: BaseProducer,
    /// Messages of the numbered keys so far.
    numbered: i64,
    /// Messages that are to become rows.
    good: i64,
    /// Messages that are to become dead letters.
    poison: i64,
    /// Directory of the scene's files.
    pub directory: PathBuf,
}

impl Scene {
    /// An empty topic with its table.
    pub fn new(name: &str) -> Self {
        Self::with_table(name, &environment("KAFKA_BROKERS"), &[])
    }

    /// A scene with a table, on these brokers and with these properties of the topic.
    pub fn with_table(name: &str, brokers: &str, properties: &[(&str, &str)]) -> Self {
        let mut scene = Self::without_table(name, brokers, properties);
        scene.execute(
            "CREATE TABLE trades (arrival bigint GENERATED ALWAYS AS IDENTITY, kafka_partition integer NOT NULL,
                 kafka_offset bigint NOT NULL, key text NOT NULL, n bigint NOT NULL)",
        );
        scene.topic = "unknown_fields = 'ignore'
            columns = [{ name = 'kafka_partition', type = 'integer', from = '$partition', required = true },
                { name = 'kafka_offset', type = 'bigint', from = '$offset', required = true },
                { name = 'key', type = 'text', required = true }, { name = 'n', type = 'bigint', required = true }]"
            .into();
        scene
    }

    /// A scene without the table: its columns are to be inferred.
    pub fn without_table(name: &str, brokers: &str, properties: &[(&str, &str)]) -> Self {
        let name = format!("{name}_{}", std::process::id());
        let directory = directory().join(&name);
        fs::create_dir_all(&directory).unwrap();
        let mut producer = ClientConfig::new();
        producer.set("bootstrap.servers", brokers).set("enable.idempotence", "true");
        producer.set("message.max.bytes", "30000000").set("linger.ms", "5");
        let scene = Self {
            proxy: Proxy::to(format!("127.0.0.1:{}", environment("PGPORT")).parse().unwrap()),
            brokers: brokers.into(),
            user: "postgres".into(),
            environment: Vec::new(),
            database_options: String::new(),
            settings: "writers = 1\nbatch = { rows = 500 }".into(),
            topic: String::new(),
            database: connect(),
            producer: producer.create().unwrap(),
            numbered: 0,
            good: 0,
            poison: 0,
            name,
            directory,
        };
        scene.create_topic(properties);
        scene
    }

    /// Creates the topic, which must not be there.
    pub fn create_topic(&self, properties: &[(&str, &str)]) {
        self.kafka().create_topic(&self.name, PARTITIONS, properties);
    }

    /// Deletes the topic.
    pub fn delete_topic(&self) {
        self.kafka().delete_topic(&self.name);
    }

    /// Removes the messages before these offsets.
    pub fn delete_records(&self, before: &TopicPartitionList) {
        self.kafka().delete_records(before);
    }

    /// Connects for each request, since the broker may have been broken since the last one.
    fn kafka(&self) -> Kafka {
        Kafka::new(&self.brokers)
    }

    /// Produces this many numbered messages.
    pub fn produce(&mut self, count: i64) {
        for i in self.numbered..self.numbered + count {
            let (key, n) = (format!("k{}", i % KEYS), i / KEYS + 1);
            self.send(&key, Some(format!(r#"{{"key":"{key}","n":{n},"more":"{:0200}"}}"#, 0).as_bytes()));
        }
        self.numbered += count;
        self.good += count;
        self.flush();
    }

    /// Produces a message that cannot become a row.
    pub fn produce_poison(&mut self, value: Option<&[u8]>) {
        self.send(POISON, value);
        self.poison += 1;
        self.flush();
    }

    /// Produces this many such messages.
    pub fn produce_poisons(&mut self, count: i64, value: &[u8]) {
        (0..count).for_each(|_| self.send(POISON, Some(value)));
        self.poison += count;
        self.flush();
    }

    /// Produces a given message that becomes a row.
    pub fn produce_good(&mut self, key: &str, value: &[u8]) {
        self.send(key, Some(value));
        self.good += 1;
        self.flush();
    }

    fn send(&self, key: &str, value: Option<&[u8]>) {
        loop {
            let mut record = BaseRecord::to(&self.name).key(key);
            record.payload = value;
            match self.producer.send(record) {
                Ok(()) => return,
                // The queue is full.
                Err(_) => self.producer.poll(Duration::from_millis(20)),
            }
        }
    }

    fn flush(&self) {
        self.producer.flush(STUCK).unwrap();
    }

    /// Starts the loader, connected through the proxy.
    pub fn load(&self) -> Loader {
        self.load_with(&[])
    }

    /// Starts the loader with more options.
    pub fn load_with(&self, options: &[&str]) -> Loader {
        let file = self.directory.join("load.toml");
        fs::write(&file, self.configuration()).unwrap();
        Loader::start(&file, &self.directory.join("log"), options, &self.environment)
    }

    fn configuration(&self) -> String {
        let Self { name, brokers, user, settings, topic, database_options: options, .. } = self;
        let port = self.proxy.port;
        format!(
            "job = '{name}'\nbrokers = '{brokers}'\n\
             database = \"host=127.0.0.1 port={port} user={user} dbname=postgres options='{options}'\"\n{settings}\n\
             [[topic]]\nname = '{name}'\ntable = '{name}'\n{topic}\n"
        )
    }

    /// Returns what the loaders of this scene have said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap()
    }

    /// Waits until the loader has failed by itself; returns its last line.
    pub fn complaint(&self, loader: Loader) -> String {
        let status = loader.wait();
        let log = self.log();
        assert_eq!(status.code(), Some(1), "{log}");
        log.lines().last().unwrap().into()
    }

    /// Runs statements in which the table is called trades.
    pub fn execute(&mut self, sql: &str) {
        let sql = sql.replace("trades", &self.name);
        self.database().batch_execute(&sql).unwrap();
    }

    /// The rows of a query in which table and job are called trades.
    pub fn query(&mut self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Vec<Row> {
        let sql = sql.replace("trades", &self.name);
        self.database().query(&sql, parameters).unwrap()
    }

    /// Returns the number that a query selects.
    pub fn number(&mut self, sql: &str) -> i64 {
        self.query(sql, &[])[0].get(0)
    }

    /// Returns a connection, a new one if the server was restarted since the last query.
    fn database(&mut self) -> &mut Client {
        if self.database.is_valid(STUCK).is_err() {
            self.database = connect();
        }
        &mut self.database
    }

    /// The process of the server that serves the loader, as part of a query.
    pub const BACKEND: &str = "FROM pg_stat_activity WHERE application_name = 'tally trades'";

    /// Number of messages that are done with, as the stored positions say.
    pub fn progress(&mut self) -> i64 {
        if self.number("SELECT count(to_regclass('loader.offsets'))") == 0 {
            return 0;
        }
        self.number(
            "SELECT coalesce(sum(next_offset), 0)::bigint FROM loader.offsets
                     WHERE job = 'trades' AND topic = 'trades'",
        )
    }

    /// Sets the number of connections that the loader writes by; with the only one of the default the proxy's trap
    /// holds all of it.
    pub fn writers(&mut self, writers: usize) {
        self.settings = self.settings.replace("writers = 1", &format!("writers = {writers}"));
    }

    /// Waits until this many messages are done with.
    pub fn wait_for(&mut self, messages: i64, loader: &mut Loader) {
        let log = self.directory.join("log");
        let progress = || {
            loader.assert_runs();
            self.progress()
        };
        wait_for(messages, progress, || fs::read_to_string(&log).unwrap());
    }

    /// Waits until everything produced so far is done with.
    pub fn wait_for_all(&mut self, loader: &mut Loader) {
        self.wait_for(self.good + self.poison, loader);
    }

    /// Asserts what must hold at every moment.
    pub fn check(&mut self) {
        if self.progress() == 0 {
            assert_eq!(self.number("SELECT count(*) FROM trades"), 0, "rows without a position");
            return;
        }
        let name = self.name.clone();
        invariant::assert(self.database(), &name, None);
        let misplaced = "SELECT count(*) FROM (
            SELECT n, row_number() OVER (PARTITION BY key ORDER BY kafka_offset) AS place FROM trades) AS numbered
            WHERE n <> place";
        assert_eq!(self.number(misplaced), 0, "rows that are not what was produced at their place");
    }

    /// Waits until all is stored, ends the loader, and asserts that everything is where it belongs.
    pub fn finish(&mut self, mut loader: Loader) {
        self.wait_for_all(&mut loader);
        let status = loader.terminate();
        assert!(status.success(), "{status}; the log:\n{}", self.log());
        self.check_all();
    }

    /// Asserts that everything produced is where it belongs.
    pub fn check_all(&mut self) {
        self.check();
        let dead = "SELECT count(*) FROM loader.dead_letters WHERE job = 'trades'";
        let stored = (self.number("SELECT count(*) FROM trades"), self.number(dead));
        assert_eq!(stored, (self.good, self.poison), "rows and dead letters");
        assert_eq!(self.progress(), self.end());
    }

    /// The sum of the offsets at which the partitions end, as the broker says.
    pub fn end(&self) -> i64 {
        self.kafka().watermarks(&self.name).iter().map(|(_, (_, high))| high).sum()
    }
}
