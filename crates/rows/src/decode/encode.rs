//! Encoding of one value in the binary form of a column's type.

use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;

use tally_postgres::pgtype::{self, hex, numeric, Problem};
use uuid::Uuid;

use super::value::Value;
use super::{sqlstate, time, walk, Reject};
use crate::config::{ColumnType, Unit};

/// Appends the binary form of a raw JSON value; returns false, and appends nothing, for null.
pub fn encode_json(
    kind: ColumnType,
    unit: Option<Unit>,
    raw: &str,
    out: &mut Vec<u8>,
) -> Result<bool, Reject> {
    if raw == "null" {
        return Ok(false);
    }
    if kind == ColumnType::Jsonb {
        encode_jsonb(raw, out)?;
    } else {
        encode(kind, unit, &Value::parse(raw)?, out)?;
    }
    Ok(true)
}

/// Appends the binary form of jsonb; the server checks the rest of it.
pub fn encode_jsonb(raw: &str, out: &mut Vec<u8>) -> Result<(), Reject> {
    if walk::escapes_nul(raw) {
        return Err(Reject::new(sqlstate::UNTRANSLATABLE, "\\u0000 cannot be stored in jsonb"));
    }
    out.push(pgtype::JSONB_VERSION);
    out.extend(raw.as_bytes());
    Ok(())
}

/// Appends the binary form of a scalar; on failure `out` may have been appended to.
pub fn encode(kind: ColumnType, unit: Option<Unit>, value: &Value, out: &mut Vec<u8>) -> Result<(), Reject> {
    match kind {
        ColumnType::Text => encode_text(value, out)?,
        ColumnType::Boolean => out.push(boolean(value)?.into()),
        ColumnType::Smallint => out.extend(integer::<i16>(value, kind)?.to_be_bytes()),
        ColumnType::Integer => out.extend(integer::<i32>(value, kind)?.to_be_bytes()),
        ColumnType::Bigint => out.extend(integer::<i64>(value, kind)?.to_be_bytes()),
        ColumnType::Real => {
            let text = number_text(value, kind)?;
            let number = f32::from_str(text).map_err(|_| wrong_type(value, kind))?;
            let lost = (number.is_infinite(), number == 0.0);
            check_float(text, lost, value, kind)?;
            out.extend(number.to_be_bytes());
        }
        ColumnType::DoublePrecision => {
            let text = number_text(value, kind)?;
            let number = f64::from_str(text).map_err(|_| wrong_type(value, kind))?;
            let lost = (number.is_infinite(), number == 0.0);
            check_float(text, lost, value, kind)?;
            out.extend(number.to_be_bytes());
        }
        ColumnType::Numeric => {
            numeric::encode(number_text(value, kind)?, out).map_err(|state| match state {
                Problem::Syntax => wrong_type(value, kind),
                Problem::Range => out_of_range(value, kind),
            })?
        }
        ColumnType::Timestamptz | ColumnType::Timestamp => {
            out.extend(time::micros(value, unit, kind)?.to_be_bytes())
        }
        ColumnType::Date => out.extend(time::days(value, unit)?.to_be_bytes()),
        ColumnType::Time => out.extend(time::time_of_day(value)?.to_be_bytes()),
        ColumnType::Bytea => match value {
            Value::Text(text) => out.extend(hex::parse_bytea(text).ok_or_else(|| wrong_type(value, kind))?),
            _ => return Err(wrong_type(value, kind)),
        },
        ColumnType::Uuid => match value {
            Value::Text(text) => {
                out.extend(Uuid::try_parse(text).map_err(|_| wrong_type(value, kind))?.as_bytes())
            }
            _ => return Err(wrong_type(value, kind)),
        },
        // Values for jsonb are not classified, and never get here.
        ColumnType::Jsonb => return Err(wrong_type(value, kind)),
    }
    Ok(())
}

