//! State that the connections of a run share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tally_postgres::Failure;
use tally_program::{Hangup, Stop};

use super::counts::FileCounts;
use super::left_out::LeftOut;
use super::narrow::Narrow;
use crate::observe;
use crate::pg::Connector;

/// A run that loads files.
pub struct Run {
    /// The database.
    pub connector: Connector,
    /// The job's name.
    pub job: String,
    /// Number of bad rows that is tolerated.
    pub max_bad_rows: u64,
    /// Rows stored.
    pub rows: AtomicU64,
    /// Dead letters stored.
    pub dead_letters: AtomicU64,
    /// The request to stop.
    pub stop: Stop,
    /// Whether the run has failed: its other parts need not continue.
    pub failed: AtomicBool,
    /// The files that could not be loaded.
    pub left_out: LeftOut,
    /// The counts of rows by file.
    pub counts: FileCounts,
    /// The columns that are too narrow for their numbers.
    pub narrow: Narrow,
}

impl Run {
    /// Creates a run that has not stored anything yet.
    pub fn new(
        connector: Connector,
        job: String,
        max_bad_rows: u64,
        left_out: LeftOut,
    ) -> Result<Self, Failure> {
        Ok(Self {
            connector,
            job,
            max_bad_rows,
            rows: AtomicU64::new(0),
            dead_letters: AtomicU64::new(0),
            stop: Stop::on_signals(observe::stopping, Hangup::Stops)?,
            failed: AtomicBool::new(false),
            left_out,
            counts: FileCounts::default(),
            narrow: Narrow::default(),
        })
    }

    /// Whether no new work should begin.
    pub fn is_over(&self) -> bool {
        self.stop.is_requested() || self.failed.load(Ordering::Relaxed)
    }
}
