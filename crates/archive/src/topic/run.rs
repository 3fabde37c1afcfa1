//! `tally archive topics`: archives what the topics have, partition by partition.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;
use tally_objects::Address;
use tally_postgres::{ErrorKind, Failure};
use tally_program::Stop;
use tokio::sync::mpsc;
use tokio_postgres::Client;

use super::chunk::{Chunk, HourObject};
use super::ledger::{self, PartitionKey};
use super::source::{MessageSource, SourcePartition};
use super::step;
use crate::alarm::Alarm;
use crate::every::{duration, repeat};

/// Archive topics: every message as a line of JSON, in compressed objects by the hour of its timestamp.
#[derive(Debug, Clone, clap::Args)]
pub struct TopicsArgs {
    /// Configuration file of the loader (TOML): its brokers, database and topics
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Archive under another name, with positions of its own
    #[arg(long, value_name = "NAME")]
    pub job: Option<String>,
    /// Archive only this topic of the configuration; may be repeated
    #[arg(long = "topic", value_name = "NAME")]
    pub topics: Vec<String>,
    /// Directory, or address such as s3://bucket/name
    #[arg(long, value_name = "PLACE")]
    to: String,
    /// Go on, and look again after this time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    every: Option<SignedDuration>,
}

/// Messages, objects and bytes that a run has archived.
#[derive(Default)]
struct MessageCounts {
    messages: i64,
    objects: usize,
    bytes: usize,
}

/// Runs the command, once or until it is stopped.
pub async fn run(source: Arc<dyn MessageSource>, args: TopicsArgs) -> Result<(), Failure> {
    let alarm = Alarm::read(&args.config, "tally archive topics", source.job())?;
    repeat(args.every, alarm, async |stop| once(&source, &args.to, stop).await).await
}

async fn once(source: &Arc<dyn MessageSource>, to: &str, stop: &Stop) -> Result<(), Failure> {
    let place = Address::of_place(to)?;
    let connector = source.connector()?;
    let mut client = connector.connect().await.map_err(|e| connector.failure(&e))?;
    ledger::ensure(&mut client).await?;
    let partitions = source.partitions()?;
    let topics: BTreeSet<&str> = partitions.iter().map(|partition| partition.topic.as_str()).collect();
    for topic in topics {
        ledger::claim(&client, source.job(), topic).await?;
    }
    let mut archive = TopicArchive { source, place, client, stop, counts: MessageCounts::default() };
    for partition in partitions {
        if stop.is_requested() {
            break;
        }
        archive.partition(partition).await?;
    }
    let MessageCounts { messages, objects, bytes } = archive.counts;
    println!("archived {messages} messages in {objects} objects of {bytes} bytes");
    Ok(())
}

/// A pass over the partitions.
struct TopicArchive<'a> {
    source: &'a Arc<dyn MessageSource>,
    place: Address,
    client: Client,
    stop: &'a Stop,
    counts: MessageCounts,
}

