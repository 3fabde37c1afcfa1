//! One client's way through the alerts.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{sleep, Instant};

use super::news::{self, Alert};
use super::positions::{write, AlertPositions};
use crate::problem::Problem;
use crate::streams::{push_event, push_named, push_quiet, Form, Seat, Teller, Telling};

/// Time between two looks whether the session is over.
const GLANCE: Duration = Duration::from_secs(1);
/// Time after which the database is asked although nothing was announced.
const LOOK: Duration = Duration::from_secs(30);
/// Time before another look where the database does not answer.
const AGAIN: Duration = Duration::from_secs(5);
/// Time after which a client is told that there was nothing.
const QUIET: Duration = Duration::from_secs(15);

/// Reasons to tell a client something.
enum AlertNews {
    Alerts(Vec<Alert>),
    Quiet,
    End(Problem),
}

/// A client of the alerts.
pub struct AlertSubscription {
    seat: Seat,
    heard: watch::Receiver<()>,
    /// The reports that the client has named; none for all.
    reports: Vec<String>,
    positions: AlertPositions,
    told: Instant,
    /// The time of the next look.
    due: Instant,
}

impl AlertSubscription {
    /// Begins; refuses a report that is not there for the user.
    pub(super) async fn begin(
        seat: Seat,
        heard: watch::Receiver<()>,
        after: Option<AlertPositions>,
        reports: Vec<String>,
    ) -> Result<Self, Problem> {
        let last = news::last(seat.pool(), &reports).await?;
        if let Some(name) = reports.iter().find(|name| !last.contains_key(*name)) {
            return Err(Problem::new(StatusCode::NOT_FOUND, format!("there is no report {name:?}"))
                .hint("GET /api/v1/reports lists those that you may read."));
        }
        let positions = match after {
            None => last,
            Some(mut after) => {
                after.retain(|report, _| last.contains_key(report));
                // Where the tables were made anew, their numbers begin again.
                after.iter_mut().for_each(|(report, change)| *change = (*change).min(last[report]));
                after
            }
        };
        let now = Instant::now();
        Ok(Self { seat, heard, reports, positions, told: now, due: now })
    }

    /// Waits for what is next to be told. Nothing is lost if the wait is given up.
    async fn next(&mut self) -> AlertNews {
        loop {
            if let Some(problem) = self.seat.refusal() {
                return AlertNews::End(problem);
            }
            if self.heard.has_changed().unwrap_or(false) {
                self.heard.mark_unchanged();
                self.due = Instant::now();
            }
            if Instant::now() >= self.due {
                match news::after(self.seat.pool(), &self.reports, &self.positions).await {
                    Ok(alerts) if alerts.is_empty() => self.due = Instant::now() + LOOK,
                    // There may be more.
                    Ok(alerts) => return AlertNews::Alerts(alerts),
                    Err(problem) if problem.status() == StatusCode::SERVICE_UNAVAILABLE => {
                        self.due = Instant::now() + AGAIN;
                    }
                    Err(problem) => return AlertNews::End(problem),
                }
            }
            if self.told.elapsed() >= QUIET {
                return AlertNews::Quiet;
            }
            tokio::select! {
                _ = self.heard.changed() => self.due = Instant::now(),
                () = sleep(GLANCE) => {}
                () = self.seat.stopping() => {}
            }
        }
    }

    /// Appends alerts. Each has a position of its own.
    fn push_alerts(&mut self, alerts: Vec<Alert>, form: Form, out: &mut String) -> Telling {
        let mut missed = BTreeMap::<String, u64>::new();
        let mut texts = Vec::new();
        for Alert { report, change, text } in alerts {
            match text {
                Some(text) => texts.push((report, change, text)),
                None => {
                    self.positions.insert(report.clone(), change);
                    *missed.entry(report).or_default() += 1;
                }
            }
        }
        let told =
            Telling { events: texts.len() as u64, missed: missed.values().sum(), ..Telling::default() };
        if told.missed > 0 {
            let missed = json!({ "count": told.missed, "reports": missed });
            push_named(form, "missed", &missed, &write(&self.positions), out);
        }
        match form {
            Form::Lines => {
                for (report, change, text) in texts {
                    self.positions.insert(report, change);
                    out.push_str("data: ");
                    out.push_str(&text);
                    push_event(Some(&write(&self.positions)), out);
                }
            }
            Form::Frames if texts.is_empty() => {}
            Form::Frames => {
                let (places, texts): (Vec<_>, Vec<_>) =
                    texts.into_iter().map(|(report, change, text)| ((report, change), text)).unzip();
                self.positions.extend(places);
                let after = write(&self.positions);
                out.push_str(&format!("{{\"alerts\":[{}],\"after\":\"{after}\"}}", texts.join(",")));
            }
        }
        told
    }
}

impl Teller for AlertSubscription {
    const KIND: &'static str = "alerts";

    /// Appends the reports that the client is told of, and the positions.
    fn push_opening(&mut self, form: Form, out: &mut String) {
        let reports: Vec<&String> = self.positions.keys().collect();
        push_named(form, "opened", &json!({ "reports": reports }), &write(&self.positions), out);
    }

    async fn push_next(&mut self, form: Form, out: &mut String) -> Telling {
        let news = self.next().await;
        self.told = Instant::now();
        match news {
            AlertNews::Alerts(alerts) => self.push_alerts(alerts, form, out),
            AlertNews::Quiet => {
                push_quiet(form, &write(&self.positions), out);
                Telling::default()
            }
            AlertNews::End(problem) => {
                push_named(form, "end", &json!(problem), &write(&self.positions), out);
                Telling { end: Some(problem), ..Telling::default() }
            }
        }
    }
}
