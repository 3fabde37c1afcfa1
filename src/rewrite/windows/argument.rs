//! The values of one argument: which rows of the frame have a value, and the sliding window over them.

use super::statistic::Statistic;
use super::values::{ValueKind, Values};
use crate::pg::copies::Copies;
use crate::pg::executor::{evaluate, holds, ExecInitExpr};
use crate::pg::expression::are_same;
use crate::pg::memory::room;
use crate::pg::tree::NodeRef;
use crate::pg::value::Value;
use pgrx::pg_sys::{Datum, ExprContext, ExprState, Oid, PlanState, WindowFunc};
use std::collections::VecDeque;
use std::ptr::null_mut;

/// One argument, under one FILTER, of window functions that share its values.
pub struct Argument {
    function: NodeRef<'static, WindowFunc>,
    kind: Option<ValueKind>,
    copies: Copies,
    expressions: Expressions,
    /// Whether the row that enters next counts; its value follows.
    counts: bool,
    value: Option<Value>,
    /// The type of its values; INVALID where there is no argument.
    type_oid: Oid,
    /// Whether the value counts, for each row of the frame.
    present: VecDeque<bool>,
    count: i64,
    /// The window over the values; None where they are only counted.
    values: Option<Box<dyn Values>>,
}

/// The expressions that are evaluated for each row; null pointers where there are none.
#[derive(Clone, Copy)]
pub struct Expressions {
    filter: *mut ExprState,
    /// The argument; null for `count(*)`.
    argument: *mut ExprState,
}

impl Argument {
    /// Initialises the expressions of a window function.
    ///
    /// # Safety
    /// The node computes this function and is being initialised; the contract of `pg::plain`.
    pub unsafe fn expressions(node: *mut PlanState, function: NodeRef<WindowFunc>) -> Expressions {
        let initialised = |tree: Option<NodeRef>| match tree {
            // SAFETY: the caller promises a node that is being initialised, and a function of its plan.
            Some(tree) => unsafe { ExecInitExpr(tree.pointer().cast(), node) },
            None => null_mut(),
        };
        Expressions {
            filter: initialised(function.node(|function| &function.aggfilter)),
            argument: initialised(function.list(|function| &function.args).iter().next()),
        }
    }

    /// The argument of a window function, without any values yet.
    pub fn new(
        function: NodeRef<'static, WindowFunc>,
        expressions: Expressions,
        kind: Option<ValueKind>,
        copies: Copies,
    ) -> Argument {
        let argument = function.list(|function| &function.args).iter().next();
        Argument {
            function,
            kind,
            copies,
            expressions,
            counts: false,
            value: None,
            type_oid: argument.map_or(Oid::INVALID, |argument| argument.type_oid()),
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

    /// Evaluates the argument for the row in the context, which is about to enter the frame.
    ///
    /// # Safety
    /// The context belongs to the node, and has a row of its input; the contract of `pg::plain`.
    #[inline]
    pub unsafe fn evaluate(&mut self, context: *mut ExprContext) {
        let Expressions { filter, argument } = self.expressions;
        // SAFETY: the expressions belong to the node, and the context has the row that they refer to.
        unsafe {
            let passes = filter.is_null() || holds(filter, context);
            self.value = match passes && !argument.is_null() {
                true => evaluate(argument, context).map(|value| Value::new(self.type_oid, value)),
                false => None,
            };
            self.counts = if argument.is_null() { passes } else { self.value.is_some() };
        }
    }

    /// Adds to the frame the row whose argument was evaluated last.
    ///
    /// # Safety
    /// The context of that evaluation has not been reset since.
    #[inline]
    pub unsafe fn enter(&mut self) {
        room(&mut self.present, 1);
        self.present.push_back(self.counts);
        self.count += i64::from(self.counts);
        if let (Some(value), Some(values)) = (self.value.take(), &mut self.values) {
            values.enter(value);
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