fn encode_text(value: &Value, out: &mut Vec<u8>) -> Result<(), Reject> {
    match value {
        Value::Text(text) if text.as_bytes().contains(&0) => {
            return Err(Reject::new(sqlstate::BAD_CHARACTER, "a NUL character cannot be stored in text"));
        }
        Value::Text(text) => out.extend(text.as_bytes()),
        Value::Number(text) => out.extend(text.as_bytes()),
        Value::Boolean(flag) => out.extend(flag.to_string().as_bytes()),
        Value::Nested(_) => return Err(wrong_type(value, ColumnType::Text)),
    }
    Ok(())
}

fn boolean(value: &Value) -> Result<bool, Reject> {
    match value {
        Value::Boolean(flag) => Ok(*flag),
        Value::Text(text) | Value::Number(text) => {
            pgtype::boolean(text.as_bytes()).ok_or_else(|| wrong_type(value, ColumnType::Boolean))
        }
        _ => Err(wrong_type(value, ColumnType::Boolean)),
    }
}

/// Returns the digits of a number, which may be quoted: many feeds send numbers as strings.
fn number_text<'v>(value: &'v Value, kind: ColumnType) -> Result<&'v str, Reject> {
    match value {
        Value::Number(text) => Ok(text),
        Value::Text(text) => Ok(text),
        _ => Err(wrong_type(value, kind)),
    }
}

fn integer<T: FromStr<Err = ParseIntError>>(value: &Value, kind: ColumnType) -> Result<T, Reject> {
    let text = number_text(value, kind)?;
    let parsed: Result<T, ParseIntError> =
        text.parse().or_else(|error| whole(text).map_or(Err(error), |digits| digits.parse()));
    parsed.map_err(|error| {
        let reject = match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => out_of_range(value, kind),
            _ => wrong_type(value, kind),
        };
        match wider(text) {
            Some(wider) => reject.too_narrow(wider),
            None => reject,
        }
    })
}

/// Returns a type that holds a number which a narrower type has refused; None for words such as NaN.
fn wider(text: &str) -> Option<ColumnType> {
    if text.parse::<i64>().is_ok() {
        return Some(ColumnType::Bigint);
    }
    let is_written_in_digits = !text.trim_start_matches(['+', '-']).starts_with(char::is_alphabetic);
    (is_written_in_digits && numeric::encode(text, &mut Vec::new()).is_ok()).then_some(ColumnType::Numeric)
}

/// Returns the digits of a whole number that is written with a point or an exponent, such as `1.0` or `1e3`.
fn whole(text: &str) -> Option<String> {
    if let Some((whole, fraction)) = text.split_once('.') {
        if !fraction.is_empty() && fraction.bytes().all(|c| c == b'0') {
            return Some(whole.into());
        }
    }
    let number: f64 = text.contains(['e', 'E']).then(|| text.parse().ok())??;
    // Beyond this magnitude a double may differ from the text.
    (number.fract() == 0.0 && number.abs() < 9e15).then(|| (number as i64).to_string())
}

/// Refuses, as PostgreSQL does, a number that becomes infinite or zero only because the type cannot hold it.
fn check_float(
    text: &str,
    (infinite, zero): (bool, bool),
    value: &Value,
    kind: ColumnType,
) -> Result<(), Reject> {
    let written_as_word =
        || text.trim_start_matches(['+', '-']).starts_with(|c: char| c.is_ascii_alphabetic());
    let written_as_zero =
        || !text.split(['e', 'E']).next().unwrap_or("").contains(|c| ('1'..='9').contains(&c));
    if (infinite && !written_as_word()) || (zero && !written_as_zero()) {
        return Err(out_of_range(value, kind));
    }
    Ok(())
}

fn wrong_type(value: &Value, kind: ColumnType) -> Reject {
    Reject::new(sqlstate::INVALID_TEXT, format!("{} is not {kind}", value.describe()))
}

