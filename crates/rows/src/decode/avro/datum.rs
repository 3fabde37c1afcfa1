//! Reading a value of a message, for a column or as JSON.

use std::borrow::Cow;

use tally_postgres::pgtype::moment::MICROS_PER_DAY;
use tally_postgres::pgtype::{hex, numeric};

use super::cursor::Cursor;
use super::shape::{AvroShape, Type};
use crate::config::{ColumnType, Unit};
use crate::decode::cell::Cell;
use crate::decode::encode::{encode, encode_jsonb};
use crate::decode::value::Value;
use crate::decode::{sqlstate, time, Reject};

/// Maximum depth of nested types; recursive schemas allow messages of any depth.
const DEEPEST: usize = 100;

/// The size of the longest number of PostgreSQL's numeric, in bytes: 131,072 digits before and 16,383 after the point,
/// at 3.3 bits each.
const MOST_NUMERIC_BYTES: usize = 61_300;

/// A scalar value.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f32),
    Double(f64),
    Bytes(&'a [u8]),
    Text(&'a str),
    /// A decimal number, big-endian in two's complement.
    Decimal {
        unscaled: &'a [u8],
        scale: usize,
    },
    Uuid([u8; 16]),
    /// Days since 1970-01-01.
    Days(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Time since 1970-01-01.
    Timestamp {
        count: i64,
        unit: Unit,
        is_local: bool,
    },
}

/// A reader of the values of a schema.
pub struct DatumReader<'a> {
    pub shape: &'a AvroShape,
}

impl<'a> DatumReader<'a> {
    /// Returns the type of the next value, after reading the branch of a union.
    pub fn choose(&self, kind: &'a Type, cursor: &mut Cursor<'a>) -> Result<&'a Type, Reject> {
        let mut kind = self.shape.resolved(kind);
        // Unions cannot contain unions.
        if let Type::Union(variants) = kind {
            let index = cursor.long()?;
            kind = usize::try_from(index).ok().and_then(|index| variants.get(index)).ok_or_else(|| {
                Reject::new(sqlstate::BAD_BINARY, format!("branch {index} of a union of {}", variants.len()))
            })?;
        }
        Ok(self.shape.resolved(kind))
    }

    /// Reads the next value, of a type that `choose` returned; reads nothing and returns `None` if it is not a scalar.
    pub fn scalar(&self, kind: &'a Type, cursor: &mut Cursor<'a>) -> Result<Option<Datum<'a>>, Reject> {
        Ok(Some(match kind {
            Type::Null => Datum::Null,
            Type::Boolean => match cursor.array()? {
                [0] => Datum::Boolean(false),
                [1] => Datum::Boolean(true),
                [other] => {
                    return Err(Reject::new(sqlstate::BAD_BINARY, format!("byte {other} as a boolean")))
                }
            },
            Type::Int => Datum::Integer(cursor.int()?.into()),
            Type::Long => Datum::Integer(cursor.long()?),
            Type::Float => Datum::Float(f32::from_le_bytes(cursor.array()?)),
            Type::Double => Datum::Double(f64::from_le_bytes(cursor.array()?)),
            Type::Bytes => Datum::Bytes(cursor.bytes()?),
            Type::Text => Datum::Text(cursor.text()?),
            Type::Enum(symbols) => {
                let index = cursor.int()?;
                let symbol = usize::try_from(index).ok().and_then(|index| symbols.get(index));
                Datum::Text(symbol.ok_or_else(|| {
                    Reject::new(
                        sqlstate::BAD_BINARY,
                        format!("symbol {index} of an enum of {}", symbols.len()),
                    )
                })?)
            }
            Type::Fixed(size) => Datum::Bytes(cursor.take_bytes(*size)?),
            Type::Decimal { size, scale } => {
                let unscaled = match size {
                    Some(size) => cursor.take_bytes(*size)?,
                    None => cursor.bytes()?,
                };
                Datum::Decimal { unscaled, scale: *scale }
            }
            Type::Uuid { is_text: true, .. } => Datum::Text(cursor.text()?),
            Type::Uuid { is_sized, .. } => {
                let bytes = if *is_sized { cursor.take_bytes(16)? } else { cursor.bytes()? };
                let bytes = bytes.try_into().map_err(|_| {
                    Reject::new(sqlstate::BAD_BINARY, format!("a uuid of {} bytes", bytes.len()))
                })?;
                Datum::Uuid(bytes)
            }
            Type::Days => Datum::Days(cursor.int()?),
            Type::Time(Unit::Ms) => Datum::Time(i64::from(cursor.int()?) * 1000),
            Type::Time(_) => Datum::Time(cursor.long()?),
            Type::Timestamp { unit, is_local } => {
                Datum::Timestamp { count: cursor.long()?, unit: *unit, is_local: *is_local }
            }
            Type::Record(_) | Type::Array(_) | Type::Map(_) | Type::Union(_) | Type::Named(_) => {
                return Ok(None)
            }
        }))
    }

    /// Calls `each` for every item of an array or map, to read it.
    fn items(
        &self,
        cursor: &mut Cursor<'a>,
        mut each: impl FnMut(&mut Cursor<'a>) -> Result<(), Reject>,
    ) -> Result<(), Reject> {
        loop {
            let count = cursor.block()?;
            if count == 0 {
                return Ok(());
            }
            for _ in 0..count {
                each(cursor)?;
            }
        }
    }

    /// Skips the next value.
    pub fn skip(&self, kind: &'a Type, cursor: &mut Cursor<'a>, depth: usize) -> Result<(), Reject> {
        let deeper = next_depth(depth)?;
        let kind = self.choose(kind, cursor)?;
        match kind {
            Type::Record(fields) => fields.iter().try_for_each(|(_, kind)| self.skip(kind, cursor, deeper)),
            Type::Array(items) => self.items(cursor, |cursor| self.skip(items, cursor, deeper)),
            Type::Map(values) => self.items(cursor, |cursor| {
                cursor.text()?;
                self.skip(values, cursor, deeper)
            }),
            // Text is checked even where it is skipped.
            scalar => self.scalar(scalar, cursor).map(|_| ()),
        }
    }

    /// Appends the next value as JSON.
    pub fn json(
        &self,
        kind: &'a Type,
        cursor: &mut Cursor<'a>,
        out: &mut String,
        depth: usize,
    ) -> Result<(), Reject> {
        let deeper = next_depth(depth)?;
        let kind = self.choose(kind, cursor)?;
        let separate = |out: &mut String| {
            if !out.ends_with(['[', '{']) {
                out.push(',');
            }
        };
        let name = |text: &str, cursor: &mut Cursor, out: &mut String| {
            let before = out.len();
            separate(out);
            json_text(text, out);
            out.push(':');
            cursor.spend_bytes(out.len() - before)
        };
        match kind {
            Type::Record(fields) => {
                out.push('{');
                for (field, kind) in fields {
                    name(field, cursor, out)?;
                    self.json(kind, cursor, out, deeper)?;
                }
                out.push('}');
            }
            Type::Array(items) => {
                out.push('[');
                self.items(cursor, |cursor| {
                    separate(out);
                    self.json(items, cursor, out, deeper)
                })?;
                out.push(']');
            }
            Type::Map(values) => {
                out.push('{');
                self.items(cursor, |cursor| {
                    name(cursor.text()?, cursor, out)?;
                    self.json(values, cursor, out, deeper)
                })?;
                out.push('}');
            }
            scalar => {
                if let Some(datum) = self.scalar(scalar, cursor)? {
                    let before = out.len();
                    datum.json(out)?;
                    cursor.spend_bytes(out.len() - before)?;
                }
            }
        }
        Ok(())
    }

    /// Appends the next value in a column's binary form; returns false, and appends nothing, for null.
    pub fn column(
        &self,
        cell: &Cell,
        kind: &'a Type,
        cursor: &mut Cursor<'a>,
        out: &mut Vec<u8>,
    ) -> Result<bool, Reject> {
        let before = *cursor;
        let chosen = self.choose(kind, cursor)?;
        if *chosen == Type::Null {
            return Ok(false);
        }
        let datum = if cell.kind == ColumnType::Jsonb { None } else { self.scalar(chosen, cursor)? };
        match datum {
            Some(datum) if cell.is_transformed() => {
                return cell.encode(cell.unit.or(datum.unit()), datum.value(cell.kind)?, out);
            }
            Some(datum) => datum.encode(cell.kind, cell.unit, out)?,
            None => {
                cursor.rewind(&before);
                let mut json = String::new();
                self.json(kind, cursor, &mut json, 0)?;
                match cell.kind {
                    ColumnType::Jsonb => encode_jsonb(&json, out)?,
                    _ => cell.encode_nested(&json, out)?,
                }
            }
        }
        Ok(true)
    }
}

