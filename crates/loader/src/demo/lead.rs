//! Keeps the producer from running too far ahead of the loader.
//!
//! The embedded broker holds 5 MiB per partition, about 25,000 trades, and forgets older messages: a partition must
//! never hold that many which are not in the table yet.

use std::time::Duration;

use super::database::Database;
use super::process::Process;
use crate::failure::Failure;
use crate::simulate::producer::TopicProducer;

/// Delivered but not loaded messages of a partition. As many again, at most, are still in the producer's queue.
const MOST: i64 = 10_000;
/// Messages between two looks.
const EVERY: u64 = 500;

/// How far the producer may go.
pub struct Lead<'a> {
    producer: &'a TopicProducer,
    loader: &'a mut Process,
    database: &'a mut Database,
    loaded: Vec<i64>,
}

impl<'a> Lead<'a> {
    /// Watches the producer of a topic, and the loader that follows it.
    pub fn new(producer: &'a TopicProducer, loader: &'a mut Process, database: &'a mut Database) -> Self {
        Self { producer, loader, database, loaded: Vec::new() }
    }

    /// Waits, if need be, until the message after the first `sent` may be sent.
    pub fn wait(&mut self, sent: u64) -> Result<(), Failure> {
        if !sent.is_multiple_of(EVERY) {
            return Ok(());
        }
        while self.longest() > MOST {
            self.loader.check()?;
            std::thread::sleep(Duration::from_millis(1));
            self.loaded = self.database.positions()?;
        }
        Ok(())
    }

    fn longest(&self) -> i64 {
        let loaded = self.loaded.iter().copied().chain(std::iter::repeat(0));
        self.producer.ends().into_iter().zip(loaded).map(|(end, loaded)| end - loaded).max().unwrap_or(0)
    }
}
