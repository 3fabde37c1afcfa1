//! Reads the records of a part as rows of binary COPY, one batch for each block.

use std::borrow::Cow;

use rustc_hash::FxHashMap;
use tally_postgres::pgtype::copy::begin_row;
use tally_postgres::Failure;
use tally_rows::config::{plain_name, Column, ColumnType};
use tally_rows::decode::{encode_json, for_each_field, sqlstate, unit_of, Cast, Reject};

use super::scan::{as_text, records, too_long};
use super::Lines;
use crate::batch::{BatchReader, FileBatch, Origin};
use crate::field;
use crate::format::RefusedRecord;
use crate::text::{Block, TextBlocks, TextFile, BLOCK};

/// Reads a part of a file.
pub struct NdjsonReader<'a> {
    /// The file.
    pub text: &'a TextFile<Lines>,
    /// The blocks of the part.
    pub blocks: TextBlocks<Lines>,
    /// The columns.
    pub encoder: RecordEncoder,
}

impl BatchReader for NdjsonReader<'_> {
    fn next(&mut self) -> Result<Option<FileBatch>, Failure> {
        FileBatch::next_of(|| self.read(), BLOCK)
    }
}

impl NdjsonReader<'_> {
    fn read(&mut self) -> Result<Option<FileBatch>, Failure> {
        let block = self.blocks.next().map_err(|e| self.text.failure(e))?;
        if block.is_none() && self.blocks.has_unfinished() {
            tracing::info!(
                file = self.text.source.name(),
                "the last line has no newline yet and is left for later"
            );
        }
        Ok(block.map(|block| self.encoder.batch(block)))
    }
}

/// Makes rows of records.
pub struct RecordEncoder {
    columns: Vec<Column>,
    /// The place of each field's column; none for a field that has no column.
    places: FxHashMap<String, Option<usize>>,
}

/// Number of names of fields without a column to remember: records may use data as names.
const MOST_NAMES: usize = 10_000;

impl RecordEncoder {
    /// Fills these columns: the first of them with the fields of these names, the others with fields of their own names.
    pub fn new(names: &[String], columns: &[Column]) -> Self {
        let named = names.iter().cloned().zip((0..).map(Some));
        Self { columns: columns.to_vec(), places: named.collect() }
    }

    /// Makes rows of the records of a block.
    pub fn batch(&mut self, block: Block) -> FileBatch {
        let mut batch = FileBatch {
            from: block.from as i64,
            next: (block.to() as i64, block.next_line() as i64),
            ..FileBatch::default()
        };
        if let Some(reject) = too_long(&block) {
            batch.refuse(block.line as i64, None, reject);
            return batch;
        }
        for (number, record) in records(&block.text) {
            let line = (block.line + number) as i64;
            let before = batch.rows.copy.len();
            match self.append_row(record, &mut batch.rows.copy) {
                Ok(()) => {
                    batch.rows.end_row(batch.origins.len() as u32); // a block has fewer bytes
                    let begin = record.as_ptr() as usize - block.text.as_ptr() as usize;
                    batch.origins.push(Origin { line, range: begin..begin + record.len() });
                }
                Err(reject) => {
                    batch.rows.copy.truncate(before);
                    batch.refuse(line, Some(record.to_vec()), reject);
                }
            }
        }
        batch.text = block.text;
        batch
    }

    /// Makes rows of records that were refused before.
    pub fn again(&mut self, letters: &[RefusedRecord]) -> FileBatch {
        let mut batch = FileBatch::default();
        for RefusedRecord { line, raw } in letters {
            let Some(raw) = raw else {
                let what = "record was too long to be kept";
                batch.refuse(*line, None, Reject::new(sqlstate::TOO_LARGE, what));
                continue;
            };
            let mut row = Vec::new();
            match self.append_row(raw, &mut row) {
                Ok(()) => batch.keep(*line, &row),
                Err(reject) => batch.refuse(*line, Some(raw.clone()), reject),
            }
        }
        batch
    }

