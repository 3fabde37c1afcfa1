//! Parquet files, written one after the other.

use std::io;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};
use tally_objects::{Address, ObjectWriter};
use tally_postgres::pgtype::copy::fields;
use tally_postgres::Failure;

use super::column::ParquetColumn;

/// Number of rows of a row group, and of bytes of their values, at most.
const GROUP_ROWS: usize = 1 << 20;
const GROUP_BYTES: usize = 64 << 20;
/// Level of compression: much smaller files than the default's, in little more time.
const ZSTD_LEVEL: i32 = 3;

/// Writes rows to files below a place.
pub struct Output {
    to: Address,
    columns: Vec<ParquetColumn>,
    schema: TypePtr,
    properties: WriterPropertiesPtr,
    /// Size from which on a file is ended.
    file_size: u64,
    directory: String,
    /// Number of the next file in the directory.
    number: u32,
    file: Option<SerializedFileWriter<ObjectWriter>>,
    rows: usize,
    bytes: usize,
    /// Number of files and rows written.
    pub written: (u64, u64),
}

impl Output {
    /// Prepares to write rows of these columns.
    pub fn new(to: Address, columns: Vec<ParquetColumn>, file_size: u64) -> Result<Self, Failure> {
        let fields: Result<_, ParquetError> =
            columns.iter().map(|column| column.schema().map(Arc::new)).collect();
        let schema = fields.and_then(|fields| Type::group_type_builder("schema").with_fields(fields).build());
        let level = ZstdLevel::try_new(ZSTD_LEVEL).map_err(Failure::new)?;
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
        Ok(Self {
            to,
            columns,
            schema: Arc::new(schema.map_err(Failure::new)?),
            properties: Arc::new(properties),
            file_size,
            directory: String::new(),
            number: 0,
            file: None,
            rows: 0,
            bytes: 0,
            written: (0, 0),
        })
    }

    /// Writes a row, in the form of binary COPY; rows of one directory come together.
    pub fn push(&mut self, directory: &str, copy: &[u8]) -> Result<(), Failure> {
        if directory != self.directory {
            self.end_file()?;
            self.directory = directory.into();
            self.number = 0;
        }
        for (column, value) in self.columns.iter_mut().zip(fields(copy)) {
            column.push(value).map_err(Failure::new)?;
        }
        self.rows += 1;
        self.bytes += copy.len();
        if self.rows >= GROUP_ROWS || self.bytes >= GROUP_BYTES {
            self.end_group()?;
        }
        Ok(())
    }

    /// Ends the last file; returns the numbers of files and rows.
    pub fn finish(mut self) -> Result<(u64, u64), Failure> {
        self.end_file()?;
        Ok(self.written)
    }

    fn end_group(&mut self) -> Result<(), Failure> {
        if self.rows == 0 {
            return Ok(());
        }
        let name = self.name();
        let at = |what: &dyn std::fmt::Display| Failure::new(what).at(&name);
        if self.file.is_none() {
            let writer = ObjectWriter::create(&self.to.below(&name)).map_err(|e: io::Error| at(&e))?;
            let file = SerializedFileWriter::new(writer, self.schema.clone(), self.properties.clone());
            self.file = Some(file.map_err(|e| at(&e))?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut write = || -> Result<(), ParquetError> {
            let mut group = file.next_row_group()?;
            for column in &mut self.columns {
                match group.next_column()? {
                    Some(writer) => column.write(writer)?,
                    None => return Err(ParquetError::General("fewer columns than expected".into())),
                }
            }
            group.close().map(drop)
        };
        write().map_err(|e| at(&e))?;
        let size = file.bytes_written() as u64;
        self.written.1 += self.rows as u64;
        (self.rows, self.bytes) = (0, 0);
        match size >= self.file_size {
            true => self.end_file(),
            false => Ok(()),
        }
    }

    fn end_file(&mut self) -> Result<(), Failure> {
        self.end_group()?;
        let name = self.name();
        let Some(file) = self.file.take() else { return Ok(()) };
        let writer = file.into_inner().map_err(|e| Failure::new(e).at(&name))?;
        writer.finish().map_err(|e| Failure::new(e).at(&name))?;
        self.number += 1;
        self.written.0 += 1;
        Ok(())
    }

    /// The name of the file that is being written: the same rows always go to the same name.
    fn name(&self) -> String {
        let separator = if self.directory.is_empty() { "" } else { "/" };
        format!("{}{separator}part-{:05}.parquet", self.directory, self.number)
    }
}
