//! Instants and dates within PostgreSQL's range, from text or from numbers with a unit, and back to text.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use tally_postgres::pgtype::moment::{days_from_unix, micros_from_unix, midnight, Moment, MICROS_PER_DAY};
use tally_postgres::pgtype::Problem;

use super::value::Value;
use super::{sqlstate, Reject};
use crate::config::{ColumnType, Unit};

/// Converts a value to microseconds since 2000-01-01 UTC.
pub fn micros(value: &Value, unit: Option<Unit>, kind: ColumnType) -> Result<i64, Reject> {
    let since_1970 = match value {
        Value::Number(text) => from_number(text, unit, kind)?,
        Value::Text(text) => match from_text(text, kind) {
            Ok(micros) => return Ok(micros),
            Err(Problem::Range) => return Err(overflow(kind)),
            Err(Problem::Syntax) if unit.is_some() => from_number(text, unit, kind)?,
            Err(Problem::Syntax) => return Err(not_an_instant(text, kind)),
        },
        _ => return Err(Reject::new(sqlstate::INVALID_TEXT, format!("neither text nor number, for {kind}"))),
    };
    since_2000(since_1970, kind)
}

/// Whether a text is an instant: a time with its zone.
pub fn is_instant(text: &str) -> bool {
    infinity(text).is_none() && from_text(text, ColumnType::Timestamptz).is_ok()
}

/// Converts a count since 1970 to microseconds since 2000-01-01.
pub fn instant(count: i64, unit: Unit, kind: ColumnType) -> Result<i64, Reject> {
    since_2000(to_micros(count.into(), unit), kind)
}

fn since_2000(micros_since_1970: i128, kind: ColumnType) -> Result<i64, Reject> {
    micros_from_unix(micros_since_1970).ok_or_else(|| overflow(kind))
}

fn to_micros(count: i128, unit: Unit) -> i128 {
    match unit {
        Unit::S => count * 1_000_000,
        Unit::Ms => count * 1_000,
        Unit::Us => count,
        Unit::Ns => nanos_to_micros(count),
    }
}

/// Converts days since 1970 to days since 2000-01-01.
pub fn days_since_1970(days: i32) -> Result<i32, Reject> {
    days_from_unix(days).ok_or_else(|| overflow(ColumnType::Date))
}

/// Converts a value to microseconds since midnight.
pub fn time_of_day(value: &Value) -> Result<i64, Reject> {
    let Value::Text(text) = value else {
        return Err(Reject::new(sqlstate::INVALID_TEXT, "not text, for time"));
    };
    if let Ok(Moment::Time(micros)) = Moment::parse(text.as_bytes()) {
        return Ok(micros);
    }
    let time: Time = text.parse().map_err(|_| not_a_time(&format!("text {text:?}"), ColumnType::Time))?;
    let nanos = time.duration_since(Time::midnight()).as_nanos();
    Ok(nanos_to_micros(nanos) as i64) // of one day
}

/// Converts a value to days since 2000-01-01.
pub fn days(value: &Value, unit: Option<Unit>) -> Result<i32, Reject> {
    if let Value::Text(text) = value {
        if let Some(end) = infinity(text) {
            return Ok(if end > 0 { i32::MAX } else { i32::MIN });
        }
        match Moment::parse(text.as_bytes()) {
            Ok(Moment::Date(days)) => return Ok(days),
            Err(Problem::Range) => return Err(overflow(ColumnType::Date)),
            _ => {}
        }
        if unit.is_none() {
            return Err(not_a_time(&format!("text {text:?}"), ColumnType::Date));
        }
    }
    let micros = micros(value, unit, ColumnType::Date)?;
    Ok(micros.div_euclid(MICROS_PER_DAY) as i32) // every instant of PostgreSQL has a day in its range
}

/// Converts a text to microseconds since 2000-01-01 UTC. For timestamp, a text without a zone is stored as it reads;
/// one with a zone is stored in UTC, as numbers are.
fn from_text(text: &str, kind: ColumnType) -> Result<i64, Problem> {
    if let Some(end) = infinity(text) {
        return Ok(end);
    }
    match Moment::parse(text.as_bytes()) {
        Ok(Moment::Timestamptz(micros)) => Ok(micros),
        Ok(Moment::Timestamp(micros)) if kind == ColumnType::Timestamp => Ok(micros),
        Ok(Moment::Date(days)) if kind == ColumnType::Timestamp => midnight(days).ok_or(Problem::Range),
        Err(Problem::Range) => Err(Problem::Range),
        _ => from_iso(text, kind),
    }
}

