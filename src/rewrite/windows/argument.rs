//! The values of one argument: which rows of the frame have one, and the window over them.

use super::copies::Copies;
use super::statistic::Statistic;
use super::values::{Kind, Values};
use crate::pg::memory::room;
use crate::rewrite::executor::{evaluate, holds, in_memory_of, ExecInitExpr};
use crate::rewrite::plan::items;
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
    /// Of each row from the start of the frame on that has been read: does its value count?
    present: VecDeque<bool>,
    rows: usize,
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
                rows: 0,
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

    /// Takes the value of the row in the context in, for when it enters the frame.
    ///
    /// # Safety
    /// The context has the row.
    #[inline]
    pub unsafe fn read(&mut self, context: *mut ExprContext) {
        // SAFETY: see above.
        unsafe {
            room(&mut self.present, 1);
            let passes = self.filter.is_null() || holds(self.filter, context);
            if !passes || self.expression.is_null() {
                self.present.push_back(passes);
                return;
            }
            let value = evaluate(self.expression, context);
            self.present.push_back(value.is_some());
            if let (Some(value), Some(values)) = (value, &mut self.values) {
                in_memory_of(context, || values.read(value));
            }
        }
    }

    /// Moves the frame: so many rows enter, so many of the oldest leave.
    #[inline]
    pub fn slide(&mut self, entering: i64, leaving: i64) {
        for _ in 0..entering {
            if self.present.get(self.rows).is_some_and(|&present| present) {
                self.count += 1;
                if let Some(values) = &mut self.values {
                    values.enter();
                }
            }
            self.rows += 1;
        }
        for _ in 0..leaving {
            if self.present.pop_front().is_some_and(|present| present) {
                self.count -= 1;
                if let Some(values) = &mut self.values {
                    values.leave();
                }
            }
            self.rows -= 1;
        }
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
        self.rows = 0;
        self.count = 0;
        self.values = self.kind.map(|kind| kind.values(self.copies));
    }
}
