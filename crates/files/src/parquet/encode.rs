//! Encodes a value in the binary form of its column's type.

use parquet::record::Field as Value;
use tally_postgres::pgtype::moment::MICROS_PER_DAY;
use tally_rows::config::{Column, ColumnType, Unit};
use tally_rows::decode::{
    days_since_1970, encode as encode_scalar, encode_jsonb, instant, sqlstate, Cast, Reject, Value as Scalar,
};

use super::json::append_json;
use super::number::number_text;
use super::schema::{self, ParquetShape};
use crate::field;

/// Appends a field of a COPY, its length and bytes. `kind` is the type that the file's column has by itself.
pub fn append(
    column: &Column,
    (kind, shape): (ColumnType, ParquetShape),
    value: &Value,
    out: &mut Vec<u8>,
) -> Result<(), Reject> {
    let is_null = matches!(value, Value::Null);
    field::append(column, is_null, out, |out| match column.cast() {
        Some(cast) => encode_text(&cast, value, out),
        None => encode(column.kind(), kind, shape, value, out),
    })
}

/// Appends the value as text, which the server converts.
fn encode_text(cast: &str, value: &Value, out: &mut Vec<u8>) -> Result<(), Reject> {
    let mut json = String::new();
    append_json(value, &mut json)?;
    Cast::new(cast).encode_json(&json, out).map(|_| ())
}

fn encode(
    to: ColumnType,
    from: ColumnType,
    shape: ParquetShape,
    value: &Value,
    out: &mut Vec<u8>,
) -> Result<(), Reject> {
    let scalar = |value: Scalar, out: &mut Vec<u8>| encode_scalar(to, None, &value, out);
    if let Some(text) = schema::text(value) {
        return match to {
            ColumnType::Jsonb => encode_jsonb(text?, out),
            _ => scalar(Scalar::Text(text?.into()), out),
        };
    }
    match value {
        Value::Double(number) if to == ColumnType::DoublePrecision => out.extend(number.to_be_bytes()),
        Value::Float(number) if to == ColumnType::Real => out.extend(number.to_be_bytes()),
        Value::Bytes(bytes)
            if matches!(to, ColumnType::Bytea) || (shape == ParquetShape::Uuid && to == from) =>
        {
            out.extend(bytes.data())
        }
        Value::Bool(flag) => scalar(Scalar::Boolean(*flag), out)?,
        Value::Group(_) | Value::ListInternal(_) | Value::MapInternal(_) => {
            let mut json = String::new();
            append_json(value, &mut json)?;
            match to {
                ColumnType::Jsonb => encode_jsonb(&json, out)?,
                _ => scalar(Scalar::Text(json.into()), out)?,
            }
        }
        Value::Bytes(bytes) if shape == ParquetShape::Int96 && is_instant(to) => {
            out.extend(instant(int96(bytes.data())?, Unit::Us, to)?.to_be_bytes())
        }
        _ if is_moment(from) && to == from => moment(to, shape, value, out)?,
        _ if is_moment(from) || matches!(value, Value::Bytes(_)) => {
            return Err(Reject::new(
                sqlstate::INVALID_TEXT,
                format!("cannot store a value of type {from} as {to}"),
            ));
        }
        number => scalar(Scalar::Number(number_text(number).into()), out)?,
    }
    Ok(())
}

fn is_instant(kind: ColumnType) -> bool {
    matches!(kind, ColumnType::Timestamp | ColumnType::Timestamptz)
}

/// Converts a time of type INT96, nanoseconds of the day and the Julian day, to microseconds since 1970.
fn int96(bytes: &[u8]) -> Result<i64, Reject> {
    const JULIAN_DAY_OF_1970: i64 = 2_440_588;
    let bad = || Reject::new(sqlstate::BAD_TIME, "invalid time of type INT96");
    let (nanos, day) = bytes.split_first_chunk::<8>().ok_or_else(bad)?;
    let day = i32::from_le_bytes(day.try_into().map_err(|_| bad())?);
    let micros = i64::from_le_bytes(*nanos).checked_add(500).ok_or_else(bad)?.div_euclid(1000);
    let midnight = (i64::from(day) - JULIAN_DAY_OF_1970).checked_mul(MICROS_PER_DAY).ok_or_else(bad)?;
    midnight.checked_add(micros).ok_or_else(bad)
}

fn is_moment(kind: ColumnType) -> bool {
    matches!(kind, ColumnType::Date | ColumnType::Time | ColumnType::Timestamp | ColumnType::Timestamptz)
}

fn moment(kind: ColumnType, shape: ParquetShape, value: &Value, out: &mut Vec<u8>) -> Result<(), Reject> {
    match (kind, value) {
        (ColumnType::Date, Value::Date(days)) => out.extend(days_since_1970(*days)?.to_be_bytes()),
        (ColumnType::Time, Value::TimeMillis(millis)) => {
            out.extend((i64::from(*millis) * 1000).to_be_bytes())
        }
        (ColumnType::Time, Value::TimeMicros(micros)) => out.extend(micros.to_be_bytes()),
        (ColumnType::Time, Value::Long(nanos)) => out.extend(((nanos + 500).div_euclid(1000)).to_be_bytes()),
        (_, Value::TimestampMillis(count)) => out.extend(instant(*count, Unit::Ms, kind)?.to_be_bytes()),
        (_, Value::TimestampMicros(count)) => out.extend(instant(*count, Unit::Us, kind)?.to_be_bytes()),
        (_, Value::Long(count)) if shape == ParquetShape::Nanos => {
            out.extend(instant(*count, Unit::Ns, kind)?.to_be_bytes())
        }
        _ => return Err(Reject::new(sqlstate::BAD_TIME, format!("{value} is not {kind}"))),
    }
    Ok(())
}
