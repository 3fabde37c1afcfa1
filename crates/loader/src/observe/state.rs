//! The state of the run, and its problems.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;

use super::TopicCounts;

/// Longest time without a heartbeat.
const LIFELESS: Duration = Duration::from_secs(30);

/// Longest time without statistics of a Kafka client: librdkafka reports every second.
const SILENCE: Duration = Duration::from_secs(10);

/// Longest time that a partition may stall while it has more messages.
const STANDSTILL: Duration = Duration::from_secs(60);

/// Phase of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Starting,
    Loading,
    Stopping,
}

/// A batch that was committed.
#[derive(Debug, Default)]
pub struct Stored {
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
    /// Messages by topic, dead letters included.
    pub messages: BTreeMap<String, u64>,
    /// Messages that no route takes, by topic, where these are to be ignored.
    pub ignored: BTreeMap<String, u64>,
    /// Dead letters by topic and stage.
    pub dead_letters: TopicCounts,
    /// Bytes of messages.
    pub bytes: u64,
    /// The new positions.
    pub positions: Vec<(String, i32, i64)>,
    /// The topic of the newest message, and when that was produced, in milliseconds since 1970.
    pub newest: Option<(String, i64)>,
}

impl Stored {
    /// Number of messages that became dead letters.
    pub fn num_dead_letters(&self) -> usize {
        self.dead_letters.values().sum::<u64>() as usize
    }
}

/// Messages, and how many of them became dead letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    pub messages: u64,
    pub dead_letters: u64,
}

/// The state of the run.
pub struct RunState {
    pub job: String,
    pub phase: Phase,
    /// Time of the last heartbeat.
    pub beat: Option<Instant>,
    pub newest: BTreeMap<String, i64>,
    pub last_stored: Option<Timestamp>,
    /// Messages stored, in tables or as dead letters, and the latter.
    pub counted: Counted,
    database_away: Option<(Timestamp, String)>,
    /// Clients that reach no broker: the time since which, and that of the last report.
    kafka_away: BTreeMap<String, (Timestamp, Instant)>,
    /// Topics that are no longer read.
    pub stopped: BTreeSet<String>,
    pub partitions: BTreeMap<(String, i32), PartitionState>,
}

/// A partition that this loader reads.
pub struct PartitionState {
    /// The first offset not stored.
    pub next: i64,
    /// The end of the topic, once that is known.
    pub high: Option<i64>,
    /// Whether nothing is left to read: only markers of transactions lie before the end.
    exhausted: bool,
    moved: Instant,
    moved_at: Timestamp,
}

/// The answer to `/ready`.
#[derive(Debug, Serialize)]
pub struct Readiness {
    pub ready: bool,
    pub job: String,
    pub version: &'static str,
    /// The problems, each in a sentence.
    pub reasons: Vec<String>,
    /// Messages that are not stored yet.
    pub behind: i64,
    pub partitions: usize,
    pub last_stored: Option<String>,
}

impl RunState {
    /// Creates the state before anything is known.
    pub const fn new() -> Self {
        Self {
            job: String::new(),
            phase: Phase::Starting,
            beat: None,
            newest: BTreeMap::new(),
            last_stored: None,
            counted: Counted { messages: 0, dead_letters: 0 },
            database_away: None,
            kafka_away: BTreeMap::new(),
            stopped: BTreeSet::new(),
            partitions: BTreeMap::new(),
        }
    }

    pub fn assigned(&mut self, topic: &str, partition: i32, next: i64) {
        let (moved, moved_at) = (Instant::now(), Timestamp::now());
        let fresh = PartitionState { next, high: None, exhausted: false, moved, moved_at };
        self.partitions.insert((topic.into(), partition), fresh);
    }

