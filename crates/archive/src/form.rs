//! Forms that values take in Parquet, so that each comes back to PostgreSQL with the same bytes.

use bytes::Bytes;
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::Type as Schema;
use tally_postgres::pgtype::{numeric, JSONB_VERSION};
use tokio_postgres::types::Type;

/// Number of digits that a decimal of Parquet has at most, and as a whole number of 64 bits.
const MOST_DIGITS: u16 = 38;
const SHORT_DIGITS: u16 = 18;
/// Days and microseconds from 1970, where Parquet begins to count, to 2000, where PostgreSQL does.
const DAYS: i32 = 10_957;
const MICROS: i64 = DAYS as i64 * 86_400_000_000;

/// The form of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Boolean,
    Smallint,
    Integer,
    Bigint,
    Real,
    Double,
    Date,
    Time,
    /// A time; with a zone, as UTC.
    Timestamp {
        utc: bool,
    },
    Decimal {
        precision: u16,
        scale: u16,
    },
    /// A numeric whose digits no decimal of Parquet holds.
    NumberText,
    Text,
    Json,
    Jsonb,
    Uuid,
    /// Any other type, as PostgreSQL sends it.
    Binary,
}

/// A value of Parquet, with its bytes in this form.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<B> {
    Boolean(bool),
    Int32(i32),
    Int64(i64),
    Float(f32),
    Double(f64),
    Bytes(B),
}

impl Form {
    /// Returns the form for a type; `modifier` is that of the column, and `is_text` says whether its binary form is text.
    pub fn of(kind: &Type, modifier: i32, is_text: bool) -> Self {
        match *kind {
            Type::BOOL => Self::Boolean,
            Type::INT2 => Self::Smallint,
            Type::INT4 => Self::Integer,
            Type::INT8 => Self::Bigint,
            Type::FLOAT4 => Self::Real,
            Type::FLOAT8 => Self::Double,
            Type::DATE => Self::Date,
            Type::TIME => Self::Time,
            Type::TIMESTAMP => Self::Timestamp { utc: false },
            Type::TIMESTAMPTZ => Self::Timestamp { utc: true },
            Type::NUMERIC => Self::of_numeric(modifier),
            Type::JSON => Self::Json,
            Type::JSONB => Self::Jsonb,
            Type::UUID => Self::Uuid,
            _ if is_text => Self::Text,
            _ => Self::Binary,
        }
    }

    fn of_numeric(modifier: i32) -> Self {
        let Some(digits) = modifier.checked_sub(4).filter(|_| modifier >= 4) else { return Self::NumberText };
        // PostgreSQL keeps the scale as 11 bits with a sign.
        let (precision, scale) = ((digits >> 16) as u16, ((digits & 0x7ff) ^ 1024) - 1024);
        match u16::try_from(scale) {
            Ok(scale) if precision <= MOST_DIGITS && scale <= precision => Self::Decimal { precision, scale },
            _ => Self::NumberText,
        }
    }

    /// The type by which Parquet stores the form.
    pub fn physical(self) -> Physical {
        match self {
            Self::Boolean => Physical::BOOLEAN,
            Self::Smallint | Self::Integer | Self::Date => Physical::INT32,
            Self::Bigint | Self::Time | Self::Timestamp { .. } => Physical::INT64,
            Self::Decimal { precision, .. } if precision <= SHORT_DIGITS => Physical::INT64,
            Self::Real => Physical::FLOAT,
            Self::Double => Physical::DOUBLE,
            Self::Decimal { .. } | Self::Uuid => Physical::FIXED_LEN_BYTE_ARRAY,
            Self::NumberText | Self::Text | Self::Json | Self::Jsonb | Self::Binary => Physical::BYTE_ARRAY,
        }
    }

    /// Whether values follow each other closely, so that their differences are small.
    pub fn is_gradual(self) -> bool {
        matches!(self.physical(), Physical::INT32 | Physical::INT64)
    }

    /// Whether Parquet sorts values as PostgreSQL does.
    pub fn is_sortable(self) -> bool {
        !matches!(self, Self::Json | Self::Jsonb | Self::Binary)
    }

