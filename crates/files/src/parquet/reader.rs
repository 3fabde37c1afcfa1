//! Reads row groups as rows of binary COPY.

use std::fs::File;
use std::ops::Range;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::properties::ReaderProperties;
use parquet::file::serialized_reader::SerializedRowGroupReader;
use parquet::record::reader::{ReaderIter, TreeBuilder};
use parquet::record::Row;
use tally_postgres::pgtype::copy::begin_row;
use tally_postgres::Failure;
use tally_rows::config::Column;
use tally_rows::decode::Reject;
use tally_rows::refusal::Stage;

use super::delta::Checked;
use super::encode::append;
use super::{metadata, pages, Chunks};
use crate::batch::{BatchReader, FileBatch, Origin};
use crate::dead_letter::FileDeadLetter;
use crate::format::RefusedRecord;

/// Number of rows and bytes of a batch: enough to be worth a transaction.
pub const BATCH_ROWS: usize = 50_000;
pub const BATCH_BYTES: usize = 8 << 20;

/// A reader of consecutive row groups.
pub struct ParquetReader<'f> {
    of: &'f super::ParquetFile,
    /// The file, if it is on this machine: the same one to the end, whatever takes its name.
    file: Option<Arc<File>>,
    metadata: ParquetMetaData,
    groups: Range<usize>,
    rows: Option<ReaderIter>,
    /// The failure that comes after the rows of the last batch.
    failed: Option<Failure>,
    at: i64,
    columns: Vec<Column>,
}

impl<'f> ParquetReader<'f> {
    /// Reads on from a row, which is in the first of these groups or after it; `from` is the row that group begins
    /// with. Rows are counted over the whole file.
    pub fn new(
        of: &'f super::ParquetFile,
        mut groups: Range<usize>,
        mut from: i64,
        next: i64,
        columns: &[Column],
    ) -> Result<Self, Failure> {
        let at = |failure: Failure| failure.at(of.source.name());
        let file = of.source.file().map_err(|e| at(Failure::new(e)))?;
        let metadata = match &file {
            Some(file) => metadata(&**file, Some(&of.schema)),
            None => metadata(&Chunks(&of.source), Some(&of.schema)),
        };
        let metadata = metadata.map_err(|e| at(Failure::new(e)))?;
        if metadata.num_row_groups() != of.groups.len() {
            return Err(at(
                Failure::new("file changed while it was being read").mend("run the command again")
            ));
        }
        while !groups.is_empty() && from + of.groups[groups.start].rows <= next {
            from += of.groups[groups.start].rows;
            groups.start += 1;
        }
        let columns = columns.to_vec();
        let mut reader = Self { of, file, metadata, groups, rows: None, failed: None, at: from, columns };
        while reader.at < next && reader.next_row()?.is_some() {}
        Ok(reader)
    }

    fn next_row(&mut self) -> Result<Option<Row>, Failure> {
        loop {
            if let Some(row) =
                self.rows.as_mut().and_then(|rows| caught(|| rows.next().transpose()).transpose())
            {
                self.at += 1;
                return row.map(Some).map_err(|e| {
                    let place = format!("{}, row {}", self.of.source.name(), self.at);
                    Failure::new(e).at(place).mend("check the file; the rows before are stored")
                });
            }
            let Some(group) = self.groups.next() else { return Ok(None) };
            self.rows = Some(self.open(group).map_err(|what| {
                Failure::new(what).at(format!("{}, row group {}", self.of.source.name(), group + 1))
            })?);
        }
    }

