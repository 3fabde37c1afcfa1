//! Rows of a row group as rows of binary COPY.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;
use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::Row;

use super::encode::append;
use super::schema::Field;
use crate::config::Column;
use crate::copy::begin_row;
use crate::decode::Reject;
use crate::failure::Failure;
use crate::files::batch::{Batch, BatchReader, Origin};
use crate::files::dead_letter::{DeadLetter, Stage};

/// Rows and bytes enough to be worth a transaction.
const BATCH_ROWS: usize = 50_000;
const BATCH_BYTES: usize = 8 << 20;

/// Reads a row group.
pub struct Reader {
    path: PathBuf,
    rows: RowIter<'static>,
    at: i64,
    fields: Vec<Field>,
    columns: Vec<Column>,
}

impl Reader {
    /// Reads on from a row of the group that begins at `from`; rows are counted over the whole file.
    pub fn new(
        path: &Path,
        (group, from): (usize, i64),
        next: i64,
        fields: &[Field],
        columns: &[Column],
    ) -> Result<Self, ParquetError> {
        let only = ReadOptionsBuilder::new().with_predicate(Box::new(move |_, i| i == group)).build();
        let rows = SerializedFileReader::new_with_options(File::open(path)?, only)?.into_iter();
        let (path, fields, columns) = (path.to_path_buf(), fields.to_vec(), columns.to_vec());
        let mut reader = Self { path, rows, at: from, fields, columns };
        while reader.at < next {
            reader.rows.next().transpose()?;
            reader.at += 1;
        }
        Ok(reader)
    }

    fn append_row(&self, row: &Row, out: &mut Vec<u8>) -> Result<(), Reject> {
        begin_row(self.columns.len(), out);
        let values = row.get_column_iter().map(|(_, value)| value);
        for ((column, field), value) in self.columns.iter().zip(&self.fields).zip(values) {
            append(column, (field.kind, field.shape), value, out)?;
        }
        Ok(())
    }
}

impl BatchReader for Reader {
    fn next(&mut self) -> Result<Option<Batch>, Failure> {
        let mut batch = Batch { from: self.at, ..Batch::default() };
        while batch.origins.len() + batch.dead_letters.len() < BATCH_ROWS
            && batch.rows.copy.len() < BATCH_BYTES
        {
            let Some(row) = self.rows.next() else { break };
            self.at += 1;
            let place = || format!("{}, row {}", self.path.display(), self.at);
            let row = row.map_err(|e| {
                Failure::new(e).at(place()).mend("check the file; its rows before are stored")
            })?;
            let before = batch.rows.copy.len();
            match self.append_row(&row, &mut batch.rows.copy) {
                Ok(()) => {
                    batch.rows.end_row(batch.origins.len() as u32); // at most BATCH_ROWS
                    batch.origins.push(Origin { line: self.at, range: 0..0 });
                }
                Err(reject) => {
                    batch.rows.copy.truncate(before);
                    batch.dead_letters.push(DeadLetter {
                        line: self.at,
                        raw: None,
                        stage: Stage::Decode,
                        reject,
                    });
                }
            }
        }
        batch.next = (self.at, self.at + 1);
        Ok((batch.from < self.at).then_some(batch))
    }
}
