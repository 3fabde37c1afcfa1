//! A lane: a consumer, a thread that reads and decodes, and a connection that writes, for some of the partitions.
//!
//! Lanes share nothing but the database, so that one more of them is like one more loader. Inside a lane the order of
//! each partition is kept. When something has changed under it, whatever it is, a lane begins a new session: a new
//! consumer, at the positions and with the definitions that PostgreSQL has by then.

use std::sync::{mpsc as sync, Arc};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::assignment::Assigned;
use super::batch::assembler::Assembler;
use super::circuit_breaker::CircuitBreaker;
use super::exit::Exit;
use super::read::change::Changes;
use super::read::end::EndOffsets;
use super::read::identity::TopicIdentity;
use super::read::order::{Order, StoredOffsets};
use super::read::watchdog::Watchdog;
use super::read::LaneReader;
use super::start::restart;
use super::write::{OffsetLedger, Superseded};
use crate::config::{Config, Mode};
use crate::kafka::{self, Partition, Prefetch, Queue, Watermarks};
use crate::observe;
use crate::pg;
use crate::stop::Stop;
use crate::store::backoff::Backoff;
use crate::store::lock_watch;
use crate::store::writer::{Outcome, Writer};
use crate::{ErrorKind, Failure};

/// A batch that was stored.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// Messages of the batch.
    pub messages: usize,
    /// How many of them are dead letters.
    pub dead_letters: usize,
}

/// What a lane needs to run.
pub struct Lane {
    /// The number of the lane.
    pub number: usize,
    /// The configuration.
    pub config: Arc<Config>,
    /// The newest known ends of partitions.
    pub watermarks: Watermarks,
    /// The partitions, if they are fixed, and the topics.
    pub assigned: Assigned,
    /// Where to end, if it does, and whether exactly there.
    pub end: Option<(EndOffsets, bool)>,
    /// Partitions that were added to the topics.
    pub added: sync::Receiver<Partition>,
    /// Which topics are read.
    pub breaker: CircuitBreaker,
    /// Receives a report of each stored batch.
    pub reports: mpsc::UnboundedSender<Report>,
    /// How many messages are fetched ahead.
    pub prefetch: Prefetch,
    /// When to stop.
    pub stop: Stop,
}

