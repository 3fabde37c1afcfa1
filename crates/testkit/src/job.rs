//! A loading job on a real Kafka and a real PostgreSQL, and what must hold for it whatever happens to the loader.

// Each test file uses a part of it.
#![allow(dead_code)]

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;
use postgres::{Client, IsolationLevel, NoTls};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::ClientConfig;

/// Longer than any restart takes; the tests wait for progress, never for a time.
const STUCK: Duration = Duration::from_secs(60);

/// What a job has to load, and in how large bites.
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
        let (brokers, url) = (environment("KAFKA_BROKERS"), environment("DATABASE_URL"));
        let name = format!("{test}_{}", std::process::id());
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let (config, log) = (directory.join(format!("{name}.toml")), directory.join(format!("{name}.log")));
        fs::write(&config, configuration(&name, &url, &brokers, workload.batch_rows)).unwrap();
        let malformed = simulate(&brokers, &name, seed, workload);
        let mut database =
            Client::connect(&url, NoTls).expect("DATABASE_URL should name a running PostgreSQL");
        let table = include_str!("table.sql").replace("trades", &name);
        database.batch_execute(&table).unwrap();
        Self { name, malformed, database, brokers, config, log }
    }

    /// A variant of the job's configuration, with more keys at the top and others replaced, for one of its loaders.
    pub fn variant(&self, name: &str, more: &str) -> PathBuf {
        let config = self.config.with_extension(format!("{name}.toml"));
        fs::write(&config, format!("{more}\n{}", fs::read_to_string(&self.config).unwrap())).unwrap();
        config
    }

    /// Starts a loader with another configuration of the job.
    pub fn start_variant(&self, config: &std::path::Path) -> Loader {
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let mut command = tally();
        command.arg("load").arg("--config").arg(config);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Loader { process: command.spawn().unwrap(), log: self.log.clone() }
    }

    /// Waits until so many messages are done with, whoever does it.
    pub fn wait_for_group(&mut self, messages: i64) {
        let (mut before, mut since) = (self.progress(), Instant::now());
        while before < messages {
            let now = self.progress();
            if now > before {
                (before, since) = (now, Instant::now());
            }
            assert!(since.elapsed() < STUCK, "stuck at {now} messages; see {}", self.log.display());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// How many loaders the partitions belong to.
    pub fn owners(&mut self) -> i64 {
        if !self.has_positions() {
            return 0;
        }
        let sql = "SELECT count(DISTINCT owner) FROM loader.offsets WHERE job = $1";
        self.database.query_one(sql, &[&self.name]).unwrap().get(0)
    }

    /// What the loaders wrote.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Asserts that everything is stored, in order, and is what was produced.
    pub fn assert_complete(&mut self, messages: i64) {
        self.assert_invariant();
        assert_eq!(self.positions(), self.high_watermarks());
        let sql = include_str!("../../sequence.sql").replace("trades", &self.name);
        let row = self.database.query_one(&sql, &[]).unwrap();
        assert_eq!((row.get::<_, i64>("misplaced"), row.get::<_, i64>("series")), (0, 20));
        let sql = format!("SELECT count(*) FROM {}", self.name);
        let rows: i64 = self.database.query_one(&sql, &[]).unwrap().get(0);
        assert_eq!(rows, messages - self.malformed, "only malformed messages are dead letters");
    }

    /// Starts the loader; what it says goes to a log file.
    pub fn start_loader(&self) -> Loader {
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let mut command = tally();
        command.arg("load").arg("--config").arg(&self.config);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Loader { process: command.spawn().unwrap(), log: self.log.clone() }
    }

    /// Messages that are done with, as the stored positions say.
    pub fn progress(&mut self) -> i64 {
        if !self.has_positions() {
            return 0;
        }
        let sql = "SELECT coalesce(sum(next_offset), 0)::bigint FROM loader.offsets WHERE job = $1";
        self.database.query_one(sql, &[&self.name]).unwrap().get(0)
    }

    /// Waits until so many messages are done with.
    pub fn wait_for(&mut self, messages: i64, loader: &mut Loader) {
        let (mut before, mut since) = (self.progress(), Instant::now());
        while before < messages {
            if let Some(status) = loader.process.try_wait().unwrap() {
                panic!("the loader ended by itself ({status}); it wrote to {}", loader.log.display());
            }
            let now = self.progress();
            if now > before {
                (before, since) = (now, Instant::now());
            }
            assert!(since.elapsed() < STUCK, "stuck at {now} messages; see {}", loader.log.display());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Asserts the invariant, in one snapshot; it must hold at every moment.
    pub fn assert_invariant(&mut self) {
        if !self.has_positions() {
            return;
        }
        let views = include_str!("../../views.sql").replace("trades", &self.name);
        self.database.batch_execute(&views).unwrap();
        let ways = include_str!("../../ways.sql").replace("trades", &self.name);
        let mut snapshot = self
            .database
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .start()
            .unwrap();
        let mut violations = snapshot.query(include_str!("../../invariant.sql"), &[]).unwrap();
        violations.extend(snapshot.query(&ways, &[]).unwrap());
        drop(snapshot);
        for row in violations.iter().take(20) {
            let (partition, offset, violation): (i32, i64, String) = (row.get(0), row.get(1), row.get(2));
            println!("partition {partition}, offset {offset}: {violation}");
        }
        assert!(violations.is_empty(), "{} violations of the invariant", violations.len());
    }

    /// The stored position of each partition.
    pub fn positions(&mut self) -> Vec<(i32, i64)> {
        let sql = "SELECT partition, next_offset FROM loader.offsets WHERE job = $1 ORDER BY 1";
        let rows = self.database.query(sql, &[&self.name]).unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// The end of each partition, as the broker says.
    pub fn high_watermarks(&self) -> Vec<(i32, i64)> {
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &self.brokers).create().unwrap();
        let metadata = consumer.fetch_metadata(Some(&self.name), STUCK).unwrap();
        let mut ends: Vec<_> = metadata.topics()[0]
            .partitions()
            .iter()
            .map(|partition| {
                (partition.id(), consumer.fetch_watermarks(&self.name, partition.id(), STUCK).unwrap())
            })
            .map(|(partition, (low, high))| {
                assert_eq!(low, 0, "the topic still has all its messages");
                (partition, high)
            })
            .collect();
        ends.sort_unstable();
        ends
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
            let drop = include_str!("drop.sql").replace("trades", &self.name);
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

/// A running loader; it does not outlive the test.
pub struct Loader {
    process: Child,
    log: PathBuf,
}

impl Loader {
    /// Ends it as a power cut would. It must have been running until then.
    pub fn kill(&mut self) {
        use std::os::unix::process::ExitStatusExt;
        self.process.kill().unwrap();
        let status = self.process.wait().unwrap();
        let log = self.log.display();
        assert_eq!(
            status.signal(),
            Some(Signal::SIGKILL as i32),
            "it had ended by itself ({status}); see {log}"
        );
    }

    /// How much memory it has.
    pub fn resident_kilobytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.process.id() as i32), signal).unwrap();
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }

    /// Asks it to end and waits.
    pub fn terminate(&mut self) -> ExitStatus {
        kill(Pid::from_raw(self.process.id() as i32), Signal::SIGTERM).unwrap();
        self.process.wait().unwrap()
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        // Of no consequence if it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn tally() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tally"))
}

fn environment(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: this test needs KAFKA_BROKERS and DATABASE_URL"))
}

fn configuration(job: &str, database: &str, brokers: &str, batch_rows: u32) -> String {
    include_str!("load.toml")
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
    let output = tally().args(arguments.split(' ')).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success());
    let report = String::from_utf8(output.stdout).unwrap();
    print!("{report}");
    let counts = report.split_once("(malformed: ").unwrap().1.split_once(')').unwrap().0;
    counts.split(", ").map(|count| count.split_once(' ').unwrap().0.parse::<i64>().unwrap()).sum()
}
