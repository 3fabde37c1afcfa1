//! One client's way through the events of a topic.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::{mpsc, watch, OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, sleep_until, timeout, Instant};

use super::blocking;
use super::event::Event;
use super::feed::{Feed, Reader};
use super::recent::{between, Gaps, Positions, Taken};
use super::rights::Sight;
use super::source::PartitionEnds;
use crate::database::Pool;
use crate::problem::Problem;
use crate::streams::Seat;

/// Size of what is told at once.
const BATCH: usize = 256 << 10;
/// Number of older events that are told at once.
const OLDER: usize = 512;
/// Time between two tellings, in which events are gathered.
const GATHER: Duration = Duration::from_millis(20);
/// Time between two looks whether the session is over.
const LOOK: Duration = Duration::from_secs(1);
/// Time after which a client is told that there was nothing.
const QUIET: Duration = Duration::from_secs(15);
/// Time before rights are asked again where the database does not answer.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// Time for which rights are believed that the database cannot confirm.
const BELIEVED: Duration = Duration::from_secs(60);
/// Time that a client waits for its turn to read older events.
const PATIENCE: Duration = Duration::from_secs(5);

/// The place where a client wants to begin.
pub enum Begin {
    /// With what comes from now on.
    Now,
    /// With this number of the newest offsets of each partition.
    Last(i64),
    /// After the last events that it has.
    After(Positions),
}

/// News for a client.
pub enum News {
    /// Events, some of which it may not see.
    Events(Vec<Arc<Event>>),
    /// Events that it came too late for.
    Missed {
        /// The number of events, or of offsets where only these are known.
        count: u64,
        /// The first and the last offset by partition.
        offsets: Gaps,
        /// Whether they were there when the client began.
        is_late: bool,
    },
    /// Silence.
    Quiet,
    /// The stream is over.
    End(Problem),
}

/// A client's place in the events.
enum Way {
    /// Among the newest.
    Newest(u64),
    /// Among older ones, which come from a reader of its own.
    Older { events: mpsc::Receiver<Arc<Event>>, _turn: OwnedSemaphorePermit },
}

/// A client of a topic.
pub struct Subscription {
    pub(super) reader: Reader,
    pub(super) sight: Sight,
    pub(super) keys: HashSet<String>,
    /// The next offset of each partition.
    pub(super) positions: Positions,
    seat: Seat,
    way: Way,
    /// Offsets that were gone before the stream began.
    gone: Gaps,
    count: watch::Receiver<Option<u64>>,
    told: Instant,
    /// The time at which rights were confirmed, and that at which they are to be asked again.
    confirmed: Instant,
    due: Instant,
}

impl Subscription {
    /// Begins; refuses whoever may see nothing.
    pub(super) async fn begin(
        older: &Arc<Semaphore>,
        seat: Seat,
        reader: Reader,
        begin: Begin,
        keys: Vec<String>,
    ) -> Result<Self, Problem> {
        let feed = reader.0.clone();
        let sight = ask(seat.pool(), &feed, !keys.is_empty()).await?;
        let count = feed.recent.watch();
        let nexts = feed.recent.nexts();
        let (positions, gone) = match begin {
            Begin::Now => (nexts, Vec::new()),
            Begin::Last(offsets) => {
                let ends = ends(&feed).await?;
                (
                    ends.iter().map(|ends| (ends.number, (ends.high - offsets).max(ends.low))).collect(),
                    Vec::new(),
                )
            }
            Begin::After(after) => resumed(after, nexts, &ends(&feed).await?)?,
        };
        let way = match feed.recent.place_of(&positions) {
            Some(place) => Way::Newest(place),
            None => {
                let turn = timeout(PATIENCE, older.clone().acquire_owned()).await;
                let Ok(Ok(turn)) = turn else {
                    return Err(Problem::busy("too many clients read older events").retry_after(10));
                };
                let (feed, positions) = (feed.clone(), positions.clone());
                Way::Older { events: blocking(move || feed.read_older(positions)).await?, _turn: turn }
            }
        };
        let now = Instant::now();
        let due = now + feed.config.rights();
        let keys = keys.into_iter().collect();
        Ok(Self { reader, sight, keys, positions, seat, way, gone, count, told: now, confirmed: now, due })
    }

    pub(super) fn feed(&self) -> &Arc<Feed> {
        &self.reader.0
    }

