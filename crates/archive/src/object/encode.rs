//! Writes the rows of an object.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type};
use tally_postgres::pgtype::copy::fields;
use tally_postgres::Failure;

use super::{ObjectSink, Stamp};
use crate::beside::{Beside, Helpers};
use crate::column::ColumnValues;
use crate::table::SourceTable;

/// Number of rows of a row group, and of bytes of their values, at most: what is in memory at a time.
const GROUP_ROWS: usize = 1 << 17;
const GROUP_BYTES: usize = 8 << 20;
/// Level of compression: of ticks and of JSON, files of level 3 are at most 2 % smaller, and take a tenth more time.
const ZSTD_LEVEL: i32 = 1;

const NO_FILE: &str = "an object without rows cannot be written";

/// Writes rows to a Parquet file. A row group is encoded while the rows of the next one come, if there is a helper for it.
pub struct ObjectEncoder {
    table: Arc<SourceTable>,
    columns: Vec<ColumnValues>,
    groups: Beside<Groups>,
    helpers: Helpers,
    rows: usize,
    bytes: usize,
}

/// The row groups of a file.
struct Groups {
    table: Arc<SourceTable>,
    /// The sink of the file, until it is begun with the first row group.
    sink: Option<ObjectSink>,
    file: Option<SerializedFileWriter<ObjectSink>>,
    /// Columns that were written, for other values.
    spare: Vec<ColumnValues>,
}

impl ObjectEncoder {
    /// Begins a file of the table's columns.
    pub fn new(table: Arc<SourceTable>, sink: ObjectSink, helpers: Helpers) -> Self {
        let columns = empty(&table);
        let groups = Groups { table: table.clone(), sink: Some(sink), file: None, spare: Vec::new() };
        Self { table, columns, groups: Beside::Here(groups), helpers, rows: 0, bytes: 0 }
    }

    /// Adds a row of binary COPY, which is a part of these bytes.
    pub fn push(&mut self, bytes: &Bytes, row: &[u8]) -> Result<(), Failure> {
        if self.rows >= GROUP_ROWS || self.bytes >= GROUP_BYTES {
            self.next_group()?;
        }
        for ((values, column), value) in self.columns.iter_mut().zip(&self.table.columns).zip(fields(row)) {
            values.push(bytes, value).map_err(|what| {
                Failure::new(format!("column {:?}: {what}", column.name))
                    .at(self.table.sql())
                    .mend("rows that Parquet cannot hold cannot be archived")
            })?;
        }
        self.rows += 1;
        self.bytes += row.len();
        Ok(())
    }

    fn next_group(&mut self) -> Result<(), Failure> {
        (self.rows, self.bytes) = (0, 0);
        let mut spare = std::mem::take(&mut self.groups.here()?.spare);
        if spare.is_empty() {
            spare = empty(&self.table);
        }
        let columns = std::mem::replace(&mut self.columns, spare);
        self.groups.work(&self.helpers, |groups| groups.write(columns))
    }

    /// Ends the file with what it says of itself; returns the tag of the object, and its size.
    pub fn finish(self, stamp: &Stamp) -> Result<(String, u64), Failure> {
        let mut groups = self.groups.take()?;
        if self.rows > 0 {
            groups.write(self.columns)?;
        }
        let mut file = groups.file.ok_or_else(|| Failure::new(NO_FILE))?;
        file.append_key_value_metadata(stamp.pair());
        file.into_inner().map_err(Failure::new)?.finish()
    }
}

impl Groups {
    /// Writes the next row group.
    fn write(&mut self, mut columns: Vec<ColumnValues>) -> Result<(), Failure> {
        if let Some(sink) = self.sink.take() {
            self.file = Some(begin(&self.table, &columns, sink).map_err(Failure::new)?);
        }
        let file = self.file.as_mut().ok_or_else(|| Failure::new(NO_FILE))?;
        let written = write_group(file, &mut columns);
        self.spare = columns;
        written.map_err(|e| file.inner_mut().failure().unwrap_or_else(|| Failure::new(e)))
    }
}

fn empty(table: &SourceTable) -> Vec<ColumnValues> {
    table.columns.iter().map(|column| ColumnValues::new(column.form)).collect()
}

fn begin(
    table: &SourceTable,
    columns: &[ColumnValues],
    sink: ObjectSink,
) -> Result<SerializedFileWriter<ObjectSink>, ParquetError> {
    let schema = table
        .columns
        .iter()
        .map(|column| column.form.schema(&column.name, column.number.into()).map(Arc::new));
    let schema = Type::group_type_builder("schema").with_fields(schema.collect::<Result<_, _>>()?).build()?;
    SerializedFileWriter::new(sink, Arc::new(schema), properties(table, columns)?)
}

fn write_group(
    file: &mut SerializedFileWriter<ObjectSink>,
    columns: &mut [ColumnValues],
) -> Result<(), ParquetError> {
    let mut group = file.next_row_group()?;
    for column in columns {
        match group.next_column()? {
            Some(writer) => column.write(writer)?,
            None => return Err(ParquetError::General("fewer columns than expected".into())),
        }
    }
    group.close().map(drop)
}

/// Returns how to write the table's columns, of which these are the first values.
fn properties(table: &SourceTable, columns: &[ColumnValues]) -> Result<WriterPropertiesPtr, ParquetError> {
    let sorting = table.sorting().into_iter().map(|place| SortingColumn {
        column_idx: place as i32, // PostgreSQL has at most 1600 columns
        descending: false,
        nulls_first: false,
    });
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_created_by(format!("pg_tally {}", env!("CARGO_PKG_VERSION")))
        .set_sorting_columns(Some(sorting.collect()));
    for (column, values) in table.columns.iter().zip(columns) {
        let path = ColumnPath::from(vec![column.name.clone()]);
        properties = properties.set_column_dictionary_enabled(path.clone(), values.repeats());
        if column.form.is_gradual() {
            properties = properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    Ok(Arc::new(properties.build()))
}
