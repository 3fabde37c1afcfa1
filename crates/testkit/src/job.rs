//! Simulated trades on a real Kafka, each of which goes three ways into a real PostgreSQL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use postgres::Client;

use crate::kafka::Kafka;
use crate::program::{directory, program};
use crate::{connect, database_url, environment, invariant, wait_for, Loader};

/// The messages of a job, and how many are loaded at a time.
pub struct Workload {
    /// Messages in the topic, the malformed ones included.
    pub messages: i64,
    /// Partitions of the topic.
    pub partitions: i32,
    /// Share of malformed messages.
    pub malformed: f64,
    /// Messages per transaction of the loader.
    pub batch_rows: u32,
}

/// A topic of its own, and the table it is loaded into.
pub struct Job {
    /// The name of the job, its topic and its table.
    pub name: String,
    /// Messages in the topic that must become dead letters.
    pub malformed: i64,
    /// A connection to look at what the loader did.
    pub database: Client,
    brokers: String,
    config: PathBuf,
    log: PathBuf,
}

impl Job {
    /// Fills a new topic and creates its table.
    pub fn new(test: &str, seed: u64, workload: &Workload) -> Self {
        let brokers = environment("KAFKA_BROKERS");
        let name = format!("{test}_{}", std::process::id());
        let directory = directory();
        let (config, log) = (directory.join(format!("{name}.toml")), directory.join(format!("{name}.log")));
        fs::write(&config, configuration(&name, &database_url(), &brokers, workload.batch_rows)).unwrap();
        let malformed = simulate(&brokers, &name, seed, workload);
        let mut database = connect();
        let table = include_str!("sql/table.sql").replace("trades", &name);
        database.batch_execute(&table).unwrap();
        Self { name, malformed, database, brokers, config, log }
    }

    /// A variant of the job's configuration, with more keys at the top and others replaced, for one of its loaders.
    pub fn variant(&self, name: &str, more: &str) -> PathBuf {
        let config = self.config.with_extension(format!("{name}.toml"));
        fs::write(&config, format!("{more}\n{}", fs::read_to_string(&self.config).unwrap())).unwrap();
        config
    }

    /// Starts a loader; what it says goes to a log file.
    pub fn start_loader(&self) -> Loader {
        self.start_variant(&self.config)
    }

    /// Starts a loader with another configuration of the job.
    pub fn start_variant(&self, config: &Path) -> Loader {
        Loader::start(config, &self.log, &[], &[])
    }

    /// Waits until this many messages are stored, by whichever loader.
    pub fn wait_for_group(&mut self, messages: i64) {
        let log = self.log.clone();
        wait_for(messages, || self.progress(), || fs::read_to_string(&log).unwrap());
    }

    /// Number of loaders that the partitions belong to.
    pub fn owners(&mut self) -> i64 {
        if !self.has_positions() {
            return 0;
        }
        let sql = "SELECT count(DISTINCT owner) FROM loader.offsets WHERE job = $1";
        self.database.query_one(sql, &[&self.name]).unwrap().get(0)
    }

    /// Returns what the loaders wrote.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Asserts that everything is stored, in order, and is what was produced.
    pub fn assert_complete(&mut self, messages: i64) {
        self.assert_invariant();
        assert_eq!(self.positions(), self.ends());
        let sql = include_str!("sql/sequence.sql").replace("trades", &self.name);
        let row = self.database.query_one(&sql, &[]).unwrap();
        assert_eq!((row.get::<_, i64>("misplaced"), row.get::<_, i64>("series")), (0, 20));
        let sql = format!("SELECT count(*) FROM {}", self.name);
        let rows: i64 = self.database.query_one(&sql, &[]).unwrap().get(0);
        assert_eq!(rows, messages - self.malformed, "only malformed messages are dead letters");
    }

    /// Messages that are done with, as the stored positions say.
    pub fn progress(&mut self) -> i64 {
        if !self.has_positions() {
            return 0;
        }
        let sql = "SELECT coalesce(sum(next_offset), 0)::bigint FROM loader.offsets WHERE job = $1";
        self.database.query_one(sql, &[&self.name]).unwrap().get(0)
    }

    /// Waits until this many messages are stored, and fails if the loader ends before.
    pub fn wait_for(&mut self, messages: i64, loader: &mut Loader) {
        let log = self.log.clone();
        let progress = || {
            loader.assert_runs();
            self.progress()
        };
        wait_for(messages, progress, || fs::read_to_string(&log).unwrap());
    }

    /// Asserts the invariant, in one snapshot; it must hold at every moment.
    pub fn assert_invariant(&mut self) {
        if self.has_positions() {
            invariant::assert(&mut self.database, &self.name, Some(include_str!("sql/ways.sql")));
        }
    }

    /// The stored position of each partition.
    fn positions(&mut self) -> Vec<(i32, i64)> {
        let sql = "SELECT partition, next_offset FROM loader.offsets WHERE job = $1 ORDER BY 1";
        let rows = self.database.query(sql, &[&self.name]).unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// The end of each partition, as the broker says.
    fn ends(&self) -> Vec<(i32, i64)> {
        let watermarks = Kafka::new(&self.brokers).watermarks(&self.name);
        assert!(watermarks.iter().all(|(_, (low, _))| *low == 0), "the topic still has all its messages");
        watermarks.into_iter().map(|(partition, (_, high))| (partition, high)).collect()
    }

    fn has_positions(&mut self) -> bool {
        let sql = "SELECT to_regclass('loader.offsets') IS NOT NULL AND to_regclass('loader.dead_letters') IS NOT NULL";
        self.database.query_one(sql, &[]).unwrap().get(0)
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        // After a failure everything stays for whoever looks into it.
        if !std::thread::panicking() {
            let drop = include_str!("sql/drop.sql").replace("trades", &self.name);
            self.database.batch_execute(&drop).unwrap();
            for entry in fs::read_dir(self.config.parent().unwrap()).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if name.starts_with(&format!("{}.", self.name)) {
                    fs::remove_file(path).unwrap();
                }
            }
        }
    }
}

fn configuration(job: &str, database: &str, brokers: &str, batch_rows: u32) -> String {
    include_str!("job.toml")
        .replace("JOB", job)
        .replace("DATABASE", database)
        .replace("BROKERS", brokers)
        .replace("ROWS", &batch_rows.to_string())
}

/// Produces the messages; returns how many of them are malformed.
fn simulate(brokers: &str, topic: &str, seed: u64, workload: &Workload) -> i64 {
    let Workload { messages, partitions, malformed, .. } = workload;
    let arguments = format!(
        "simulate --brokers {brokers} --topic {topic} --seed {seed} --count {messages} \
         --partitions {partitions} --malformed {malformed}"
    );
    let output =
        program("tally-market").args(arguments.split(' ')).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success());
    let report = String::from_utf8(output.stdout).unwrap();
    print!("{report}");
    let counts = report.split_once("(malformed: ").unwrap().1.split_once(')').unwrap().0;
    counts.split(", ").map(|count| count.split_once(' ').unwrap().0.parse::<i64>().unwrap()).sum()
}