fn next_depth(depth: usize) -> Result<usize, Reject> {
    if depth < DEEPEST {
        return Ok(depth + 1);
    }
    Err(Reject::new(sqlstate::TOO_LARGE, format!("values nested more than {DEEPEST} levels deep")))
}

fn json_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

impl Datum<'_> {
    /// Appends a column's binary form.
    fn encode(&self, column: ColumnType, unit: Option<Unit>, out: &mut Vec<u8>) -> Result<(), Reject> {
        match (column, self) {
            (ColumnType::DoublePrecision, Datum::Double(number)) => out.extend(number.to_be_bytes()),
            (ColumnType::DoublePrecision, Datum::Float(number)) => {
                out.extend(f64::from(*number).to_be_bytes())
            }
            (ColumnType::Real, Datum::Float(number)) => out.extend(number.to_be_bytes()),
            (ColumnType::Bigint, Datum::Integer(number)) => out.extend(number.to_be_bytes()),
            (ColumnType::Boolean, Datum::Boolean(flag)) => out.push((*flag).into()),
            (ColumnType::Bytea, Datum::Bytes(bytes)) => out.extend(*bytes),
            (ColumnType::Uuid, Datum::Uuid(bytes)) => out.extend(bytes),
            (ColumnType::Time, Datum::Time(micros)) => {
                if !(0..=MICROS_PER_DAY).contains(micros) {
                    return Err(Reject::new(
                        sqlstate::TIME_OVERFLOW,
                        format!("{micros} µs as a time of day"),
                    ));
                }
                out.extend(micros.to_be_bytes());
            }
            (ColumnType::Date, Datum::Days(days)) => out.extend(time::days_since_1970(*days)?.to_be_bytes()),
            (ColumnType::Timestamptz | ColumnType::Timestamp, Datum::Timestamp { count, unit, .. }) => {
                out.extend(time::instant(*count, *unit, column)?.to_be_bytes());
            }
            // All other values are converted like their form in JSON.
            _ => encode(column, unit.or(self.unit()), &self.value(column)?, out)?,
        }
        Ok(())
    }

    /// Returns the unit of a number, if the schema has one.
    fn unit(&self) -> Option<Unit> {
        match self {
            Datum::Timestamp { unit, .. } => Some(*unit),
            _ => None,
        }
    }

    /// Returns the value in the form that JSON would have, for a column of this type.
    fn value(&self, column: ColumnType) -> Result<Value<'_>, Reject> {
        let text = |text: String| Value::Text(Cow::Owned(text));
        Ok(match self {
            Datum::Null => Value::Nested("null"),
            Datum::Boolean(flag) => Value::Boolean(*flag),
            Datum::Integer(number) => Value::Number(number.to_string().into()),
            Datum::Float(number) => float(f64::from(*number), || number.to_string()),
            Datum::Double(number) => float(*number, || number.to_string()),
            Datum::Bytes(bytes) => text(hex::bytea(bytes)),
            Datum::Text(same) => Value::Text(Cow::Borrowed(same)),
            Datum::Decimal { unscaled, scale } => Value::Number(decimal(unscaled, *scale)?.into()),
            Datum::Uuid(bytes) => text(uuid::Uuid::from_bytes(*bytes).to_string()),
            Datum::Days(days) => text(date(*days)?),
            Datum::Time(micros) => text(time_of_day(*micros)?),
            Datum::Timestamp { count, .. } if column != ColumnType::Text && column != ColumnType::Jsonb => {
                Value::Number(count.to_string().into())
            }
            Datum::Timestamp { count, unit, is_local } => text(timestamp(*count, *unit, *is_local)?),
        })
    }

    fn json(&self, out: &mut String) -> Result<(), Reject> {
        match self.value(ColumnType::Jsonb)? {
            Value::Boolean(flag) => out.push_str(if flag { "true" } else { "false" }),
            Value::Number(number) => out.push_str(&number),
            Value::Text(text) => json_text(&text, out),
            Value::Nested(raw) => out.push_str(raw),
        }
        Ok(())
    }
}

