//! The input of the node: rows, partition after partition, and what the frames need to know of them.

use super::argument::Argument;
use super::copies::Copies;
use super::frame::{Definition, Frame};
use super::order::{Alike, Order};
use super::scan;
use super::statistic::Statistic;
use super::values;
use crate::pg::memory;
use crate::rewrite::executor::{
    next_row, reset, tuplestore_gettupleslot, tuplestore_puttupleslot, tuplestore_trim, ExecInitExpr,
};
use crate::rewrite::plan::items;
use pgrx::pg_sys::{
    self, CustomScan, ExprContext, Node, PlanState, TupleTableSlot, Tuplestorestate, WindowAgg, WindowFunc,
};
use std::ptr::null_mut;

/// The rows of one partition, as far as they have been read.
pub struct Rows {
    input: *mut PlanState,
    /// For what is evaluated of each row that is read.
    context: *mut ExprContext,
    definition: Definition,
    copies: Copies,
    arguments: Vec<Argument>,
    partition: Option<Alike>,
    order: Order,
    /// The rows from the current one on, where frames look ahead.
    ahead: *mut Tuplestorestate,
    stored: *mut TupleTableSlot,
    /// The row that was read last.
    last: *mut TupleTableSlot,
    /// It is the first of the next partition.
    last_is_next: bool,
    count: i64,
    is_complete: bool,
    is_exhausted: bool,
}

impl Rows {
    /// Before the first row.
    ///
    /// # Safety
    /// A node that is being initialised, its input already is.
    pub unsafe fn new(node: *mut PlanState, copies: Copies) -> Rows {
        // SAFETY: what is made lives as long as the query.
        unsafe {
            let window = scan::definition((*node).plan.cast::<CustomScan>());
            let expression = |offset: *mut Node| {
                if offset.is_null() {
                    null_mut()
                } else {
                    ExecInitExpr(offset.cast(), node)
                }
            };
            let definition = Definition {
                window,
                start_offset: expression((*window).startOffset),
                end_offset: expression((*window).endOffset),
            };
            let WindowAgg { partNumCols, partColIdx, partOperators, partCollations, .. } = *window;
            let input = (*node).lefttree;
            let row_type = pg_sys::ExecGetResultType(input);
            Rows {
                input,
                context: pg_sys::CreateExprContext((*node).state),
                definition,
                copies,
                arguments: Vec::new(),
                partition: Alike::new(node, partNumCols, partColIdx, partOperators, partCollations),
                order: Order::new(node, &definition, copies),
                ahead: null_mut(),
                stored: pg_sys::ExecInitExtraTupleSlot(
                    (*node).state,
                    row_type,
                    &raw const pg_sys::TTSOpsMinimalTuple,
                ),
                last: null_mut(),
                last_is_next: false,
                count: 0,
                is_complete: false,
                is_exhausted: false,
            }
        }
    }

    /// The number of the argument of a window function; equal ones share their values.
    ///
    /// # Safety
    /// A function that the node computes; the node is being initialised.
    pub unsafe fn argument(
        &mut self,
        node: *mut PlanState,
        function: *mut WindowFunc,
        statistic: Statistic,
    ) -> usize {
        // SAFETY: see above.
        unsafe {
            let argument = items::<Node>((*function).args).next();
            let kind = argument.and_then(|argument| values::kind(statistic, pg_sys::exprType(argument)));
            // A count is known of any values.
            let known = self.arguments.iter_mut().position(|known| known.serves(function, kind));
            known.unwrap_or_else(|| {
                self.arguments.push(Argument::new(node, function, kind, self.copies));
                self.arguments.len() - 1
            })
        }
    }

    pub fn arguments(&mut self) -> &mut [Argument] {
        &mut self.arguments
    }

    /// Rows read of this partition.
    pub fn count(&self) -> i64 {
        self.count
    }

    /// Was this the last partition?
    pub fn are_exhausted(&self) -> bool {
        self.is_exhausted
    }

    pub fn context(&self) -> *mut ExprContext {
        self.context
    }