impl Lane {
    /// Runs until the end, or until told to stop.
    pub async fn run(mut self) -> Result<(), Failure> {
        let config = self.config.clone();
        let connector = pg::connector(&config.database, &config.job)?;
        let client = connector.connect().await.map_err(|error| connector.failure(&error))?;
        let mut writer = Writer::new(connector, client, self.stop.clone());
        let mut ledger = OffsetLedger::new(&config, &self.assigned, self.watermarks.clone());
        let mut backoff = Backoff::default();
        let mut begin = Instant::now();
        loop {
            match self.session(&mut writer, &mut ledger).await {
                Exit::Ended => return Ok(()),
                Exit::Failed(failure) => return Err(failure),
                Exit::Again(reason) => {
                    tracing::warn!(lane = self.number, reason, "starting again");
                    observe::lane_restarted();
                    if begin.elapsed() > Duration::from_secs(60) {
                        backoff = Backoff::default();
                    }
                    begin = Instant::now();
                    if !self.prepare_again((&mut writer, &mut ledger), &mut backoff).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Reads and writes until one of the sides ends.
    async fn session(&mut self, writer: &mut Writer, ledger: &mut OffsetLedger<'_>) -> Exit {
        let opened = self.open();
        let (consumer, assembler) = match opened {
            Ok(opened) => opened,
            Err(failure) => return Exit::Failed(failure),
        };
        let (out, mut orders) = mpsc::channel(1);
        let stored = StoredOffsets::default();
        // The reader's thread has it for the length of the session.
        let (_, nothing) = sync::channel();
        let added = std::mem::replace(&mut self.added, nothing);
        let reader = {
            let (config, watermarks, stop) =
                (self.config.clone(), self.watermarks.clone(), self.stop.clone());
            let (breaker, partitions) = (self.breaker.clone(), self.assigned.partitions.clone());
            let prefetch = self.prefetch.clone();
            let (end, stored, runtime) = (self.end.clone(), stored.clone(), Handle::current());
            let span = tracing::Span::current();
            thread::spawn(move || {
                let _job = span.entered();
                let mut reader = LaneReader {
                    config: &config,
                    consumer: &consumer,
                    queue: Queue::new(&consumer, prefetch),
                    watermarks: &watermarks,
                    assembler,
                    breaker,
                    end,
                    changes: Changes { added: &added, current: None },
                    identity: TopicIdentity::default(),
                    watchdog: Watchdog::new(Duration::from_millis(config.watchdog_ms)),
                    stored,
                    stop,
                    out,
                    runtime,
                    ticked: Instant::now(),
                    paused: None,
                };
                let exit = reader.read(&partitions);
                let unanswered = reader.changes.current.take().and_then(|change| change.group);
                drop(reader);
                kafka::close(consumer, unanswered.as_ref());
                (exit, added)
            })
        };
        let written = self.write(writer, ledger, &mut orders, &stored).await;
        drop(orders); // a reader that waits for room goes home
        let joined = tokio::task::spawn_blocking(move || reader.join()).await;
        match joined {
            Ok(Ok((exit, added))) => {
                self.added = added;
                written.and(exit)
            }
            _ => Exit::Failed(Failure::new("the reading thread panicked")),
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
    ) -> Exit {
        while let Some(order) = orders.recv().await {
            match order {
                Order::Store(batch) => match writer.store(ledger, &batch).await {
                    Ok(Outcome::Stored(report)) => {
                        stored.note(&batch);
                        let dead_letters = report.num_dead_letters();
                        self.breaker.note(&self.config, &report);
                        // Fails only if the run is over.
                        let _ = self.reports.send(Report { messages: batch.messages, dead_letters });
                        if let (true, Some(failure)) =
                            (self.breaker.is_all_open(), self.breaker.failure(&self.config))
                        {
                            return Exit::Failed(failure);
                        }
                    }
                    Ok(Outcome::Stopped) => return Exit::Ended,
                    Ok(Outcome::NotStored(Superseded::Stale)) => {
                        return Exit::Again("a table was changed".into());
                    }
                    Ok(Outcome::NotStored(Superseded::Fenced)) => return self.fenced(),
                    Err(failure) => return Exit::Failed(failure),
                },
                Order::Claim(partitions, answer) => match ledger.claim(writer, &partitions).await {
                    Ok(Some(claimed)) => {
                        let _ = answer.send(claimed); // fails if the reading side has ended, which says itself why
                    }
                    Ok(None) => return Exit::Ended,
                    Err(failure) => return Exit::Failed(failure),
                },
                Order::Flush(answer) => {
                    let _ = answer.send(());
                }
            }
        }
        Exit::Ended
    }

    fn fenced(&self) -> Exit {
        match self.config.mode {
            Mode::Subscribe => Exit::Again("a partition was claimed by another loader".into()),
            Mode::Assign => Exit::Failed(
                Failure::new("the positions in loader.offsets were moved by someone else")
                    .at(format!("job {:?}", self.config.job))
                    .mend("let each partition be loaded by one loader of the job; the one that started last goes on"),
            ),
        }
    }

    /// Asks Kafka and PostgreSQL for the current state; returns false if the run was told to stop.
    async fn prepare_again(
        &mut self,
        (writer, ledger): (&mut Writer, &mut OffsetLedger<'_>),
        backoff: &mut Backoff,
    ) -> Result<bool, Failure> {
        loop {
            if !backoff.unless_stopped(&mut self.stop).await {
                return Ok(false);
            }
            match self.try_again(writer, ledger).await {
                Ok(()) => return Ok(true),
                Err(failure) if failure.kind() != ErrorKind::Retry => return Err(failure),
                Err(failure) => tracing::warn!(lane = self.number, reason = %failure, "not yet"),
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
            if let Exit::Failed(failure) = self.fenced() {
                return Err(failure);
            }
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
