//! `tally-market broker`: a Kafka broker in its own process, for the demo and for tests.
//!
//! The broker is librdkafka's mock cluster: it speaks the protocol over TCP, but keeps everything in memory, at most 5
//! MiB per partition, and drops the oldest messages beyond that.

use std::io::{Read, Write};

use rdkafka::mocking::MockCluster;
use tally_postgres::Failure;

/// Host a small in-memory Kafka broker, print its address and run until standard input ends.
#[derive(Debug, clap::Args)]
pub struct BrokerArgs {
    /// A topic to create and its number of partitions, such as trades:24; may be repeated
    #[arg(long = "topic", value_name = "NAME:PARTITIONS", value_parser = topic)]
    topics: Vec<(String, i32)>,
}

/// Runs the command.
pub fn run(args: BrokerArgs) -> Result<(), Failure> {
    let failure = |error| Failure::new(error).at("embedded broker");
    let cluster = MockCluster::new(1).map_err(failure)?;
    for (topic, partitions) in &args.topics {
        cluster.create_topic(topic, *partitions, 1).map_err(failure)?;
    }
    let mut out = std::io::stdout();
    let announced = writeln!(out, "{}", cluster.bootstrap_servers()).and_then(|()| out.flush());
    announced.map_err(|error| Failure::new(error).at("standard output"))?;
    // The process that started the broker holds the other end: when that process ends, in any way, so does the broker.
    std::io::copy(&mut std::io::stdin().lock().by_ref(), &mut std::io::sink())
        .map_err(|error| Failure::new(error).at("standard input"))?;
    Ok(())
}

fn topic(text: &str) -> Result<(String, i32), String> {
    let (name, partitions) = text.rsplit_once(':').ok_or("expected NAME:PARTITIONS")?;
    match partitions.parse() {
        Ok(partitions @ 1..) if !name.is_empty() => Ok((name.into(), partitions)),
        _ => Err("expected NAME:PARTITIONS, with at least one partition".into()),
    }
}
