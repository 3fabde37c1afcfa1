//! Makes the partitions that rows need, in the transaction that stores the rows.
//!
//! A partition is made as a table of its own and then attached, which lets others go on reading and writing the
//! partitioned table. It holds a day or a month, or what neighbours leave of it.

use jiff::civil::{date, DateTime};
use jiff::{SignedDuration, ToSpan};
use tally_postgres::pgtype::copy::fields;
use tally_postgres::pgtype::moment::MICROS_PER_DAY;
use tally_rows::config::{ColumnType, PartitionBy, Step, TableName, MAX_NAME_BYTES};
use tally_rows::decode::Rows;
use tally_rows::definition::Definition;
use tokio_postgres::{Error, Transaction};

/// Number of partitions that one batch may make: nonsense times must not fill the catalog. Rows beyond it are refused.
const MOST: usize = 200;

/// A range of times, in microseconds since 2000: from, and to before.
type Span = (i64, i64);

/// Makes the partitions that these rows need and that the table does not have yet.
pub async fn make(tx: &Transaction<'_>, definition: &Definition, rows: &Rows) -> Result<(), Error> {
    let Some(PartitionBy { column, step }) = &definition.partition_by else { return Ok(()) };
    let found = definition.columns.iter().enumerate().find(|(_, other)| other.name == *column);
    let Some((place, column)) = found else { return Ok(()) };
    let kind = column.kind();
    let times: Vec<i64> =
        (0..rows.len()).filter_map(|n| time(kind, fields(rows.slice(n, n + 1)).nth(place)?)).collect();
    let Some(bounds) = bounds(tx, &definition.table, kind).await? else { return Ok(()) };
    if missing(&times, &bounds, *step).is_empty() {
        return Ok(());
    }
    // Others may be about to make the same; whoever comes second finds them.
    let lock = "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('tally partitions ' || $1::text, 0))";
    tx.execute(lock, &[&definition.table.to_string()]).await?;
    let Some(bounds) = self::bounds(tx, &definition.table, kind).await? else { return Ok(()) };
    for span in missing(&times, &bounds, *step) {
        create(tx, &definition.table, kind, *step, span).await?;
    }
    Ok(())
}

/// Returns the time of a row, if it is finite.
fn time(kind: ColumnType, value: Option<&[u8]>) -> Option<i64> {
    let value = value?;
    match kind {
        ColumnType::Date => match i32::from_be_bytes(value.try_into().ok()?) {
            i32::MIN | i32::MAX => None,
            days => i64::from(days).checked_mul(MICROS_PER_DAY),
        },
        _ => Some(i64::from_be_bytes(value.try_into().ok()?))
            .filter(|micros| ![i64::MIN, i64::MAX].contains(micros)),
    }
}

/// Returns the bounds of all partitions, in order; none if there is one for all other rows, which needs no others.
async fn bounds(
    tx: &Transaction<'_>,
    table: &TableName,
    kind: ColumnType,
) -> Result<Option<Vec<Span>>, Error> {
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
    let rows = tx.query(&sql, &[&table.to_string()]).await?;
    if rows.iter().any(|row| row.get(0)) {
        return Ok(None);
    }
    let span = |row: &tokio_postgres::Row| {
        let (from, to): (Option<i64>, Option<i64>) = (row.get(1), row.get(2));
        (from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX))
    };
    Ok(Some(rows.iter().map(span).collect()))
}

/// Returns the spans of the partitions that are missing for some times.
fn missing(times: &[i64], bounds: &[Span], step: Step) -> Vec<Span> {
    let mut found: Vec<Span> = Vec::new();
    let mut last: Option<Span> = None;
    for time in times {
        let holds = |span: &Span| (span.0..span.1).contains(time);
        if last.as_ref().is_some_and(holds) {
            continue;
        }
        last = bounds.iter().chain(&found).copied().find(|span| holds(span));
        if last.is_some() || found.len() == MOST {
            continue;
        }
        let Some((mut from, mut to)) = period(*time, step) else { continue };
        for (other_from, other_to) in bounds {
            if other_to <= time {
                from = from.max(*other_to);
            } else {
                to = to.min(*other_from);
            }
        }
        found.push((from, to));
        last = Some((from, to));
    }
    found
}

/// Returns the day or the month of a time; none before the year 1 and after 9998.
fn period(time: i64, step: Step) -> Option<Span> {
    let moment = moment(time)?;
    if !(1..=9998).contains(&moment.year()) {
        return None;
    }
    let (from, to) = match step {
        Step::Day => (moment.date(), moment.date().checked_add(1.day()).ok()?),
        Step::Month => {
            (moment.date().first_of_month(), moment.date().first_of_month().checked_add(1.month()).ok()?)
        }
    };
    let micros = |day: jiff::civil::Date| {
        let since: SignedDuration = DateTime::from(day).duration_since(epoch());
        i64::try_from(since.as_micros()).ok()
    };
    Some((micros(from)?, micros(to)?))
}

