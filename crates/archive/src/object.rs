//! One object: the rows of a stretch of time as a Parquet file, and the rows of such a file again.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type};
use tally_postgres::pgtype::copy::{begin_row, fields};

use crate::column::{Cells, ColumnValues};
use crate::table::{SourceColumn, SourceTable};

/// Number of rows of a row group, and of bytes of their values, at most.
const GROUP_ROWS: usize = 1 << 20;
const GROUP_BYTES: usize = 128 << 20;
/// Level of compression: much smaller files than the default's, in little more time.
const ZSTD_LEVEL: i32 = 3;
/// Name of the key that says which stretch of an archive wrote the file.
const OWNER: &str = "pg_tally.archive";

/// Writes rows to a Parquet file in memory.
pub struct ObjectEncoder<'a> {
    table: &'a SourceTable,
    columns: Vec<ColumnValues>,
    file: SerializedFileWriter<Vec<u8>>,
    rows: usize,
    bytes: usize,
}

impl<'a> ObjectEncoder<'a> {
    /// Begins a file of the table's columns; `owner` is the id of the stretch.
    pub fn new(table: &'a SourceTable, owner: &str) -> Result<Self, ParquetError> {
        let schema = table
            .columns
            .iter()
            .map(|column| column.form.schema(&column.name, column.number.into()).map(Arc::new));
        let schema =
            Type::group_type_builder("schema").with_fields(schema.collect::<Result<_, _>>()?).build()?;
        let file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), properties(table, owner)?)?;
        let columns = table.columns.iter().map(|column| ColumnValues::new(column.form)).collect();
        Ok(Self { table, columns, file, rows: 0, bytes: 0 })
    }

    /// Adds a row of binary COPY.
    pub fn push(&mut self, row: &[u8]) -> Result<(), String> {
        for ((values, column), value) in self.columns.iter_mut().zip(&self.table.columns).zip(fields(row)) {
            values.push(value).map_err(|what| format!("column {:?}: {what}", column.name))?;
        }
        self.rows += 1;
        self.bytes += row.len();
        if self.rows >= GROUP_ROWS || self.bytes >= GROUP_BYTES {
            self.end_group().map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    fn end_group(&mut self) -> Result<(), ParquetError> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        for column in &mut self.columns {
            match group.next_column()? {
                Some(writer) => column.write(writer)?,
                None => return Err(ParquetError::General("fewer columns than expected".into())),
            }
        }
        (self.rows, self.bytes) = (0, 0);
        group.close().map(drop)
    }

    /// Ends the file, and returns it.
    pub fn finish(mut self) -> Result<Bytes, ParquetError> {
        self.end_group()?;
        self.file.into_inner().map(Bytes::from)
    }
}

fn properties(table: &SourceTable, owner: &str) -> Result<WriterPropertiesPtr, ParquetError> {
    let sorting = table.sorting().into_iter().map(|place| SortingColumn {
        column_idx: place as i32, // PostgreSQL has at most 1600 columns
        descending: false,
        nulls_first: false,
    });
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_created_by(format!("pg_tally {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(vec![KeyValue::new(OWNER.into(), owner.to_string())]))
        .set_sorting_columns(Some(sorting.collect()));
    for column in table.columns.iter().filter(|column| column.form.is_gradual()) {
        let path = ColumnPath::from(vec![column.name.clone()]);
        properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    Ok(Arc::new(properties.build()))
}

/// Returns the id of the stretch that wrote a file, if an archive did.
pub fn owner(file: &Bytes) -> Option<String> {
    let reader = SerializedFileReader::new(file.clone()).ok()?;
    let pairs = reader.metadata().file_metadata().key_value_metadata()?;
    pairs.iter().find(|pair| pair.key == OWNER)?.value.clone()
}

/// Reads the rows of a file, a row group at a time.
pub struct ObjectDecoder<'a> {
    table: &'a SourceTable,
    reader: SerializedFileReader<Bytes>,
}

impl<'a> ObjectDecoder<'a> {
    /// Opens a file, which must have the table's columns.
    pub fn new(table: &'a SourceTable, file: Bytes) -> Result<Self, String> {
        let reader = SerializedFileReader::new(file).map_err(|e| e.to_string())?;
        let columns = reader.metadata().file_metadata().schema_descr().columns();
        let found = columns.iter().map(|column| (column.name(), column.physical_type()));
        let expected = table.columns.iter().map(|column| (column.name.as_str(), column.form.physical()));
        match expected.eq(found) {
            true => Ok(Self { table, reader }),
            false => Err("columns are not those of the table".into()),
        }
    }

    /// Returns the number of row groups.
    pub fn groups(&self) -> usize {
        self.reader.num_row_groups()
    }

    /// Calls a function with each row of a row group, as binary COPY.
    pub fn for_each_row(
        &self,
        group: usize,
        mut each: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        let group = self.reader.get_row_group(group).map_err(|e| e.to_string())?;
        let rows = usize::try_from(group.metadata().num_rows()).map_err(|e| e.to_string())?;
        let mut cells = read_group(self.table, &*group, rows).map_err(|e| e.to_string())?;
        let mut row = Vec::new();
        for _ in 0..rows {
            row.clear();
            begin_row(cells.len(), &mut row);
            for (cells, column) in cells.iter_mut().zip(&self.table.columns) {
                cells.append_next(&mut row).map_err(|what| format!("column {:?}: {what}", column.name))?;
            }
            each(&row)?;
        }
        Ok(())
    }
}

fn read_group(
    table: &SourceTable,
    group: &dyn RowGroupReader,
    rows: usize,
) -> Result<Vec<Cells>, ParquetError> {
    let read = |(at, column): (usize, &SourceColumn)| {
        ColumnValues::read(column.form, group.get_column_reader(at)?, rows).map(ColumnValues::cells)
    };
    table.columns.iter().enumerate().map(read).collect()
}
