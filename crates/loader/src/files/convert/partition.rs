//! The directories of partitions, named as Hive does: `year=2024/month=02/day=29`.

use std::str::FromStr;

use jiff::civil::{date, DateTime};
use jiff::SignedDuration;
use tally_postgres::Failure;
use tally_rows::config::{Column, ColumnType};

/// A part of a time by which rows are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum TimePart {
    /// The year.
    Year,
    /// The month of the year.
    Month,
    /// The day of the month.
    Day,
    /// The hour of the day.
    Hour,
}

/// The division of rows by the time in one of their columns.
#[derive(Debug, Clone)]
pub struct Division {
    /// The parts, the largest first.
    parts: Vec<TimePart>,
    /// The place of the column, and its type.
    pub column: usize,
    kind: ColumnType,
}

/// The name of the directory for rows without a time.
const NO_TIME: &str = "__HIVE_DEFAULT_PARTITION__";

impl Division {
    /// Divides rows of these columns by the named one, or by the only one that is a time.
    pub fn new(parts: &[TimePart], name: Option<&str>, columns: &[Column]) -> Result<Option<Self>, Failure> {
        if parts.is_empty() {
            return Ok(None);
        }
        let has_day = |column: &&Column| {
            matches!(column.kind(), ColumnType::Date | ColumnType::Timestamp | ColumnType::Timestamptz)
        };
        let times: Vec<&Column> = columns.iter().filter(has_day).collect();
        let names: Vec<&str> = times.iter().map(|column| column.name.as_str()).collect();
        let chosen = match name {
            Some(name) => times.iter().find(|column| column.name == name),
            None => times.first().filter(|_| times.len() == 1),
        };
        let column = chosen.ok_or_else(|| {
            let what = match name {
                Some(name) => format!("--partition needs a column of times, and {name:?} is none"),
                None => format!("--partition needs one column of times, and there are {}", times.len()),
            };
            Failure::usage(what)
                .mend(format!("name one with --partition-column; columns of times are: {}", names.join(", ")))
        })?;
        if column.kind() == ColumnType::Date && parts.contains(&TimePart::Hour) {
            return Err(Failure::usage(format!("column {:?} is a date without an hour", column.name))
                .mend("leave hour out of --partition"));
        }
        let mut parts = parts.to_vec();
        parts.sort_unstable();
        parts.dedup();
        let place = columns.iter().position(|other| other.name == column.name);
        Ok(place.map(|place| Self { parts, column: place, kind: column.kind() }))
    }

    /// Returns the directory for a value of the column, in its binary form; instants are in UTC.
    pub fn directory(&self, value: Option<&[u8]>) -> String {
        let moment = value.and_then(|value| self.moment(value));
        let part = |part: &TimePart| {
            let text = |value: Option<i16>, width| value.map_or(NO_TIME.into(), |n| format!("{n:0width$}"));
            match part {
                TimePart::Year => format!("year={}", text(moment.map(|m| m.year()), 4)),
                TimePart::Month => format!("month={}", text(moment.map(|m| m.month().into()), 2)),
                TimePart::Day => format!("day={}", text(moment.map(|m| m.day().into()), 2)),
                TimePart::Hour => format!("hour={}", text(moment.map(|m| m.hour().into()), 2)),
            }
        };
        self.parts.iter().map(part).collect::<Vec<_>>().join("/")
    }

    /// Returns the time; none if it is infinite or not in a year of at most four digits.
    fn moment(&self, value: &[u8]) -> Option<DateTime> {
        let since = match self.kind {
            ColumnType::Date => {
                SignedDuration::from_hours(24 * i64::from(i32::from_be_bytes(value.try_into().ok()?)))
            }
            _ => SignedDuration::from_micros(i64::from_be_bytes(value.try_into().ok()?)),
        };
        let moment = DateTime::from(date(2000, 1, 1)).checked_add(since).ok()?;
        (moment.year() >= 0).then_some(moment)
    }
}

impl FromStr for TimePart {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        <Self as clap::ValueEnum>::from_str(text, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories() {
        let columns = [
            Column::plain("n", ColumnType::Bigint, None),
            Column::plain("d", ColumnType::Date, None),
            Column::plain("at", ColumnType::Timestamptz, None),
        ];
        let division = |parts: &[TimePart], name| Division::new(parts, name, &columns);
        let by_day = division(&[TimePart::Month, TimePart::Year, TimePart::Day], Some("d")).unwrap().unwrap();
        assert_eq!(by_day.directory(Some(&59i32.to_be_bytes())), "year=2000/month=02/day=29");
        assert_eq!(by_day.directory(Some(&(-1i32).to_be_bytes())), "year=1999/month=12/day=31");
        let none = format!("year={NO_TIME}/month={NO_TIME}/day={NO_TIME}");
        assert_eq!(
            [by_day.directory(None), by_day.directory(Some(&i32::MAX.to_be_bytes()))],
            [none.clone(), none]
        );
        let by_hour = division(&[TimePart::Hour], Some("at")).unwrap().unwrap();
        assert_eq!(by_hour.directory(Some(&(-1i64).to_be_bytes())), "hour=23");
        for (parts, name) in
            [(TimePart::Year, None), (TimePart::Year, Some("n")), (TimePart::Hour, Some("d"))]
        {
            assert!(division(&[parts], name).is_err());
        }
    }
}
