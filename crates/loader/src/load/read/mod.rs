//! The reading side of a lane: polls Kafka, has messages decoded, and hands over closed batches. Runs on a thread of its
//! own.

mod change;
pub mod discovery;
pub mod end;
mod identity;
mod kafka_error;
pub mod order;
pub mod thread;
mod watchdog;

use std::collections::BTreeSet;
use std::sync::{mpsc as sync, Arc};
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::config::{Config, Mode};
use crate::decode::Record;
use crate::exit::{unless_failed, Exit};
use crate::kafka::{self, GroupChange, JobConsumer, Message, Partition, Queue, Watermarks};
use crate::load::assignment::AssignedPartition;
use crate::load::batch::assembler::Assembler;
use crate::load::circuit_breaker::CircuitBreaker;
use crate::stop::Stop;
use crate::store::backoff::Backoff;
use crate::{ErrorKind, Failure};
use change::Changes;
use end::EndOffsets;
use identity::TopicIdentity;
use kafka_error::{is_too_large, judge, too_large};
use order::{Order, StoredOffsets};
use thread::ReaderSetup;
use watchdog::Watchdog;

/// How long a poll waits at most, and so how soon a stop is noticed.
const POLL: Duration = Duration::from_millis(50);

/// How long the writer may have no room before the partitions are paused, and how often Kafka hears of us meanwhile.
const ROOM: Duration = Duration::from_secs(1);

/// How much is served at once of what comes beside messages.
const SERVED: usize = 32;

