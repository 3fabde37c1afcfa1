//! Reads the records of a part as rows of binary COPY, one batch for each block.

use std::io;

use tally_postgres::pgtype::copy::begin_row;
use tally_postgres::Failure;
use tally_rows::config::Column;
use tally_rows::decode::{sqlstate, Reject};
use tally_rows::refusal::Stage;

use super::check::{too_long, Checker};
use super::dialect::Dialect;
use super::encode::append;
use super::layout::CsvLayout;
use super::notation::Notation;
use super::record::{FoundRecord, Records};
use super::Nulls;
use crate::batch::{BatchReader, FileBatch, Origin};
use crate::dead_letter::FileDeadLetter;
use crate::format::RefusedRecord;
use crate::part::Part;
use crate::text::{Block, TextBlocks, BLOCK};

/// Reads a part of a file.
pub struct CsvReader<'a> {
    name: &'a str,
    blocks: TextBlocks<Dialect>,
    encoder: Encoder,
}

/// Makes rows of records.
struct Encoder {
    dialect: Dialect,
    columns: Vec<Column>,
    nulls: Nulls,
    notation: Notation,
}

/// Makes rows of records that were refused before, each a text of its own.
pub fn again(
    layout: &CsvLayout,
    letters: &[RefusedRecord],
    columns: &[Column],
    nulls: Nulls,
    notation: Notation,
) -> FileBatch {
    let encoder = Encoder { dialect: layout.text.rule, columns: columns.to_vec(), nulls, notation };
    let mut all = FileBatch::default();
    for RefusedRecord { line, raw } in letters {
        let Some(raw) = raw else {
            all.refuse(*line, None, Reject::new(sqlstate::TOO_LARGE, "record was too long to be kept"));
            continue;
        };
        let text = [raw.as_slice(), b"\n"].concat();
        let mut one = encoder.batch(Block { text, from: 0, line: *line as u64, passed: 0 });
        match (one.rows.len(), one.dead_letters.pop()) {
            (1, None) => all.keep(*line, one.rows.slice(0, 1)),
            (_, letter) => {
                let several =
                    || Reject::new(sqlstate::BAD_FILE, "text is more than one record with these options");
                all.refuse(*line, Some(raw.clone()), letter.map_or_else(several, |letter| letter.reject));
            }
        }
    }
    all
}

impl<'a> CsvReader<'a> {
    /// Reads on from a position and line.
    pub fn new(
        layout: &'a CsvLayout,
        part: &Part,
        next: (i64, i64),
        columns: &[Column],
        nulls: Nulls,
        notation: Notation,
    ) -> io::Result<Self> {
        let blocks = layout.text.blocks(part.to, next, BLOCK)?;
        let encoder = Encoder { dialect: layout.text.rule, columns: columns.to_vec(), nulls, notation };
        Ok(Self { name: layout.text.source.name(), blocks, encoder })
    }
}

impl BatchReader for CsvReader<'_> {
    fn next(&mut self) -> Result<Option<FileBatch>, Failure> {
        FileBatch::next_of(|| self.read(), BLOCK)
    }
}

impl CsvReader<'_> {
    fn read(&mut self) -> Result<Option<FileBatch>, Failure> {
        let block = self.blocks.next().map_err(|e| Failure::new(e).at(self.name))?;
        if block.is_none() && self.blocks.has_unfinished() {
            tracing::info!(file = self.name, "the last line has no newline yet and is left for later");
        }
        Ok(block.map(|block| self.encoder.batch(block)))
    }
}

impl Encoder {
    fn batch(&self, block: Block) -> FileBatch {
        let mut batch = FileBatch {
            from: block.from as i64,
            next: (block.to() as i64, block.next_line() as i64),
            ..FileBatch::default()
        };
        batch.rows.copy.reserve(block.text.len());
        if let Some(reject) = too_long(&block) {
            batch.dead_letters.push(FileDeadLetter {
                line: block.line as i64,
                raw: None,
                stage: Stage::Decode,
                reject,
            });
            return batch;
        }
        let checker = Checker::new(&block.text, self.columns.len());
        let mut records = Records::new(&block.text, self.dialect);
        while let Some(found) = records.next() {
            let line = (block.line + found.line) as i64;
            let before = batch.rows.copy.len();
            let result = match checker.check(&block.text, &found, &records) {
                Some(reject) => Err(reject),
                None => self.append_row(&records, &mut batch.rows.copy),
            };
            let range = trimmed(&block.text, &found);
            match result {
                Ok(()) => {
                    batch.rows.end_row(batch.origins.len() as u32); // a block has fewer bytes
                    batch.origins.push(Origin { line, range });
                }
                Err(reject) => {
                    batch.rows.copy.truncate(before);
                    let raw = Some(block.text[range].to_vec());
                    batch.dead_letters.push(FileDeadLetter { line, raw, stage: Stage::Decode, reject });
                }
            }
        }
        batch.text = block.text;
        batch
    }

    fn append_row(&self, records: &Records, out: &mut Vec<u8>) -> Result<(), Reject> {
        begin_row(self.columns.len(), out);
        for (column, field) in self.columns.iter().zip(records.fields()) {
            append(column, field, self.nulls.is_null(field), &self.notation, out)?;
        }
        Ok(())
    }
}

/// A record without the end of its line.
fn trimmed(text: &[u8], found: &FoundRecord) -> std::ops::Range<usize> {
    let mut range = found.range.clone();
    for end in [b'\n', b'\r'] {
        if range.end > range.start && text[range.end - 1] == end {
            range.end -= 1;
        }
    }
    range
}