/// Converts a number to its digits, or to a word such as NaN.
fn float<'v>(number: f64, digits: impl FnOnce() -> String) -> Value<'v> {
    match numeric::word(number) {
        Some(word) => Value::Text(Cow::Borrowed(word)),
        None => Value::Number(Cow::Owned(digits())),
    }
}

/// Writes a number with this many digits after the point.
fn decimal(unscaled: &[u8], scale: usize) -> Result<String, Reject> {
    // Converting longer numbers would take time quadratic in their length.
    if unscaled.len() > MOST_NUMERIC_BYTES || scale > numeric::MAX_SCALE as usize {
        return Err(Reject::new(
            sqlstate::OUT_OF_RANGE,
            "a decimal has more digits than PostgreSQL's numeric",
        ));
    }
    Ok(numeric::decimal(unscaled, scale))
}

fn date(days: i32) -> Result<String, Reject> {
    time::date_text(days).ok_or_else(|| out_of_time("date"))
}

fn time_of_day(micros: i64) -> Result<String, Reject> {
    time::time_text(micros).ok_or_else(|| out_of_time("time"))
}

fn timestamp(count: i64, unit: Unit, is_local: bool) -> Result<String, Reject> {
    let text = time::instant_text(count, unit).ok_or_else(|| out_of_time("timestamp"))?;
    Ok(if is_local { text.trim_end_matches('Z').to_string() } else { text })
}

