//! The columns of a Parquet file, and the types they have in PostgreSQL.

use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::record::Field as Value;
use parquet::schema::types::Type;
use tally_rows::config::ColumnType;
use tally_rows::decode::{sqlstate, Reject};

/// The meaning of a column's values, where their type alone does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParquetShape {
    /// Values that their type describes in full.
    Plain,
    /// Whole numbers that count nanoseconds.
    Nanos,
    /// 16 bytes of a UUID.
    Uuid,
    /// Nanoseconds of a day and the Julian day, 12 bytes.
    Int96,
}

/// A column of a Parquet file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParquetField {
    /// Name of the column.
    pub name: String,
    /// The type for a column of a new table.
    pub kind: ColumnType,
    /// The meaning of its values.
    pub shape: ParquetShape,
}

/// The decimal precision that marks text; see [`for_reading`].
const TEXT: i32 = i32::MAX;

/// Returns the columns of a file; fails at one that cannot be read in full.
pub fn fields(schema: &Type) -> Result<Vec<ParquetField>, String> {
    schema.get_fields().iter().map(|field| of(field)).collect()
}

/// Returns the schema by which the rows are read. With the file's own, the library would stop at the first invalid
/// UTF-8, round times of type INT96 to milliseconds, and fill columns of equal names with the values of the last one.
///
/// Text is read as a decimal of an impossible precision: that comes as unchecked bytes, and can be distinguished from
/// real bytes.
pub fn for_reading(schema: &Type) -> Result<Type, ParquetError> {
    let numbered = schema.get_fields().iter().enumerate();
    let fields = numbered.map(|(i, field)| read_as(field, &i.to_string()).map(Arc::new));
    Type::group_type_builder(schema.name()).with_fields(fields.collect::<Result<_, _>>()?).build()
}

fn read_as(field: &Type, name: &str) -> Result<Type, ParquetError> {
    let info = field.get_basic_info();
    let repetition = if info.has_repetition() { info.repetition() } else { Repetition::REQUIRED };
    let (converted, logical) = (info.converted_type(), info.logical_type_ref().cloned());
    let (physical, length, precision, scale) = match field {
        Type::GroupType { fields, .. } => {
            let inner = fields.iter().map(|inner| read_as(inner, inner.name()).map(Arc::new));
            return Type::group_type_builder(name)
                .with_repetition(repetition)
                .with_converted_type(converted)
                .with_logical_type(logical)
                .with_fields(inner.collect::<Result<_, _>>()?)
                .build();
        }
        Type::PrimitiveType { physical_type, type_length, precision, scale, .. } => {
            (*physical_type, *type_length, *precision, *scale)
        }
    };
    let is_text = matches!(converted, ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON);
    let as_bytes = |physical| Type::primitive_type_builder(name, physical).with_repetition(repetition);
    match physical {
        Physical::INT96 => as_bytes(Physical::FIXED_LEN_BYTE_ARRAY).with_length(12).build(),
        Physical::BYTE_ARRAY if is_text => as_bytes(physical)
            .with_converted_type(ConvertedType::DECIMAL)
            .with_precision(TEXT)
            .with_scale(0)
            .build(),
        _ => as_bytes(physical)
            .with_converted_type(converted)
            .with_logical_type(logical)
            .with_length(length)
            .with_precision(precision)
            .with_scale(scale)
            .build(),
    }
}

/// Returns the text of a value, if the value is text.
pub fn text(value: &Value) -> Option<Result<&str, Reject>> {
    let Value::Decimal(decimal) = value else { return None };
    (decimal.precision() == TEXT).then(|| {
        std::str::from_utf8(decimal.data()).map_err(|error| {
            let byte = decimal.data()[error.valid_up_to()];
            Reject::new(
                sqlstate::BAD_CHARACTER,
                format!("invalid byte sequence for encoding \"UTF8\": 0x{byte:02x}"),
            )
        })
    })
}

