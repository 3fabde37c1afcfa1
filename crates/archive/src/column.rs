//! A column of one row group: its values between PostgreSQL and Parquet.

use std::collections::HashSet;
use std::hash::Hash;

use bytes::Bytes;
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedColumnWriter;
use tally_files::parquet::Values;

use crate::form::{Cell, Form};

/// Number of values that are looked at before a dictionary is chosen.
const SAMPLE: usize = 4096;

/// The values of a column, and which rows have one.
#[derive(Debug)]
pub struct ColumnValues {
    form: Form,
    /// For each row, 1 if it has a value.
    levels: Vec<i16>,
    values: Values,
}

impl ColumnValues {
    /// Creates a column without values.
    pub fn new(form: Form) -> Self {
        Self { form, levels: Vec::new(), values: Values::of(form.physical()) }
    }

    /// Adds a value, as PostgreSQL sends it, which is a part of these bytes.
    #[inline]
    pub fn push(&mut self, bytes: &Bytes, value: Option<&[u8]>) -> Result<(), &'static str> {
        let Some(value) = value else {
            self.levels.push(0);
            return Ok(());
        };
        match (&mut self.values, self.form.cell(bytes, value)?) {
            (Values::Boolean(values), Cell::Boolean(value)) => values.push(value),
            (Values::Int32(values), Cell::Int32(value)) => values.push(value),
            (Values::Int64(values), Cell::Int64(value)) => values.push(value),
            (Values::Float(values), Cell::Float(value)) => values.push(value),
            (Values::Double(values), Cell::Double(value)) => values.push(value),
            (Values::Bytes(values), Cell::Bytes(value)) => values.push(value.into()),
            (Values::Fixed(values), Cell::Bytes(value)) => values.push(ByteArray::from(value).into()),
            _ => return Err("value is not of the column's type"),
        }
        self.levels.push(1);
        Ok(())
    }

    /// Whether values occur often enough for a dictionary of them, as far as a sample tells.
    pub fn repeats(&self) -> bool {
        match &self.values {
            Values::Boolean(_) | Values::Int32(_) | Values::Int64(_) => false,
            Values::Float(values) => repeat(values, |value| value.to_bits()),
            Values::Double(values) => repeat(values, |value| value.to_bits()),
            Values::Bytes(values) => repeat(values, |value| value.data()),
            Values::Fixed(values) => repeat(values, |value| value.data()),
        }
    }

    /// Writes the values to a row group, and forgets them.
    pub fn write(&mut self, writer: SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        self.values.write(writer, &mut self.levels)
    }

    /// Reads the values of a row group that has this many rows.
    pub fn read(form: Form, reader: ColumnReader, rows: usize) -> Result<Self, ParquetError> {
        let mut column = Self::new(form);
        column.values.read(reader, rows, &mut column.levels)?;
        Ok(column)
    }

    /// Returns the values of the rows, one after the other.
    pub fn cells(self) -> Cells {
        Cells { column: self, row: 0, value: 0 }
    }
}

/// Whether a sixteenth of a sample of values are repetitions; true of no values.
fn repeat<'v, V, K: Hash + Eq>(values: &'v [V], key: impl Fn(&'v V) -> K) -> bool {
    let step = values.len().div_ceil(SAMPLE).max(1);
    let distinct: HashSet<K> = values.iter().step_by(step).map(key).collect();
    16 * distinct.len() <= 15 * values.len().div_ceil(step)
}

/// The values of a column, row by row.
pub struct Cells {
    column: ColumnValues,
    row: usize,
    value: usize,
}

impl Cells {
    /// Appends the next row's value as a field of binary COPY.
    pub fn append_next(&mut self, out: &mut Vec<u8>) -> Result<(), &'static str> {
        let level = self.column.levels.get(self.row);
        self.row += 1;
        match level {
            Some(0) => {
                out.extend((-1i32).to_be_bytes());
                return Ok(());
            }
            Some(_) => {}
            None => return Err("column has fewer values than rows"),
        }
        let at = self.value;
        self.value += 1;
        let cell = match &self.column.values {
            Values::Boolean(values) => values.get(at).map(|value| Cell::Boolean(*value)),
            Values::Int32(values) => values.get(at).map(|value| Cell::Int32(*value)),
            Values::Int64(values) => values.get(at).map(|value| Cell::Int64(*value)),
            Values::Float(values) => values.get(at).map(|value| Cell::Float(*value)),
            Values::Double(values) => values.get(at).map(|value| Cell::Double(*value)),
            Values::Bytes(values) => values.get(at).map(|value| Cell::Bytes(value.data())),
            Values::Fixed(values) => values.get(at).map(|value| Cell::Bytes(value.data())),
        };
        let cell = cell.ok_or("column has fewer values than rows")?;
        let form = self.column.form;
        match tally_postgres::pgtype::copy::append_encoded(out, |out| form.restore(cell, out))? {
            true => Ok(()),
            false => Err("value is longer than PostgreSQL allows"),
        }
    }
}
