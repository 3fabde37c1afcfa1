//! Metrics in Prometheus's text format.

use std::time::Duration;

use jiff::Timestamp;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;
use tally_postgres::Failure;

use super::state::{RunState, Stored};

/// Histogram buckets in seconds, from a commit of a few rows on a fast disk to one that waits for a lock.
const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// Time after which a gauge that is no longer set disappears: its partition went to another loader.
const GONE: Duration = Duration::from_secs(1);

/// The metrics of this process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Starts counting.
    pub fn install() -> Result<Self, Failure> {
        let failure = |error: metrics_exporter_prometheus::BuildError| Failure::new(error).at("metrics");
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full("tally_batch_seconds".into()), &SECONDS)
            .map_err(failure)?
            .idle_timeout(MetricKindMask::GAUGE, Some(GONE));
        let handle = builder.install_recorder().map_err(failure)?;
        describe();
        Ok(Self(handle))
    }

    /// Returns all metrics as text.
    pub fn render(&self, state: &RunState) -> String {
        gauges(state);
        self.0.render()
    }

    /// Aggregates measurements since the last scrape, so that they do not pile up.
    pub fn keep_small(&self) {
        self.0.run_upkeep();
    }
}

fn describe() {
    describe_counter!("tally_rows_total", "Rows stored in a table.");
    describe_counter!(
        "tally_dead_letters_total",
        "Messages stored in loader.dead_letters, by the stage that refused them."
    );
    describe_counter!("tally_message_bytes_total", Unit::Bytes, "Bytes of the messages that were stored.");
    describe_counter!("tally_batches_total", "Batches committed.");
    describe_histogram!(
        "tally_batch_seconds",
        Unit::Seconds,
        "Duration of the transaction that stored a batch."
    );
    describe_counter!("tally_database_connections_total", "Connections made to PostgreSQL.");
    describe_counter!(
        "tally_database_retries_total",
        "Attempts to store a batch that failed because of PostgreSQL."
    );
    describe_counter!(
        "tally_lane_restarts_total",
        "Restarts of lanes, because a partition stalled, was claimed by another loader, or had its table changed."
    );
    let ignored = "Messages that no route took, of topics where these are ignored.";
    describe_counter!("tally_ignored_messages_total", ignored);
    describe_gauge!("tally_position", "The first offset that is not stored.");
    describe_gauge!("tally_high_watermark", "The offset at which the partition ends.");
    describe_gauge!("tally_lag", "Messages of the partition that are not stored yet.");
    let newest = "Time at which the newest stored message was produced, in seconds since 1970.";
    describe_gauge!("tally_newest_message_timestamp_seconds", Unit::Seconds, newest);
    let age = "Age of the newest stored message; 0 when nothing is left to store.";
    describe_gauge!("tally_newest_message_age_seconds", Unit::Seconds, age);
    let last = "Time at which a batch was last stored, in seconds since 1970.";
    describe_gauge!("tally_last_stored_timestamp_seconds", Unit::Seconds, last);
    describe_gauge!("tally_database_up", "1, or 0 while PostgreSQL fails.");
    describe_gauge!("tally_kafka_up", "1, or 0 while no broker answers.");
    describe_gauge!("tally_ready", "1 while the loader is loading, as /ready reports.");
    describe_gauge!(
        "tally_topic_stopped",
        "1 for a topic that is no longer read, because all of its messages became dead letters."
    );
    describe_gauge!("tally_build_info", "Always 1; the labels say which loader this is.");
}

/// Counts a batch.
pub fn stored(batch: &Stored, took: Option<Duration>) {
    for (table, rows) in &batch.rows {
        counter!("tally_rows_total", "table" => table.clone()).increment(*rows);
    }
    for ((topic, stage), count) in &batch.dead_letters {
        counter!("tally_dead_letters_total", "topic" => topic.clone(), "stage" => *stage).increment(*count);
    }
    for (topic, count) in &batch.ignored {
        counter!("tally_ignored_messages_total", "topic" => topic.clone()).increment(*count);
    }
    counter!("tally_message_bytes_total").increment(batch.bytes);
    counter!("tally_batches_total").increment(1);
    if let Some(took) = took {
        histogram!("tally_batch_seconds").record(took);
    }
}

/// Counts an attempt that failed.
pub fn database_retried() {
    counter!("tally_database_retries_total").increment(1);
}

/// Counts a connection.
pub fn database_connected() {
    counter!("tally_database_connections_total").increment(1);
}

/// Counts a restart of a lane.
pub fn lane_restarted() {
    counter!("tally_lane_restarts_total").increment(1);
}

/// Sets the gauges that are only computed for a scrape.
fn gauges(state: &RunState) {
    let flag = |flag: bool| if flag { 1.0 } else { 0.0 };
    let now = Timestamp::now().as_millisecond();
    for ((topic, number), partition) in &state.partitions {
        let labels = [("topic", topic.clone()), ("partition", number.to_string())];
        let is_stopped = state.stopped.contains(topic);
        gauge!("tally_topic_stopped", "topic" => topic.clone()).set(flag(is_stopped));
        gauge!("tally_position", &labels).set(partition.next as f64);
        gauge!("tally_lag", &labels).set(partition.behind() as f64);
        if let Some(high) = partition.high {
            gauge!("tally_high_watermark", &labels).set(high as f64);
        }
    }
    for (topic, at) in &state.newest {
        let behind = state.partitions.iter().any(|((name, _), p)| name == topic && p.behind() > 0);
        let age = if behind { (now - at).max(0) as f64 / 1e3 } else { 0.0 };
        gauge!("tally_newest_message_timestamp_seconds", "topic" => topic.clone()).set(*at as f64 / 1e3);
        gauge!("tally_newest_message_age_seconds", "topic" => topic.clone()).set(age);
    }
    if let Some(at) = state.last_stored {
        gauge!("tally_last_stored_timestamp_seconds").set(at.as_millisecond() as f64 / 1e3);
    }
    gauge!("tally_database_up").set(flag(state.database_is_up()));
    gauge!("tally_kafka_up").set(flag(state.kafka_is_up()));
    gauge!("tally_ready").set(flag(state.readiness().ready));
    let labels = [("version", env!("CARGO_PKG_VERSION").to_string()), ("loader_job", state.job.clone())];
    gauge!("tally_build_info", &labels).set(1.0);
}
