//! Rows that are alike: those of one partition, or of one peer group.

use super::executor::{evaluate, holds};
use pgrx::pg_sys::{self, ExprContext, ExprState, PlanState, TupleTableSlot};

/// Rows that are equal in some columns.
#[derive(Clone, Copy)]
pub struct Alike {
    equal: *mut ExprState,
    first: *mut TupleTableSlot,
}

impl Alike {
    /// Prepares the comparison; None if there are no columns, so that all rows are alike.
    ///
    /// # Safety
    /// The columns belong to the input of a node that is being initialised, with as many operators and collations.
    pub unsafe fn new(
        node: *mut PlanState,
        count: i32,
        columns: *const i16,
        operators: *const pg_sys::Oid,
        collations: *const pg_sys::Oid,
    ) -> Option<Alike> {
        if count == 0 {
            return None;
        }
        // SAFETY: the caller's columns are those of the input; slot and expression live as long as the query.
        unsafe {
            let row_type = (*(*node).lefttree).ps_ResultTupleDesc;
            let equal = pg_sys::execTuplesMatchPrepare(row_type, count, columns, operators, collations, node);
            let kind = &raw const pg_sys::TTSOpsMinimalTuple;
            let first = pg_sys::ExecInitExtraTupleSlot((*node).state, row_type, kind);
            Some(Alike { equal, first })
        }
    }

    /// Makes this the row that others are compared with.
    ///
    /// # Safety
    /// A row of the node's input; the contract of `pg::plain`.
    pub unsafe fn begin_group(&self, row: *mut TupleTableSlot) {
        // SAFETY: the slot was made for rows of the input, of a kind that supports copying.
        unsafe {
            if let Some(copy) = (*(*self.first).tts_ops).copyslot {
                copy(self.first, row);
            }
        }
    }

    /// Whether a row is like the first of the group.
    ///
    /// # Safety
    /// The row comes from the node's input, and the context belongs to the node; the contract of `pg::plain`.
    #[inline]
    pub unsafe fn include(&self, row: *mut TupleTableSlot, context: *mut ExprContext) -> bool {
        // SAFETY: both rows have the same type; the expression refers to them as inner and outer.
        unsafe {
            (*context).ecxt_innertuple = self.first;
            (*context).ecxt_outertuple = row;
            holds(evaluate(self.equal, context, (*context).ecxt_per_tuple_memory))
        }
    }
}