    /// Opens a row group, after a check of its pages.
    fn open(&self, group: usize) -> Result<ReaderIter, String> {
        let about = self.metadata.row_group(group);
        let file = match &self.file {
            Some(file) => file.clone(),
            None => self.of.source.excerpt(place_of(about)).map_err(|e| e.to_string())?,
        };
        let at_once = pages::check(&file, about, &self.of.names, self.of.limit.max_page)?;
        let read = || {
            let index = self.metadata.page_index_for_row_group(group);
            let properties = Arc::new(ReaderProperties::builder().build());
            let group = SerializedRowGroupReader::new(file.clone(), about, index, properties)?;
            let tree = TreeBuilder::new().with_batch_size(at_once);
            tree.as_iter(about.schema_descr_ptr(), &Checked(group))
        };
        caught(read).map_err(|e| e.to_string())
    }

    /// Reads rows again that were refused before.
    pub fn again(mut self, letters: &[RefusedRecord]) -> Result<FileBatch, Failure> {
        let mut batch = FileBatch::default();
        for RefusedRecord { line, .. } in letters {
            let mut row = None;
            while self.at < *line {
                row = self.next_row()?;
                if row.is_none() {
                    let what = format!("file has no row {line}");
                    return Err(Failure::new(what)
                        .at(self.of.source.name())
                        .mend("pass the file that was loaded"));
                }
            }
            let mut out = Vec::new();
            match row.map_or(Ok(()), |row| self.append_row(&row, &mut out)) {
                Ok(()) => batch.keep(*line, &out),
                Err(reject) => batch.refuse(*line, None, reject),
            }
        }
        Ok(batch)
    }

    fn append_row(&self, row: &Row, out: &mut Vec<u8>) -> Result<(), Reject> {
        begin_row(self.columns.len(), out);
        let values = row.get_column_iter().map(|(_, value)| value);
        for ((column, field), value) in self.columns.iter().zip(&self.of.fields).zip(values) {
            append(column, (field.kind, field.shape), value, out)?;
        }
        Ok(())
    }
}

/// Returns the bytes of a file that hold a row group; whether they are in the file is checked later.
fn place_of(group: &RowGroupMetaData) -> Range<u64> {
    let place = |column: &ColumnChunkMetaData| {
        let from = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        (from.max(0) as u64, from.max(0).saturating_add(column.compressed_size().max(0)) as u64)
    };
    let columns = || group.columns().iter().map(place);
    columns().map(|(from, _)| from).min().unwrap_or(0)..columns().map(|(_, to)| to).max().unwrap_or(0)
}

/// Runs a call of the library, turning a panic into an error: columns that do not fit together may cause one.
fn caught<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err(ParquetError::General("columns do not fit together".into())))
}

impl BatchReader for ParquetReader<'_> {
    fn next(&mut self) -> Result<Option<FileBatch>, Failure> {
        if let Some(failure) = self.failed.take() {
            return Err(failure);
        }
        let mut batch = FileBatch { from: self.at, ..FileBatch::default() };
        while batch.origins.len() + batch.dead_letters.len() < BATCH_ROWS
            && batch.rows.copy.len() < BATCH_BYTES
        {
            let from = self.at;
            let row = match self.next_row() {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(failure) => {
                    (self.at, self.failed) = (from, Some(failure));
                    break;
                }
            };
            let before = batch.rows.copy.len();
            match self.append_row(&row, &mut batch.rows.copy) {
                Ok(()) => {
                    batch.rows.end_row(batch.origins.len() as u32); // at most BATCH_ROWS
                    batch.origins.push(Origin { line: self.at, range: 0..0 });
                }
                Err(reject) => {
                    batch.rows.copy.truncate(before);
                    batch.dead_letters.push(FileDeadLetter {
                        line: self.at,
                        raw: None,
                        stage: Stage::Decode,
                        reject,
                    });
                }
            }
        }
        let allowed = self.of.allowance.note_bytes(batch.rows.copy.len() as u64);
        allowed.map_err(|what| Failure::new(what).at(self.of.source.name()))?;
        batch.next = (self.at, self.at + 1);
        if batch.from == self.at {
            return self.failed.take().map_or(Ok(None), Err);
        }
        Ok(Some(batch))
    }
}
