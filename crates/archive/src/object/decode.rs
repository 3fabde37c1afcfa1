//! Reads the rows of an object.

use std::ops::Range;
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::properties::ReaderProperties;
use parquet::file::reader::RowGroupReader;
use parquet::file::serialized_reader::SerializedRowGroupReader;
use tally_objects::Address;
use tally_postgres::pgtype::copy::begin_row;
use tally_postgres::Failure;

use super::file::ObjectFile;
use crate::column::{Cells, ColumnValues};
use crate::table::SourceTable;

/// Reads the rows of an object, a row group at a time.
pub struct ObjectDecoder<'a> {
    table: &'a SourceTable,
    file: ObjectFile,
    about: ParquetMetaData,
}

impl<'a> ObjectDecoder<'a> {
    /// Opens an object, which must have this tag and the table's columns.
    pub fn open(table: &'a SourceTable, address: &Address, tag: &str) -> Result<Self, Failure> {
        let wrong = |what: &str| Failure::new(what).at(address);
        let file = ObjectFile::find(address)?.ok_or_else(|| wrong("there is no such object"))?;
        if file.tag() != tag {
            return Err(wrong("object has been replaced since it was written")
                .mend("if it was moved or brought back, see `tally archive verify --moved`"));
        }
        let about = file.metadata().map_err(|e| wrong(&e.to_string()))?;
        let columns = about.file_metadata().schema_descr().columns();
        let found = columns.iter().map(|column| (column.name(), column.physical_type()));
        let expected = table.columns.iter().map(|column| (column.name.as_str(), column.form.physical()));
        match expected.eq(found) {
            true => Ok(Self { table, file, about }),
            false => Err(wrong("columns are not those of the table")
                .mend("give the table the columns back that the manifest of the object names")),
        }
    }

    /// Returns the size of the object in bytes.
    pub fn size(&self) -> u64 {
        self.file.size()
    }

    /// Returns the number of row groups.
    pub fn groups(&self) -> usize {
        self.about.num_row_groups()
    }

    /// Calls a function with each row of a row group, as binary COPY.
    pub fn for_each_row(
        &self,
        group: usize,
        mut each: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        let about = self.about.row_group(group);
        let rows = usize::try_from(about.num_rows()).map_err(|e| e.to_string())?;
        let mut cells = self.read(group, rows).map_err(|e| e.to_string())?;
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

    fn read(&self, group: usize, rows: usize) -> Result<Vec<Cells>, ParquetError> {
        let about = self.about.row_group(group);
        let index = self.about.page_index_for_row_group(group);
        let held = Arc::new(self.file.holding(place_of(about))?);
        let properties = Arc::new(ReaderProperties::builder().build());
        let reader = SerializedRowGroupReader::new(held, about, index, properties)?;
        let read = |(at, column): (usize, &crate::table::SourceColumn)| {
            ColumnValues::read(column.form, reader.get_column_reader(at)?, rows).map(ColumnValues::cells)
        };
        self.table.columns.iter().enumerate().map(read).collect()
    }
}

/// Returns where the pages of a row group are in the file.
fn place_of(group: &RowGroupMetaData) -> Range<u64> {
    let ranges = || group.columns().iter().map(|column| column.byte_range());
    let from = ranges().map(|(from, _)| from).min().unwrap_or(0);
    let to = ranges().map(|(from, length)| from.saturating_add(length)).max().unwrap_or(0);
    from..to.max(from)
}