/// How often everything is looked after that is not a message.
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
    /// Where to end, if it does, and whether exactly there.
    end: Option<(EndOffsets, bool)>,
    changes: Changes<'a>,
    identity: TopicIdentity,
    watchdog: Option<Watchdog>,
    stored: StoredOffsets,
    stop: Stop,
    /// To the writing side.
    out: mpsc::Sender<Order>,
    /// Where the writing side runs.
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
        let ReaderSetup { config, watermarks, assembler, breaker, end, stored, stop, out } = setup;
        Self {
            consumer,
            queue: Queue::new(consumer),
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

    /// Lets the messages of these partitions come, each from its position.
    fn assign(&mut self, partitions: &[AssignedPartition]) -> Result<(), Failure> {
        self.identity.note(partitions);
        let name = |topic: usize| self.config.topics[topic].name.as_str();
        let positions = partitions.iter().map(|p| (name(p.topic), p.number, p.next));
        kafka::assign(self.consumer, &self.queue, positions)
    }

    /// Reads these partitions, or those that the group hands out, until told to stop, or until the end, and hands over what
    /// is left.
    fn read(&mut self, partitions: &[AssignedPartition]) -> Result<(), Failure> {
        if self.config.mode == Mode::Assign {
            self.assign(partitions)?;
        }
        unless_failed(self.read_on().and_then(|()| self.finish()))
    }

    /// Hands over what is left; before the group gets the partitions back, that is stored.
    fn finish(&mut self) -> Result<(), Exit> {
        if matches!(self.end, Some((_, false))) && self.is_done() {
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
        // A writer that has ended closes the channel, and says itself why.
        while !done && !self.stop.is_requested() && !self.out.is_closed() {
            // Only where no message is at hand is it worth looking at the clock.
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
        // What librdkafka takes for read may still be on its way.
        if !self.queue.is_empty() {
            return false;
        }
        let Self { end, assembler, breaker, config, watermarks, .. } = self;
        end.as_mut().is_some_and(|(end, _)| {
            let next = |topic, number| match breaker.is_open(topic) {
                true => i64::MAX,
                false => assembler.next(topic, number),
            };
            let exhausted = |topic: usize, number| watermarks.exhausted(&config.topics[topic].name, number);
            end.reached(next, exhausted)
        })
    }

    /// Moves the position to where a partition ends for now: behind its last message, transactions leave offsets without one.
    fn pass(&mut self, end: &Message) {
        let (topic, partition, offset) = (end.topic(), end.partition(), end.offset());
        if let Some((end, true)) = &self.end {
            if end.excludes(self.assembler.topic(topic), partition, offset - 1) {
                return;
            }
        }
        self.assembler.pass(topic, partition, offset);
    }

    /// Moves all positions to where their partitions end, of which librdkafka's statistics may know first.
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
        let record = Record {
            topic: message.topic(),
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp(),
            key: message.key(),
            value: message.value(),
            headers: headers.as_deref(),
        };
        if let Some((end, true)) = &self.end {
            let topic = self.assembler.topic(record.topic);
            if end.excludes(topic, record.partition, record.offset) {
                // It has been read as far as the run goes.
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

    /// Hands the batch over, if there is one.
    fn hand_over(&mut self) -> Result<(), Exit> {
        match self.assembler.close() {
            Some(batch) => self.send(Order::Store(batch)),
            None => Ok(()),
        }
    }

    /// Gives the writer something to do as soon as it has room; keeps what comes from Kafka waiting until then.
    fn send(&mut self, order: Order) -> Result<(), Exit> {
        let (out, runtime) = (self.out.clone(), self.runtime.clone());
        loop {
            match runtime.block_on(async { timeout(ROOM, out.reserve()).await }) {
                Ok(Ok(permit)) => {
                    permit.send(order);
                    return Ok(self.resume()?);
                }
                Ok(Err(_)) => return Err(Exit::Stopped),
                Err(_) => self.poll_paused()?,
            }
        }
    }

    /// Ends the run if a topic is gone. A broker that does not answer is another matter, and librdkafka's own.
    fn miss_topics(&self) -> Result<(), Failure> {
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

    /// Waits, but not beyond the end of the run.
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

    /// Lets Kafka know that this member lives, without taking messages.
    fn poll_paused(&mut self) -> Result<(), Failure> {
        if self.paused.is_none() {
            let all = self.consumer.assignment().and_then(|all| self.consumer.pause(&all).map(|()| all));
            let all = all.map_err(|e| Failure::transient(format!("partitions cannot be paused: {e}")))?;
            self.paused = Some(self.read_ones(&all));
        }
        self.serve()
    }

    /// Serves what comes beside messages: statistics, and what the group wants.
    fn serve(&mut self) -> Result<(), Failure> {
        for _ in 0..SERVED {
            match self.consumer.poll(Duration::ZERO) {
                // What was served without a word is not told from nothing.
                None | Some(Err(KafkaError::PartitionEOF(_))) => {}
                Some(Err(error)) => judge(&error)?,
                // It would be lost.
                Some(Ok(_)) => return Err(Failure::transient("a message went past the queue")),
            }
        }
        Ok(())
    }

    fn resume(&mut self) -> Result<(), Failure> {
        if let Some(all) = self.paused.take() {
            let again = |e: KafkaError| Failure::transient(format!("partitions cannot be resumed: {e}"));
            self.consumer.resume(&all).map_err(again)?;
            // Left to itself librdkafka goes on behind an end of a partition that it has told of in a batch of messages,
            // and so leaves out the message that came there meanwhile.
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

    /// The partitions of topics that are not stopped.
    fn read_ones(&self, all: &TopicPartitionList) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for element in all.elements() {
            if !self.breaker.is_open(self.assembler.topic(element.topic())) {
                list.add_partition(element.topic(), element.partition());
            }
        }
        list
    }

    /// Reads no more of topics that are stopped.
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

    /// Looks after everything that is not a message.
    fn tend(&mut self) -> Result<(), Exit> {
        self.serve()?;
        if self.consumer.context().take_doubt() {
            self.miss_topics()?;
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

    /// Tells Kafka's group how far it is, for those who look there; nobody reads it back.
    fn commit(&self) {
        let mut list = TopicPartitionList::new();
        for ((topic, number), next) in self.stored.take_offsets() {
            let name = &self.config.topics[topic].name;
            let _ = list.add_partition_offset(name, number, Offset::Offset(next));
            // fails for negative ones
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
            // A broker that does not answer is another matter, and librdkafka's own.
            let found = kafka::partition(consumer, &config.topics[topic], number).ok()?;
            let exhausted = watermarks.exhausted(name(topic), number);
            exhausted.is_none_or(|exhausted| exhausted < found.high).then_some(found.high)
        };
        match watchdog.check(Instant::now(), assembler.positions(), end) {
            Some((topic, number)) => Err(Failure::transient(format!(
                "nothing comes any more of topic {:?} partition {number}, although there is more",
                name(topic)
            ))),
            None => Ok(()),
        }
    }
}
