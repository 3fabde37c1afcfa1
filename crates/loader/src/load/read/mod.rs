//! The reading side of a lane: polls Kafka, has messages decoded, and hands over closed batches. Runs on a thread of
//! its own.

mod change;
pub mod discovery;
pub mod end;
mod identity;
pub mod order;
pub mod thread;
mod watchdog;

use std::collections::BTreeSet;
use std::sync::{mpsc as sync, Arc};
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tally_postgres::{ErrorKind, Failure};
use tally_program::Stop;
use tally_rows::config::{Config, Mode};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::exit::{unless_failed, Exit};
use crate::kafka::{
    self, is_too_large, judge, too_large, GroupChange, JobConsumer, Message, Partition, Queue, Watermarks,
};
use crate::load::assignment::AssignedPartition;
use crate::load::batch::assembler::Assembler;
use crate::load::circuit_breaker::CircuitBreaker;
use crate::store::backoff::Backoff;
use change::Changes;
use end::EndOffsets;
use identity::TopicIdentity;
use order::{Order, StoredOffsets};
use thread::ReaderSetup;
use watchdog::Watchdog;

/// The longest wait of a poll, and so the time within which a stop is noticed.
const POLL: Duration = Duration::from_millis(50);

/// Time to wait for room in the writer before pausing the partitions.
const ROOM: Duration = Duration::from_secs(1);

/// The largest number of polls for events that are no messages, in a row.
const SERVED: usize = 32;

/// The interval of the periodic checks.
const TICK: Duration = Duration::from_secs(1);

/// The reading side of a lane.
pub struct LaneReader<'a> {
    config: Arc<Config>,
    consumer: &'a JobConsumer,
    /// Messages of the consumer.
    queue: Queue<'a>,
    watermarks: Watermarks,
    assembler: Assembler,
    breaker: CircuitBreaker,
    /// The offsets to end at, if the run ends.
    end: Option<EndOffsets>,
    changes: Changes<'a>,
    identity: TopicIdentity,
    watchdog: Option<Watchdog>,
    stored: StoredOffsets,
    stop: Stop,
    /// The channel to the writing side.
    out: mpsc::Sender<Order>,
    /// The runtime of the writing side.
    runtime: Handle,
    ticked: Instant,
    /// The partitions that are paused because the writer has no room, or a schema cannot be had.
    paused: Option<TopicPartitionList>,
}

impl<'a> LaneReader<'a> {
    /// A reader that has not read anything; `added` receives partitions that are added to the topics.
    fn new(
        setup: ReaderSetup,
        consumer: &'a JobConsumer,
        added: &'a sync::Receiver<Partition>,
        runtime: Handle,
    ) -> Self {
        let ReaderSetup { config, watermarks, assembler, breaker, end, stored, stop, out, prefetch } = setup;
        Self {
            consumer,
            queue: Queue::new(consumer, prefetch),
            watermarks,
            assembler,
            breaker,
            end,
            changes: Changes::new(added),
            identity: TopicIdentity::default(),
            watchdog: Watchdog::new(Duration::from_millis(config.watchdog_ms)),
            config,
            stored,
            stop,
            out,
            runtime,
            ticked: Instant::now(),
            paused: None,
        }
    }

    /// The group's change that the reader has not answered, if there is one.
    fn into_unanswered(self) -> Option<GroupChange> {
        self.changes.into_unanswered()
    }

    /// Assigns partitions to the consumer, each from its position.
    fn assign(&mut self, partitions: &[AssignedPartition]) -> Result<(), Failure> {
        self.identity.note(partitions);
        let name = |topic: usize| self.config.topics[topic].name.as_str();
        let positions = partitions.iter().map(|p| (name(p.topic), p.number, p.next));
        kafka::assign(self.consumer, &self.queue, positions)
    }

    /// Reads these partitions, or those that the group hands out, until told to stop, or until the end, and hands over
    /// what is left.
    fn read(&mut self, partitions: &[AssignedPartition]) -> Result<(), Failure> {
        if self.config.mode == Mode::Assign {
            self.assign(partitions)?;
        }
        unless_failed(self.read_on().and_then(|()| self.finish()))
    }

    /// Hands over what is left; in a group, waits until it is stored, and commits the offsets before the partitions go.
    fn finish(&mut self) -> Result<(), Exit> {
        if self.end.as_ref().is_some_and(|end| !end.is_exact()) && self.is_done() {
            self.pass_all();
        }
        self.hand_over()?;
        if self.config.mode == Mode::Subscribe {
            let (answer, flushed) = oneshot::channel();
            self.send(Order::Flush(answer))?;
            if flushed.blocking_recv().is_ok() {
                self.commit();
            }
        }
        Ok(())
    }

