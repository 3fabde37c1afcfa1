//! A section `[[report]]`: what is looked at, how often, and as whom.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use tally_postgres::Failure;
use tally_rows::config::Database;

/// A report that the service runs by itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportConfig {
    /// The report's name.
    pub name: String,
    /// The connection as the role that runs it, and to which it belongs.
    pub database: Database,
    /// Roles that may read it, beside its own.
    #[serde(default)]
    pub readers: Vec<String>,
    /// Time between two runs.
    every: Option<Pause>,
    /// Time of the day at which it runs.
    at: Option<String>,
    /// The time zone of `at`.
    time_zone: Option<String>,
    query: Option<String>,
    table: Option<String>,
    #[serde(default)]
    series: Vec<String>,
    time: Option<String>,
    value: Option<String>,
    detector: Option<String>,
    /// The stretch of time, up to the run, whose changes are reported; without it all are.
    since: Option<Pause>,
    /// The expected share of false alarms.
    #[serde(default = "default_false_alarms")]
    pub false_alarms: f64,
    /// The least size of a change in standard deviations.
    #[serde(default)]
    pub min_effect: f64,
    /// Changes of a run, the most important ones.
    #[serde(default = "default_top")]
    pub top: i32,
    /// Runs that are kept.
    #[serde(default = "default_keep_runs")]
    pub keep_runs: i64,
    /// Days for which runs are kept.
    pub keep_days: Option<i32>,
    /// Time that the query may take.
    timeout: Option<Pause>,
}

/// A stretch of time such as `15m` or `30d`.
#[derive(Debug, Clone, Copy)]
struct Pause(Duration);

/// The times at which a report runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Schedule {
    /// Once in this many seconds, counted from 1970 in UTC.
    Every(f64),
    /// Daily at this time in this zone.
    At(String, String),
}

/// The rows or detectors that a report looks at.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// A query of `(series, at, value)` or `(series, detector)`.
    Query(&'a str),
    /// Rows of a table.
    Rows { table: &'a str, series: &'a [String], time: &'a str, value: &'a str },
    /// Detectors in a table.
    Detectors { table: &'a str, series: &'a [String], detector: &'a str },
}

/// Time that the query of a report may take if nothing is said.
const TIMEOUT: Duration = Duration::from_secs(600);

impl ReportConfig {
    /// The times at which it runs.
    pub fn schedule(&self) -> Option<Schedule> {
        match (&self.every, &self.at) {
            (Some(every), None) if self.time_zone.is_none() => Some(Schedule::Every(every.0.as_secs_f64())),
            (None, Some(at)) => {
                Some(Schedule::At(at.clone(), self.time_zone.clone().unwrap_or("UTC".into())))
            }
            _ => None,
        }
    }

    /// The rows or detectors that it looks at.
    pub fn source(&self) -> Option<Source<'_>> {
        let series = self.series.as_slice();
        match (&self.query, &self.table, &self.time, &self.value, &self.detector) {
            (Some(query), None, None, None, None) if series.is_empty() => Some(Source::Query(query)),
            (None, Some(table), Some(time), Some(value), None) => {
                Some(Source::Rows { table, series, time, value })
            }
            (None, Some(table), None, None, Some(detector)) => {
                Some(Source::Detectors { table, series, detector })
            }
            _ => None,
        }
    }

    /// Seconds, up to the run, whose changes are reported.
    pub fn since_seconds(&self) -> Option<f64> {
        self.since.map(|since| since.0.as_secs_f64())
    }

    /// The time that the query may take.
    pub fn timeout(&self) -> Duration {
        self.timeout.map_or(TIMEOUT, |timeout| timeout.0)
    }

    /// Checks what belongs together.
    pub fn validate(&self) -> Result<(), Failure> {
        let wrong = |what: &str, mend: &str| {
            Err(Failure::usage(format!("report {:?}: {what}", self.name)).mend(mend))
        };
        if self.name.is_empty() || self.name.len() > 100 {
            return wrong("a name has 1 to 100 characters", "give it a short name");
        }
        if self.schedule().is_none() {
            return wrong(
                "nobody knows when it runs",
                "write either `every`, such as \"1h\", or `at`, such as \"07:00\", with a `time_zone` if it is not UTC",
            );
        }
        if self.every.is_some_and(|every| every.0 < Duration::from_secs(1)) {
            return wrong("`every` is less than a second", "write a longer time, such as \"15m\"");
        }
        if self.at.as_ref().is_some_and(|at| at.parse::<jiff::civil::Time>().is_err()) {
            return wrong("`at` is no time of the day", "write one such as \"07:00\"");
        }
        if self.source().is_none() {
            return wrong(
                "nobody knows what it looks at",
                "write `query`; or `table`, `series`, `time` and `value`; or `table`, `series` and `detector`",
            );
        }
        if !(self.false_alarms > 0.0 && self.false_alarms < 1.0)
            || self.min_effect.is_nan()
            || self.min_effect < 0.0
        {
            return wrong(
                "`false_alarms` is a share between 0 and 1, `min_effect` a number of standard deviations",
                "omit them for 5 % and changes of any size",
            );
        }
        if self.top < 1
            || self.top > 1000
            || self.keep_runs < 1
            || self.keep_days.is_some_and(|days| days < 1)
        {
            return wrong(
                "`top` is 1 to 1000, `keep_runs` and `keep_days` at least 1",
                "omit them for the 20 most important changes and 100 runs",
            );
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Pause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = |span: Span| span.to_duration(SpanRelativeTo::days_are_24_hours());
        let duration = text.parse().and_then(read).and_then(Duration::try_from);
        duration.map(Self).map_err(|_| D::Error::custom(format!("{text:?} is not a time such as 15m or 30d")))
    }
}

fn default_false_alarms() -> f64 {
    0.05
}

fn default_top() -> i32 {
    20
}

fn default_keep_runs() -> i64 {
    100
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rest: &str) -> Result<ReportConfig, String> {
        let report: ReportConfig = toml::from_str(&format!("name = 'r'\ndatabase = 'd'\n{rest}"))
            .map_err(|error| error.to_string())?;
        report.validate().map_err(|failure| failure.to_string()).map(|()| report)
    }

    #[test]
    fn times_and_sources() {
        let rows = "table = 't'\ntime = 'at'\nvalue = 'v'\n";
        assert_eq!(read(&format!("every = '15m'\n{rows}")).unwrap().schedule(), Some(Schedule::Every(900.0)));
        let daily = read(&format!("at = '07:00'\nsince = '30d'\n{rows}")).unwrap();
        assert_eq!(daily.schedule(), Some(Schedule::At("07:00".into(), "UTC".into())));
        assert_eq!(daily.since_seconds(), Some(30.0 * 86_400.0));
        assert!(read("every = '1h'\nquery = 'SELECT'").is_ok());
        for (wrong, reason) in [
            (rows, "when it runs"),
            ("every = '1h'\nat = '07:00'\nquery = 'q'", "when it runs"),
            ("at = '25:00'\nquery = 'q'", "no time of the day"),
            ("every = '1ms'\nquery = 'q'", "less than a second"),
            ("every = 'often'\nquery = 'q'", "not a time such as"),
            ("every = '1h'", "what it looks at"),
            ("every = '1h'\nquery = 'q'\ntable = 't'", "what it looks at"),
            ("every = '1h'\nquery = 'q'\nfalse_alarms = 1.0", "share between 0 and 1"),
            ("every = '1h'\nquery = 'q'\ntop = 0", "`top`"),
        ] {
            assert!(read(wrong).is_err_and(|error| error.contains(reason)), "{wrong}");
        }
    }
}
