//! Callbacks of librdkafka: statistics, errors, and rebalancing of the consumer group.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

use super::reach::BrokerComplaint;
use super::watermarks::Watermarks;
use crate::observe;

/// A rebalance. The group waits until the consumer has changed its assignment.
#[derive(Debug, Clone)]
pub enum GroupChange {
    /// Partitions to be read from now on.
    Assigned(TopicPartitionList),
    /// Partitions to be read by others from now on.
    Revoked(TopicPartitionList),
}

/// The receiver of the callbacks, which come on the thread that polls.
pub struct Context {
    watermarks: Watermarks,
    complaint: Mutex<Option<BrokerComplaint>>,
    changes: Mutex<VecDeque<GroupChange>>,
    closing: AtomicBool,
    doubt: AtomicBool,
}

impl Context {
    pub(super) fn new(watermarks: Watermarks) -> Self {
        let (complaint, changes) = (Mutex::default(), Mutex::default());
        Self { watermarks, complaint, changes, closing: AtomicBool::default(), doubt: AtomicBool::default() }
    }

    /// The next change to be carried out.
    pub fn next_change(&self) -> Option<GroupChange> {
        self.changes().pop_front()
    }

    /// Whether librdkafka has reported since the last call that something is wrong with a topic: perhaps it is gone.
    /// Where messages are taken by the hundred, only its log says so.
    pub fn take_doubt(&self) -> bool {
        self.doubt.swap(false, Ordering::Relaxed)
    }

    /// The newest reason why a connection failed.
    pub(super) fn complaint(&self) -> Option<BrokerComplaint> {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn complain(&self, complaint: Option<BrokerComplaint>) {
        if complaint.is_some() {
            *self.complaint.lock().unwrap_or_else(PoisonError::into_inner) = complaint;
        }
    }

    /// Accepts rebalances at once from now on, because the member is leaving.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    fn changes(&self) -> MutexGuard<'_, VecDeque<GroupChange>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Context {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, "{message}");
        self.complain(BrokerComplaint::of_log(facility, message));
        self.doubt.fetch_or(facility == "ERROR", Ordering::Relaxed);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, "{reason}");
        self.complain(BrokerComplaint::new(&error, reason));
    }

    fn stats(&self, statistics: Statistics) {
        observe::kafka(&statistics);
        for (name, topic) in &statistics.topics {
            for (number, partition) in topic.partitions.iter().filter(|(number, _)| **number >= 0) {
                if partition.hi_offset >= 0 {
                    self.watermarks.note_high(name, *number, partition.hi_offset);
                }
                // An empty queue is not enough: a pause discards messages that were not taken yet.
                let is_taken = partition.fetchq_cnt == 0 && partition.app_offset >= partition.eof_offset;
                if partition.eof_offset >= 0 && is_taken {
                    self.watermarks.note_exhausted(name, *number, partition.eof_offset);
                }
            }
        }
    }
}

impl ConsumerContext for Context {
    /// Leaves the change to the reader: positions come from PostgreSQL, which a callback cannot wait for.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let is_assigned = RDKafkaErrorCode::from(what) == RDKafkaErrorCode::AssignPartitions;
        let change = if is_assigned {
            GroupChange::Assigned(list.clone())
        } else {
            GroupChange::Revoked(list.clone())
        };
        if self.closing.load(Ordering::Relaxed) {
            agree(consumer, &change);
        } else {
            self.changes().push_back(change);
        }
    }
}

/// Accepts a change without reading anything, because the member is leaving.
pub(super) fn agree(consumer: &BaseConsumer<Context>, change: &GroupChange) {
    let agreed = match change {
        GroupChange::Assigned(_) => consumer.incremental_assign(&TopicPartitionList::new()),
        GroupChange::Revoked(list) => consumer.incremental_unassign(list),
    };
    if let Err(error) = agreed {
        tracing::debug!(%error, "leaving the group");
    }
}