    /// Returns the schema of a column with this name and number.
    pub fn schema(self, name: &str, number: i32) -> Result<Schema, ParquetError> {
        let logical = match self {
            Self::Smallint => Some(LogicalType::integer(16, true)),
            Self::Date => Some(LogicalType::Date),
            Self::Time => Some(LogicalType::time(false, TimeUnit::MICROS)),
            Self::Timestamp { utc } => Some(LogicalType::timestamp(utc, TimeUnit::MICROS)),
            Self::Decimal { precision, scale } => Some(LogicalType::decimal(scale.into(), precision.into())),
            Self::NumberText | Self::Text => Some(LogicalType::String),
            Self::Json | Self::Jsonb => Some(LogicalType::Json),
            Self::Uuid => Some(LogicalType::Uuid),
            _ => None,
        };
        let is_fixed = self.physical() == Physical::FIXED_LEN_BYTE_ARRAY;
        let builder = Schema::primitive_type_builder(name, self.physical())
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .with_length(if is_fixed { 16 } else { -1 })
            .with_id(Some(number));
        match self {
            Self::Decimal { precision, scale } => {
                builder.with_precision(precision.into()).with_scale(scale.into()).build()
            }
            _ => builder.build(),
        }
    }

    /// Returns a value that PostgreSQL has sent, a part of these bytes, as Parquet keeps it, or the reason why it cannot.
    #[inline]
    pub fn cell(self, bytes: &Bytes, value: &[u8]) -> Result<Cell<Bytes>, &'static str> {
        const BEYOND: &str = "time is out of Parquet's range";
        Ok(match self {
            Self::Boolean => Cell::Boolean(value == [1]),
            Self::Smallint => Cell::Int32(i16::from_be_bytes(sized(value)?).into()),
            Self::Integer => Cell::Int32(i32::from_be_bytes(sized(value)?)),
            Self::Bigint | Self::Time => Cell::Int64(i64::from_be_bytes(sized(value)?)),
            Self::Real => Cell::Float(f32::from_be_bytes(sized(value)?)),
            Self::Double => Cell::Double(f64::from_be_bytes(sized(value)?)),
            Self::Date => Cell::Int32(match i32::from_be_bytes(sized(value)?) {
                // The infinities stay the ends of the range, which no other date reaches.
                infinity @ (i32::MIN | i32::MAX) => infinity,
                days => days.checked_add(DAYS).ok_or(BEYOND)?,
            }),
            Self::Timestamp { .. } => Cell::Int64(match i64::from_be_bytes(sized(value)?) {
                infinity @ (i64::MIN | i64::MAX) => infinity,
                micros => micros.checked_add(MICROS).filter(|micros| *micros < i64::MAX).ok_or(BEYOND)?,
            }),
            Self::Decimal { scale, .. } => {
                let number = numeric::unscaled(value, scale).ok_or("Parquet has no such decimal number")?;
                match self.physical() {
                    Physical::INT64 => {
                        Cell::Int64(number.try_into().map_err(|_| "number has too many digits")?)
                    }
                    _ => Cell::Bytes(Bytes::copy_from_slice(&number.to_be_bytes())),
                }
            }
            Self::NumberText => Cell::Bytes(numeric::text(value).into()),
            Self::Jsonb => Cell::Bytes(bytes.slice_ref(value.get(1..).ok_or(MALFORMED)?)),
            Self::Text | Self::Json | Self::Uuid | Self::Binary => Cell::Bytes(bytes.slice_ref(value)),
        })
    }

    /// Appends a value as PostgreSQL sends it; the inverse of [`Form::cell`].
    #[inline]
    pub fn restore(self, cell: Cell<&[u8]>, out: &mut Vec<u8>) -> Result<(), &'static str> {
        match (self, cell) {
            (Self::Boolean, Cell::Boolean(value)) => out.push(value.into()),
            (Self::Smallint, Cell::Int32(value)) => {
                out.extend(i16::try_from(value).map_err(|_| MALFORMED)?.to_be_bytes());
            }
            (Self::Integer, Cell::Int32(value)) => out.extend(value.to_be_bytes()),
            (Self::Bigint | Self::Time, Cell::Int64(value)) => out.extend(value.to_be_bytes()),
            (Self::Real, Cell::Float(value)) => out.extend(value.to_be_bytes()),
            (Self::Double, Cell::Double(value)) => out.extend(value.to_be_bytes()),
            (Self::Date, Cell::Int32(value)) => out.extend(
                match value {
                    infinity @ (i32::MIN | i32::MAX) => infinity,
                    days => days.checked_sub(DAYS).ok_or(MALFORMED)?,
                }
                .to_be_bytes(),
            ),
            (Self::Timestamp { .. }, Cell::Int64(value)) => out.extend(
                match value {
                    infinity @ (i64::MIN | i64::MAX) => infinity,
                    micros => micros.checked_sub(MICROS).ok_or(MALFORMED)?,
                }
                .to_be_bytes(),
            ),
            (Self::Decimal { scale, .. }, Cell::Int64(value)) => {
                numeric::encode_unscaled(value.into(), scale, out).map_err(|_| MALFORMED)?;
            }
            (Self::Decimal { scale, .. }, Cell::Bytes(value)) => {
                let number = i128::from_be_bytes(sized(value)?);
                numeric::encode_unscaled(number, scale, out).map_err(|_| MALFORMED)?;
            }
            (Self::NumberText, Cell::Bytes(value)) => {
                let text = std::str::from_utf8(value).map_err(|_| MALFORMED)?;
                numeric::encode(text, out).map_err(|_| MALFORMED)?;
            }
            (Self::Jsonb, Cell::Bytes(value)) => {
                out.push(JSONB_VERSION);
                out.extend(value);
            }
            (Self::Text | Self::Json | Self::Uuid | Self::Binary, Cell::Bytes(value)) => out.extend(value),
            _ => return Err(MALFORMED),
        }
        Ok(())
    }
}