fn out_of_range(value: &Value, kind: ColumnType) -> Reject {
    Reject::new(sqlstate::OUT_OF_RANGE, format!("{} is out of range for {kind}", value.describe()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ColumnType::*;

    fn bytes(kind: ColumnType, raw: &str) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        encode_json(kind, None, raw, &mut out).map_err(|r| r.sqlstate)?;
        Ok(out)
    }

    #[test]
    fn scalars() {
        assert_eq!(bytes(Smallint, "-2").unwrap(), (-2i16).to_be_bytes());
        assert_eq!(bytes(Bigint, "\"428000001\"").unwrap(), 428_000_001i64.to_be_bytes());
        assert_eq!(bytes(DoublePrecision, "1.5e3").unwrap(), 1500f64.to_be_bytes());
        assert_eq!(bytes(DoublePrecision, "\"-Infinity\"").unwrap(), f64::NEG_INFINITY.to_be_bytes());
        assert_eq!(bytes(Real, "0.0e0").unwrap(), 0f32.to_be_bytes());
        assert_eq!(bytes(Text, "\"a\\u00e9\"").unwrap(), "aé".as_bytes());
        assert_eq!(bytes(Text, "12.50").unwrap(), b"12.50");
        assert_eq!(bytes(Boolean, "true").unwrap(), [1]);
        for raw in ["1e3", "1000.0", "\"1.0e3\"", "10000e-1"] {
            assert_eq!(bytes(Integer, raw).unwrap(), 1000i32.to_be_bytes(), "{raw}");
        }
        assert_eq!((bytes(Boolean, "0").unwrap(), bytes(Boolean, "\"TRUE\"").unwrap()), (vec![0], vec![1]));
        assert_eq!(bytes(Bytea, r#""\\x00fF""#).unwrap(), [0, 255]);
        assert_eq!(bytes(Time, "\"00:00:01.5\"").unwrap(), 1_500_000i64.to_be_bytes());
        assert_eq!(bytes(Jsonb, "[1,{}]").unwrap(), b"\x01[1,{}]");
        assert_eq!(bytes(Uuid, "\"00000000-0000-0000-0000-0000000000ff\"").unwrap()[15], 255);
    }

    #[test]
    fn a_number_that_another_type_would_hold() {
        let message = |kind, raw| encode_json(kind, None, raw, &mut Vec::new()).unwrap_err();
        for (kind, raw, wider) in [
            (Bigint, "1.5", Some(Numeric)),
            (Bigint, "\"-1.5e-3\"", Some(Numeric)),
            (Bigint, "99999999999999999999", Some(Numeric)),
            (Smallint, "40000", Some(Bigint)),
            (Integer, "\"NaN\"", None),
            (Integer, "\"\"", None),
            (Integer, "\"x\"", None),
            (Integer, "true", None),
            (Real, "1e39", None),
        ] {
            assert_eq!(message(kind, raw).wider, wider, "{kind} {raw}");
        }
        assert_eq!(message(Bigint, "1.5").message, "number 1.5 is not bigint; numeric would hold it");
    }

    #[test]
    fn refusals() {
        for (kind, raw, state) in [
            (Smallint, "32768", "22003"),
            (Integer, "1.5", "22P02"),
            (Bigint, "true", "22P02"),
            (Bigint, "99999999999999999999", "22003"),
            (DoublePrecision, "1e400", "22003"),
            (DoublePrecision, "1e-400", "22003"),
            (Real, "1e39", "22003"),
            (DoublePrecision, "\"\"", "22P02"),
            (Text, "\"\\u0000\"", "22021"),
            (Text, "\"\\ud800\"", "22032"),
            (Text, "{}", "22P02"),
            (Boolean, "2", "22P02"),
            (Integer, "1e-1", "22P02"),
            (Integer, "1.", "22P02"),
            (Bigint, "1e30", "22P02"),
            (Jsonb, "{\"a\":\"\\u0000\"}", "22P05"),
            (Uuid, "\"x\"", "22P02"),
            (Bytea, "\"x00\"", "22P02"),
            (Bytea, r#""\\x0""#, "22P02"),
            (Time, "\"25:00\"", "22007"),
        ] {
            assert_eq!(bytes(kind, raw).unwrap_err(), state, "{kind} {raw}");
        }
    }
}
