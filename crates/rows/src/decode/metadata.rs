//! Columns that are not filled from a message's value: constants, the key, and metadata of Kafka.

use super::cell::Cell;
use super::node::{Node, Visitor};
use super::row::Row;
use super::value::Value;
use super::{text, Record, Reject};
use crate::config::{Source, Unit};

/// The cells of a plan that metadata fills.
#[derive(Default)]
pub struct Metadata {
    constants: Vec<usize>,
    facts: Vec<(usize, Source)>,
    /// The values to extract from a key that is JSON.
    key: Node,
}

impl Metadata {
    /// Notes a cell with a constant.
    pub fn add_constant(&mut self, cell: usize) {
        self.constants.push(cell);
    }

    /// Notes a cell whose source is not in the value.
    pub fn add(&mut self, cell: usize, source: Source) {
        match source {
            Source::KeyField(path) => self.key.want(&path, cell),
            fact => self.facts.push((cell, fact)),
        }
    }

    /// Fills the cells.
    pub fn fill(&self, cells: &[Cell], record: &Record, row: &mut Row) -> Result<(), Reject> {
        for &i in &self.constants {
            row.fill(&cells[i], |out| {
                out.extend(cells[i].constant().unwrap_or_default());
                Ok(true)
            })?;
        }
        for (i, source) in &self.facts {
            let cell = &cells[*i];
            let unit = if *source == Source::Timestamp { Some(Unit::Ms) } else { cell.unit };
            let value = fact(source, record).map_err(|reject| reject.in_column(&cell.name))?;
            if let Some(value) = value {
                row.fill(cell, |out| cell.encode(unit, value, out))?;
            }
        }
        if let (Some(key), false) = (record.key, self.key.is_empty()) {
            let walked = text(key).and_then(|key| self.key.walk(key, &mut KeyFill { cells, row }));
            walked
                .map_err(|reject| Reject { message: format!("in the key: {}", reject.message), ..reject })?;
        }
        Ok(())
    }
}

fn fact<'r>(source: &Source, record: &Record<'r>) -> Result<Option<Value<'r>>, Reject> {
    let number = |number: i64| Some(Value::Number(number.to_string().into()));
    Ok(match source {
        Source::Topic => Some(Value::Text(record.topic.into())),
        Source::Partition => number(record.partition.into()),
        Source::Offset => number(record.offset),
        Source::Timestamp => record.timestamp.and_then(number),
        Source::Key => record.key.map(text).transpose()?.map(|key| Value::Text(key.into())),
        _ => None,
    })
}

/// Fills cells from a key, and ignores the rest of it.
struct KeyFill<'r> {
    cells: &'r [Cell],
    row: &'r mut Row,
}

impl<'m> Visitor<'m> for KeyFill<'_> {
    fn value(&mut self, slot: usize, raw: &'m str) -> Result<(), Reject> {
        let cell = &self.cells[slot];
        self.row.fill(cell, |out| cell.encode_json(raw, out))
    }

    fn left_over(&mut self, _: &str, _: &'m str) -> Result<(), Reject> {
        Ok(())
    }

    fn inside(&mut self, _: &str, walk: impl FnOnce(&mut Self) -> Result<(), Reject>) -> Result<(), Reject> {
        walk(self)
    }
}