#[cfg(test)]
impl Cell<Bytes> {
    fn lent(&self) -> Cell<&[u8]> {
        match self {
            Self::Boolean(value) => Cell::Boolean(*value),
            Self::Int32(value) => Cell::Int32(*value),
            Self::Int64(value) => Cell::Int64(*value),
            Self::Float(value) => Cell::Float(*value),
            Self::Double(value) => Cell::Double(*value),
            Self::Bytes(value) => Cell::Bytes(value),
        }
    }
}

const MALFORMED: &str = "value is not of the column's type";

/// Returns the bytes of a value of fixed length.
fn sized<const N: usize>(value: &[u8]) -> Result<[u8; N], &'static str> {
    value.try_into().map_err(|_| MALFORMED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(form: Form, value: &[u8]) -> Result<Cell<Bytes>, &'static str> {
        let row = Bytes::copy_from_slice(value);
        form.cell(&row, &row)
    }

    fn there_and_back(form: Form, value: &[u8]) -> Cell<Bytes> {
        let cell = cell(form, value).unwrap();
        let mut again = Vec::new();
        form.restore(cell.lent(), &mut again).unwrap();
        assert_eq!(again, value, "{form:?}");
        cell
    }

    #[test]
    fn values_come_back_with_the_same_bytes() {
        there_and_back(Form::Boolean, &[1]);
        there_and_back(Form::Smallint, &(-7i16).to_be_bytes());
        there_and_back(Form::Double, &f64::NAN.to_bits().wrapping_add(5).to_be_bytes());
        there_and_back(Form::Jsonb, b"\x01{\"a\": 1}");
        assert_eq!(there_and_back(Form::Date, &0i32.to_be_bytes()), Cell::Int32(10_957));
        for end in [i64::MIN, i64::MAX] {
            assert_eq!(there_and_back(Form::Timestamp { utc: true }, &end.to_be_bytes()), Cell::Int64(end));
        }
        assert!(cell(Form::Timestamp { utc: true }, &(i64::MAX - 1).to_be_bytes()).is_err());
        assert!(cell(Form::Integer, &[1]).is_err());
    }

    #[test]
    fn numbers_have_the_form_of_their_digits() {
        let modifier = |precision: i32, scale: i32| 4 + ((precision << 16) | (scale & 0x7ff));
        for (modifier, expected) in [
            (-1, Form::NumberText),
            (modifier(10, 2), Form::Decimal { precision: 10, scale: 2 }),
            (modifier(38, 38), Form::Decimal { precision: 38, scale: 38 }),
            (modifier(39, 2), Form::NumberText),
            (modifier(5, -2), Form::NumberText),
            (modifier(3, 5), Form::NumberText),
        ] {
            assert_eq!(Form::of(&Type::NUMERIC, modifier, false), expected);
        }
        for (form, texts) in [
            (Form::Decimal { precision: 10, scale: 2 }, ["12.50", "-0.01", "0.00"]),
            (
                Form::Decimal { precision: 38, scale: 4 },
                ["99999999999999999999.9999", "-12345678901234567890.0000", "1.0000"],
            ),
            (Form::NumberText, ["NaN", "-Infinity", "0.000100"]),
        ] {
            for text in texts {
                let mut value = Vec::new();
                numeric::encode(text, &mut value).unwrap();
                there_and_back(form, &value);
            }
        }
        let mut nan = Vec::new();
        numeric::encode("NaN", &mut nan).unwrap();
        assert!(cell(Form::Decimal { precision: 10, scale: 2 }, &nan).is_err());
    }
}
