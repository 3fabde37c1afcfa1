//! The rows of a table: queries of them, and their results.

use super::progress;
use super::statement;
use crate::datum::tally::tally_in;
use crate::pg::memory::heap;
use crate::pg::tables::spi::{Plan, SpiRow};
use crate::pg::values::value::Value;
use crate::powertree::model::key;
use crate::powertree::model::question::{LastValues, Measure, Measured, Piece, Query, Range};
use crate::powertree::model::tree::Tree;
use pgrx::pg_sys;
use std::rc::Rc;
use tally_stats::tree::{Contents, Extent};
use tally_stats::Tally;

/// The rows of the table of a tree, ready for queries. SPI is connected.
#[derive(Clone, Copy)]
pub struct BaseRows<'t>(pub &'t Tree);

impl BaseRows<'_> {
    /// The prepared query.
    pub fn query(self, query: Query, value: usize) -> Rc<Plan> {
        let known = self.0.plans.borrow().get(&(query, value)).cloned();
        known.unwrap_or_else(|| {
            let plan = Rc::new(statement::prepare(self.0, query, value));
            self.0.plans.borrow_mut().insert((query, value), plan.clone());
            plan
        })
    }

    /// The arguments for a series and a range.
    fn arguments(self, key: &[Value], range: Range) -> Vec<Value> {
        let mut arguments = key.to_vec();
        arguments.extend([range.first, range.last].map(|position| self.0.position.to_value(position)));
        arguments
    }

    /// The tally of a value between two positions.
    pub fn read_range(self, query: Query, value: usize, key: &[Value], range: Range) -> Tally {
        let mut tally = Tally::EMPTY;
        if !range.is_empty() {
            self.query(query, value).run(&self.arguments(key, range), |row| tally = tally_in(row, 1));
        }
        tally
    }

    /// The contents of a series between two positions.
    pub fn read_leaf(self, key: &[Value], range: Range) -> Contents {
        let mut contents = Contents::empty(self.0.values.len());
        self.query(Query::Leaf, 0)
            .run(&self.arguments(key, range), |row| contents = self.contents_in(row, 1));
        contents
    }

    /// The last `need` of a value between two positions.
    pub fn read_last(self, value: usize, key: &[Value], range: Range, need: i64) -> LastValues {
        let mut result = LastValues { tally: Tally::EMPTY, first: None, last: None };
        let mut arguments = self.arguments(key, range);
        arguments.push(need.into());
        self.query(Query::Last, value).run(&arguments, |row| {
            result = LastValues { tally: tally_in(row, 1), first: row.double(2), last: row.double(3) };
        });
        result
    }

    /// Calls `each` with the series, the leaf and the contents of every leaf of all series between two positions,
    /// sorted by series and leaf.
    pub fn read_groups(self, range: Range, mut each: impl FnMut(Vec<u8>, i64, Contents)) {
        let keys = self.0.series.len();
        let _reading = progress::read(&self.0.name, self.0.base);
        self.query(Query::Groups, 0).run_large(&self.arguments(&[], range), |row| {
            each(self.key_in(row, 1), row.integer(keys + 1), self.contents_in(row, keys + 2));
            true
        });
    }

    /// Calls `each` with the key and the measure, between two positions, of every series whose first columns have these
    /// values.
    pub fn read_below(
        self,
        measure: Measure,
        prefix: &[Value],
        range: Range,
        mut each: impl FnMut(Vec<u8>, Measured),
    ) {
        let query = self.query(Query::Below(measure, prefix.len()), 0);
        let column = self.0.series.len() + 1;
        query.run_large(&self.arguments(prefix, range), |row| {
            each(self.key_in(row, 1), self.measured_in(row, measure, column));
            true
        });
    }

    /// Calls `each` with the number of a piece, from 0, the place of the positions among `begins`, from 0, and the
    /// contents. If there is only one begin, no rows are before it.
    pub fn read_pieces(self, pieces: &[Piece], begins: &[i64], mut each: impl FnMut(usize, usize, Contents)) {
        let ranges = || pieces.iter().map(|piece| piece.range);
        let (Some(first), Some(last)) = (ranges().map(|r| r.first).min(), ranges().map(|r| r.last).max())
        else {
            return;
        };
        let keys = heap::collect(pieces.iter().map(|piece| key::decode(&self.0.series, piece.key)));
        let mut arguments: Vec<Value> = (0..self.0.series.len())
            .map(|i| Value::array(self.0.series[i].column.type_oid, keys.iter().map(|key| key[i])))
            .collect();
        let ends: [fn(Range) -> i64; 2] = [|range| range.first, |range| range.last];
        arguments.extend(ends.map(|end| self.positions(ranges().map(end))));
        arguments.extend([first, last].map(|end| self.0.position.to_value(end)));
        let number = |row: &SpiRow, column| row.integer(column).saturating_sub(1) as usize;
        if begins.len() > 1 {
            arguments.push(self.positions(begins.iter().copied()));
            self.query(Query::CutPieces, 0).run(&arguments, |row| {
                each(number(row, 1), number(row, 2), self.contents_in(row, 3));
            });
        } else {
            self.query(Query::Pieces, 0)
                .run(&arguments, |row| each(number(row, 1), 0, self.contents_in(row, 2)));
        }
    }

    /// Calls `each` with the place of the positions among `begins`, from 0, the key of a series, and the contents, for
    /// all that have rows between two positions, until it returns false.
    pub fn read_span(
        self,
        range: Range,
        begins: &[i64],
        mut each: impl FnMut(usize, Vec<u8>, Contents) -> bool,
    ) {
        let mut arguments = self.arguments(&[], range);
        arguments.push(self.positions(begins.iter().copied()));
        let contents = self.0.series.len() + 2;
        self.query(Query::Span, 0).run_large(&arguments, |row| {
            let place = row.integer(1).saturating_sub(1) as usize;
            each(place, self.key_in(row, 2), self.contents_in(row, contents))
        });
    }

    /// Makes an array of positions.
    fn positions(self, positions: impl Iterator<Item = i64>) -> Value {
        let position = self.0.position;
        Value::array(position.type_oid(), positions.map(|at| position.to_value(at)))
    }

    /// Reads a measure from a row, beginning at a column.
    fn measured_in(self, row: &SpiRow, measure: Measure, column: usize) -> Measured {
        match measure {
            Measure::Extent => Measured { extent: self.extent_in(row, column), ..Measured::NOTHING },
            Measure::Tally(_) => Measured { tally: tally_in(row, column), ..Measured::NOTHING },
        }
    }

    /// Reads contents from a row, beginning at a column.
    fn contents_in(self, row: &SpiRow, column: usize) -> Contents {
        let tallies = (0..self.0.values.len()).map(|value| tally_in(row, column + 3 + value)).collect();
        Contents { extent: self.extent_in(row, column), tallies }
    }

    /// Reads the number of rows and their first and last position, beginning at a column.
    fn extent_in(self, row: &SpiRow, column: usize) -> Extent {
        match (row.integer(column), row.get(column + 1), row.get(column + 2)) {
            (rows, Some(first), Some(last)) => {
                let position = self.0.position;
                Extent { rows, first: position.read(first), last: position.read(last) }
            }
            _ => Extent::EMPTY,
        }
    }

    /// Reads the key from a row, beginning at this column.
    fn key_in(self, row: &SpiRow, first: usize) -> Vec<u8> {
        let mut key = Vec::new();
        for (i, column) in self.0.series.iter().enumerate() {
            if let Some(value) = row.stored(first + i) {
                column.encode(value, &mut key);
            }
        }
        key
    }

    /// Calls `each` with the place of a bucket and the tally of a value, for all buckets with values between two
    /// positions.
    pub fn read_buckets(
        self,
        value: usize,
        key: &[Value],
        range: Range,
        begins: &[i64],
        mut each: impl FnMut(usize, Tally),
    ) {
        let mut arguments = self.arguments(key, range);
        let array = self.positions(begins.iter().copied());
        arguments.push(array);
        self.query(Query::Buckets, value).run(&arguments, |row| {
            each(row.get(1).map_or(0, |datum| datum.value() as i32) as usize, tally_in(row, 2));
        });
        // SAFETY: only this function has the array; its memory is freed for the next of many calls.
        unsafe { pg_sys::pfree(array.datum().cast_mut_ptr()) }
    }
}