fn of(field: &Type) -> Result<ParquetField, String> {
    let name = field.name().to_string();
    check(field).map_err(|what| format!("column {name:?} {what}"))?;
    let info = field.get_basic_info();
    let repeated = info.has_repetition() && info.repetition() == Repetition::REPEATED;
    if field.is_group() || repeated {
        return Ok(ParquetField { name, kind: ColumnType::Jsonb, shape: ParquetShape::Plain });
    }
    let (kind, shape) = match info.logical_type_ref() {
        Some(LogicalType::Timestamp(time)) => {
            let kind = match time.is_adjusted_to_u_t_c {
                true => ColumnType::Timestamptz,
                false => ColumnType::Timestamp,
            };
            (kind, nanos(&time.unit))
        }
        Some(LogicalType::Time(time)) => (ColumnType::Time, nanos(&time.unit)),
        Some(LogicalType::Uuid) => (ColumnType::Uuid, ParquetShape::Uuid),
        Some(LogicalType::Float16) => (ColumnType::Real, ParquetShape::Plain),
        _ if field.get_physical_type() == Physical::INT96 => (ColumnType::Timestamptz, ParquetShape::Int96),
        _ => (by_converted_type(info.converted_type(), field.get_physical_type()), ParquetShape::Plain),
    };
    Ok(ParquetField { name, kind, shape })
}

fn nanos(unit: &TimeUnit) -> ParquetShape {
    if matches!(unit, TimeUnit::NANOS) {
        ParquetShape::Nanos
    } else {
        ParquetShape::Plain
    }
}

fn by_converted_type(converted: ConvertedType, physical: Physical) -> ColumnType {
    match converted {
        ConvertedType::UTF8 | ConvertedType::ENUM => ColumnType::Text,
        ConvertedType::JSON => ColumnType::Jsonb,
        ConvertedType::DECIMAL | ConvertedType::UINT_64 => ColumnType::Numeric,
        ConvertedType::DATE => ColumnType::Date,
        ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS => ColumnType::Time,
        // Before there were logical types, these were instants.
        ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS => ColumnType::Timestamptz,
        ConvertedType::INT_8 | ConvertedType::INT_16 | ConvertedType::UINT_8 => ColumnType::Smallint,
        ConvertedType::UINT_16 | ConvertedType::INT_32 => ColumnType::Integer,
        ConvertedType::UINT_32 | ConvertedType::INT_64 => ColumnType::Bigint,
        _ => match physical {
            Physical::BOOLEAN => ColumnType::Boolean,
            Physical::INT32 => ColumnType::Integer,
            Physical::INT64 => ColumnType::Bigint,
            Physical::FLOAT => ColumnType::Real,
            Physical::DOUBLE => ColumnType::DoublePrecision,
            _ => ColumnType::Bytea,
        },
    }
}

/// Refuses a column that the reader would return in part, or not at all.
fn check(field: &Type) -> Result<(), String> {
    if field.is_group() {
        let times = |inner: &Type| inner.is_primitive() && inner.get_physical_type() == Physical::INT96;
        if field.get_fields().iter().any(|inner| times(inner)) {
            return Err("contains times of the obsolete type INT96; write them in microseconds".into());
        }
        check_group(field)?;
        return field.get_fields().iter().try_for_each(|inner| check(inner));
    }
    match field.get_basic_info().converted_type() {
        ConvertedType::INTERVAL => Err("has the unsupported type INTERVAL".into()),
        _ => Ok(()),
    }
}

/// Refuses lists and maps without the structure that the library takes for granted.
fn check_group(group: &Type) -> Result<(), String> {
    let fields = group.get_fields();
    let repeats = |field: &Type| {
        let info = field.get_basic_info();
        info.has_repetition() && info.repetition() == Repetition::REPEATED
    };
    let is_sound = match group.get_basic_info().converted_type() {
        ConvertedType::LIST => {
            matches!(fields, [list] if repeats(list) && (list.is_primitive() || !list.get_fields().is_empty()))
        }
        ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE => {
            matches!(fields, [map] if repeats(map) && map.is_group() && (1..=2).contains(&map.get_fields().len()))
        }
        _ => !fields.is_empty(),
    };
    is_sound.then_some(()).ok_or_else(|| "is a group, but no list, map or record".into())
}