/// Reads further forms of ISO 8601 and RFC 9557: times without separators, hours alone, a zone's name in brackets.
fn from_iso(text: &str, kind: ColumnType) -> Result<i64, Problem> {
    let instant = match kind == ColumnType::Timestamp && !has_zone(text) {
        true => text.parse::<DateTime>().ok().and_then(|local| TimeZone::UTC.to_timestamp(local).ok()),
        false => text.parse::<Timestamp>().ok(),
    };
    let nanos = instant.ok_or(Problem::Syntax)?.as_nanosecond();
    micros_from_unix(nanos_to_micros(nanos)).ok_or(Problem::Range)
}

/// Whether a zone follows the time of day.
fn has_zone(text: &str) -> bool {
    let time = text.bytes().skip("2000-01-01".len());
    time.skip_while(|c| *c != b':').any(|c| matches!(c, b'Z' | b'z' | b'+' | b'-'))
}

/// Whether a text is one of PostgreSQL's infinities.
pub fn is_infinity(text: &str) -> bool {
    infinity(text).is_some()
}

/// Returns PostgreSQL's infinity that a text names.
fn infinity(text: &str) -> Option<i64> {
    let is = |name: &str| text.eq_ignore_ascii_case(name);
    if is("infinity") || is("+infinity") {
        Some(i64::MAX)
    } else if is("-infinity") {
        Some(i64::MIN)
    } else {
        None
    }
}

fn not_an_instant(text: &str, kind: ColumnType) -> Reject {
    let is_local = matches!(Moment::parse(text.as_bytes()), Ok(Moment::Timestamp(_) | Moment::Date(_)));
    if kind != ColumnType::Timestamp && is_local {
        let what = format!(
            "text {text:?} has no time zone, for {kind}: append one by `pattern` and `replacement`, or use timestamp"
        );
        return Reject::new(sqlstate::BAD_TIME, what);
    }
    not_a_time(&format!("text {text:?}"), kind)
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

/// Writes a day, given in days since 1970-01-01; None if it is outside the calendar.
pub fn date_text(days: i32) -> Option<String> {
    let since = Span::new().try_days(days).ok()?;
    Date::constant(1970, 1, 1).checked_add(since).ok().map(|date| date.to_string())
}

/// Writes a time of day, given in microseconds since midnight; None if it is outside a day.
pub fn time_text(micros: i64) -> Option<String> {
    let time = Time::midnight().checked_add(SignedDuration::from_micros(micros));
    time.ok().map(|time| time.to_string())
}

/// Writes an instant in UTC, given as a count since 1970-01-01; None if it is outside the calendar.
pub fn instant_text(count: i64, unit: Unit) -> Option<String> {
    let instant = match unit {
        Unit::S => Timestamp::from_second(count),
        Unit::Ms => Timestamp::from_millisecond(count),
        Unit::Us => Timestamp::from_microsecond(count),
        Unit::Ns => Timestamp::from_nanosecond(count.into()),
    };
    instant.ok().map(|instant| instant.to_string())
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
        assert_eq!(text("2000-01-01T02:00:00+02:00", Timestamp), Ok(0));
        assert_eq!(text("2000-01-01T00:00:00Z", Timestamp), Ok(0));
        assert_eq!(text("2000-01-01 00:00:01", Timestamptz), Err("22007".into()));
        assert_eq!(text("+294277-01-01T00:00:00Z", Timestamptz), Err("22008".into()));
        assert_eq!(text("2000-01-01", Timestamp), Ok(0));
        assert_eq!(text("2000-01-01", Timestamptz), Err("22007".into()));
        let local = micros(&Value::Text("2000-01-01 00:00:01".into()), None, Timestamptz).unwrap_err();
        assert!(local.message.contains("no time zone"));
    }

    #[test]
    fn all_of_postgresqls_range() {
        use ColumnType::{Timestamp, Timestamptz};
        let last_day = 252_455_615_999_000_000;
        assert_eq!(text("9999-12-31T23:59:59Z", Timestamptz), Ok(last_day));
        assert_eq!(text("9999-12-31T23:59:59", Timestamp), Ok(last_day));
        assert_eq!(text("294276-12-31T23:59:59.999999Z", Timestamptz), Ok(9_223_371_331_199_999_999));
        assert_eq!(text("4714-11-24 00:00:00 BC", Timestamp), Ok(-211_813_488_000_000_000));
        assert_eq!(text("4714-11-23 23:59:59 BC", Timestamp), Err("22008".into()));
        assert_eq!(text("infinity", Timestamptz), Ok(i64::MAX));
        assert_eq!(text("-Infinity", Timestamp), Ok(i64::MIN));
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
        assert_eq!(date("infinity"), Ok(i32::MAX));
        assert_eq!(date("5874897-12-31"), Ok(2_145_031_948));
        assert_eq!(date("5874898-01-01"), Err("22008".into()));
        assert_eq!(date("2000-01-02T10:00:00"), Err("22007".into()));
        assert_eq!(days(&Value::Number("946684799".into()), Some(Unit::S)), Ok(-1));
    }
}
