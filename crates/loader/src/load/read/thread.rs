//! The thread on which a lane reads.

use std::sync::mpsc as sync;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tally_postgres::Failure;
use tally_program::Stop;
use tally_rows::config::Config;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::end::EndOffsets;
use super::order::{Order, StoredOffsets};
use super::LaneReader;
use crate::kafka::{self, JobConsumer, Partition, Prefetch, Watermarks};
use crate::load::assignment::AssignedPartition;
use crate::load::batch::assembler::Assembler;
use crate::load::circuit_breaker::CircuitBreaker;

/// The parts of a reader that its lane provides.
pub struct ReaderSetup {
    /// The configuration.
    pub config: Arc<Config>,
    /// The latest known high watermarks.
    pub watermarks: Watermarks,
    /// The batch to fill.
    pub assembler: Assembler,
    /// The limit of the messages that wait in librdkafka.
    pub prefetch: Prefetch,
    /// The topics that are still read.
    pub breaker: CircuitBreaker,
    /// The offsets to end at, if the run ends.
    pub end: Option<EndOffsets>,
    /// The offsets to report to the group.
    pub stored: StoredOffsets,
    /// The request to stop.
    pub stop: Stop,
    /// The channel to the writing side.
    pub out: mpsc::Sender<Order>,
}

/// A reader at work.
pub struct ReaderThread(JoinHandle<(Result<(), Failure>, sync::Receiver<Partition>)>);

impl ReaderThread {
    /// Starts to read these partitions, or those that the group hands out, and those that are `added` to the topics.
    pub fn spawn(
        setup: ReaderSetup,
        consumer: JobConsumer,
        partitions: Vec<AssignedPartition>,
        added: sync::Receiver<Partition>,
    ) -> Self {
        let (span, runtime) = (tracing::Span::current(), Handle::current());
        Self(thread::spawn(move || {
            let _job = span.entered();
            let mut reader = LaneReader::new(setup, &consumer, &added, runtime);
            let read = reader.read(&partitions);
            let unanswered = reader.into_unanswered();
            kafka::close(consumer, unanswered.as_ref());
            (read, added)
        }))
    }

    /// Waits for the reader; returns how it ended, and the channel of added partitions.
    pub async fn join(self) -> Result<(Result<(), Failure>, sync::Receiver<Partition>), Failure> {
        match tokio::task::spawn_blocking(move || self.0.join()).await {
            Ok(Ok(ended)) => Ok(ended),
            _ => Err(Failure::new("the reading thread panicked")),
        }
    }
}
