//! `tally-market simulate` against the embedded broker, as processes of their own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

const MESSAGES: usize = 20_000;
const PARTITIONS: i32 = 4;

/// A broker that ends with the test.
struct Broker {
    process: Child,
    address: String,
}

impl Broker {
    fn start(topics: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tally-market"));
        command.arg("broker").args(topics.iter().flat_map(|topic| ["--topic", topic]));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { process, address: address.trim_end().to_owned() }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Closes its standard input first, which is how a broker is told that nobody needs it any more.
        assert!(self.process.wait().unwrap().success());
    }
}

fn simulate(brokers: &str, more: &str) -> Output {
    let arguments = format!("simulate --brokers {brokers} {more}");
    Command::new(env!("CARGO_BIN_EXE_tally-market")).args(arguments.split(' ')).output().unwrap()
}

/// Partition, key and value of a message.
type Placed = (i32, Option<Vec<u8>>, Option<Vec<u8>>);

/// All messages of a topic, each partition in order.
fn messages(brokers: &str, topic: &str) -> Vec<Placed> {
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", brokers).set("group.id", "unused").create().unwrap();
    let mut all = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        all.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&all).unwrap();
    let mut messages: Vec<_> = std::iter::from_fn(|| consumer.poll(Duration::from_secs(10)))
        .take(MESSAGES)
        .map(|message| message.unwrap().detach())
        .map(|message| (message.partition(), message.key().map(Vec::from), message.payload().map(Vec::from)))
        .collect();
    // Stable, so that the order within a partition stays.
    messages.sort_by_key(|(partition, ..)| *partition);
    messages
}

#[test]
fn a_seed_produces_the_same_messages_again() {
    let broker = Broker::start(&["a:4", "b:4"]);
    for topic in ["a", "b"] {
        let more = format!("--topic {topic} --partitions 4 --count {MESSAGES} --malformed 0.01");
        let output = simulate(&broker.address, &more);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        assert!(output.stdout.starts_with(b"produced 20000 messages (malformed: "), "{output:?}");
    }
    let (a, b) = (messages(&broker.address, "a"), messages(&broker.address, "b"));
    assert_eq!(a.len(), MESSAGES);
    assert!(a == b);
    assert!(a.iter().any(|(_, _, value)| value.is_none()), "Kafka's null value is not an empty one");
    let places: std::collections::BTreeSet<_> =
        a.iter().map(|(partition, key, _)| (key, partition)).collect();
    assert_eq!(places.len(), 20, "each of 20 keys has one partition");
}

#[test]
fn what_cannot_be_done_is_said_in_one_line() {
    let broker = Broker::start(&["a:4"]);
    for (brokers, more, says) in [
        (&broker.address, "--topic a --partitions 5", "has 4 partitions, not 5"),
        (&"127.0.0.1:1".to_owned(), "--count 5", "127.0.0.1:1"),
    ] {
        let output = simulate(brokers, more);
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(line.contains(says) && line.trim_end().lines().count() == 1, "{line}");
    }
}
