//! A column of Parquet: its type, and its values until they are written.

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedColumnWriter;
use parquet::schema::types::Type;
use tally_files::parquet::Values;
use tally_postgres::pgtype::numeric;
use tally_rows::config::{Column, ColumnType};
use tally_rows::decode::Digits;

/// Number of digits that a decimal of Parquet has at most here, and as a whole number of 64 bits.
const MOST_DIGITS: u16 = 38;
const SHORT_DIGITS: u16 = 18;
/// Days and microseconds from 1970, where Parquet begins to count, to 2000, where PostgreSQL does.
const DAYS: i32 = 10_957;
const MICROS: i64 = DAYS as i64 * 86_400_000_000;

/// A column and the values of the row group that is being gathered.
pub struct ParquetColumn {
    name: String,
    kind: ColumnType,
    /// Precision and scale of numerics; none if they are written as text.
    decimal: Option<(u16, u16)>,
    physical: Physical,
    levels: Vec<i16>,
    values: Values,
}

impl ParquetColumn {
    /// Makes the column for one of the loader; `digits` are those of its numbers.
    pub fn new(column: &Column, digits: Option<Digits>) -> Self {
        let kind = column.kind();
        let fitting =
            digits.filter(|digits| !digits.is_open && digits.whole + digits.fraction <= MOST_DIGITS);
        let decimal = fitting.map(|digits| ((digits.whole + digits.fraction).max(1), digits.fraction));
        let physical = match (kind, decimal) {
            (ColumnType::Boolean, _) => Physical::BOOLEAN,
            (ColumnType::Smallint | ColumnType::Integer | ColumnType::Date, _) => Physical::INT32,
            (ColumnType::Bigint | ColumnType::Time | ColumnType::Timestamp | ColumnType::Timestamptz, _) => {
                Physical::INT64
            }
            (ColumnType::Real, _) => Physical::FLOAT,
            (ColumnType::DoublePrecision, _) => Physical::DOUBLE,
            (ColumnType::Numeric, Some((precision, _))) if precision <= SHORT_DIGITS => Physical::INT64,
            (ColumnType::Numeric, Some(_)) | (ColumnType::Uuid, _) => Physical::FIXED_LEN_BYTE_ARRAY,
            (ColumnType::Numeric, None) | (ColumnType::Text | ColumnType::Jsonb | ColumnType::Bytea, _) => {
                Physical::BYTE_ARRAY
            }
        };
        Self {
            name: column.name.clone(),
            kind,
            decimal,
            physical,
            levels: Vec::new(),
            values: Values::of(physical),
        }
    }

    /// Whether its numbers have too many digits to be written as such.
    pub fn is_number_as_text(&self) -> bool {
        self.kind == ColumnType::Numeric && self.decimal.is_none()
    }

    /// Returns its type.
    pub fn schema(&self) -> Result<Type, ParquetError> {
        let logical = match (self.kind, self.decimal) {
            (ColumnType::Smallint, _) => Some(LogicalType::integer(16, true)),
            (ColumnType::Date, _) => Some(LogicalType::Date),
            (ColumnType::Time, _) => Some(LogicalType::time(false, TimeUnit::MICROS)),
            (ColumnType::Timestamp, _) => Some(LogicalType::timestamp(false, TimeUnit::MICROS)),
            (ColumnType::Timestamptz, _) => Some(LogicalType::timestamp(true, TimeUnit::MICROS)),
            (ColumnType::Numeric, Some((precision, scale))) => {
                Some(LogicalType::decimal(i32::from(scale), i32::from(precision)))
            }
            (ColumnType::Numeric, None) | (ColumnType::Text, _) => Some(LogicalType::String),
            (ColumnType::Jsonb, _) => Some(LogicalType::Json),
            (ColumnType::Uuid, _) => Some(LogicalType::Uuid),
            _ => None,
        };
        let (precision, scale) = self.decimal.filter(|_| self.kind == ColumnType::Numeric).unwrap_or((0, 0));
        let is_decimal = precision > 0;
        let builder = Type::primitive_type_builder(&self.name, self.physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .with_length(if self.physical == Physical::FIXED_LEN_BYTE_ARRAY { 16 } else { -1 });
        let builder = match is_decimal {
            true => builder.with_precision(i32::from(precision)).with_scale(i32::from(scale)),
            false => builder,
        };
        builder.build()
    }

    /// Adds a value in the binary form of PostgreSQL; fails if Parquet has no such value.
    pub fn push(&mut self, value: Option<&[u8]>) -> Result<(), String> {
        let Some(value) = value else {
            self.levels.push(0);
            return Ok(());
        };
        let wrong = |what: &str| Err(format!("column {:?}: {what}", self.name));
        match (&mut self.values, self.kind) {
            (Values::Boolean(values), _) => values.push(value == [1]),
            (Values::Int32(values), ColumnType::Smallint) => {
                values.push(i16::from_be_bytes(sized(value)).into())
            }
            (Values::Int32(values), ColumnType::Date) => {
                match i32::from_be_bytes(sized(value)).checked_add(DAYS) {
                    Some(days) if days < i32::MAX => values.push(days),
                    _ => return wrong("Parquet has no infinite dates"),
                }
            }
            (Values::Int32(values), _) => values.push(i32::from_be_bytes(sized(value))),
            (Values::Int64(values), ColumnType::Timestamp | ColumnType::Timestamptz) => {
                match i64::from_be_bytes(sized(value)) {
                    i64::MIN | i64::MAX => return wrong("Parquet has no infinite times"),
                    micros => match micros.checked_add(MICROS) {
                        Some(micros) => values.push(micros),
                        None => return wrong("time is out of Parquet's range"),
                    },
                }
            }
            (Values::Int64(values), ColumnType::Numeric) => {
                match self.decimal.and_then(|(_, scale)| numeric::unscaled(value, scale)).map(i64::try_from) {
                    Some(Ok(number)) => values.push(number),
                    _ => return wrong("number has more digits than were seen before"),
                }
            }
            (Values::Int64(values), _) => values.push(i64::from_be_bytes(sized(value))),
            (Values::Float(values), _) => values.push(f32::from_be_bytes(sized(value))),
            (Values::Double(values), _) => values.push(f64::from_be_bytes(sized(value))),
            (Values::Fixed(values), ColumnType::Numeric) => {
                match self.decimal.and_then(|(_, scale)| numeric::unscaled(value, scale)) {
                    Some(number) => values.push(number.to_be_bytes().to_vec().into()),
                    None => return wrong("number has more digits than were seen before"),
                }
            }
            (Values::Fixed(values), _) => values.push(value.to_vec().into()),
            (Values::Bytes(values), ColumnType::Numeric) => {
                values.push(numeric::text(value).into_bytes().into())
            }
            // The version of jsonb's binary form comes first.
            (Values::Bytes(values), ColumnType::Jsonb) => values.push(value[1..].to_vec().into()),
            (Values::Bytes(values), _) => values.push(value.to_vec().into()),
        }
        self.levels.push(1);
        Ok(())
    }

    /// Writes the values, and forgets them.
    pub fn write(&mut self, writer: SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        self.values.write(writer, &mut self.levels)
    }
}

/// Returns the bytes of a value of fixed length.
fn sized<const N: usize>(value: &[u8]) -> [u8; N] {
    value.try_into().expect("the encoder wrote the type's binary form")
}
