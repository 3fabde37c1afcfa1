//! Makes the partitions that rows need, in the transaction that stores the rows. A partition holds a day or a month, or
//! what neighbours leave of it.

use jiff::ToSpan;
use tally_postgres::partitions::{micros, moment, BoundKind, PartitionedTable, TimeRange};
use tally_postgres::pgtype::copy::fields;
use tally_postgres::pgtype::moment::MICROS_PER_DAY;
use tally_rows::config::{ColumnType, PartitionBy, Step};
use tally_rows::decode::Rows;
use tally_rows::definition::Definition;
use tokio_postgres::{Error, Transaction};

/// Number of partitions that one batch may make: nonsense times must not fill the catalog. Rows beyond it are refused.
const MOST: usize = 200;

/// Makes the partitions that these rows need and that the table does not have yet.
pub async fn make(tx: &Transaction<'_>, definition: &Definition, rows: &Rows) -> Result<(), Error> {
    let Some(PartitionBy { column, step }) = &definition.partition_by else { return Ok(()) };
    let found = definition.columns.iter().enumerate().find(|(_, other)| other.name == *column);
    let Some((place, column)) = found else { return Ok(()) };
    let kind = column.kind();
    let times: Vec<i64> =
        (0..rows.len()).filter_map(|n| time(kind, fields(rows.slice(n, n + 1)).nth(place)?)).collect();
    let name = &definition.table;
    let kind = match kind {
        ColumnType::Date => BoundKind::Date,
        ColumnType::Timestamp => BoundKind::Timestamp,
        _ => BoundKind::TimestampTz,
    };
    let table = PartitionedTable { schema: name.schema.as_deref(), name: &name.name, kind };
    let Some(bounds) = table.bounds(tx).await? else { return Ok(()) };
    if missing(&times, &bounds, *step).is_empty() {
        return Ok(());
    }
    table.lock(tx).await?;
    let Some(bounds) = table.bounds(tx).await? else { return Ok(()) };
    for range in missing(&times, &bounds, *step) {
        table.create(tx, range).await?;
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

/// Returns the spans of the partitions that are missing for some times.
fn missing(times: &[i64], bounds: &[TimeRange], step: Step) -> Vec<TimeRange> {
    let mut found: Vec<TimeRange> = Vec::new();
    let mut last: Option<TimeRange> = None;
    for time in times {
        let holds = |span: &TimeRange| (span.0..span.1).contains(time);
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
fn period(time: i64, step: Step) -> Option<TimeRange> {
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
    Some((micros(from.into())?, micros(to.into())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        micros(text.parse().unwrap()).unwrap()
    }

    fn shown(times: &[&str], bounds: &[(&str, &str)], step: Step) -> Vec<String> {
        let times: Vec<i64> = times.iter().map(|text| at(text)).collect();
        let bounds: Vec<TimeRange> = bounds.iter().map(|(from, to)| (at(from), at(to))).collect();
        let text = |(from, to): &TimeRange| format!("{} {}", moment(*from).unwrap(), moment(*to).unwrap());
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
                "2024-02-01T00:00:00 2024-03-01T00:00:00",
                "2024-03-01T00:00:00 2024-04-01T00:00:00",
                "1999-12-01T00:00:00 2000-01-01T00:00:00",
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
            ["2024-02-10T06:00:00 2024-02-20T00:00:00", "2024-02-25T00:00:00 2024-03-01T00:00:00",]
        );
        assert_eq!(
            shown(&["2024-02-29T12:00:00"], &[], Step::Day),
            ["2024-02-29T00:00:00 2024-03-01T00:00:00"]
        );
    }

    #[test]
    fn times_without_a_year_have_no_partition_and_their_number_is_limited() {
        assert!(missing(&[i64::MAX - 1, -63_113_904_000_000_000 * 2], &[], Step::Day).is_empty());
        let days: Vec<i64> = (0..1000).map(|day| day * MICROS_PER_DAY).collect();
        assert_eq!(missing(&days, &[], Step::Day).len(), MOST);
    }
}