    fn append_row(&mut self, record: &[u8], out: &mut Vec<u8>) -> Result<(), Reject> {
        let mut values: Vec<Option<&str>> = vec![None; self.columns.len()];
        for_each_field(as_text(record)?, |name, raw| {
            match self.place(name) {
                Some(place) => values[place] = Some(raw),
                // Of nothing, nothing is lost.
                None if raw == "null" => {}
                None => {
                    let what = format!("no column takes the field {name:?}");
                    return Err(Reject::new(sqlstate::UNDEFINED_COLUMN, what));
                }
            }
            Ok(())
        })?;
        begin_row(self.columns.len(), out);
        for (column, raw) in self.columns.iter().zip(values) {
            append(column, raw.unwrap_or("null"), out)?;
        }
        Ok(())
    }

    fn place(&mut self, name: &str) -> Option<usize> {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let free = |wanted: &str| {
            let taken = |place: usize| self.places.values().any(|other| *other == Some(place));
            self.columns.iter().position(|column| column.name == wanted).filter(|place| !taken(*place))
        };
        let place = free(name).or_else(|| free(&plain_name(name)));
        if place.is_some() || self.places.len() < MOST_NAMES {
            self.places.insert(name.into(), place);
        }
        place
    }
}

fn append(column: &Column, raw: &str, out: &mut Vec<u8>) -> Result<(), Reject> {
    let (kind, cast) = (column.kind(), column.cast());
    let is_text = kind == ColumnType::Text && cast.is_none();
    let raw: Cow<str> = match raw {
        // As in CSV, an empty text is no value of other types.
        "\"\"" if !is_text && kind != ColumnType::Jsonb => "null".into(),
        // A record that is stored as text stays JSON.
        _ if is_text && raw.starts_with(['{', '[']) => serde_json::Value::from(raw).to_string().into(),
        _ => raw.into(),
    };
    field::append(column, raw == "null", out, |out| {
        match cast {
            Some(cast) => Cast::new(&cast).encode_json(&raw, out)?,
            None => {
                let is_number = raw.starts_with(|c: char| c.is_ascii_digit() || c == '-');
                let unit =
                    (kind.is_time() && is_number).then(|| raw.parse().ok().and_then(unit_of)).flatten();
                encode_json(kind, unit, &raw, out)?
            }
        };
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(columns: &[Column], names: &[&str], text: &str) -> (usize, Vec<String>) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let block = Block { text: text.into(), from: 0, line: 1, passed: 0 };
        let batch = RecordEncoder::new(&names, columns).batch(block);
        let letters =
            batch.dead_letters.iter().map(|letter| format!("{} {}", letter.line, letter.reject.sqlstate));
        (batch.rows.len(), letters.collect())
    }

    #[test]
    fn fields_go_to_columns_by_name_wherever_they_first_occur() {
        let column = |name: &str, kind| Column::plain(name, kind, None);
        let columns = [
            column("id", ColumnType::Bigint),
            column("trade_id", ColumnType::Text),
            column("at", ColumnType::Timestamptz),
        ];
        let text = "{\"id\":1}\n\n{\"tradeId\":\"x\",\"id\":2}\n{\"trade_id\":\"y\"}\n{\"other\":null}\n{\"other\":1}\n[1]\nx\n";
        let (stored, letters) = rows(&columns, &["id"], text);
        assert_eq!((stored, letters.join(", ").as_str()), (3, "4 42703, 6 42703, 7 22P02, 8 22032"));
        let times = "{\"at\":1700000000}\n{\"at\":1700000000000.5}\n{\"at\":\"2024-02-29T00:00:00Z\"}\n{\"at\":\"\"}\n{\"at\":5}\n";
        let (stored, letters) = rows(&columns, &["id"], times);
        assert_eq!((stored, letters.join(", ").as_str()), (4, "5 22007"));
    }
}