    /// Waits for what is next to be told. Nothing is lost if the wait is given up.
    pub async fn next(&mut self) -> News {
        if !self.gone.is_empty() {
            let offsets = std::mem::take(&mut self.gone);
            let count = offsets.iter().map(|(_, from, to)| (to - from + 1) as u64).sum();
            return News::Missed { count, offsets, is_late: false };
        }
        loop {
            if let Some(problem) = self.refusal().await {
                return News::End(problem);
            }
            let found = match self.way {
                Way::Newest(place) => {
                    sleep_until(self.told + GATHER).await;
                    self.reader.0.recent.take(place, BATCH)
                }
                Way::Older { .. } => match self.older().await {
                    Some(news) => return self.tell(news),
                    None => continue,
                },
            };
            match found {
                Taken::Events(events, place) if !events.is_empty() => {
                    self.way = Way::Newest(place);
                    let is_new = |event: &Arc<Event>| {
                        self.positions.get(&event.partition).is_none_or(|next| event.offset >= *next)
                    };
                    let news = events.into_iter().filter(is_new).collect();
                    return self.tell(News::Events(news));
                }
                Taken::Events(..) if self.count.borrow_and_update().is_none() => {
                    return News::End(Problem::busy("the topic is no longer read"));
                }
                Taken::Events(..) if self.told.elapsed() >= QUIET => return self.tell(News::Quiet),
                Taken::Events(..) => self.wait().await,
                Taken::Late { missed, place, starts } => {
                    let offsets = between(&self.positions, &starts);
                    for (partition, start) in starts {
                        let next = self.positions.entry(partition).or_insert(start);
                        *next = start.max(*next);
                    }
                    self.way = Way::Newest(place);
                    // Events that the client has had, or that were before it began, are not missed.
                    if offsets.is_empty() {
                        continue;
                    }
                    let most = offsets.iter().map(|(_, from, to)| (to - from + 1) as u64).sum();
                    return self.tell(News::Missed { count: missed.min(most), offsets, is_late: true });
                }
            }
        }
    }

    fn tell(&mut self, news: News) -> News {
        self.told = Instant::now();
        news
    }

    /// Waits for events, or until it is time for something else.
    async fn wait(&mut self) {
        tokio::select! {
            _ = self.count.changed() => {}
            () = sleep(LOOK) => {}
            () = self.seat.stopping() => {}
        }
    }

    /// Takes older events; none where something else has to be looked at, such as the newest, which they have reached.
    async fn older(&mut self) -> Option<News> {
        if let Some(place) = self.feed().recent.place_of(&self.positions) {
            self.way = Way::Newest(place);
            return None;
        }
        let Way::Older { events: older, .. } = &mut self.way else { return None };
        let mut events = Vec::new();
        match timeout(LOOK, older.recv_many(&mut events, OLDER)).await {
            Err(_) => None,
            Ok(0) => Some(News::End(Problem::busy("older events cannot be read now"))),
            Ok(_) => Some(News::Events(events)),
        }
    }

    /// Returns the reason why the stream has to end, if it has to.
    async fn refusal(&mut self) -> Option<Problem> {
        if let Some(problem) = self.seat.refusal() {
            return Some(problem);
        }
        if Instant::now() < self.due {
            return None;
        }
        match ask(self.seat.pool(), self.feed(), !self.keys.is_empty()).await {
            Ok(sight) => {
                self.sight = sight;
                self.confirmed = Instant::now();
                self.due = self.confirmed + self.feed().config.rights();
                None
            }
            Err(problem) if problem.status() == StatusCode::SERVICE_UNAVAILABLE => {
                self.due = Instant::now() + ASK_AGAIN;
                (self.confirmed.elapsed() > BELIEVED.max(2 * self.feed().config.rights())).then_some(problem)
            }
            Err(problem) => Some(problem),
        }
    }
}

async fn ask(pool: &Arc<Pool>, feed: &Feed, by_key: bool) -> Result<Sight, Problem> {
    let sight = Sight::ask(pool, &feed.tables()).await?;
    match &feed.config.key {
        Some(key) if by_key => sight.require(key).map(|()| sight),
        _ => Ok(sight),
    }
}

async fn ends(feed: &Arc<Feed>) -> Result<Vec<PartitionEnds>, Problem> {
    let feed = feed.clone();
    blocking(move || feed.partitions()).await
}

/// Returns where a client goes on, and what is gone by now; in partitions that it does not name, with what comes next.
fn resumed(after: Positions, nexts: Positions, ends: &[PartitionEnds]) -> Result<(Positions, Gaps), Problem> {
    let mut positions = nexts;
    let mut gone = Vec::new();
    for (partition, next) in after {
        let Some(ends) = ends.iter().find(|ends| ends.number == partition) else {
            return Err(Problem::unprocessable(format!("the topic has no partition {partition}")));
        };
        if next > ends.high.max(positions.get(&partition).copied().unwrap_or(0)) {
            let title = format!("partition {partition} has no offset {} yet", next - 1);
            return Err(Problem::unprocessable(title)
                .hint("Perhaps the topic was made again; begin without a position."));
        }
        if next < ends.low {
            gone.push((partition, next, ends.low - 1));
        }
        positions.insert(partition, next.max(ends.low));
    }
    Ok((positions, gone))
}
