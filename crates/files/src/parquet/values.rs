//! The values of a column of a row group, in Parquet's physical types.

use parquet::basic::Type as Physical;
use parquet::column::reader::{get_typed_column_reader, ColumnReader};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType,
    FloatType, Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedColumnWriter;

/// Values of one physical type. Which rows have one, their levels tell: 1 for a value, 0 for NULL.
#[derive(Debug)]
pub enum Values {
    /// True and false.
    Boolean(Vec<bool>),
    /// Integers of 32 bits.
    Int32(Vec<i32>),
    /// Integers of 64 bits.
    Int64(Vec<i64>),
    /// Floating-point numbers of 32 bits.
    Float(Vec<f32>),
    /// Floating-point numbers of 64 bits.
    Double(Vec<f64>),
    /// Bytes of any length.
    Bytes(Vec<ByteArray>),
    /// Bytes of one length.
    Fixed(Vec<FixedLenByteArray>),
}

impl Values {
    /// No values yet, of a physical type.
    pub fn of(physical: Physical) -> Self {
        match physical {
            Physical::BOOLEAN => Values::Boolean(Vec::new()),
            Physical::INT32 => Values::Int32(Vec::new()),
            Physical::INT64 | Physical::INT96 => Values::Int64(Vec::new()),
            Physical::FLOAT => Values::Float(Vec::new()),
            Physical::DOUBLE => Values::Double(Vec::new()),
            Physical::BYTE_ARRAY => Values::Bytes(Vec::new()),
            Physical::FIXED_LEN_BYTE_ARRAY => Values::Fixed(Vec::new()),
        }
    }

    /// Writes the values to a row group, and forgets them and the levels.
    pub fn write(
        &mut self,
        writer: SerializedColumnWriter<'_>,
        levels: &mut Vec<i16>,
    ) -> Result<(), ParquetError> {
        match self {
            Values::Boolean(values) => write::<BoolType>(writer, values, levels),
            Values::Int32(values) => write::<Int32Type>(writer, values, levels),
            Values::Int64(values) => write::<Int64Type>(writer, values, levels),
            Values::Float(values) => write::<FloatType>(writer, values, levels),
            Values::Double(values) => write::<DoubleType>(writer, values, levels),
            Values::Bytes(values) => write::<ByteArrayType>(writer, values, levels),
            Values::Fixed(values) => write::<FixedLenByteArrayType>(writer, values, levels),
        }?;
        levels.clear();
        Ok(())
    }

    /// Reads the values of a row group that has this many rows, and their levels.
    pub fn read(
        &mut self,
        reader: ColumnReader,
        rows: usize,
        levels: &mut Vec<i16>,
    ) -> Result<(), ParquetError> {
        match self {
            Values::Boolean(values) => read::<BoolType>(reader, rows, levels, values),
            Values::Int32(values) => read::<Int32Type>(reader, rows, levels, values),
            Values::Int64(values) => read::<Int64Type>(reader, rows, levels, values),
            Values::Float(values) => read::<FloatType>(reader, rows, levels, values),
            Values::Double(values) => read::<DoubleType>(reader, rows, levels, values),
            Values::Bytes(values) => read::<ByteArrayType>(reader, rows, levels, values),
            Values::Fixed(values) => read::<FixedLenByteArrayType>(reader, rows, levels, values),
        }
    }
}

fn write<T: DataType>(
    mut writer: SerializedColumnWriter<'_>,
    values: &mut Vec<T::T>,
    levels: &[i16],
) -> Result<(), ParquetError> {
    writer.typed::<T>().write_batch(values, Some(levels), None)?;
    values.clear();
    writer.close()
}

fn read<T: DataType>(
    reader: ColumnReader,
    rows: usize,
    levels: &mut Vec<i16>,
    values: &mut Vec<T::T>,
) -> Result<(), ParquetError> {
    let mut reader = get_typed_column_reader::<T>(reader);
    let mut read = 0;
    while read < rows {
        match reader.read_records(rows - read, Some(levels), None, values)?.0 {
            0 => break,
            more => read += more,
        }
    }
    Ok(())
}
