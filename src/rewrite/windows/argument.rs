//! The values of one argument: which rows of the frame have one, and the window over them.

use super::copies::Copies;
use super::statistic::Statistic;
use super::values::{Kind, Values};
use crate::pg::executor::{evaluate, holds, in_memory_of, ExecInitExpr};
use crate::pg::list::items;
use crate::pg::memory::room;
use pgrx::pg_sys::{self, Datum, ExprContext, ExprState, Node, PlanState, WindowFunc};
use std::collections::VecDeque;
use std::ptr::null_mut;

/// One argument, under one FILTER, of window functions that share its values.
pub struct Argument {
    function: *mut WindowFunc,
    kind: Option<Kind>,
    copies: Copies,
    /// Null pointers where there is none; `count(*)` has no expression.
    filter: *mut ExprState,
    expression: *mut ExprState,
    /// Of each row of the frame: does its value count?
    present: VecDeque<bool>,
    count: i64,
    /// None where values are only counted.
    values: Option<Box<dyn Values>>,
}

impl Argument {
    /// The argument of a window function.
    ///
    /// # Safety
    /// The node is being initialised.
    pub unsafe fn new(
        node: *mut PlanState,
        function: *mut WindowFunc,
        kind: Option<Kind>,
        copies: Copies,
    ) -> Argument {
        // SAFETY: see above.
        unsafe {
            let expression = |tree: *mut Node| ExecInitExpr(tree.cast(), node);
            Argument {
                function,
                kind,
                copies,
                filter: expression((*function).aggfilter.cast()),
                expression: items((*function).args).next().map_or(null_mut(), expression),
                present: VecDeque::new(),
                count: 0,
                values: kind.map(|kind| kind.values(copies)),
            }
        }
    }

    /// Can it also serve this function? What is only to be counted can be of any kind.
    ///
    /// # Safety
    /// Nodes of the same plan.
    pub unsafe fn serves(&mut self, function: *mut WindowFunc, kind: Option<Kind>) -> bool {
        // SAFETY: see above.
        unsafe {
            let alike = pg_sys::equal((*function).args.cast(), (*self.function).args.cast())
                && pg_sys::equal((*function).aggfilter.cast(), (*self.function).aggfilter.cast());
            if alike && self.kind.is_none() && kind.is_some() {
                self.kind = kind;
                self.values = kind.map(|kind| kind.values(self.copies));
            }
            alike && (kind.is_none() || kind == self.kind)
        }
    }

    /// The row in the context enters the frame.
    ///
    /// # Safety
    /// The context has the row.
    #[inline]
    pub unsafe fn enter(&mut self, context: *mut ExprContext) {
        // SAFETY: see above.
        unsafe {
            room(&mut self.present, 1);
            let passes = self.filter.is_null() || holds(self.filter, context);
            let value = match passes && !self.expression.is_null() {
                true => evaluate(self.expression, context),
                false => None,
            };
            let counts = if self.expression.is_null() { passes } else { value.is_some() };
            self.present.push_back(counts);
            self.count += i64::from(counts);
            if let (Some(value), Some(values)) = (value, &mut self.values) {
                in_memory_of(context, || values.enter(value));
            }
        }
    }

    /// Takes that many of the oldest rows out of the frame.
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

    /// Bytes that the values of the frame take.
    pub fn memory(&self) -> usize {
        self.present.capacity() + self.values.as_ref().map_or(0, |values| values.memory())
    }

    /// Prepares to report.
    #[inline]
    pub fn settle(&mut self) {
        if let Some(values) = &mut self.values {
            values.settle();
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
