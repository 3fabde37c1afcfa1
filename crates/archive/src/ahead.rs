//! `--ahead`: makes the next partitions of a table before rows for them come.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tally_postgres::partitions::{micros, moment, next_month, BoundKind, PartitionedTable, TimeRange};
use tally_postgres::Failure;
use tokio_postgres::error::SqlState;
use tokio_postgres::Error;

use crate::server::of_server;
use crate::session::Session;

/// Number of partitions that one run makes at most: a mistaken time must not fill the catalog.
const MOST: usize = 1000;
/// Number of attempts to get the locks, and the time between them.
const ATTEMPTS: u32 = 30;
const PAUSE: Duration = Duration::from_secs(2);
/// Microseconds from 1970 to 2000, where PostgreSQL begins to count.
const EPOCH: i64 = 946_684_800_000_000;

/// Makes the partitions up to the one that holds the time so far ahead; returns their number.
pub async fn make(session: &mut Session, ahead: SignedDuration) -> Result<usize, Failure> {
    let table = &session.table;
    let refuse =
        |what: &str, mend: &str| Err(Failure::usage(what).at(format!("table {}", table.sql())).mend(mend));
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_partitioned_table
                              WHERE partrelid = $1 AND partstrat = 'r' AND partnatts = 1 AND partattrs[0] = $2)";
    let number = table.columns[table.at_place()].number;
    let found = session.client.query_one(sql, &[&table.oid, &number]).await;
    if !found.map_err(|e| of_server(&e).at(table.sql()))?.get::<_, bool>(0) {
        return refuse("table is not partitioned by ranges of its column of time", "leave out --ahead");
    }
    let ahead = i64::try_from(ahead.as_micros()).unwrap_or(i64::MAX);
    let until = Timestamp::now().as_microsecond().saturating_sub(EPOCH).saturating_add(ahead);
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match attempt(session, until).await {
            Ok(Ok(made)) => return Ok(made),
            Ok(Err(what)) => {
                return Err(Failure::usage(what)
                    .at(format!("table {}", session.table.sql()))
                    .mend("make the next two partitions yourself, or leave out --ahead"))
            }
            Err(error) if is_lock(&error) => last = Some(error),
            Err(error) => return Err(of_server(&error).at(format!("table {}", session.table.sql()))),
        }
        tokio::time::sleep(PAUSE).await;
    }
    let what = last.map_or_else(|| Failure::transient("others hold locks on it"), |error| of_server(&error));
    Err(what.at(format!("table {}", session.table.sql())))
}

fn is_lock(error: &Error) -> bool {
    matches!(error.code(), Some(&SqlState::LOCK_NOT_AVAILABLE | &SqlState::T_R_DEADLOCK_DETECTED))
}

/// Makes what is missing, in one transaction; returns the number, or why nothing can be made.
async fn attempt(session: &mut Session, until: i64) -> Result<Result<usize, &'static str>, Error> {
    let Session { client, table, .. } = session;
    let kind = if table.has_zone() { BoundKind::TimestampTz } else { BoundKind::Timestamp };
    let partitioned = PartitionedTable { schema: Some(&table.schema), name: &table.name, kind };
    let tx = client.transaction().await?;
    tx.batch_execute("SET LOCAL lock_timeout = '2s'").await?;
    partitioned.lock(&tx).await?;
    let Some(bounds) = partitioned.bounds(&tx).await? else {
        return Ok(Err("table has a default partition, which takes the rows that others lack"));
    };
    let missing = match missing(&bounds, until) {
        Ok(missing) => missing,
        Err(what) => return Ok(Err(what)),
    };
    for range in &missing {
        if let Some(name) = partitioned.create(&tx, *range).await? {
            println!("made partition {name}");
        }
    }
    tx.commit().await?;
    Ok(Ok(missing.len()))
}

/// The stretch of time that each partition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Regularity {
    Month,
    Micros(i64),
}

impl Regularity {
    fn of((from, to): TimeRange) -> Self {
        match moment(from).and_then(next_month).and_then(micros) == Some(to) {
            true => Self::Month,
            false => Self::Micros(to.saturating_sub(from)),
        }
    }

    fn next(self, from: i64) -> Option<TimeRange> {
        let to = match self {
            Self::Month => micros(next_month(moment(from)?)?)?,
            Self::Micros(length) => from.checked_add(length)?,
        };
        Some((from, to))
    }
}

/// Returns the ranges of the partitions that follow on the last ones, up to the one that holds a time.
fn missing(bounds: &[TimeRange], until: i64) -> Result<Vec<TimeRange>, &'static str> {
    let mut sorted = bounds.to_vec();
    sorted.sort_unstable();
    let Some(&(_, end)) = sorted.last() else { return Err("table has no partition to go on from") };
    if end > until {
        return Ok(Vec::new());
    }
    let mut finite = sorted.iter().rev().filter(|(from, _)| *from > i64::MIN);
    let Some(last) = finite.next() else { return Err("table has no partition to go on from") };
    let regularity = Regularity::of(*last);
    if finite.next().is_some_and(|before| Regularity::of(*before) != regularity) {
        return Err("its last two partitions hold different stretches of time");
    }
    let mut found: Vec<TimeRange> = Vec::new();
    let mut at = end;
    while at <= until {
        let range = regularity.next(at).ok_or("time is out of range")?;
        if found.len() == MOST {
            return Err("more than 1000 partitions are missing");
        }
        found.push(range);
        at = range.1;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse().ok().and_then(micros).unwrap_or(i64::MIN)
    }

    fn found(bounds: &[(&str, &str)], until: &str) -> Result<Vec<String>, &'static str> {
        let bounds: Vec<TimeRange> = bounds.iter().map(|(from, to)| (at(from), at(to))).collect();
        let shown =
            |(from, to): TimeRange| format!("{:?} {:?}", moment(from), moment(to)).replace("Some", "");
        Ok(missing(&bounds, at(until))?.into_iter().map(shown).collect())
    }

    #[test]
    fn partitions_go_on_as_they_were() {
        let january = ("2024-01-01T00:00", "2024-02-01T00:00");
        let february = ("2024-02-01T00:00", "2024-03-01T00:00");
        assert_eq!(
            found(&[february, january], "2024-04-01T00:00"),
            Ok(vec![
                "(2024-03-01T00:00:00) (2024-04-01T00:00:00)".into(),
                "(2024-04-01T00:00:00) (2024-05-01T00:00:00)".into()
            ])
        );
        assert_eq!(found(&[january], "2024-01-31T23:59"), Ok(vec![]), "the last one holds it");
        let week = ("2024-02-26T00:00", "2024-03-04T00:00");
        assert_eq!(found(&[week], "2024-03-05T00:00").map(|found| found.len()), Ok(1));
        let hour = ("2024-02-29T22:00", "2024-02-29T23:00");
        assert_eq!(
            found(&[("-", "2024-02-29T22:00"), hour], "2024-03-01T00:30").map(|found| found.len()),
            Ok(2)
        );
        assert!(found(&[january, ("2024-02-01T00:00", "2024-02-02T00:00")], "2024-03-01T00:00").is_err());
        assert!(
            found(&[], "2024-01-01T00:00").is_err()
                && found(&[("-", "2024-01-01T00:00")], "2024-02-01T00:00").is_err()
        );
        assert!(found(&[hour], "2025-01-01T00:00").is_err(), "too many");
        assert_eq!(missing(&[(0, i64::MAX)], 5), Ok(vec![]), "one without an end");
    }
}
