//! The values of one argument: which rows of the frame have a value, and the sliding window over them.

use super::ask::ArgumentValue;
use super::statistic::Statistic;
use super::values::{ValueKind, Values};
use crate::pg::execution::copies::Copies;
use crate::pg::memory::heap::room;
use crate::pg::nodes::tree::NodeRef;
use crate::pg::planning::expression::are_same;
use pgrx::pg_sys::{Datum, WindowFunc};
use std::collections::VecDeque;

/// One argument, under one FILTER, of window functions that share its values.
pub struct Argument {
    function: NodeRef<'static, WindowFunc>,
    kind: Option<ValueKind>,
    copies: Copies,
    /// Whether the value counts, for each row of the frame.
    present: VecDeque<bool>,
    count: i64,
    /// The window over the values; None where they are only counted.
    values: Option<Box<dyn Values>>,
}

impl Argument {
    /// The argument of a window function, without any values yet.
    pub fn new(function: NodeRef<'static, WindowFunc>, kind: Option<ValueKind>, copies: Copies) -> Argument {
        Argument {
            function,
            kind,
            copies,
            present: VecDeque::new(),
            count: 0,
            values: kind.map(|kind| kind.values(copies)),
        }
    }

    /// Whether the argument can also serve this function. Values that are only counted can be of any kind.
    pub fn serves(&mut self, function: NodeRef<WindowFunc>, kind: Option<ValueKind>) -> bool {
        let [filter, known_filter] = [function, self.function].map(|one| one.node(|one| &one.aggfilter));
        let [these, those] = [function, self.function].map(|one| one.list(|one| &one.args));
        let alike = these.is_same(those) && are_same(filter, known_filter);
        if alike && self.kind.is_none() && kind.is_some() {
            self.kind = kind;
            self.values = kind.map(|kind| kind.values(self.copies));
        }
        alike && (kind.is_none() || kind == self.kind)
    }

    /// The first function with this argument.
    pub fn function(&self) -> NodeRef<'static, WindowFunc> {
        self.function
    }

    /// Adds a row to the frame.
    #[inline]
    pub fn enter(&mut self, row: &ArgumentValue) {
        room(&mut self.present, 1);
        self.present.push_back(row.counts);
        self.count += i64::from(row.counts);
        if let (Some(value), Some(values)) = (&row.value, &mut self.values) {
            values.enter(*value);
        }
    }

    /// Removes this many of the oldest rows from the frame.
    #[inline]
    pub fn leave(&mut self, rows: i64) {
        for _ in 0..rows {
            if self.present.pop_front().is_some_and(|counts| counts) {
                self.count -= 1;
                if let Some(values) = &mut self.values {
                    values.leave();
                }
            }
        }
    }

    /// The memory that the values of the frame take, in bytes.
    pub fn memory(&self) -> usize {
        self.present.capacity() + self.values.as_ref().map_or(0, |values| values.memory())
    }

    /// Prepares to report.
    #[inline]
    pub fn prepare_report(&mut self) {
        if let Some(values) = &mut self.values {
            values.prepare_report();
        }
    }

    /// A statistic of the frame; NULL is None.
    #[inline]
    pub fn report(&mut self, statistic: Statistic, is_real: bool) -> Option<Datum> {
        match (statistic, &mut self.values) {
            (Statistic::Count, _) => Some(Datum::from(self.count)),
            (_, Some(values)) => values.report(statistic, is_real),
            (_, None) => None,
        }
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.present.clear();
        self.count = 0;
        self.values = self.kind.map(|kind| kind.values(self.copies));
    }
}
