//! Answers of the base table.

use super::progress;
use super::statement;
use crate::datum::tally::tally_in;
use crate::pg::spi::Plan;
use crate::pg::value::Value;
use crate::powertree::model::question::{LastValues, Query, Range};
use crate::powertree::model::tree::Tree;
use pgrx::pg_sys;
use std::rc::Rc;
use tally_stats::Tally;

/// The base table of a tree, to be asked. SPI is connected.
#[derive(Clone, Copy)]
pub struct Base<'t>(pub &'t Tree);

impl Base<'_> {
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

    /// The tallies of all values between two positions.
    pub fn read_leaf(self, key: &[Value], range: Range) -> Vec<Tally> {
        let mut tallies = Vec::new();
        self.query(Query::Leaf, 0).run(&self.arguments(key, range), |row| {
            tallies = (1..=self.0.values.len()).map(|column| tally_in(row, column)).collect();
        });
        tallies
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

    /// Calls `each` with series, leaf and tallies, sorted by series and leaf, of all series between two positions.
    pub fn read_groups(self, range: Range, mut each: impl FnMut(Vec<u8>, i64, Vec<Tally>)) {
        let keys = self.0.series.len();
        let _reading = progress::read(&self.0.name, self.0.base);
        self.query(Query::Groups, 0).run_large(&self.arguments(&[], range), |row| {
            let mut key = Vec::new();
            for (i, column) in self.0.series.iter().enumerate() {
                if let Some(datum) = row.get(i + 1) {
                    // SAFETY: the query returns the columns of the key before all else.
                    unsafe { column.encode(datum, &mut key) }
                }
            }
            let tallies = (0..self.0.values.len()).map(|value| tally_in(row, keys + 2 + value)).collect();
            each(key, row.integer(keys + 1), tallies);
        });
    }

    /// Calls `each` with the place and the tally of a value, for all places that have any between two positions.
    pub fn read_buckets(
        self,
        value: usize,
        key: &[Value],
        range: Range,
        begins: &[i64],
        mut each: impl FnMut(usize, Tally),
    ) {
        let mut arguments = self.arguments(key, range);
        let begins = begins.iter().map(|&begin| self.0.position.to_value(begin));
        let array = Value::array(self.0.position.type_oid(), begins);
        arguments.push(array);
        self.query(Query::Buckets, value).run(&arguments, |row| {
            each(row.get(1).map_or(0, |datum| datum.value() as i32) as usize, tally_in(row, 2));
        });
        // SAFETY: the array is nobody else's; the next of many calls needs the room.
        unsafe { pg_sys::pfree(array.datum().cast_mut_ptr()) }
    }
}
