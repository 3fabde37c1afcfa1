//! A limit on how far the producer runs ahead of the loader.
//!
//! The embedded broker holds 5 MiB per partition, about 25,000 trades, and forgets older messages: a partition must
//! never hold as many trades that are not yet in the table.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use tally_postgres::Failure;

use super::database::Database;
use super::process::Process;
use crate::simulate::producer::TopicProducer;
use crate::simulate::progress_bar;

/// The most messages of a partition that are delivered but not loaded. At most as many again are still in the
/// producer's queue.
const MOST: i64 = 10_000;
/// The number of messages between two looks at what was delivered.
const EVERY: u64 = 500;
/// The time between two looks at what was loaded, while there is no need to wait for it.
const PERIOD: Duration = Duration::from_millis(100);

/// The producer's lead over the loader, and the most it may be.
pub struct Lead<'a> {
    producer: &'a TopicProducer,
    loader: &'a mut Process,
    database: &'a Database,
    loaded: Vec<i64>,
    looked: Instant,
    bar: ProgressBar,
}

impl<'a> Lead<'a> {
    /// Watches the producer of a topic of `count` messages, and the loader that follows it.
    pub fn new(
        producer: &'a TopicProducer,
        loader: &'a mut Process,
        database: &'a Database,
        count: u64,
    ) -> Self {
        let bar = progress_bar(count, "loaded");
        Self { producer, loader, database, loaded: Vec::new(), looked: Instant::now(), bar }
    }

    /// Waits, if need be, until the message after the first `sent` may be sent.
    pub fn wait(&mut self, sent: u64) -> Result<(), Failure> {
        if !sent.is_multiple_of(EVERY) {
            return Ok(());
        }
        if self.looked.elapsed() > PERIOD {
            self.look()?;
        }
        while self.longest() > MOST {
            std::thread::sleep(Duration::from_millis(1));
            self.look()?;
        }
        Ok(())
    }

    /// Waits until this many messages are loaded.
    pub fn wait_for_all(mut self, messages: u64) -> Result<(), Failure> {
        while self.look()? < messages {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.bar.finish_and_clear();
        Ok(())
    }

    /// Asks how much is loaded.
    fn look(&mut self) -> Result<u64, Failure> {
        self.loader.check()?;
        self.loaded = self.database.positions()?;
        self.looked = Instant::now();
        let all = self.loaded.iter().sum::<i64>().cast_unsigned();
        self.bar.set_position(all);
        Ok(all)
    }

    fn longest(&self) -> i64 {
        let loaded = self.loaded.iter().copied().chain(std::iter::repeat(0));
        self.producer.ends().into_iter().zip(loaded).map(|(end, loaded)| end - loaded).max().unwrap_or(0)
    }
}
