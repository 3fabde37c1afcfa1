//! Observability of a running loader: metrics, health, logs, and notifications of systemd and of a webhook.
//!
//! A process has one run, so the state of the run is global to the process, like its metrics. The parts of the run
//! report here with one call per batch or per second, never per message.

mod alarm;
mod http;
mod metrics;
mod state;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::statistics::Statistics;

pub use http::probe;
pub use state::Stored;

use alarm::Alarm;
use state::{Phase, RunState};
use tally_postgres::Failure;
use tally_program::systemd;
use tally_rows::config::Config;

/// Interval of the heartbeat.
const BEAT: Duration = Duration::from_secs(1);

static STATE: Mutex<RunState> = Mutex::new(RunState::new());

/// The watch over problems, if people are to be told of them.
static ALARM: Mutex<Option<Alarm>> = Mutex::new(None);

fn state() -> MutexGuard<'static, RunState> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn alarm() -> MutexGuard<'static, Option<Alarm>> {
    ALARM.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the HTTP server, if one is configured, and the heartbeat; must be called inside the run's asynchronous
/// runtime.
pub fn begin_run(config: &Config) -> Result<(), Failure> {
    state().job.clone_from(&config.job);
    *alarm() = config.notify.as_ref().map(|notify| Alarm::new(notify, &config.job)).transpose()?;
    let scraped = config.http.as_ref().map(http::serve).transpose()?;
    tokio::spawn(async move {
        let mut beat = tokio::time::interval(BEAT);
        loop {
            beat.tick().await;
            let status = {
                let mut state = state();
                state.beat = Some(Instant::now());
                if let Some(alarm) = alarm().as_mut() {
                    alarm.look(&state, Instant::now());
                }
                state.summary()
            };
            systemd::beat(&status);
            if let Some(metrics) = &scraped {
                metrics.keep_small();
            }
        }
    });
    Ok(())
}

/// Reports that loading begins.
pub fn loading() {
    state().phase = Phase::Loading;
    systemd::ready();
}

/// Reports that the run is about to stop.
pub fn stopping() {
    state().phase = Phase::Stopping;
    systemd::stopping();
}

/// Reports that the run has ended, and its failure if it has one; waits some seconds at most until people are told.
pub fn ended(failure: Option<&Failure>) {
    if let Some(alarm) = alarm().take() {
        alarm.ended(failure);
    }
}

/// Reports that this loader reads a partition, from `next` on.
pub fn assigned(topic: &str, partition: i32, next: i64) {
    state().assigned(topic, partition, next);
}

/// Reports that this loader no longer reads a partition.
pub fn released(topic: &str, partition: i32) {
    state().partitions.remove(&(topic.to_string(), partition));
}

/// Reports that a topic is no longer read, because all of its messages became dead letters.
pub fn topic_stopped(topic: &str) {
    state().stopped.insert(topic.to_string());
}

/// Returns the number of messages of this loader's partitions that are not stored yet.
pub fn behind() -> i64 {
    state().behind()
}

/// Reports that a lane was restarted.
pub fn lane_restarted() {
    metrics::lane_restarted();
}

/// Reports that a batch was committed; `took` is the duration of its transaction, if that is known.
pub fn stored(batch: &Stored, took: Option<Duration>) {
    state().stored(batch);
    metrics::stored(batch, took);
}

/// Reports that the database fails, until the next batch is stored.
pub fn database_away(reason: &str) {
    state().database_away(reason);
    metrics::database_retried();
}

/// Reports a new connection to the database.
pub fn database_connected() {
    metrics::database_connected();
}

/// Takes the statistics that librdkafka reports every second: watermarks, and whether a broker answers.
pub fn kafka(statistics: &Statistics) {
    let mut state = state();
    let up = statistics.brokers.values().any(|broker| broker.state == "UP");
    // A lane that restarts has another client of the same name.
    state.kafka(&statistics.client_id, up);
    for (name, topic) in &statistics.topics {
        // A client knows nothing new about partitions that it does not read.
        for (number, partition) in topic.partitions.iter().filter(|(_, p)| p.fetch_state == "active") {
            state.reaches(name, *number, partition.hi_offset, partition.eof_offset, partition.app_offset);
        }
    }
}

/// Counts by topic and name.
pub type TopicCounts = BTreeMap<(String, &'static str), u64>;
