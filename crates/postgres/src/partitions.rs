//! Partitions by ranges of time: finding those that a table has, and making others.
//!
//! A partition is made as a table of its own and then attached, which lets others go on reading and writing the
//! partitioned table.

use jiff::civil::{date, DateTime};
use jiff::{SignedDuration, ToSpan};
use tokio_postgres::{Error, Transaction};

use crate::identifier::quoted;

/// Longest name of a table; PostgreSQL cuts others.
const MAX_NAME_BYTES: usize = 63;

/// A range of times, in microseconds since 2000: from, and to before.
pub type TimeRange = (i64, i64);

/// Type of the column by which a table is partitioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundKind {
    /// `date`
    Date,
    /// `timestamp`
    Timestamp,
    /// `timestamptz`
    TimestampTz,
}

impl BoundKind {
    fn sql(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamptz",
        }
    }
}

/// A table that is partitioned by ranges of a column of time.
#[derive(Debug, Clone, Copy)]
pub struct PartitionedTable<'a> {
    /// The schema, unless the table is found without it.
    pub schema: Option<&'a str>,
    /// The table.
    pub name: &'a str,
    /// The type of the column.
    pub kind: BoundKind,
}

impl PartitionedTable<'_> {
    /// Keeps others from making partitions until the end of the transaction: whoever comes second finds them.
    pub async fn lock(&self, tx: &Transaction<'_>) -> Result<(), Error> {
        let lock = "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('tally partitions ' || $1::text, 0))";
        tx.execute(lock, &[&self.sql()]).await.map(drop)
    }

    /// Returns the bounds of all partitions, in order; none if there is one for all other rows, which needs no others.
    pub async fn bounds(&self, tx: &Transaction<'_>) -> Result<Option<Vec<TimeRange>>, Error> {
        let kind = self.kind.sql();
        let micros = |bound: &str| {
            format!(
                "CASE WHEN {bound} ~ '^''' AND pg_catalog.isfinite(pg_catalog.btrim({bound}, '''')::{kind})
                      THEN (extract(epoch FROM pg_catalog.btrim({bound}, '''')::{kind}) * 1000000 - 946684800000000)::bigint END"
            )
        };
        let sql = format!(
            "SELECT m IS NULL, {}, {}
             FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class c ON c.oid = inhrelid,
                  pg_catalog.regexp_match(pg_catalog.pg_get_expr(c.relpartbound, c.oid), '^FOR VALUES FROM \\((.*)\\) TO \\((.*)\\)$') AS m
             WHERE inhparent = $1::text::pg_catalog.regclass ORDER BY 2 NULLS FIRST",
            micros("m[1]"),
            micros("m[2]")
        );
        let rows = tx.query(&sql, &[&self.sql()]).await?;
        if rows.iter().any(|row| row.get(0)) {
            return Ok(None);
        }
        let range = |row: &tokio_postgres::Row| {
            let (from, to): (Option<i64>, Option<i64>) = (row.get(1), row.get(2));
            (from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX))
        };
        Ok(Some(rows.iter().map(range).collect()))
    }

    /// Makes a partition and attaches it; returns its name.
    pub async fn create(&self, tx: &Transaction<'_>, range: TimeRange) -> Result<Option<String>, Error> {
        let (Some(begin), Some(end)) = (moment(range.0), moment(range.1)) else { return Ok(None) };
        let (parent, table) = (self.sql(), self.free_name(tx, &suffix(begin, end)).await?);
        let bound = |moment: DateTime| match self.kind {
            BoundKind::Date => moment.date().to_string(),
            BoundKind::Timestamp => moment.to_string(),
            BoundKind::TimestampTz => format!("{moment}Z"),
        };
        // The indexes, and identity columns, come with the attachment.
        let sql = format!(
            "CREATE TABLE {table} (LIKE {parent} INCLUDING ALL EXCLUDING IDENTITY EXCLUDING INDEXES EXCLUDING STATISTICS);
             ALTER TABLE {parent} ATTACH PARTITION {table} FOR VALUES FROM ('{}') TO ('{}')",
            bound(begin),
            bound(end)
        );
        tx.batch_execute(&sql).await?;
        tracing::info!(partition = %table, "made a partition");
        Ok(Some(table))
    }

    fn sql(&self) -> String {
        self.of_schema(self.name)
    }

    /// A table of the same schema in SQL.
    fn of_schema(&self, name: &str) -> String {
        self.schema.map_or_else(|| quoted(name), |schema| format!("{}.{}", quoted(schema), quoted(name)))
    }

    /// Returns a name that no table of the schema has.
    async fn free_name(&self, tx: &Transaction<'_>, suffix: &str) -> Result<String, Error> {
        let mut number = 1;
        loop {
            let end = if number == 1 { suffix.to_string() } else { format!("{suffix}_{number}") };
            let begin = &self.name[..self.name.floor_char_boundary(MAX_NAME_BYTES - end.len())];
            let table = self.of_schema(&format!("{begin}{end}"));
            let sql = "SELECT pg_catalog.to_regclass($1::text) IS NULL";
            if tx.query_one(sql, &[&table]).await?.get(0) {
                return Ok(table);
            }
            number += 1;
        }
    }
}

/// Returns the time of a number of microseconds since 2000, if the calendar has it.
pub fn moment(time: i64) -> Option<DateTime> {
    epoch().checked_add(SignedDuration::from_micros(time)).ok()
}

/// Returns the microseconds since 2000 of a time.
pub fn micros(moment: DateTime) -> Option<i64> {
    i64::try_from(moment.duration_since(epoch()).as_micros()).ok()
}

/// Returns the start of the next month, if a time is the start of a month.
pub fn next_month(begin: DateTime) -> Option<DateTime> {
    let is_start = begin == DateTime::from(begin.date().first_of_month());
    is_start.then(|| begin.checked_add(1.month()).ok()).flatten()
}

fn epoch() -> DateTime {
    date(2000, 1, 1).into()
}

/// Returns the end of a partition's name: the month that it holds, or the day that it begins with, and the time if that is
/// not midnight.
fn suffix(begin: DateTime, end: DateTime) -> String {
    let month = format!("_{:04}_{:02}", begin.year(), begin.month());
    if next_month(begin) == Some(end) {
        return month;
    }
    let time = begin.time();
    match begin == DateTime::from(begin.date()) {
        true => format!("{month}_{:02}", begin.day()),
        false => {
            format!("{month}_{:02}_{:02}{:02}{:02}", begin.day(), time.hour(), time.minute(), time.second())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_a_partition_holds() {
        let shown = |begin: &str, end: &str| {
            let (begin, end): (DateTime, DateTime) = (begin.parse().unwrap(), end.parse().unwrap());
            assert_eq!(moment(micros(begin).unwrap()), Some(begin));
            suffix(begin, end)
        };
        assert_eq!(shown("2024-02-01T00:00", "2024-03-01T00:00"), "_2024_02");
        assert_eq!(shown("1999-12-01T00:00", "2000-01-01T00:00"), "_1999_12");
        assert_eq!(shown("2024-02-01T00:00", "2024-02-02T00:00"), "_2024_02_01");
        assert_eq!(shown("2024-02-10T06:00", "2024-02-20T00:00"), "_2024_02_10_060000");
    }
}
