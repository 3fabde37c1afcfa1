//! The reading side: polls Kafka and hands over closed batches. Runs on a thread of its own.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use tokio::sync::mpsc;

use super::assembler::{Assembler, Taken};
use super::batch::Batch;
use super::originals::headers;
use super::start::AssignedPartition;
use super::stop::Stop;
use crate::decode::Record;
use crate::failure::Failure;
use crate::kafka::JobConsumer;

/// How long a poll waits at most, and so how soon a stop is noticed.
const POLL: Duration = Duration::from_millis(50);

/// How long the schema registry is left alone when it does not answer.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How long a run waits for offsets that may have no message: transactions leave markers at the end.
const QUIET: Duration = Duration::from_secs(3);

/// Reads until told to stop, or until `end`, and sends the batches to `out`.
pub fn read(
    consumer: &JobConsumer,
    mut assembler: Assembler,
    mut end: Option<End>,
    stop: &Stop,
    out: &mpsc::Sender<Batch>,
) -> Result<(), Failure> {
    let hand_over = |assembler: &mut Assembler| {
        if let Some(batch) = assembler.close() {
            let _ = out.blocking_send(batch); // fails only if the channel is closed
        }
    };
    let reached =
        |end: &mut Option<End>, assembler: &Assembler| end.as_mut().is_some_and(|e| e.reached(assembler));
    let mut done = reached(&mut end, &assembler);
    // A writer that has ended closes the channel, and says itself why.
    while !done && !stop.is_requested() && !out.is_closed() {
        // Only where no message is at hand is it worth looking at the clock.
        let polled = consumer.poll(Duration::ZERO);
        let idle = polled.is_none();
        let wait = || assembler.patience().map_or(POLL, |patience| patience.min(POLL));
        match polled.or_else(|| consumer.poll(wait())) {
            Some(Ok(message)) => {
                let record = Record {
                    topic: message.topic(),
                    partition: message.partition(),
                    offset: message.offset(),
                    timestamp: message.timestamp().to_millis(),
                    key: message.key(),
                    value: message.payload(),
                };
                let headers = headers(&message);
                let mut pause = FIRST_PAUSE;
                loop {
                    match assembler.take(&record, headers.clone())? {
                        Taken::Yes => break,
                        Taken::AfterHandOver => hand_over(&mut assembler),
                        Taken::Later(reason) => {
                            tracing::warn!(reason, "waiting for a schema");
                            hand_over(&mut assembler);
                            if !wait_out(pause, stop, out) {
                                return Ok(());
                            }
                            pause = (2 * pause).min(LONGEST_PAUSE);
                        }
                    }
                }
                if let Some(end) = &mut end {
                    end.note_message(record.partition);
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                if let Some(end) = &mut end {
                    end.note_eof(partition);
                }
                done = reached(&mut end, &assembler);
            }
            Some(Err(error)) => judge(&error)?,
            None => done = reached(&mut end, &assembler),
        }
        if assembler.is_full() || (idle && assembler.patience() == Some(Duration::ZERO)) {
            hand_over(&mut assembler);
            done = reached(&mut end, &assembler);
        }
    }
    hand_over(&mut assembler);
    Ok(())
}

/// Waits, but not beyond the end of the run; says whether that goes on.
fn wait_out(pause: Duration, stop: &Stop, out: &mpsc::Sender<Batch>) -> bool {
    let until = Instant::now() + pause;
    while Instant::now() < until {
        if stop.is_requested() || out.is_closed() {
            return false;
        }
        std::thread::sleep(POLL);
    }
    true
}

/// Where a run ends: every partition at the high watermark that it had at the start.
pub struct End {
    short: Vec<AssignedPartition>,
    /// The partition numbers, of any topic, that had nothing more to give.
    exhausted: HashSet<i32>,
    /// Since when no message has come.
    quiet_since: Option<Instant>,
}

impl End {
    /// The end of these partitions.
    pub fn new(partitions: &[AssignedPartition]) -> Self {
        Self { short: partitions.to_vec(), exhausted: HashSet::new(), quiet_since: None }
    }

    fn note_message(&mut self, partition: i32) {
        self.exhausted.remove(&partition);
        self.quiet_since = None;
    }

    fn note_eof(&mut self, partition: i32) {
        self.exhausted.insert(partition);
    }

    fn reached(&mut self, assembler: &Assembler) -> bool {
        self.short.retain(|p| assembler.next(p.topic, p.number) < p.high);
        let quiet = self.quiet_since.get_or_insert_with(Instant::now).elapsed() > QUIET;
        self.short.is_empty() || (quiet && self.short.iter().all(|p| self.exhausted.contains(&p.number)))
    }
}

/// Whether an error that the client reports ends the run; most of them it mends by itself.
fn judge(error: &KafkaError) -> Result<(), Failure> {
    use RDKafkaErrorCode::*;
    let (KafkaError::MessageConsumption(code) | KafkaError::MessageConsumptionFatal(code)) = error else {
        tracing::warn!(%error, "Kafka");
        return Ok(());
    };
    let failure = |mend: &str| Err(Failure::new(error).at("reading from Kafka").mend(mend));
    match code {
        AutoOffsetReset | OffsetOutOfRange => failure(
            "the topic's retention passed the stored position or the topic was made anew; \
             set next_offset in loader.offsets by hand to go on",
        ),
        UnknownTopic | UnknownTopicOrPartition | UnknownPartition => {
            failure("a topic was deleted; create it, or remove it")
        }
        TopicAuthorizationFailed | GroupAuthorizationFailed | SaslAuthenticationFailed => {
            failure("give the loader's Kafka user the right to read")
        }
        _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => failure("restart the loader"),
        _ => {
            tracing::warn!(%error, "Kafka is in trouble; the client goes on trying");
            Ok(())
        }
    }
}
