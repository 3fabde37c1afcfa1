//! A topic that is read once for all who ask for its events.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tally_postgres::{ErrorKind, Failure};
use tokio::sync::mpsc;

use super::decoder::Decoder;
use super::event::{Content, Event};
use super::recent::{Positions, Recent};
use super::source::{EventSource, Met, PartitionEnds, TopicTables};
use crate::config::EventsConfig;

/// Time before a topic is read again after an error.
const AGAIN: Duration = Duration::from_secs(1);
/// Events that a reader of older ones is ahead of its client.
const AHEAD: usize = 1024;

/// A topic while somebody wants its events.
pub struct Feed {
    /// The topic, and the column by which its events are chosen.
    pub config: EventsConfig,
    /// The newest events.
    pub recent: Recent,
    source: Arc<dyn EventSource>,
    tables: Mutex<Arc<TopicTables>>,
    /// Raised where the topic is to be read in another way.
    version: AtomicU64,
    is_over: AtomicBool,
    readers: AtomicUsize,
    left: Mutex<Instant>,
}

impl Feed {
    /// Begins to read a topic at its end; blocks until the broker and the database have answered.
    pub fn open(config: &EventsConfig, source: Arc<dyn EventSource>) -> Result<Arc<Self>, Failure> {
        let tables = Arc::new(source.tables(&config.topic)?);
        let ends = source.partitions(&config.topic)?;
        let highs = ends.iter().map(|ends| (ends.number, ends.high)).collect();
        let feed = Arc::new(Self {
            config: config.clone(),
            recent: Recent::new(config.memory_mb << 20, highs),
            source,
            tables: Mutex::new(tables),
            version: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            readers: AtomicUsize::new(0),
            left: Mutex::new(Instant::now()),
        });
        let reading = feed.clone();
        spawn("events", move || reading.run())?;
        Ok(feed)
    }

    /// The topic with its tables.
    pub fn tables(&self) -> Arc<TopicTables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The partitions as they are now; blocks.
    pub fn partitions(&self) -> Result<Vec<PartitionEnds>, Failure> {
        self.source.partitions(&self.config.topic)
    }

    /// Whether the topic is no longer read.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Ends the reading.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.recent.end();
    }

    /// The time since when nobody wants the events; none while somebody does.
    pub fn idle(&self) -> Option<Duration> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        (self.readers.load(Ordering::Relaxed) == 0).then(|| left.elapsed())
    }

    /// Follows changes of the tables, and partitions that were added; blocks.
    pub fn refresh(&self) -> Result<(), Failure> {
        let found = self.source.tables(&self.config.topic)?;
        let mut has_changed = false;
        if found.tables != self.tables().tables {
            *self.tables.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
            has_changed = true;
        }
        let known = self.recent.nexts();
        for ends in self.partitions()?.iter().filter(|ends| !known.contains_key(&ends.number)) {
            self.recent.pass(ends.number, ends.low);
            has_changed = true;
        }
        if has_changed {
            self.version.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Reads until nobody wants events any more, or an error lasts.
    fn run(&self) {
        while !self.is_over() {
            let Err(failure) = self.read() else { continue };
            tracing::warn!(topic = self.config.topic, "events: {failure}");
            if failure.kind() != ErrorKind::Retry {
                break;
            }
            thread::sleep(AGAIN);
            if let Err(failure) = self.pass_gap() {
                tracing::warn!(topic = self.config.topic, "events: {failure}");
            }
        }
        self.end();
    }

    fn read(&self) -> Result<(), Failure> {
        let version = self.version.load(Ordering::Relaxed);
        let mut decoder = self.decoder()?;
        let from = self.recent.nexts();
        let goes_on = || !self.is_over() && version == self.version.load(Ordering::Relaxed);
        let mut take = |met: Met| {
            if let Met::Message(record) = met {
                match decoder.decode(record, || !self.is_over()) {
                    Some(event) => self.recent.push(event),
                    None => self.recent.pass(record.partition, record.offset + 1),
                }
            }
            goes_on()
        };
        self.source.read(&self.config.topic, &listed(&from), &mut take)
    }

    /// Goes on at the oldest messages where those that come next are gone.
    fn pass_gap(&self) -> Result<(), Failure> {
        let nexts = self.recent.nexts();
        for PartitionEnds { number, low, high } in self.partitions()? {
            match nexts.get(&number) {
                Some(next) if *next < low => self.recent.push(Event {
                    partition: number,
                    offset: low - 1,
                    content: Content::Gap(*next),
                }),
                // Another topic has its name now.
                Some(next) if *next > high => self.end(),
                _ => {}
            }
        }
        Ok(())
    }

    fn decoder(&self) -> Result<Decoder, Failure> {
        Decoder::new(&*self.source, self.tables(), self.config.key.as_deref())
    }

    /// Reads older events, for one client and no faster than it takes them.
    pub fn read_older(self: &Arc<Self>, from: Positions) -> Result<mpsc::Receiver<Arc<Event>>, Failure> {
        let (out, steps) = mpsc::channel(AHEAD);
        let feed = self.clone();
        let mut decoder = self.decoder()?;
        spawn("older events", move || {
            let mut take = |met: Met| {
                let passed = |partition, offset| Event { partition, offset, content: Content::Passed };
                let event = match met {
                    Met::Nothing => return !out.is_closed(),
                    Met::End(partition, next) => passed(partition, next - 1),
                    Met::Message(record) => decoder
                        .decode(record, || !out.is_closed())
                        .unwrap_or_else(|| passed(record.partition, record.offset)),
                };
                out.blocking_send(Arc::new(event)).is_ok()
            };
            // However it ends, the client is told that the stream does.
            if let Err(failure) = feed.source.read(&feed.config.topic, &listed(&from), &mut take) {
                tracing::warn!(topic = feed.config.topic, "older events: {failure}");
            }
        })?;
        Ok(steps)
    }
}

fn listed(positions: &Positions) -> Vec<(i32, i64)> {
    positions.iter().map(|(partition, next)| (*partition, *next)).collect()
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    thread::Builder::new().name(name.into()).spawn(run).map(drop).map_err(Failure::new)
}

/// A client of a topic, for whom it is read.
pub struct Reader(pub Arc<Feed>);

impl Reader {
    /// Has the topic be read for as long as this lives.
    pub fn new(feed: Arc<Feed>) -> Self {
        feed.readers.fetch_add(1, Ordering::Relaxed);
        Self(feed)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        *self.0.left.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.readers.fetch_sub(1, Ordering::Relaxed);
    }
}