    fn read_on(&mut self) -> Result<(), Exit> {
        let mut done = self.is_done();
        // A writer that has ended closes the channel, and reports the reason itself.
        while !done && !self.stop.is_requested() && !self.out.is_closed() {
            // The clock is read only while no message is at hand: it would cost too much for each.
            let mut polled = self.queue.poll(Duration::ZERO);
            let idle = polled.is_none();
            if idle {
                self.tend()?;
                done = self.is_done();
                let wait = self.assembler.patience().map_or(POLL, |patience| patience.min(POLL));
                polled = self.queue.poll(wait);
            }
            match polled {
                None => {}
                Some(message) => match message.error() {
                    None => self.take_message(&message)?,
                    Some(KafkaError::PartitionEOF(_)) => self.pass(&message),
                    Some(error) if is_too_large(&error) => {
                        self.hand_over()?;
                        return Err(too_large(&message).into());
                    }
                    Some(error) => judge(&error)?,
                },
            }
            if self.assembler.is_full() || (idle && self.assembler.patience() == Some(Duration::ZERO)) {
                self.hand_over()?;
                self.tend()?;
                done = self.is_done();
            }
        }
        Ok(())
    }

    fn is_done(&mut self) -> bool {
        // Messages in the queue count as read for librdkafka.
        if !self.queue.is_empty() {
            return false;
        }
        let Self { end, assembler, breaker, config, watermarks, .. } = self;
        end.as_mut().is_some_and(|end| {
            let next = |topic, number| match breaker.is_open(topic) {
                true => i64::MAX,
                false => assembler.next(topic, number),
            };
            let exhausted = |topic: usize, number| watermarks.exhausted(&config.topics[topic].name, number);
            end.reached(next, exhausted)
        })
    }

    /// Moves the position to the current end of a partition: after its last message there may be offsets of transaction
    /// markers, which never come as messages.
    fn pass(&mut self, end: &Message) {
        let (topic, partition, offset) = (end.topic(), end.partition(), end.offset());
        if let Some(end) = &self.end {
            if end.excludes(self.assembler.topic(topic), partition, offset - 1) {
                return;
            }
        }
        self.assembler.pass(topic, partition, offset);
    }

    /// Moves all positions to the ends of their partitions that librdkafka's statistics report.
    fn pass_all(&mut self) {
        let positions: Vec<_> = self.assembler.positions().map(|(partition, _)| partition).collect();
        for (topic, number) in positions {
            let name = &self.config.topics[topic].name;
            if let Some(offset) = self.watermarks.exhausted(name, number) {
                self.assembler.pass(name, number, offset);
            }
        }
    }

