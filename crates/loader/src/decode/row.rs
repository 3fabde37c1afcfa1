//! A row while it is put together, in whatever order its values come.

use std::str;

use super::value::{encode, encode_jsonb, Value};
use super::{sqlstate, Record, Reject};
use crate::config::{Column, Source, Unit};
use crate::copy::{append_field, begin_row};

/// The values of a row, in the order in which the message has them.
#[derive(Default)]
pub struct Row {
    bytes: Vec<u8>,
    /// By column: where in `bytes` it is, or nothing for NULL.
    spans: Vec<Option<(usize, usize)>>,
    has_overflow: bool,
    /// The fields that no column takes, as JSON.
    overflow: String,
}

impl Row {
    /// A row of so many columns, and perhaps the overflow column.
    pub fn new(columns: usize, has_overflow: bool) -> Self {
        Self { spans: vec![None; columns], has_overflow, ..Self::default() }
    }

    /// Begins the next one.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.overflow.clear();
        self.spans.fill(None);
    }

    /// Appends a column's value, written by `encode`, which gives false for null.
    pub fn fill(
        &mut self,
        i: usize,
        column: &Column,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<bool, Reject>,
    ) -> Result<(), Reject> {
        let start = self.bytes.len();
        let present = encode(&mut self.bytes).map_err(|reject| reject.in_column(&column.name))?;
        self.spans[i] = present.then_some((start, self.bytes.len()));
        Ok(())
    }

    /// Begins a field of the overflow; its value is to be appended.
    pub fn begin_overflow_field(&mut self, key: &str) -> &mut String {
        match self.overflow.chars().last() {
            None => self.overflow.push('{'),
            Some('{') => {}
            Some(_) => self.overflow.push(','),
        }
        self.overflow.push_str(&serde_json::Value::from(key).to_string());
        self.overflow.push(':');
        &mut self.overflow
    }

    /// Lets what `walk` leaves over keep its place under a key.
    pub fn nest_overflow(
        &mut self,
        key: &str,
        walk: impl FnOnce(&mut Self) -> Result<(), Reject>,
    ) -> Result<(), Reject> {
        let before = self.overflow.len();
        self.begin_overflow_field(key).push('{');
        let empty = self.overflow.len();
        walk(self)?;
        if self.overflow.len() == empty {
            self.overflow.truncate(before);
        } else {
            self.overflow.push('}');
        }
        Ok(())
    }

    /// Appends the row to `out`.
    pub fn assemble(&mut self, columns: &[Column], out: &mut Vec<u8>) -> Result<(), Reject> {
        let missing = columns.iter().zip(&self.spans).find(|(c, span)| c.required && span.is_none());
        if let Some((column, _)) = missing {
            return Err(
                Reject::new(sqlstate::NOT_NULL, "the required value is missing").in_column(&column.name)
            );
        }
        let overflow = self.encode_overflow()?;
        begin_row(self.spans.len() + usize::from(self.has_overflow), out);
        for span in &self.spans {
            append_field(span.map(|(from, to)| &self.bytes[from..to]), out);
        }
        if self.has_overflow {
            append_field(overflow.map(|from| &self.bytes[from..]), out);
        }
        Ok(())
    }

    /// Appends the leftover fields as jsonb, and says where; nothing if there are none.
    fn encode_overflow(&mut self) -> Result<Option<usize>, Reject> {
        if self.overflow.is_empty() {
            return Ok(None);
        }
        self.overflow.push('}');
        let from = self.bytes.len();
        encode_jsonb(&self.overflow, &mut self.bytes)?;
        Ok(Some(from))
    }
}

/// Fills a column that takes what Kafka knows of the message.
pub fn fill_from_metadata(
    column: &Column,
    source: &Source,
    record: &Record,
    row: &mut Row,
    i: usize,
) -> Result<(), Reject> {
    let value = match source {
        Source::Topic => Some(Value::Text(record.topic.into())),
        Source::Partition => Some(Value::Number(record.partition.to_string().into())),
        Source::Offset => Some(Value::Number(record.offset.to_string().into())),
        Source::Timestamp => record.timestamp.map(|millis| Value::Number(millis.to_string().into())),
        Source::Key => match record.key.map(str::from_utf8).transpose() {
            Ok(key) => key.map(|key| Value::Text(key.into())),
            Err(e) => {
                let reject = Reject::new(sqlstate::BAD_CHARACTER, format!("the key is not text: {e}"));
                return Err(reject.in_column(&column.name));
            }
        },
        Source::Field(_) => None,
    };
    let unit = if *source == Source::Timestamp { Some(Unit::Ms) } else { column.unit };
    match value {
        Some(value) => row.fill(i, column, |out| encode(column.kind, unit, &value, out).map(|()| true)),
        None => Ok(()),
    }
}
