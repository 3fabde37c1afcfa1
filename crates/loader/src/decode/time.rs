//! Instants and dates, from RFC 3339 text or from numbers with a unit, within PostgreSQL's range.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::Timestamp;

use super::value::Value;
use super::{sqlstate, Reject};
use crate::config::{ColumnType, Unit};

/// PostgreSQL counts microseconds from 2000-01-01; this is that day, counted from 1970.
const POSTGRES_EPOCH: i128 = 946_684_800_000_000;
/// 4714-11-24 BC and 294277-01-01, PostgreSQL's ends of time, in its own count.
const MIN_MICROS: i128 = -211_813_488_000_000_000;
const END_MICROS: i128 = 9_223_371_331_200_000_000;
/// Microseconds in a day.
pub const MICROS_PER_DAY: i64 = 86_400_000_000;
/// From 1970-01-01 to 2000-01-01.
const DAYS_TO_2000: i32 = 10_957;
/// 4714-11-24 BC and 5874898-01-01, PostgreSQL's ends of days, in its own count.
const MIN_DAYS: i32 = -2_451_545;
const END_DAYS: i32 = 2_145_031_949;

/// Microseconds since 2000-01-01 UTC.
pub fn micros(value: &Value, unit: Option<Unit>, kind: ColumnType) -> Result<i64, Reject> {
    let since_1970 = match value {
        Value::Number(text) => from_number(text, unit, kind)?,
        Value::Text(text) => match from_text(text, kind) {
            Some(micros) => micros,
            None if unit.is_some() => from_number(text, unit, kind)?,
            None => return Err(not_a_time(&format!("text {text:?}"), kind)),
        },
        _ => return Err(Reject::new(sqlstate::INVALID_TEXT, format!("neither text nor number, for {kind}"))),
    };
    since_2000(since_1970, kind)
}

/// Microseconds since 2000-01-01 of a count since 1970.
pub fn instant(count: i64, unit: Unit, kind: ColumnType) -> Result<i64, Reject> {
    since_2000(to_micros(count.into(), unit), kind)
}

fn since_2000(micros_since_1970: i128, kind: ColumnType) -> Result<i64, Reject> {
    let micros = micros_since_1970 - POSTGRES_EPOCH;
    if !(MIN_MICROS..END_MICROS).contains(&micros) {
        return Err(overflow(kind));
    }
    Ok(micros as i64) // the range was just checked
}

fn to_micros(count: i128, unit: Unit) -> i128 {
    match unit {
        Unit::S => count * 1_000_000,
        Unit::Ms => count * 1_000,
        Unit::Us => count,
        Unit::Ns => nanos_to_micros(count),
    }
}

/// Days since 2000-01-01 of days since 1970.
pub fn days_since_1970(days: i32) -> Result<i32, Reject> {
    let days = days.checked_sub(DAYS_TO_2000).filter(|days| (MIN_DAYS..END_DAYS).contains(days));
    days.ok_or_else(|| overflow(ColumnType::Date))
}

/// Microseconds since midnight.
pub fn time_of_day(value: &Value) -> Result<i64, Reject> {
    let Value::Text(text) = value else {
        return Err(Reject::new(sqlstate::INVALID_TEXT, "not text, for time"));
    };
    let time: Time = text.parse().map_err(|_| not_a_time(&format!("text {text:?}"), ColumnType::Time))?;
    let nanos = time.duration_since(Time::midnight()).as_nanos();
    Ok(nanos_to_micros(nanos) as i64) // of one day
}

/// Days since 2000-01-01.
pub fn days(value: &Value, unit: Option<Unit>) -> Result<i32, Reject> {
    if let Value::Text(text) = value {
        // The parser would take a time of day as well, and drop it.
        let date = Some(text)
            .filter(|text| text.len() == "2000-01-01".len())
            .and_then(|text| text.parse::<Date>().ok());
        if let Some(date) = date {
            let epoch = Date::constant(2000, 1, 1);
            return Ok(date.since(epoch).map_err(|_| overflow(ColumnType::Date))?.get_days());
        }
        if unit.is_none() {
            return Err(not_a_time(&format!("text {text:?}"), ColumnType::Date));
        }
    }
    let micros = micros(value, unit, ColumnType::Date)?;
    Ok(micros.div_euclid(MICROS_PER_DAY) as i32) // all of PostgreSQL's instants have a day
}