fn out_of_time(what: &str) -> Reject {
    Reject::new(sqlstate::TIME_OVERFLOW, format!("a {what} out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
        assert_eq!(decimal(&[], 0).unwrap(), "0");
        assert_eq!(decimal(&[5], 2).unwrap(), "0.05");
        assert_eq!(decimal(&[0xff], 0).unwrap(), "-1");
        assert_eq!(decimal(&[0xcf, 0xc7], 3).unwrap(), "-12.345");
        assert_eq!(decimal(&[0x7f; 17], 24).unwrap().len(), "169222221514829.".len() + 2 + 24);
        for (bytes, scale) in [(1_000_000, 0), (1, 1_000_000_000)] {
            assert_eq!(decimal(&vec![1; bytes], scale).unwrap_err().sqlstate, sqlstate::OUT_OF_RANGE);
        }
    }

    #[test]
    fn times_as_text() {
        assert_eq!(date(-1).unwrap(), "1969-12-31");
        assert_eq!(time_of_day(1_000_001).unwrap(), "00:00:01.000001");
        assert_eq!(timestamp(1_665_388_535_113, Unit::Ms, false).unwrap(), "2022-10-10T07:55:35.113Z");
        assert_eq!(timestamp(1_665_388_535_113, Unit::Ms, true).unwrap(), "2022-10-10T07:55:35.113");
        assert!(date(i32::MAX).is_err());
        assert!(time_of_day(-1).is_err());
        assert!(timestamp(i64::MAX, Unit::S, false).is_err());
    }
}
