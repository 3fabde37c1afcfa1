//! A lane: a consumer, a thread that reads and decodes, and a connection that writes, for some of the partitions.
//!
//! Lanes share nothing but the database, so that one more of them is like one more loader. Inside a lane the order of
//! each partition is kept. Whatever changes under a lane, it answers with a new session: a new consumer, at the
//! positions and with the definitions that PostgreSQL has by then.

use std::sync::{mpsc as sync, Arc};
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use tally_postgres::{ErrorKind, Failure};
use tally_program::Stop;
use tally_rows::config::{Config, Mode};
use tokio::sync::mpsc;

use super::assignment::Assigned;
use super::batch::assembler::Assembler;
use super::circuit_breaker::CircuitBreaker;
use super::read::end::EndOffsets;
use super::read::order::{Order, StoredOffsets};
use super::read::thread::{ReaderSetup, ReaderThread};
use super::start::restart;
use super::write::{fenced, OffsetLedger};
use crate::exit::{unless_failed, Exit};
use crate::kafka::{self, Partition, Prefetch, Watermarks};
use crate::observe;
use crate::pg;
use crate::store::backoff::Backoff;
use crate::store::lock_watch;
use crate::store::writer::Writer;

/// A batch that was stored.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// Messages of the batch.
    pub messages: usize,
    /// Messages stored as dead letters.
    pub dead_letters: usize,
}

/// A lane of a run, before it begins.
pub struct Lane {
    /// The number of the lane.
    pub number: usize,
    /// The configuration.
    pub config: Arc<Config>,
    /// The latest known high watermarks.
    pub watermarks: Watermarks,
    /// The partitions, if they are fixed, and the topics.
    pub assigned: Assigned,
    /// The offsets to end at, if the run ends.
    pub end: Option<EndOffsets>,
    /// Partitions that were added to the topics.
    pub added: sync::Receiver<Partition>,
    /// The topics that are still read.
    pub breaker: CircuitBreaker,
    /// Receives a report of each stored batch.
    pub reports: mpsc::UnboundedSender<Report>,
    /// The number of messages to fetch ahead.
    pub prefetch: Prefetch,
    /// The request to stop.
    pub stop: Stop,
}

impl Lane {
    /// Runs until the end, or until told to stop.
    pub async fn run(self) -> Result<(), Failure> {
        unless_failed(self.run_sessions().await)
    }

    async fn run_sessions(mut self) -> Result<(), Exit> {
        let config = self.config.clone();
        let connector = pg::connector(&config.database, &config.job)?;
        let client = connector.connect().await.map_err(|error| connector.failure(&error))?;
        let mut writer = Writer::new(connector, client, self.stop.clone());
        let mut ledger = OffsetLedger::new(&config, &self.assigned, self.watermarks.clone());
        let mut backoff = Backoff::default();
        let mut begin = Instant::now();
        loop {
            match self.session(&mut writer, &mut ledger).await {
                Err(Exit::Failed(failure)) if failure.kind() == ErrorKind::Retry => {
                    tracing::warn!(lane = self.number, reason = failure.to_string(), "starting again");
                    observe::lane_restarted();
                    if begin.elapsed() > Duration::from_secs(60) {
                        backoff = Backoff::default();
                    }
                    begin = Instant::now();
                    self.prepare_again((&mut writer, &mut ledger), &mut backoff).await?;
                }
                ended => return ended,
            }
        }
    }

    /// Reads and writes until one of the sides ends; an error of kind `Retry` asks for another session.
    async fn session(&mut self, writer: &mut Writer, ledger: &mut OffsetLedger<'_>) -> Result<(), Exit> {
        let (consumer, assembler) = self.open()?;
        let (out, mut orders) = mpsc::channel(1);
        let stored = StoredOffsets::default();
        let setup = ReaderSetup {
            config: self.config.clone(),
            watermarks: self.watermarks.clone(),
            assembler,
            prefetch: self.prefetch.clone(),
            breaker: self.breaker.clone(),
            end: self.end.clone(),
            stored: stored.clone(),
            stop: self.stop.clone(),
            out,
        };
        // Lent to the reader's thread for the session.
        let (_, nothing) = sync::channel();
        let added = std::mem::replace(&mut self.added, nothing);
        let reader = ReaderThread::spawn(setup, consumer, self.assigned.partitions.clone(), added);
        let written = self.write(writer, ledger, &mut orders, &stored).await;
        drop(orders); // a reader that waits for room gives up
        let (read, added) = reader.join().await?;
        self.added = added;
        match (written, read) {
            (Err(Exit::Failed(written)), Err(read)) => Err(graver(written, read).into()),
            (written, read) => {
                read?;
                written
            }
        }
    }

