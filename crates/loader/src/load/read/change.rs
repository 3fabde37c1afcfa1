//! Changes of a lane's partitions while it reads: the group assigns or revokes them, or a topic gets more.

use std::sync::mpsc;

use rdkafka::consumer::Consumer;
use rdkafka::topic_partition_list::TopicPartitionList;
use tally_postgres::{ErrorKind, Failure};
use tokio::sync::oneshot::{self, error::TryRecvError};

use super::order::Order;
use super::LaneReader;
use crate::exit::Exit;
use crate::kafka::{self, GroupChange, Partition};
use crate::load::assignment::AssignedPartition;
use crate::observe;

/// The changes to be carried out, one after the other.
pub struct Changes<'a> {
    /// Partitions that were added to the topics.
    added: &'a mpsc::Receiver<Partition>,
    /// The answer of the writing side that the current change waits for.
    awaited: Option<WriterAnswer>,
    /// The group's change that is not completed; the group waits for it.
    unanswered: Option<GroupChange>,
}

enum WriterAnswer {
    Claimed(oneshot::Receiver<Vec<AssignedPartition>>),
    Flushed(oneshot::Receiver<()>),
}

impl<'a> Changes<'a> {
    /// No change yet.
    pub fn new(added: &'a mpsc::Receiver<Partition>) -> Self {
        Self { added, awaited: None, unanswered: None }
    }

    /// The group's change that has been begun but not completed.
    pub fn into_unanswered(self) -> Option<GroupChange> {
        self.unanswered
    }
}

impl LaneReader<'_> {
    /// Begins and completes changes without waiting, because Kafka has to be polled meanwhile.
    pub fn carry_out_changes(&mut self) -> Result<(), Exit> {
        self.complete_change()?;
        if self.changes.awaited.is_some() {
            return Ok(());
        }
        if let Some(change) = self.consumer.context().next_change() {
            self.changes.unanswered = Some(change.clone());
            self.changes.awaited = Some(self.begin_change(&change)?);
            return Ok(());
        }
        let added: Vec<Partition> = self.changes.added.try_iter().collect();
        for Partition { topic, number, .. } in &added {
            tracing::info!(topic, partition = number, "a partition was added");
        }
        if !added.is_empty() {
            self.changes.awaited = Some(self.claim(added)?);
        }
        Ok(())
    }

    fn begin_change(&mut self, change: &GroupChange) -> Result<WriterAnswer, Exit> {
        match change {
            GroupChange::Assigned(list) => {
                let mut partitions = Vec::with_capacity(list.count());
                for element in list.elements() {
                    let topic = self.config.topics.iter().find(|topic| topic.name == element.topic());
                    let topic = topic.expect("only configured topics are subscribed to");
                    let partition = kafka::partition(self.consumer, topic, element.partition());
                    partitions.push(partition.map_err(|failure| failure.of_kind(ErrorKind::Retry))?);
                }
                tracing::info!(partitions = partitions.len(), "the group assigns partitions");
                self.claim(partitions)
            }
            GroupChange::Revoked(list) => {
                tracing::info!(partitions = list.count(), "the group revokes partitions");
                // What was read of them is stored first. Their next owner waits for that transaction, or fences it.
                let paused = self.consumer.pause(list);
                paused.map_err(|e| Failure::transient(format!("partitions cannot be paused: {e}")))?;
                if let Some(batch) = self.assembler.close() {
                    self.send(Order::Store(batch))?;
                }
                let (answer, flushed) = oneshot::channel();
                self.send(Order::Flush(answer))?;
                Ok(WriterAnswer::Flushed(flushed))
            }
        }
    }

    fn claim(&mut self, partitions: Vec<Partition>) -> Result<WriterAnswer, Exit> {
        let (answer, claimed) = oneshot::channel();
        self.send(Order::Claim(partitions, answer))?;
        Ok(WriterAnswer::Claimed(claimed))
    }

    /// Completes the current change if the writing side has answered.
    fn complete_change(&mut self) -> Result<(), Exit> {
        let Some(awaited) = &mut self.changes.awaited else { return Ok(()) };
        match awaited {
            WriterAnswer::Claimed(answer) => {
                let Some(claimed) = received(answer)? else { return Ok(()) };
                self.assembler.add(&claimed);
                // From the positions in PostgreSQL; the offsets that the group has are never read.
                self.assign(&claimed)?;
            }
            WriterAnswer::Flushed(answer) => {
                let Some(()) = received(answer)? else { return Ok(()) };
                if let Some(GroupChange::Revoked(list)) = self.changes.unanswered.clone() {
                    self.commit();
                    self.give_up(&list)?;
                }
            }
        }
        (self.changes.awaited, self.changes.unanswered) = (None, None);
        Ok(())
    }

    fn give_up(&mut self, list: &TopicPartitionList) -> Result<(), Failure> {
        for element in list.elements() {
            if !self.assembler.remove(element.topic(), element.partition()) {
                return Err(Failure::transient("a message came from a partition that the group revoked"));
            }
            observe::released(element.topic(), element.partition());
        }
        // Resumed first: librdkafka would keep them paused if they came back. Messages that it has fetched are dropped.
        let given_up = self.consumer.resume(list).and_then(|()| self.consumer.incremental_unassign(list));
        given_up.map_err(|e| Failure::transient(format!("partitions cannot be given up: {e}")))
    }
}

/// Returns the answer of the writing side if it has come; fails if that side has ended without one.
fn received<T>(answer: &mut oneshot::Receiver<T>) -> Result<Option<T>, Exit> {
    match answer.try_recv() {
        Ok(answer) => Ok(Some(answer)),
        Err(TryRecvError::Empty) => Ok(None),
        Err(TryRecvError::Closed) => Err(Exit::Stopped),
    }
}
