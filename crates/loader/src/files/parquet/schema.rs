//! The columns of a Parquet file, and the types they have in PostgreSQL.

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::schema::types::Type;

use crate::config::ColumnType;

/// How the reader gives a column, where its values alone do not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// They do.
    Plain,
    /// Whole numbers that count nanoseconds.
    Nanos,
    /// 16 bytes of a UUID.
    Uuid,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// The type for a column of a new table.
    pub kind: ColumnType,
    /// How its values are to be taken.
    pub shape: Shape,
}

/// The columns of a file; fails, in words, at one that cannot be read in full.
pub fn fields(schema: &Type) -> Result<Vec<Field>, String> {
    schema.get_fields().iter().map(|field| of(field)).collect()
}

fn of(field: &Type) -> Result<Field, String> {
    let name = field.name().to_string();
    check(field).map_err(|what| format!("column {name:?} {what}"))?;
    let info = field.get_basic_info();
    let repeated = info.has_repetition() && info.repetition() == parquet::basic::Repetition::REPEATED;
    if field.is_group() || repeated {
        return Ok(Field { name, kind: ColumnType::Jsonb, shape: Shape::Plain });
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
        Some(LogicalType::Uuid) => (ColumnType::Uuid, Shape::Uuid),
        Some(LogicalType::Float16) => (ColumnType::Real, Shape::Plain),
        _ => (by_converted_type(info.converted_type(), field.get_physical_type()), Shape::Plain),
    };
    Ok(Field { name, kind, shape })
}

fn nanos(unit: &TimeUnit) -> Shape {
    if matches!(unit, TimeUnit::NANOS) {
        Shape::Nanos
    } else {
        Shape::Plain
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

/// What of a column the reader would give in part, or not at all.
fn check(field: &Type) -> Result<(), String> {
    if field.is_group() {
        return field.get_fields().iter().try_for_each(|inner| check(inner));
    }
    let converted = field.get_basic_info().converted_type();
    let mend = "have it written with times in microseconds";
    match (field.get_physical_type(), converted) {
        (Physical::INT96, _) => Err(format!(
            "has times of the obsolete type INT96, which cannot be read to the microsecond; {mend}"
        )),
        (_, ConvertedType::INTERVAL) => Err("has intervals, which cannot be loaded".into()),
        _ => Ok(()),
    }
}