    pub fn stored(&mut self, batch: &Stored) {
        let (now, now_at) = (Instant::now(), Timestamp::now());
        for (topic, partition, next) in &batch.positions {
            if let Some(known) = self.partitions.get_mut(&(topic.clone(), *partition)) {
                (known.next, known.moved, known.moved_at) = (*next, now, now_at);
            }
        }
        if let Some((topic, at)) = &batch.newest {
            let newest = self.newest.entry(topic.clone()).or_insert(*at);
            *newest = (*newest).max(*at);
        }
        self.last_stored = Some(now_at);
        self.counted.messages += batch.messages.values().sum::<u64>();
        self.counted.dead_letters += batch.num_dead_letters() as u64;
        self.database_away = None;
    }

    pub fn database_away(&mut self, reason: &str) {
        let since = self.database_away.as_ref().map_or_else(Timestamp::now, |(since, _)| *since);
        self.database_away = Some((since, reason.into()));
    }

    pub fn kafka(&mut self, client: &str, up: bool) {
        if up {
            self.kafka_away.remove(client);
        } else {
            let now = (Timestamp::now(), Instant::now());
            self.kafka_away.entry(client.into()).or_insert(now).1 = now.1;
        }
    }

    /// Returns the time since which no broker answers a client. A client that no longer reports has been replaced.
    fn kafka_away(&self) -> Option<Timestamp> {
        let speaking = self.kafka_away.values().filter(|(_, last)| last.elapsed() < SILENCE);
        speaking.map(|(since, _)| *since).min()
    }

    /// Takes note of where a partition ends, where its end was met, and what was read of it last, as librdkafka counts.
    pub fn reaches(&mut self, topic: &str, partition: i32, high: i64, met: i64, read: i64) {
        if let Some(known) = self.partitions.get_mut(&(topic.into(), partition)) {
            if high >= 0 {
                if known.behind() == 0 {
                    (known.moved, known.moved_at) = (Instant::now(), Timestamp::now());
                }
                known.high = Some(high);
                known.exhausted = met >= high && known.next >= read;
            }
        }
    }

    pub fn database_is_up(&self) -> bool {
        self.database_away.is_none()
    }

    pub fn kafka_is_up(&self) -> bool {
        self.kafka_away().is_none()
    }

    /// Whether the heartbeat goes on.
    pub fn lives(&self) -> bool {
        self.beat.is_none_or(|beat| beat.elapsed() < LIFELESS)
    }

    pub fn behind(&self) -> i64 {
        self.partitions.values().map(PartitionState::behind).sum()
    }

    /// Returns whether the loader is loading, and if not, why.
    pub fn readiness(&self) -> Readiness {
        let reasons = self.reasons();
        Readiness {
            ready: reasons.is_empty(),
            job: self.job.clone(),
            version: env!("CARGO_PKG_VERSION"),
            reasons,
            behind: self.behind(),
            partitions: self.partitions.len(),
            last_stored: self.last_stored.map(|at| rfc3339(&at)),
        }
    }

    /// Returns one line for systemd.
    pub fn summary(&self) -> String {
        match (self.phase, self.reasons().into_iter().next()) {
            (Phase::Loading, None) => format!("{} messages behind", self.behind()),
            (Phase::Loading, Some(reason)) => reason,
            (Phase::Starting, _) => "starting".into(),
            (Phase::Stopping, _) => "stopping".into(),
        }
    }

    fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        match self.phase {
            Phase::Starting => reasons.push("the loader is starting".into()),
            Phase::Stopping => reasons.push("the loader is stopping".into()),
            Phase::Loading => {}
        }
        if !self.lives() {
            reasons.push("the loader does not respond".into());
        }
        if let Some((since, reason)) = &self.database_away {
            reasons.push(format!("PostgreSQL has stored nothing since {}: {reason}", rfc3339(since)));
        }
        if let Some(since) = self.kafka_away() {
            reasons.push(format!("no Kafka broker has answered since {}", rfc3339(&since)));
        }
        for topic in &self.stopped {
            reasons.push(format!("topic {topic:?} is stopped: all of its messages became dead letters"));
        }
        let still = self.partitions.iter().filter(|((topic, _), p)| {
            p.behind() > 0 && p.moved.elapsed() >= STANDSTILL && !self.stopped.contains(topic)
        });
        if let Some(((topic, number), partition)) = still.max_by_key(|(_, p)| p.moved.elapsed()) {
            let (since, behind) = (rfc3339(&partition.moved_at), partition.behind());
            reasons.push(format!(
                "topic {topic:?} partition {number} has stalled since {since}, {behind} messages behind"
            ));
        }
        reasons
    }
}

