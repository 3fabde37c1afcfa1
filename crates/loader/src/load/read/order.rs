//! Orders of a lane's reading side to its writing side, which carries them out one after the other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::kafka::Partition;
use crate::load::assignment::AssignedPartition;
use crate::load::batch::MessageBatch;

/// An order to the writing side.
pub enum Order {
    /// Store a batch.
    Store(MessageBatch),
    /// Claim partitions, and return their positions.
    Claim(Vec<Partition>, oneshot::Sender<Vec<AssignedPartition>>),
    /// Answer once all orders before this one are carried out.
    Flush(oneshot::Sender<()>),
}

/// The positions that were stored since they were last taken, by topic and partition.
#[derive(Debug, Clone, Default)]
pub struct StoredOffsets(Arc<Mutex<BTreeMap<(usize, i32), i64>>>);

impl StoredOffsets {
    /// Notes the positions after a batch.
    pub fn note(&self, batch: &MessageBatch) {
        let mut positions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        positions.extend(batch.spans.iter().map(|(partition, span)| (*partition, span.to)));
    }

    /// Removes the positions and returns them.
    pub fn take_offsets(&self) -> BTreeMap<(usize, i32), i64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
