//! The lock of a report, and what is to be done while it is held.

use std::time::Duration;

use axum::http::StatusCode;
use jiff::SignedDuration;
use tokio_postgres::Client;

use crate::config::{ReportConfig, Schedule};
use crate::problem::Problem;

/// Takes the lock, unless another service has it. One who has just waited may see less than there is, which `SKIP LOCKED` rules out.
const TAKE: &str = "SELECT FROM serve.reports WHERE name = $1 FOR UPDATE SKIP LOCKED";
const IS_THERE: &str = "SELECT EXISTS (SELECT FROM serve.reports WHERE name = $1)";
const ADD: &str = "
    INSERT INTO serve.reports (name, owner, readers, schedule, false_alarms)
    VALUES ($1, pg_catalog.quote_ident(current_user)::pg_catalog.regrole, '{}', '', 0) ON CONFLICT (name) DO NOTHING";
/// Brings the row up to date with the configuration.
const DESCRIBE: &str = "
    UPDATE serve.reports r SET readers = n.readers, schedule = $3, false_alarms = $4
    FROM (SELECT ARRAY(SELECT pg_catalog.quote_ident(reader)::pg_catalog.regrole FROM pg_catalog.unnest($2::text[]) reader) AS readers) n
    WHERE r.name = $1 AND (r.readers, r.schedule, r.false_alarms) IS DISTINCT FROM (n.readers, $3, $4)";

/// The last time at which a report was due, and seconds until the next; with the database's clock, which all services share.
const DUE_EVERY: &str = "
    SELECT pg_catalog.to_json(d.due) OPERATOR(pg_catalog.#>>) '{}' AS due,
        (EXTRACT(epoch FROM d.due - pg_catalog.now()) + $1)::float8 AS seconds
    FROM (SELECT pg_catalog.to_timestamp((pg_catalog.floor(EXTRACT(epoch FROM pg_catalog.now())::float8 / $1) * $1)::float8) AS due) d";
const DUE_AT: &str = "
    SELECT pg_catalog.to_json(max(t.at) FILTER (WHERE t.at <= pg_catalog.now())) OPERATOR(pg_catalog.#>>) '{}' AS due,
        EXTRACT(epoch FROM min(t.at) FILTER (WHERE t.at > pg_catalog.now()) - pg_catalog.now())::float8 AS seconds
    FROM pg_catalog.generate_series(-2, 2) days,
        LATERAL (SELECT ((pg_catalog.now() AT TIME ZONE $2::text)::date + days + $1::text::time) AT TIME ZONE $2::text AS at) t";

/// The run for the time that is due, or the last before it.
const RUNS: &str = "
    SELECT due = $2::text::timestamptz AS is_due, state = 'failed' AS failed, attempts,
        EXTRACT(epoch FROM pg_catalog.now() - ended)::float8 AS age
    FROM serve.report_runs WHERE report = $1 AND due <= $2::text::timestamptz ORDER BY due DESC LIMIT 1";

/// Time until a run that failed is tried again; it doubles with each attempt.
const FIRST_PAUSE: f64 = 5.0;
const LONGEST_PAUSE: f64 = 3600.0;

/// A report whose row is locked.
pub struct Claim {
    /// The time at which it was due.
    pub due: String,
    /// Seconds until it is due again.
    pub seconds: f64,
    /// Whether what was tried last, for this time or the one before, has failed.
    pub has_failed: bool,
    attempts: i32,
    is_done: bool,
    /// Seconds since the last attempt.
    age: f64,
}

/// The next thing to do.
pub enum Next {
    Wait(Duration),
    /// The attempt, counted from 1.
    Attempt(i32),
}

impl Claim {
    /// Locks the report's row, which is made or brought up to date; none if another service has it.
    pub async fn take(client: &Client, config: &ReportConfig) -> Result<Option<Self>, Problem> {
        if !lock(client, &config.name).await? {
            return Ok(None);
        }
        let schedule = match config.schedule() {
            Some(schedule) => schedule,
            None => return Ok(None),
        };
        let text = match &schedule {
            Schedule::Every(seconds) => {
                let every = SignedDuration::try_from_secs_f64(*seconds)
                    .map_err(|error| Problem::unprocessable(error.to_string()))?;
                format!("every {every:#}")
            }
            Schedule::At(at, zone) => format!("daily at {at} {zone}"),
        };
        client.execute(DESCRIBE, &[&config.name, &config.readers, &text, &config.false_alarms]).await?;
        let row = match &schedule {
            Schedule::Every(seconds) => client.query_one(DUE_EVERY, &[seconds]).await?,
            Schedule::At(at, zone) => client.query_one(DUE_AT, &[at, zone]).await?,
        };
        let mut claim = Self {
            due: row.get("due"),
            seconds: row.get("seconds"),
            has_failed: false,
            attempts: 0,
            is_done: false,
            age: 0.0,
        };
        let runs = client.query(RUNS, &[&config.name, &claim.due]).await?;
        if let Some(last) = runs.first() {
            claim.has_failed = last.get("failed");
            if last.get("is_due") {
                claim.attempts = last.get("attempts");
                claim.is_done = !claim.has_failed;
                claim.age = last.get("age");
            }
        }
        Ok(Some(claim))
    }

    /// The next thing to do.
    pub fn next(&self) -> Next {
        let pause = self.pause_after(self.attempts) - self.age;
        if self.is_done {
            Next::Wait(seconds(self.seconds))
        } else if self.attempts > 0 && pause > 0.0 {
            Next::Wait(seconds(pause.min(self.seconds)))
        } else {
            Next::Attempt(self.attempts + 1)
        }
    }

    /// Time until another look after this attempt.
    pub fn after(&self, attempt: i32, is_done: bool) -> Duration {
        let pause = if is_done { self.seconds } else { self.pause_after(attempt).min(self.seconds) };
        seconds(pause)
    }

    fn pause_after(&self, attempts: i32) -> f64 {
        (FIRST_PAUSE * 2f64.powi(attempts - 1)).min(LONGEST_PAUSE)
    }
}

async fn lock(client: &Client, name: &str) -> Result<bool, Problem> {
    let take = async || client.query_opt(TAKE, &[&name]).await.map(|row| row.is_some());
    if take().await? {
        return Ok(true);
    }
    if client.query_one(IS_THERE, &[&name]).await?.get(0) {
        return Ok(false);
    }
    client.execute(ADD, &[&name]).await?;
    if take().await? {
        return Ok(true);
    }
    if client.query_one(IS_THERE, &[&name]).await?.get(0) {
        return Ok(false);
    }
    Err(Problem::new(StatusCode::CONFLICT, "another role has a report of this name")
        .hint("Choose another name."))
}

/// A little more than that, so that the time has come.
fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0)) + Duration::from_millis(20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_run_is_tried_again_after_longer_and_longer() {
        let claim = |attempts, age, is_done: bool| {
            let claim =
                Claim { due: String::new(), seconds: 7200.0, has_failed: !is_done, attempts, is_done, age };
            match claim.next() {
                Next::Wait(pause) => Err(pause.as_secs()),
                Next::Attempt(attempt) => Ok(attempt),
            }
        };
        assert_eq!(claim(0, 0.0, false), Ok(1));
        assert_eq!(claim(1, 1.0, false), Err(4));
        assert_eq!(claim(1, 5.0, false), Ok(2));
        assert_eq!(claim(4, 20.0, false), Err(20));
        assert_eq!(claim(30, 20.0, false), Err(3580));
        assert_eq!(claim(1, 20.0, true), Err(7200));
    }
}
