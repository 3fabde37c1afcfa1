//! Events: messages of topics as they come, decoded as the loader decodes them, for those who may read their tables.
//!
//! A topic is read by one consumer for all (`feed`), which keeps the newest events in bounded memory (`recent`). Each
//! client has a place there (`subscription`): one that falls behind finds its place gone and is told so, and holds up
//! nobody. Who asks for older events has a reader of their own until the newest are reached.

mod decoder;
mod event;
mod feed;
mod recent;
mod rights;
mod source;
mod subscription;
mod wire;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use tally_postgres::Failure;
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::spawn_blocking;

use crate::access::Caller;
use crate::config::{EventsConfig, ServeConfig};
use crate::problem::Problem;
use crate::streams::Seats;
use feed::{Feed, Reader};
pub use rights::Sight;
pub use source::{EventSource, Met, PartitionEnds, TopicTables};
pub use subscription::{Begin, Subscription};
pub use wire::read_after;

/// Time between two looks at the feeds.
const SWEEP: Duration = Duration::from_secs(10);
/// Looks until tables and partitions are looked at.
const REFRESH: u32 = 3;
/// Time for which a topic is read on when nobody wants its events.
const LINGER: Duration = Duration::from_secs(60);
/// Clients at a time who read older events.
const OLDER: usize = 4;

/// The topics whose events are served, and those who read them.
pub struct Events {
    topics: Vec<EventsConfig>,
    source: Option<Arc<dyn EventSource>>,
    feeds: Mutex<HashMap<String, Arc<OnceCell<Arc<Feed>>>>>,
    seats: Arc<Seats>,
    older: Arc<Semaphore>,
}

impl Events {
    /// Prepares what is configured; reads nothing yet.
    pub fn new(config: &ServeConfig, source: Option<Arc<dyn EventSource>>, seats: Arc<Seats>) -> Self {
        let older = Arc::new(Semaphore::new(OLDER));
        Self { topics: config.events.clone(), source, feeds: Mutex::default(), seats, older }
    }

    /// The topics, in the order of the configuration.
    pub fn topics(&self) -> &[EventsConfig] {
        &self.topics
    }

    /// Returns the tables of a topic, and what the caller may see of them.
    pub async fn sight(
        &self,
        caller: &Caller,
        config: &EventsConfig,
    ) -> Result<(Arc<TopicTables>, Sight), Problem> {
        let tables = self.tables(config).await?;
        let sight = Sight::ask(&caller.pool, &tables).await?;
        Ok((tables, sight))
    }

    /// Returns the tables of a topic, for which it need not be read.
    async fn tables(&self, config: &EventsConfig) -> Result<Arc<TopicTables>, Problem> {
        let known = {
            let feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
            feeds.get(&config.topic).and_then(|cell| cell.get()).map(|feed| feed.tables())
        };
        let (source, topic) = (self.source()?, config.topic.clone());
        match known {
            Some(tables) => Ok(tables),
            None => blocking(move || source.tables(&topic)).await.map(Arc::new),
        }
    }

    fn source(&self) -> Result<Arc<dyn EventSource>, Problem> {
        self.source.clone().ok_or_else(|| Problem::busy("this program knows no topics"))
    }

    /// Begins a stream of the events of a topic.
    pub async fn subscribe(
        &self,
        caller: Caller,
        topic: &str,
        begin: Begin,
        keys: Vec<String>,
    ) -> Result<Subscription, Problem> {
        let config = self.topics.iter().find(|config| config.topic == topic).ok_or_else(|| {
            Problem::new(StatusCode::NOT_FOUND, format!("there are no events of a topic {topic:?}"))
        })?;
        if !keys.is_empty() && config.key.is_none() {
            return Err(Problem::bad_request("events of this topic cannot be chosen by key"));
        }
        let seat = self.seats.take(caller)?;
        let feed = Reader::new(self.feed(config).await?);
        Subscription::begin(&self.older, seat, feed, begin, keys).await
    }

    /// Returns the feed of a topic, which the first who asks begins.
    async fn feed(&self, config: &EventsConfig) -> Result<Arc<Feed>, Problem> {
        let source = self.source()?;
        let cell = {
            let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
            let cell = feeds.entry(config.topic.clone()).or_default();
            if cell.get().is_some_and(|feed| feed.is_over()) {
                *cell = Arc::default();
            }
            cell.clone()
        };
        let open = async || {
            let config = config.clone();
            blocking(move || Feed::open(&config, source)).await
        };
        cell.get_or_try_init(open).await.cloned()
    }

    /// Ends feeds that nobody wants any more and has the others follow their tables, for ever.
    pub async fn sweep(&self) {
        for look in 1.. {
            tokio::time::sleep(SWEEP).await;
            let feeds: Vec<Arc<Feed>> = {
                let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
                let is_idle = |feed: &Arc<Feed>| feed.idle().is_some_and(|idle| idle > LINGER);
                for feed in feeds.values().filter_map(|cell| cell.get()).filter(|feed| is_idle(feed)) {
                    feed.end();
                }
                feeds.retain(|_, cell| cell.get().is_none_or(|feed| !feed.is_over()));
                feeds.values().filter_map(|cell| cell.get()).cloned().collect()
            };
            for feed in feeds.into_iter().filter(|_| look % REFRESH == 0) {
                // What is wrong is in the log; the next look may find it mended.
                blocking(move || feed.refresh()).await.ok();
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.values().filter_map(|cell| cell.get()).for_each(|feed| feed.end());
    }
}

/// Asks the broker or the database; only the log says where these are, and what is wrong with them.
async fn blocking<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Problem> {
    let done = spawn_blocking(ask).await.map_err(|error| Problem::busy(error.to_string()))?;
    done.map_err(|failure| {
        tracing::warn!("events: {failure}");
        Problem::busy("the topic cannot be read now").hint("The log of the service says why.")
    })
}
