//! Metrics of streams: none tells of what or to whom.

use metrics::{counter, describe_counter, describe_gauge, gauge, Counter, Gauge};

use super::teller::Telling;

/// Describes the metrics to those who read them.
pub fn describe() {
    describe_gauge!("tally_serve_streams", "Streams that are open, by kind and form.");
    describe_counter!("tally_serve_stream_events_total", "Events that were told, by kind.");
    describe_counter!(
        "tally_serve_stream_missed_total",
        "Events that clients were told they have missed, by kind."
    );
    describe_counter!(
        "tally_serve_stream_late_total",
        "Times that a client was too slow for what was kept, by kind."
    );
}

/// The count of a stream, which is open for as long as this lives.
pub struct Meter {
    open: Gauge,
    events: Counter,
    missed: Counter,
    late: Counter,
}

impl Meter {
    /// Counts a stream of a kind and a form.
    pub fn new(kind: &'static str, form: &'static str) -> Self {
        let open = gauge!("tally_serve_streams", "kind" => kind, "form" => form);
        open.increment(1.0);
        Self {
            open,
            events: counter!("tally_serve_stream_events_total", "kind" => kind),
            missed: counter!("tally_serve_stream_missed_total", "kind" => kind),
            late: counter!("tally_serve_stream_late_total", "kind" => kind),
        }
    }

    /// Counts news.
    pub fn count(&self, told: &Telling) {
        self.events.increment(told.events);
        self.missed.increment(told.missed);
        self.late.increment(told.is_late.into());
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.open.decrement(1.0);
    }
}