    fn open(&self) -> Result<(kafka::JobConsumer, Assembler), Failure> {
        let Self { config, assigned, .. } = self;
        let consumer = kafka::consumer(config, self.watermarks.clone(), self.number, &self.prefetch)?;
        let assembler = Assembler::new(assigned, config)?;
        if config.mode == Mode::Subscribe {
            let topics: Vec<&str> = config.topics.iter().map(|topic| topic.name.as_str()).collect();
            consumer.subscribe(&topics).map_err(|e| Failure::new(e).at("subscribing to the topics"))?;
        }
        Ok((consumer, assembler))
    }

    /// The writing side: does what the reading side asks for, until it has ended.
    async fn write(
        &self,
        writer: &mut Writer,
        ledger: &mut OffsetLedger<'_>,
        orders: &mut mpsc::Receiver<Order>,
        stored: &StoredOffsets,
    ) -> Result<(), Exit> {
        while let Some(order) = orders.recv().await {
            // Sending an answer fails only if its receiver has ended, which reports the reason itself.
            match order {
                Order::Store(batch) => {
                    let report = writer.store(ledger, &batch).await?;
                    stored.note(&batch);
                    let dead_letters = report.num_dead_letters();
                    self.breaker.note(&self.config, &report);
                    let _ = self.reports.send(Report { messages: batch.messages, dead_letters });
                    if self.breaker.is_all_open() {
                        self.breaker.failure(&self.config).map_or(Ok(()), Err)?;
                    }
                }
                Order::Claim(partitions, answer) => {
                    let _ = answer.send(ledger.claim(writer, &partitions).await?);
                }
                Order::Flush(answer) => {
                    let _ = answer.send(());
                }
            }
        }
        Ok(())
    }

    /// Asks Kafka and PostgreSQL for the current state, until both have answered.
    async fn prepare_again(
        &mut self,
        (writer, ledger): (&mut Writer, &mut OffsetLedger<'_>),
        backoff: &mut Backoff,
    ) -> Result<(), Exit> {
        loop {
            backoff.pause(&mut self.stop).await?;
            match self.try_again(writer, ledger).await {
                Err(failure) if failure.kind() == ErrorKind::Retry => {
                    tracing::warn!(lane = self.number, reason = %failure, "not yet");
                }
                prepared => return Ok(prepared?),
            }
        }
    }

    async fn try_again(&mut self, writer: &mut Writer, ledger: &mut OffsetLedger<'_>) -> Result<(), Failure> {
        let claims: Vec<_> = match self.config.mode {
            Mode::Assign => ledger.positions().claims().collect(),
            // The group assigns them again.
            Mode::Subscribe => Vec::new(),
        };
        let metadata_client = kafka::metadata_client(&self.config)?;
        let (config, asked) = (self.config.clone(), claims.clone());
        let partitions = tokio::task::spawn_blocking(move || {
            let partition = |((topic, number), _): &((usize, i32), i64)| {
                kafka::partition(&metadata_client, &config.topics[*topic], *number)
            };
            asked.iter().map(partition).collect::<Result<Vec<_>, _>>()
        });
        let partitions = partitions.await.map_err(|e| Failure::new(e).of_kind(ErrorKind::Retry))?;
        let partitions = partitions.map_err(|failure| failure.of_kind(ErrorKind::Retry))?;
        let epochs: Vec<i64> = claims.iter().map(|(_, epoch)| *epoch).collect();
        let connector = writer.connector().clone();
        let client = writer.client().await.map_err(|e| pg::failure("database", &e))?;
        let restart = restart(client, &self.config, &partitions, &epochs);
        let assigned = lock_watch::watch(&connector, restart).await?;
        if assigned.partitions.len() < partitions.len() {
            return Err(fenced(&self.config));
        }
        if self.config.mode == Mode::Subscribe {
            for ((topic, number), _) in ledger.positions().claims() {
                observe::released(&self.config.topics[topic].name, number);
            }
        }
        ledger.reset(&assigned, self.watermarks.clone());
        self.assigned = assigned;
        Ok(())
    }
}

/// Returns that of both sides' errors which ends the run, or else the writing side's.
fn graver(written: Failure, read: Failure) -> Failure {
    match (written.kind(), read.kind()) {
        (ErrorKind::Retry, ErrorKind::Reject | ErrorKind::Fatal) => read,
        _ => written,
    }
}