fn from_text(text: &str, kind: ColumnType) -> Option<i128> {
    let local = (kind == ColumnType::Timestamp).then(|| text.parse::<DateTime>().ok()).flatten();
    let instant = match local {
        // A timestamp without time zone is stored as it reads.
        Some(local) => TimeZone::UTC.to_timestamp(local).ok()?,
        None => text.parse::<Timestamp>().ok()?,
    };
    Some(nanos_to_micros(instant.as_nanosecond()))
}

fn from_number(text: &str, unit: Option<Unit>, kind: ColumnType) -> Result<i128, Reject> {
    let Some(unit) = unit else {
        let what =
            format!("number {text} has no unit, for {kind}: set `unit` of the column to s, ms, us or ns");
        return Err(Reject::new(sqlstate::BAD_TIME, what));
    };
    if let Ok(number) = text.parse::<i64>() {
        return Ok(to_micros(number.into(), unit));
    }
    let number: f64 = text.parse().map_err(|_| not_a_time(&format!("{text:?}"), kind))?;
    let micros = match unit {
        Unit::S => number * 1e6,
        Unit::Ms => number * 1e3,
        Unit::Us => number,
        Unit::Ns => number / 1e3,
    };
    if micros.is_finite() {
        Ok(micros.round() as i128)
    } else {
        Err(overflow(kind))
    }
}

fn nanos_to_micros(nanos: i128) -> i128 {
    (nanos + 500).div_euclid(1000)
}

fn not_a_time(what: &str, kind: ColumnType) -> Reject {
    Reject::new(sqlstate::BAD_TIME, format!("{what} is not {kind}"))
}

fn overflow(kind: ColumnType) -> Reject {
    Reject::new(sqlstate::TIME_OVERFLOW, format!("out of PostgreSQL's range for {kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str, kind: ColumnType) -> Result<i64, String> {
        micros(&Value::Text(text.into()), None, kind).map_err(|r| r.sqlstate)
    }

    fn number(text: &str, unit: Unit) -> Result<i64, String> {
        micros(&Value::Number(text.into()), Some(unit), ColumnType::Timestamptz).map_err(|r| r.sqlstate)
    }

    #[test]
    fn instants() {
        use ColumnType::{Timestamp, Timestamptz};
        assert_eq!(text("2000-01-01T00:00:00.000001Z", Timestamptz), Ok(1));
        assert_eq!(text("2000-01-01T02:00:00+02:00", Timestamptz), Ok(0));
        assert_eq!(text("2000-01-01 00:00:01", Timestamp), Ok(1_000_000));
        assert_eq!(text("2000-01-01T02:00:00+02:00", Timestamp), Ok(7_200_000_000));
        assert_eq!(text("2000-01-01 00:00:01", Timestamptz), Err("22007".into()));
        assert_eq!(text("+292277-01-01T00:00:00Z", Timestamptz), Err("22007".into()));
    }

    #[test]
    fn numbers_with_units() {
        assert_eq!(number("946684800", Unit::S), Ok(0));
        assert_eq!(number("946684800.000001", Unit::S), Ok(1));
        assert_eq!(number("946684800001", Unit::Ms), Ok(1000));
        assert_eq!(number("946684799999999500", Unit::Ns), Ok(0));
        assert_eq!(number("9223372036854775807", Unit::S), Err("22008".into()));
        assert_eq!(number("1e300", Unit::S), Err("22008".into()));
        let unitless = micros(&Value::Number("1".into()), None, ColumnType::Timestamptz).unwrap_err();
        assert!(unitless.message.contains("unit"));
    }

    #[test]
    fn dates() {
        let date = |text: &str| days(&Value::Text(text.to_string().into()), None).map_err(|r| r.sqlstate);
        assert_eq!(date("2000-01-02"), Ok(1));
        assert_eq!(date("1999-12-31"), Ok(-1));
        assert_eq!(date("2000-01-02T10:00:00"), Err("22007".into()));
        assert_eq!(days(&Value::Number("946684799".into()), Some(Unit::S)), Ok(-1));
    }
}
