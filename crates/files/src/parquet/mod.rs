//! Parquet files: their columns' types, and their rows.

mod delta;
mod encode;
mod json;
mod number;
mod pages;
mod reader;
mod schema;
mod values;

pub use values::Values;

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy, RowGroupMetaData,
};
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor};
use tally_postgres::Failure;
use tally_rows::config::{Column, ColumnType};

use crate::batch::{BatchReader, FileBatch};
use crate::format::{Contents, FileFormat, Input, RefusedRecord};
use crate::input::FileSource;
use crate::limits::{Allowance, Limits, PageLimit};
use crate::part::Part;
use schema::ParquetField;

/// The format Parquet.
#[derive(Debug, Clone, Copy)]
pub struct Parquet(pub PageLimit, pub Limits);

impl FileFormat for Parquet {
    fn endings(&self) -> &'static [&'static str] {
        &["parquet"]
    }

    fn open(&self, source: FileSource) -> Result<Box<dyn Input>, Failure> {
        let at = |failure: Failure| failure.at(source.name());
        let Self(limit, limits) = *self;
        let about = metadata(&Chunks(&source), None)
            .map_err(|e| at(Failure::new(e).mend("check that the file is Parquet")))?;
        let fields = schema::fields(about.file_metadata().schema()).map_err(|what| at(Failure::new(what)))?;
        let allowance = Allowance::new(limits, source.size());
        let groups = groups(&about, &allowance).map_err(|what| at(Failure::new(what)))?;
        let schema = schema::for_reading(about.file_metadata().schema()).map_err(|e| at(Failure::new(e)))?;
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(schema)));
        let names = fields.iter().map(|field| field.name.clone()).collect();
        let types = fields.iter().map(|field| field.kind).collect();
        Ok(Box::new(ParquetFile { source, schema, fields, names, types, groups, limit, allowance }))
    }
}

/// A file, as the library reads it.
struct Chunks<'s>(&'s FileSource);

impl Length for Chunks<'_> {
    fn len(&self) -> u64 {
        self.0.size()
    }
}

impl ChunkReader for Chunks<'_> {
    type T = Box<dyn Read + Send>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(self.0.open(start)?)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut bytes = Vec::new();
        self.get_read(start)?.take(length as u64).read_to_end(&mut bytes)?;
        match bytes.len() == length {
            true => Ok(bytes.into()),
            false => Err(ParquetError::EOF("file is shorter than its metadata says".into())),
        }
    }
}

/// Reads the metadata at the end of a file, without statistics; as if it had this schema, if one is given.
fn metadata(
    file: &impl ChunkReader,
    schema: Option<&SchemaDescPtr>,
) -> Result<ParquetMetaData, ParquetError> {
    let skip = ParquetStatisticsPolicy::SkipAll;
    let mut options = ParquetMetaDataOptions::new();
    options.set_column_stats_policy(skip.clone());
    options.set_size_stats_policy(skip);
    if let Some(schema) = schema {
        options.set_schema(schema.clone());
    }
    ParquetMetaDataReader::new().with_metadata_options(Some(options)).parse_and_finish(file)
}

/// The size of a row group.
struct Group {
    rows: i64,
    bytes: i64,
}

/// Returns the row groups of a file; fails if the file cannot be loaded.
fn groups(about: &ParquetMetaData, allowance: &Allowance) -> Result<Vec<Group>, String> {
    if about.file_metadata().schema_descr().num_columns() == 0 {
        return Err("file has no columns".into());
    }
    let (mut all_rows, mut all_bytes) = (0i64, 0i64);
    let group = |group: &RowGroupMetaData| {
        let (rows, bytes) = (group.num_rows(), group.total_byte_size());
        all_rows = all_rows
            .checked_add(rows)
            .filter(|_| rows >= 0)
            .ok_or("invalid number of rows in a row group")?;
        all_bytes = all_bytes.saturating_add(bytes.max(0));
        allowance.check(all_bytes as u64)?;
        let unread = group.columns().iter().map(|column| column.compression()).find(|c| !can_unpack(c));
        match unread {
            Some(packed) => Err(format!("unsupported compression {packed}; write the file with ZSTD")),
            None => Ok(Group { rows, bytes }),
        }
    };
    about.row_groups().iter().map(group).collect()
}

fn can_unpack(compression: &Compression) -> bool {
    use Compression::*;
    matches!(compression, UNCOMPRESSED | SNAPPY | GZIP(_) | LZ4 | LZ4_RAW | ZSTD(_))
}

/// A Parquet file. Its parts are row groups, small ones together; its positions are rows.
struct ParquetFile {
    source: FileSource,
    schema: SchemaDescPtr,
    fields: Vec<ParquetField>,
    names: Vec<String>,
    types: Vec<ColumnType>,
    groups: Vec<Group>,
    limit: PageLimit,
    allowance: Allowance,
}

impl ParquetFile {
    fn rows(&self) -> i64 {
        self.groups.iter().map(|group| group.rows).sum()
    }

    /// Returns the row groups that begin in a part.
    fn groups_of(&self, part: &Part) -> Range<usize> {
        let mut begin = 0;
        let begins = self.groups.iter().map(|group| {
            begin += group.rows;
            begin - group.rows
        });
        let to = part.to.unwrap_or(i64::MAX);
        let inside = begins.enumerate().filter(|(_, begin)| (part.from..to).contains(begin));
        let inside: Vec<usize> = inside.map(|(i, _)| i).collect();
        inside.first().map_or(0..0, |first| *first..first + inside.len())
    }
}