    /// The frame, when the query begins to run.
    ///
    /// # Safety
    /// The node runs.
    pub unsafe fn begin(&mut self, node: *mut PlanState) -> Frame {
        // SAFETY: the store lives as long as the query, or until the node is rescanned.
        unsafe {
            let frame = self.definition.frame((*node).ps_ExprContext);
            if frame.looks_ahead() {
                let before = pg_sys::MemoryContextSwitchTo((*(*node).state).es_query_cxt);
                self.ahead = pg_sys::tuplestore_begin_heap(false, false, pg_sys::work_mem);
                pg_sys::MemoryContextSwitchTo(before);
            }
            frame
        }
    }

    /// Reads the next row; false if the partition has no more.
    ///
    /// # Safety
    /// The node runs.
    #[inline]
    pub unsafe fn read(&mut self) -> bool {
        // SAFETY: slots and contexts are those of the node.
        unsafe {
            if self.is_complete || !self.fetch() {
                self.is_complete = true;
                return false;
            }
            let (row, context) = (self.last, self.context);
            self.order.note(row, self.count, context);
            (*context).ecxt_outertuple = row;
            for argument in &mut self.arguments {
                argument.read(context);
            }
            if !self.ahead.is_null() {
                tuplestore_puttupleslot(self.ahead, row);
            }
            self.count += 1;
            memory::check();
            true
        }
    }

    /// Brings the next row of this partition.
    #[inline]
    unsafe fn fetch(&mut self) -> bool {
        // SAFETY: as for `read`.
        unsafe {
            if self.last_is_next {
                self.last_is_next = false;
            } else {
                let Some(row) = next_row(self.input) else {
                    self.is_exhausted = true;
                    return false;
                };
                self.last = row;
                reset(self.context);
            }
            if let Some(partition) = &self.partition {
                if self.count == 0 {
                    partition.begin(self.last);
                } else if !partition.include(self.last, self.context) {
                    self.last_is_next = true;
                    return false;
                }
            }
            true
        }
    }

    /// Reads until that many rows are known, if there are as many; how many are.
    ///
    /// # Safety
    /// The node runs.
    #[inline]
    pub unsafe fn read_to(&mut self, count: i64) -> i64 {
        // SAFETY: see above.
        while self.count < count && unsafe { self.read() } {}
        self.count.min(count)
    }

    /// The first row of a peer group, or the end of the partition.
    ///
    /// # Safety
    /// The node runs.
    pub unsafe fn start_of(&mut self, group: i64) -> i64 {
        loop {
            if let Some(start) = self.order.start_of(group) {
                return start;
            }
            // SAFETY: see above.
            if !unsafe { self.read() } {
                return self.count;
            }
        }
    }

    /// What is known of the order of the rows that have been read.
    pub fn order(&mut self) -> &mut Order {
        &mut self.order
    }

    /// The current row itself: each row once, in their order.
    ///
    /// # Safety
    /// It has been read.
    #[inline]
    pub unsafe fn take(&mut self) -> *mut TupleTableSlot {
        if self.ahead.is_null() {
            return self.last;
        }
        // SAFETY: the store has the row.
        unsafe {
            tuplestore_gettupleslot(self.ahead, true, false, self.stored);
            tuplestore_trim(self.ahead);
        }
        self.stored
    }

    /// Begins the next partition.
    pub fn next_partition(&mut self) {
        self.arguments.iter_mut().for_each(Argument::clear);
        self.order.clear();
        self.count = 0;
        self.is_complete = false;
    }

    /// Forgets everything that was read.
    ///
    /// # Safety
    /// The node is to be read from its beginning, or not at all.
    pub unsafe fn restart(&mut self) {
        self.next_partition();
        self.is_exhausted = false;
        self.last_is_next = false;
        if !self.ahead.is_null() {
            // SAFETY: the slot must not refer to a row in the store.
            unsafe {
                crate::rewrite::executor::clear(self.stored);
                pg_sys::tuplestore_end(self.ahead);
            }
            self.ahead = null_mut();
        }
    }
}
