//! A row under construction, whose values may come in any order.

use tally_postgres::pgtype::copy::{append_field, begin_row};

use super::budget::Budget;
use super::cell::Cell;
use super::encode::encode_jsonb;
use super::rows::Rows;
use super::{sqlstate, Reject};
use crate::definition::Definition;

/// The values of a row, in the order in which the message has them.
#[derive(Default)]
pub struct Row {
    bytes: Vec<u8>,
    /// The place of each column in `bytes`; None for NULL.
    spans: Vec<Option<(usize, usize)>>,
    has_overflow: bool,
    /// The fields that no column takes, as JSON.
    overflow: String,
    /// Whether rows replace each other by their key: then each has its number, and a flag that it only removes an older
    /// one.
    is_keyed: bool,
    /// The budget that is left for the rows of the message.
    budget: Budget,
    /// The columns whose latest value cannot be stored, and why.
    refused: Vec<(usize, Reject)>,
}

/// A mark to return to in a row under construction.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    bytes: usize,
    overflow: usize,
}

/// A nested object in the overflow.
pub struct Nest {
    before: usize,
    empty: usize,
}

impl Row {
    /// Makes an empty row of a table.
    pub fn new(definition: &Definition) -> Self {
        Self {
            spans: vec![None; definition.columns.len()],
            has_overflow: definition.overflow.is_some(),
            is_keyed: !definition.key.is_empty(),
            ..Self::default()
        }
    }

    /// Begins the first row of a message of this length.
    pub fn begin_message(&mut self, length: usize) {
        self.budget = Budget::of(length);
        self.bytes.clear();
        self.overflow.clear();
        self.spans.fill(None);
        self.refused.clear();
    }

    /// Returns a mark of the current state.
    pub fn mark(&self) -> Mark {
        Mark { bytes: self.bytes.len(), overflow: self.overflow.len() }
    }

    /// Returns to a mark; `cells` are the cells that have been filled since.
    pub fn rewind<'c>(&mut self, mark: Mark, cells: impl IntoIterator<Item = &'c Cell>) {
        self.bytes.truncate(mark.bytes);
        self.overflow.truncate(mark.overflow);
        for cell in cells {
            self.spans[cell.place] = None;
            self.refused.retain(|(place, _)| *place != cell.place);
        }
    }

    /// Appends a column's value, written by `encode`, which returns false for null.
    pub fn fill(
        &mut self,
        cell: &Cell,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<bool, Reject>,
    ) -> Result<(), Reject> {
        let start = self.bytes.len();
        let present = encode(&mut self.bytes).map_err(|reject| reject.in_column(&cell.name))?;
        self.spans[cell.place] = present.then_some((start, self.bytes.len()));
        Ok(())
    }

    /// Appends a column's value, which a later one replaces: of several fields with one name the last counts.
    pub fn fill_for_now(&mut self, cell: &Cell, encode: impl FnOnce(&mut Vec<u8>) -> Result<bool, Reject>) {
        if !self.refused.is_empty() {
            self.refused.retain(|(place, _)| *place != cell.place);
        }
        let start = self.bytes.len();
        if let Err(reject) = self.fill(cell, encode) {
            self.bytes.truncate(start);
            self.spans[cell.place] = None;
            self.refused.push((cell.place, reject));
        }
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

    /// Begins an object under a key of the overflow; ended by [`Row::end_nested_overflow`].
    pub fn begin_nested_overflow(&mut self, key: &str) -> Nest {
        let before = self.overflow.len();
        self.begin_overflow_field(key).push('{');
        Nest { before, empty: self.overflow.len() }
    }

    /// Ends a nested object, and removes it if it is empty.
    pub fn end_nested_overflow(&mut self, nest: Nest) {
        if self.overflow.len() == nest.empty {
            self.overflow.truncate(nest.before);
        } else {
            self.overflow.push('}');
        }
    }

    /// Appends the row to `out` as one of this message.
    pub fn assemble(&mut self, cells: &[Cell], message: u32, out: &mut Rows) -> Result<(), Reject> {
        self.check(cells, |cell| cell.required || cell.is_key)?;
        let overflow = self.encode_overflow()?;
        self.append(overflow, false, message, out)
    }

    /// Appends a row that removes the row with its key.
    pub fn assemble_gone(&mut self, cells: &[Cell], message: u32, out: &mut Rows) -> Result<(), Reject> {
        self.check(cells, |cell| cell.is_key)?;
        self.append(None, true, message, out)
    }

    fn check(&self, cells: &[Cell], must_be: impl Fn(&Cell) -> bool) -> Result<(), Reject> {
        if let Some((_, reject)) = self.refused.first() {
            return Err(reject.clone());
        }
        match cells.iter().find(|cell| must_be(cell) && self.spans[cell.place].is_none()) {
            Some(cell) => {
                Err(Reject::new(sqlstate::NOT_NULL, "required value is missing").in_column(&cell.name))
            }
            None => Ok(()),
        }
    }

    fn append(
        &mut self,
        overflow: Option<usize>,
        is_gone: bool,
        message: u32,
        out: &mut Rows,
    ) -> Result<(), Reject> {
        let fields = self.spans.len() + usize::from(self.has_overflow) + 2 * usize::from(self.is_keyed);
        let number = out.len() as i32; // a batch has far fewer rows
        let copy = &mut out.copy;
        let before = copy.len();
        begin_row(fields, copy);
        for span in &self.spans {
            append_field(span.map(|(from, to)| &self.bytes[from..to]), copy);
        }
        if self.has_overflow {
            append_field(overflow.map(|from| &self.bytes[from..]), copy);
        }
        if self.is_keyed {
            append_field(Some(&number.to_be_bytes()), copy);
            append_field(Some(&[is_gone.into()]), copy);
        }
        let length = copy.len() - before;
        out.end_row(message);
        self.budget.spend_bytes(length)
    }

    /// Appends the leftover fields as jsonb, and returns where they begin; None if there are none.
    fn encode_overflow(&mut self) -> Result<Option<usize>, Reject> {
        if self.overflow.is_empty() || !self.has_overflow {
            return Ok(None);
        }
        self.overflow.push('}');
        let from = self.bytes.len();
        encode_jsonb(&self.overflow, &mut self.bytes)?;
        Ok(Some(from))
    }
}