impl TopicArchive<'_> {
    /// Archives what a partition has.
    async fn partition(&mut self, partition: SourcePartition) -> Result<(), Failure> {
        let source = self.source.clone();
        let key = PartitionKey { job: source.job(), topic: &partition.topic, number: partition.number };
        let position = ledger::position(&self.client, key.job, &partition, &self.place.to_string()).await?;
        if position.url != self.place.to_string() {
            return Err(Failure::usage(format!("topic is archived to {}", position.url))
                .at(key)
                .mend("use that for --to, or archive under another --job"));
        }
        check_identity(key, position.topic_id.as_deref(), &partition)?;
        let mut next = position.next;
        let planned = ledger::planned(&self.client, key).await?;
        let (there, missing) = step::found(&self.place, &planned)?;
        let range = planned.first().map(|object| object.range);
        if let (Some((from, to)), true) = (range, missing.is_empty()) {
            ledger::verified(&mut self.client, key, from, (next, to.max(next))).await?;
            next = next.max(to);
        }
        next = self.check_reach(key, next, &partition).await?;
        if let (Some((from, to)), false) = (range, missing.is_empty()) {
            // A chunk keeps its range, and so its objects keep their names.
            let Some(chunk) = self.read_chunk(&partition, from, (next, to))? else { return Ok(()) };
            let objects = step::left(chunk.pack(&partition)?, &there, &missing)?;
            step::store(&mut self.client, key, &self.place, (from, to), next, &objects).await?;
            self.count(&objects);
            next = next.max(to);
        }
        self.read_on(key, &partition, next).await
    }

    /// Fails if the broker does not have the position; returns it, or where to go on if messages may be passed over.
    async fn check_reach(
        &mut self,
        key: PartitionKey<'_>,
        next: i64,
        partition: &SourcePartition,
    ) -> Result<i64, Failure> {
        let SourcePartition { low, high, .. } = *partition;
        if next > high {
            return Err(Failure::new(format!(
                "offset {next} comes next, but the broker ends at {high}: the topic was recreated"
            ))
            .at(key)
            .mend("archive it under another --job, to another place"));
        }
        if next >= low {
            return Ok(next);
        }
        if !partition.skips_gaps {
            return Err(Failure::new(format!(
                "offset {next} comes next, but the broker's oldest is {low}: retention removed the ones between"
            ))
            .at(key)
            .mend("set `on_gap = \"skip\"` for the topic to go on with the oldest"));
        }
        tracing::warn!(
            topic = key.topic,
            partition = key.number,
            from = next,
            to = low,
            "retention removed messages"
        );
        ledger::skip(&mut self.client, key, (next, low)).await?;
        Ok(low)
    }

    /// Reads the chunk of a range again; none if a stop is requested meanwhile.
    fn read_chunk(
        &self,
        partition: &SourcePartition,
        from: i64,
        (next, to): (i64, i64),
    ) -> Result<Option<Chunk>, Failure> {
        let mut chunk = Chunk::new(from);
        if next >= to {
            return Ok(Some(chunk));
        }
        let end = self.source.read(partition, next, to, self.stop, &mut |record, clock| {
            chunk.push(record, clock);
            true
        })?;
        Ok(end.map(|_| chunk))
    }

    /// Reads a partition to the end that it had, on a thread of its own, and stores chunk after chunk.
    async fn read_on(
        &mut self,
        key: PartitionKey<'_>,
        partition: &SourcePartition,
        mut next: i64,
    ) -> Result<(), Failure> {
        if next >= partition.high {
            return Ok(());
        }
        let (out, mut chunks) = mpsc::channel::<Chunk>(1);
        let (source, stop, of) = (self.source.clone(), self.stop.clone(), partition.clone());
        let reading = tokio::task::spawn_blocking(move || read_chunks(&*source, &of, next, &stop, &out));
        while let Some(chunk) = chunks.recv().await {
            let now = self.source.partition(key.topic, key.number)?;
            check_identity(key, partition.topic_id.as_deref(), &now)?;
            let range = (chunk.from, chunk.to);
            let objects = chunk.pack(partition)?;
            step::store(&mut self.client, key, &self.place, range, next, &objects).await?;
            self.count(&objects);
            next = range.1;
        }
        drop(chunks);
        reading.await.map_err(|_| Failure::new("the reading thread panicked"))?
    }

    fn count(&mut self, objects: &[HourObject]) {
        self.counts.objects += objects.len();
        for object in objects {
            self.counts.messages += object.messages;
            self.counts.bytes += object.file.len();
        }
    }
}

/// Fails if a topic is not the one that it was.
fn check_identity(
    key: PartitionKey<'_>,
    known: Option<&str>,
    partition: &SourcePartition,
) -> Result<(), Failure> {
    match (known, &partition.topic_id) {
        (Some(known), Some(found)) if known != found => {
            Err(Failure::new(format!("the topic was recreated: its id was {known} and is {found}"))
                .of_kind(ErrorKind::Fatal)
                .at(key)
                .mend("archive it under another --job; its objects have names of their own"))
        }
        _ => Ok(()),
    }
}

/// Reads a partition to the end that it had, and sends its chunks; what is left when the run stops is read again.
fn read_chunks(
    source: &dyn MessageSource,
    partition: &SourcePartition,
    from: i64,
    stop: &Stop,
    out: &mpsc::Sender<Chunk>,
) -> Result<(), Failure> {
    let mut chunk = Chunk::new(from);
    let end = source.read(partition, from, partition.high, stop, &mut |record, clock| {
        chunk.push(record, clock);
        if !chunk.is_full() {
            return true;
        }
        let full = std::mem::replace(&mut chunk, Chunk::new(record.offset + 1));
        out.blocking_send(full).is_ok()
    })?;
    if let Some(end) = end {
        // After the last message there may be offsets of transaction markers.
        chunk.to = chunk.to.max(end);
        if chunk.to > chunk.from {
            // Fails only if the other side has ended, which says why.
            let _ = out.blocking_send(chunk);
        }
    }
    Ok(())
}