fn epoch() -> DateTime {
    date(2000, 1, 1).into()
}

fn moment(time: i64) -> Option<DateTime> {
    epoch().checked_add(SignedDuration::from_micros(time)).ok()
}

/// Makes a partition and attaches it.
async fn create(
    tx: &Transaction<'_>,
    parent: &TableName,
    kind: ColumnType,
    step: Step,
    (from, to): Span,
) -> Result<(), Error> {
    let (Some(begin), Some(end)) = (moment(from), moment(to)) else { return Ok(()) };
    let table = free_name(tx, parent, &suffix(begin, step)).await?;
    let bound = |moment: DateTime| match kind {
        ColumnType::Date => moment.date().to_string(),
        ColumnType::Timestamp => moment.to_string(),
        _ => format!("{moment}Z"),
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
    Ok(())
}

/// Returns the end of a partition's name: the month or the day that it begins with, and the time if it is not midnight.
fn suffix(begin: DateTime, step: Step) -> String {
    let month = format!("_{:04}_{:02}", begin.year(), begin.month());
    let is_midnight = begin == DateTime::from(begin.date());
    match step {
        Step::Month if begin.day() == 1 && is_midnight => month,
        _ if is_midnight => format!("{month}_{:02}", begin.day()),
        _ => {
            let time = begin.time();
            format!("{month}_{:02}_{:02}{:02}{:02}", begin.day(), time.hour(), time.minute(), time.second())
        }
    }
}

/// Returns a name that no table of the schema has.
async fn free_name(tx: &Transaction<'_>, parent: &TableName, suffix: &str) -> Result<String, Error> {
    let mut number = 1;
    loop {
        let end = if number == 1 { suffix.to_string() } else { format!("{suffix}_{number}") };
        let room = MAX_NAME_BYTES - end.len();
        let begin = &parent.name[..parent.name.floor_char_boundary(room)];
        let table = TableName { schema: parent.schema.clone(), name: format!("{begin}{end}") }.to_string();
        let sql = "SELECT pg_catalog.to_regclass($1::text) IS NULL";
        if tx.query_one(sql, &[&table]).await?.get(0) {
            return Ok(table);
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> i64 {
        let moment: DateTime = text.parse().unwrap();
        moment.duration_since(epoch()).as_micros() as i64
    }

    fn shown(times: &[&str], bounds: &[(&str, &str)], step: Step) -> Vec<String> {
        let times: Vec<i64> = times.iter().map(|text| micros(text)).collect();
        let bounds: Vec<Span> = bounds.iter().map(|(from, to)| (micros(from), micros(to))).collect();
        let text = |(from, to): &Span| {
            let begin = moment(*from).unwrap();
            format!("{begin} {} {}", moment(*to).unwrap(), suffix(begin, step))
        };
        missing(&times, &bounds, step).iter().map(text).collect()
    }

    #[test]
    fn each_time_has_one_partition_and_none_overlap() {
        let times = [
            "2024-02-29T23:59:59.999999",
            "2024-02-01T00:00:00",
            "2024-03-01T00:00:00",
            "1999-12-31T12:00:00",
        ];
        assert_eq!(
            shown(&times, &[], Step::Month),
            [
                "2024-02-01T00:00:00 2024-03-01T00:00:00 _2024_02",
                "2024-03-01T00:00:00 2024-04-01T00:00:00 _2024_03",
                "1999-12-01T00:00:00 2000-01-01T00:00:00 _1999_12",
            ]
        );
        let known =
            [("2024-01-01T00:00:00", "2024-02-10T06:00:00"), ("2024-02-20T00:00:00", "2024-02-25T00:00:00")];
        assert_eq!(
            shown(
                &["2024-02-05T00:00:00", "2024-02-15T00:00:00", "2024-02-19T00:00:00", "2024-02-29T00:00:00"],
                &known,
                Step::Month
            ),
            [
                "2024-02-10T06:00:00 2024-02-20T00:00:00 _2024_02_10_060000",
                "2024-02-25T00:00:00 2024-03-01T00:00:00 _2024_02_25",
            ]
        );
        assert_eq!(
            shown(&["2024-02-29T12:00:00"], &[], Step::Day),
            ["2024-02-29T00:00:00 2024-03-01T00:00:00 _2024_02_29"]
        );
    }

    #[test]
    fn times_without_a_year_have_no_partition_and_their_number_is_limited() {
        assert!(missing(&[i64::MAX - 1, -63_113_904_000_000_000 * 2], &[], Step::Day).is_empty());
        let days: Vec<i64> = (0..1000).map(|day| day * MICROS_PER_DAY).collect();
        assert_eq!(missing(&days, &[], Step::Day).len(), MOST);
    }
}