impl Input for ParquetFile {
    fn source(&self) -> &FileSource {
        &self.source
    }

    fn may_grow(&self) -> bool {
        false
    }

    fn ends_with_line(&self, _: i64) -> io::Result<bool> {
        Ok(false)
    }

    fn bytes_of(&self, positions: i64) -> u64 {
        let rows = self.rows().max(1);
        (self.source.size() as f64 * (positions as f64 / rows as f64)) as u64
    }

    fn describe(&self) -> String {
        format!("Parquet, {} row groups, {} rows", self.groups.len(), self.rows())
    }

    fn fields(&self) -> usize {
        self.fields.len()
    }

    fn names(&self) -> Option<&[String]> {
        Some(&self.names)
    }

    fn types(&self) -> Option<&[ColumnType]> {
        Some(&self.types)
    }

    fn parts(&self) -> Result<Vec<Part>, Failure> {
        let (mut parts, mut from, mut to, mut bytes) = (Vec::new(), 0, 0, 0i64);
        for group in &self.groups {
            (to, bytes) = (to + group.rows, bytes.saturating_add(group.bytes));
            let is_enough = to - from >= reader::BATCH_ROWS as i64 || bytes >= reader::BATCH_BYTES as i64;
            if to > from && is_enough {
                parts.push(Part { from, to: Some(to), line: from + 1 });
                (from, bytes) = (to, 0);
            }
        }
        // A file without rows is entered as well.
        if to > from || parts.is_empty() {
            parts.push(Part { from, to: Some(to), line: from + 1 });
        }
        Ok(parts)
    }

    fn scan(&self, _: &Part, _: &dyn Fn(u64)) -> Result<Contents, Failure> {
        Ok(Contents::default())
    }

    fn read(
        &self,
        part: &Part,
        next: (i64, i64),
        columns: &[Column],
    ) -> Result<Box<dyn BatchReader + '_>, Failure> {
        let groups = self.groups_of(part);
        Ok(Box::new(reader::ParquetReader::new(self, groups, part.from, next.0, columns)?))
    }

    fn again(&self, letters: &[RefusedRecord], columns: &[Column]) -> Result<FileBatch, Failure> {
        let first = letters.first().map_or(0, |letter| letter.line - 1);
        reader::ParquetReader::new(self, 0..self.groups.len(), 0, first, columns)?.again(letters)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;
    use std::path::Path;

    use parquet::basic::Encoding;
    use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
    use parquet::file::properties::{WriterProperties, WriterVersion};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// A small file with a dictionary, a list, and pages of two row groups.
    pub fn written(encoding: Option<Encoding>, version: WriterVersion) -> Vec<u8> {
        let schema = "message m { required int64 n; optional binary note (STRING);
                      required group l (LIST) { repeated group list { optional int32 element; } } }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_writer_version(version)
            .set_dictionary_enabled(encoding.is_none());
        if let Some(encoding) = encoding {
            properties = properties.set_column_encoding("note".into(), encoding);
        }
        let properties = properties.build();
        let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
        for _ in 0..2 {
            let mut group = file.next_row_group().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<Int64Type>().write_batch(&[1, 2, 3], None, None).unwrap();
            column.close().unwrap();
            let notes: [ByteArray; 2] = ["a".into(), "a".into()];
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&notes, Some(&[1, 0, 1]), None).unwrap();
            column.close().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            let levels = (Some(&[2i16, 2, 0, 1][..]), Some(&[0i16, 1, 0, 0][..]));
            column.typed::<Int32Type>().write_batch(&[7, 8], levels.0, levels.1).unwrap();
            column.close().unwrap();
            group.close().unwrap();
        }
        file.into_inner().unwrap()
    }

    /// Counts the rows and dead letters of a file of these bytes, as far as it can be read.
    pub fn read(path: &Path, bytes: &[u8]) -> Result<usize, Failure> {
        fs::write(path, bytes).unwrap();
        let format = Parquet(PageLimit { max_page: 1 << 20 }, Limits { max_inflation: 1000 });
        let input = format.open(FileSource::of_path(path).unwrap())?;
        let types = input.types().unwrap_or_default().iter();
        let columns: Vec<Column> = types.map(|kind| Column::plain("c", *kind, None)).collect();
        let mut seen = 0;
        for part in input.parts()? {
            let mut reader = input.read(&part, (part.from, part.line), &columns)?;
            while let Some(batch) = reader.next()? {
                seen += batch.rows.len() + batch.dead_letters.len();
                assert!(seen < 1_000_000, "rows without end");
            }
        }
        Ok(seen)
    }

    #[test]
    fn damaged_files_are_read_or_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.parquet");
        let files = [
            written(None, WriterVersion::PARQUET_1_0),
            written(Some(Encoding::DELTA_BYTE_ARRAY), WriterVersion::PARQUET_2_0),
        ];
        for sound in files {
            assert_eq!(read(&path, &sound).unwrap(), 6);
            let mut refused = 0;
            for at in 0..sound.len() {
                let mut damaged = sound.clone();
                damaged[at] ^= [0xff, 0x01, 0x80][at % 3];
                refused += usize::from(read(&path, &damaged).is_err());
            }
            assert!(refused > sound.len() / 4, "{refused} of {}", sound.len());
            assert!((0..sound.len()).step_by(9).all(|end| read(&path, &sound[..end]).is_err()));
        }
    }
}
