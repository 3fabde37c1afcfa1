//! Encodes a field in the binary form of its column's type.
//!
//! Accepts more than inference looks for: all that PostgreSQL itself reads as the type, unless that depends on the
//! settings of a session.

use std::borrow::Cow;
use std::str;

use tally_postgres::pgtype::boolean;
use tally_postgres::pgtype::moment::{micros_in_range, midnight, Moment};
use tally_rows::config::{Column, ColumnType};
use tally_rows::decode::{
    encode as encode_value, encode_jsonb, is_infinity, shorten, sqlstate, Reject, Value,
};

use super::notation::Notation;
use super::record::CsvField;
use crate::field;

/// Appends a field of a COPY, its length and bytes; `null` says whether it stands for NULL.
pub fn append(
    column: &Column,
    field: CsvField,
    null: bool,
    notation: &Notation,
    out: &mut Vec<u8>,
) -> Result<(), Reject> {
    let is_text = || column.kind() == ColumnType::Text && column.cast().is_none();
    let is_null = null || (field.bytes.is_empty() && !is_text());
    field::append(column, is_null, out, |out| encode(column.kind(), field.bytes, notation, out))
}

fn encode(kind: ColumnType, bytes: &[u8], notation: &Notation, out: &mut Vec<u8>) -> Result<(), Reject> {
    if kind == ColumnType::Text {
        out.extend(bytes);
        return Ok(());
    }
    // Types that are not text ignore space around their values.
    let bytes = bytes.trim_ascii();
    let wrong =
        |state| Reject::new(state, format!("{:?} is not {kind}", shorten(&String::from_utf8_lossy(bytes))));
    let text = str::from_utf8(bytes).map_err(|_| wrong(sqlstate::BAD_CHARACTER))?;
    match kind {
        ColumnType::Boolean => out.push(boolean(bytes).ok_or_else(|| wrong(sqlstate::INVALID_TEXT))?.into()),
        ColumnType::Date | ColumnType::Timestamp | ColumnType::Timestamptz if is_infinity(text) => {
            encode_value(kind, None, &Value::Text(text.into()), out)?
        }
        ColumnType::Date | ColumnType::Time | ColumnType::Timestamp | ColumnType::Timestamptz => {
            let parsed = notation.moment(bytes);
            let zone = notation.zone;
            let has_no_zone = matches!(parsed, Some(Moment::Timestamp(_) | Moment::Date(_)));
            moment(kind, parsed, zone, out).ok_or_else(|| match kind {
                ColumnType::Timestamptz if has_no_zone && zone.is_none() => {
                    let what = format!("{:?} has no time zone; name it with --time-zone", shorten(text));
                    Reject::new(sqlstate::BAD_TIME, what)
                }
                _ => wrong(sqlstate::BAD_TIME),
            })?
        }
        ColumnType::Smallint
        | ColumnType::Integer
        | ColumnType::Bigint
        | ColumnType::Real
        | ColumnType::DoublePrecision
        | ColumnType::Numeric => {
            let number = notation.number(text).ok_or_else(|| wrong(sqlstate::INVALID_TEXT))?;
            encode_number(kind, number, out)?
        }
        ColumnType::Jsonb => encode_jsonb(text, out)?,
        _ => encode_value(kind, None, &Value::Text(text.into()), out)?,
    }
    Ok(())
}

fn encode_number(kind: ColumnType, text: Cow<str>, out: &mut Vec<u8>) -> Result<(), Reject> {
    let text = match kind {
        ColumnType::DoublePrecision => match text.parse::<f64>() {
            Ok(number) if number.is_normal() => {
                out.extend(number.to_be_bytes());
                return Ok(());
            }
            _ => text,
        },
        ColumnType::Numeric => match text.to_ascii_lowercase().as_str() {
            "nan" => "NaN".into(),
            "inf" | "+inf" | "infinity" | "+infinity" => "Infinity".into(),
            "-inf" | "-infinity" => "-Infinity".into(),
            _ => text,
        },
        _ => text,
    };
    encode_value(kind, None, &Value::Text(text), out)
}

/// Takes a date for its midnight, as PostgreSQL does; but no zone is dropped, and none is guessed.
fn moment(kind: ColumnType, moment: Option<Moment>, zone: Option<i64>, out: &mut Vec<u8>) -> Option<()> {
    let utc = |local: i64| micros_in_range(i128::from(local) - i128::from(zone?));
    match (kind, moment?) {
        (ColumnType::Date, Moment::Date(days)) => out.extend(days.to_be_bytes()),
        (ColumnType::Time, Moment::Time(micros)) => out.extend(micros.to_be_bytes()),
        (ColumnType::Timestamp, Moment::Date(days)) => out.extend(midnight(days)?.to_be_bytes()),
        (ColumnType::Timestamptz, Moment::Date(days)) => out.extend(utc(midnight(days)?)?.to_be_bytes()),
        (ColumnType::Timestamptz, Moment::Timestamp(micros)) => out.extend(utc(micros)?.to_be_bytes()),
        (ColumnType::Timestamp, Moment::Timestamp(micros))
        | (ColumnType::Timestamptz, Moment::Timestamptz(micros)) => out.extend(micros.to_be_bytes()),
        _ => return None,
    }
    Some(())
}