impl PartitionState {
    /// Messages that are not stored yet.
    pub fn behind(&self) -> i64 {
        match self.high {
            Some(high) if !self.exhausted => (high - self.next).max(0),
            _ => 0,
        }
    }
}

fn rfc3339(at: &Timestamp) -> String {
    format!("{at:.0}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loading() -> RunState {
        let mut state = RunState { phase: Phase::Loading, ..RunState::new() };
        state.assigned("t", 0, 10);
        state.reaches("t", 0, 15, -1, 10);
        state
    }

    fn stored(next: i64) -> Stored {
        Stored { positions: vec![("t".into(), 0, next)], ..Stored::default() }
    }

    #[test]
    fn ready_while_nothing_is_wrong() {
        assert_eq!(RunState::new().readiness().reasons, ["the loader is starting"]);
        let mut state = loading();
        assert!(state.readiness().ready);
        assert_eq!(state.readiness().behind, 5);
        state.stored(&stored(15));
        assert_eq!((state.readiness().behind, state.summary().as_str()), (0, "0 messages behind"));
        state.phase = Phase::Stopping;
        assert_eq!(state.readiness().reasons, ["the loader is stopping"]);
        assert!(!state.readiness().ready);
    }

    #[test]
    fn says_what_is_away_until_it_is_back() {
        let mut state = loading();
        state.database_away("Connection refused");
        let since = state.database_away.as_ref().unwrap().0;
        state.database_away("no route");
        let expected = format!("PostgreSQL has stored nothing since {}: no route", rfc3339(&since));
        assert_eq!(state.readiness().reasons, [expected]);
        state.stored(&stored(11));
        assert!(state.readiness().ready);
        state.kafka("a", false);
        state.kafka("b", true);
        assert!(state.readiness().reasons[0].starts_with("no Kafka broker has answered since 2"));
        state.kafka("a", true);
        assert!(state.readiness().ready && state.kafka_is_up());
        state.kafka("a", false);
        assert!(!state.kafka_is_up());
        let Some(long_ago) = Instant::now().checked_sub(SILENCE) else { return };
        state.kafka_away.get_mut("a").unwrap().1 = long_ago;
        assert!(state.kafka_is_up(), "the client has been replaced");
    }

    #[test]
    fn a_partition_that_stands_still_is_named() {
        let mut state = loading();
        let key = ("t".to_string(), 0);
        let Some(long_ago) = Instant::now().checked_sub(STANDSTILL) else { return };
        state.partitions.get_mut(&key).unwrap().moved = long_ago;
        let reasons = state.readiness().reasons;
        assert!(reasons[0].starts_with("topic \"t\" partition 0 has stalled since 2"), "{reasons:?}");
        assert!(reasons[0].ends_with(", 5 messages behind"), "{reasons:?}");
        // Markers of a transaction at the end are nothing to wait for.
        state.reaches("t", 0, 15, 15, 10);
        assert!(state.readiness().ready);
        // What comes after a quiet time has its own time.
        state.partitions.get_mut(&key).unwrap().moved = long_ago;
        state.reaches("t", 0, 20, 15, 10);
        assert!(state.readiness().ready);
        assert_eq!(state.behind(), 10);
    }

    #[test]
    fn no_life_is_no_life() {
        let mut state = loading();
        state.beat = Instant::now().checked_sub(LIFELESS);
        assert_eq!(state.lives(), state.beat.is_none());
    }
}