    fn take_message(&mut self, message: &Message) -> Result<(), Exit> {
        let headers = message.headers();
        let record = message.record(headers.as_deref());
        self.queue.note(&record);
        if let Some(end) = &self.end {
            let topic = self.assembler.topic(record.topic);
            if end.excludes(topic, record.partition, record.offset) {
                // The partition has been read to its end in this run.
                return Ok(self.pause_one(record.topic, record.partition)?);
            }
        }
        let mut backoff = Backoff::default();
        loop {
            match self.assembler.take_record(&record) {
                Ok(true) => return Ok(self.resume()?),
                Ok(false) => self.hand_over()?,
                Err(failure) if failure.kind() == ErrorKind::Retry => {
                    tracing::warn!(reason = failure.to_string(), "waiting for a schema");
                    self.hand_over()?;
                    self.wait_out(backoff.length())?;
                }
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    /// Hands the batch over, unless it is empty.
    fn hand_over(&mut self) -> Result<(), Exit> {
        match self.assembler.close() {
            Some(batch) => self.send(Order::Store(batch)),
            None => Ok(()),
        }
    }

    /// Sends an order as soon as the writer has room; after a while without room, pauses the partitions.
    fn send(&mut self, order: Order) -> Result<(), Exit> {
        let (out, runtime) = (self.out.clone(), self.runtime.clone());
        let began = Instant::now();
        loop {
            if self.queue.lower_prefetch() {
                let why = "large keys or headers: fewer messages will be fetched ahead";
                return Err(Failure::transient(why).into());
            }
            match runtime.block_on(async { timeout(POLL, out.reserve()).await }) {
                Ok(Ok(permit)) => {
                    permit.send(order);
                    return Ok(self.resume()?);
                }
                Ok(Err(_)) => return Err(Exit::Stopped),
                Err(_) if began.elapsed() < ROOM => {}
                Err(_) => self.poll_paused()?,
            }
        }
    }

    /// Fails if a topic is gone. A broker that does not answer is left to librdkafka.
    fn check_topics(&self) -> Result<(), Failure> {
        let owned: BTreeSet<usize> = self.assembler.positions().map(|((topic, _), _)| topic).collect();
        for topic in owned {
            if kafka::numbers(self.consumer, &self.config.topics[topic].name)
                .is_ok_and(|found| found.is_empty())
            {
                judge(&KafkaError::MessageConsumption(RDKafkaErrorCode::UnknownTopicOrPartition))?;
            }
        }
        Ok(())
    }

    /// Waits, but stops waiting when the run ends.
    fn wait_out(&mut self, pause: Duration) -> Result<(), Exit> {
        let until = Instant::now() + pause;
        while Instant::now() < until {
            if self.stop.is_requested() || self.out.is_closed() {
                return Err(Exit::Stopped);
            }
            self.poll_paused()?;
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Polls Kafka with all partitions paused, so that the group does not take this member for dead.
    fn poll_paused(&mut self) -> Result<(), Failure> {
        if self.paused.is_none() {
            let all = self.consumer.assignment().and_then(|all| self.consumer.pause(&all).map(|()| all));
            let all = all.map_err(|e| Failure::transient(format!("partitions cannot be paused: {e}")))?;
            self.paused = Some(self.unstopped(&all));
        }
        self.serve_events()
    }

    /// Serves events that are no messages: statistics, and changes by the group.
    fn serve_events(&mut self) -> Result<(), Failure> {
        for _ in 0..SERVED {
            match self.consumer.poll(Duration::ZERO) {
                // A poll also returns nothing after serving an event by a callback: more events may wait.
                None | Some(Err(KafkaError::PartitionEOF(_))) => {}
                Some(Err(error)) => judge(&error)?,
                // A message that has bypassed the queue would be lost.
                Some(Ok(_)) => return Err(Failure::transient("a message bypassed the queue")),
            }
        }
        Ok(())
    }

    fn resume(&mut self) -> Result<(), Failure> {
        if let Some(all) = self.paused.take() {
            let again = |e: KafkaError| Failure::transient(format!("partitions cannot be resumed: {e}"));
            self.consumer.resume(&all).map_err(again)?;
            // After a pause librdkafka would go on behind an end of partition that it has reported in a batch of
            // messages, and so skip a message that has arrived at that offset meanwhile.
            for element in all.elements() {
                let topic = self.assembler.topic(element.topic());
                let next = Offset::Offset(self.assembler.next(topic, element.partition()));
                self.consumer
                    .seek(element.topic(), element.partition(), next, Duration::ZERO)
                    .map_err(again)?;
            }
            if let Some(watchdog) = &mut self.watchdog {
                watchdog.reset();
            }
        }
        Ok(())
    }

    /// Returns the partitions of topics that are not stopped.
    fn unstopped(&self, all: &TopicPartitionList) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for element in all.elements() {
            if !self.breaker.is_open(self.assembler.topic(element.topic())) {
                list.add_partition(element.topic(), element.partition());
            }
        }
        list
    }

    /// Stops reading topics that the circuit breaker has stopped.
    fn leave_stopped(&mut self) -> Result<(), Failure> {
        let owned = self.assembler.positions().map(|(partition, _)| partition);
        let stopped: Vec<_> = owned.filter(|(topic, _)| self.breaker.is_open(*topic)).collect();
        for (topic, number) in stopped {
            let name = &self.config.topics[topic].name;
            self.assembler.remove(name, number);
            self.pause_one(name, number)?;
        }
        Ok(())
    }

    fn pause_one(&self, topic: &str, partition: i32) -> Result<(), Failure> {
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, partition);
        self.consumer
            .pause(&list)
            .map_err(|e| Failure::transient(format!("a partition cannot be paused: {e}")))
    }

    /// Does what is due besides messages: events, changes of partitions, periodic checks.
    fn tend(&mut self) -> Result<(), Exit> {
        self.serve_events()?;
        if self.consumer.context().take_doubt() {
            self.check_topics()?;
        }
        self.carry_out_changes()?;
        self.leave_stopped()?;
        if self.ticked.elapsed() < TICK {
            return Ok(());
        }
        self.ticked = Instant::now();
        if self.config.mode == Mode::Subscribe {
            self.commit();
        }
        let name = |topic: usize| self.config.topics[topic].name.as_str();
        if let Some(topic) = self.identity.check(self.consumer, name) {
            return Err(Failure::transient(format!("topic {topic:?} was recreated")).into());
        }
        Ok(self.watch()?)
    }

    /// Commits the stored offsets to the consumer group, for tools that show its lag; the loader never reads them back.
    fn commit(&self) {
        let mut list = TopicPartitionList::new();
        for ((topic, number), next) in self.stored.take_offsets() {
            let name = &self.config.topics[topic].name;
            // Fails only for negative offsets.
            let _ = list.add_partition_offset(name, number, Offset::Offset(next));
        }
        if list.count() > 0 {
            if let Err(error) = self.consumer.commit(&list, rdkafka::consumer::CommitMode::Async) {
                tracing::debug!(%error, "the group does not take the offsets");
            }
        }
    }

    fn watch(&mut self) -> Result<(), Failure> {
        let Self { config, consumer, watermarks, watchdog: Some(watchdog), assembler, .. } = self else {
            return Ok(());
        };
        let name = |topic: usize| config.topics[topic].name.as_str();
        let end = |topic: usize, number: i32| {
            // A broker that does not answer is left to librdkafka.
            let found = kafka::partition(consumer, &config.topics[topic], number).ok()?;
            let exhausted = watermarks.exhausted(name(topic), number);
            exhausted.is_none_or(|exhausted| exhausted < found.high).then_some(found.high)
        };
        match watchdog.check(Instant::now(), assembler.positions(), end) {
            Some((topic, number)) => Err(Failure::transient(format!(
                "topic {:?} partition {number} makes no progress, although the broker has more messages",
                name(topic)
            ))),
            None => Ok(()),
        }
    }
}
