//! Rows that are alike: those of a partition, and those of a peer group.

use crate::pg::executor::{copy_row, execTuplesMatchPrepare, holds, ExecInitExtraTupleSlot};
use pgrx::pg_sys::{self, ExprContext, ExprState, PlanState, TupleTableSlot};

/// Rows that are equal in some columns.
#[derive(Clone, Copy)]
pub struct Alike {
    equal: *mut ExprState,
    first: *mut TupleTableSlot,
}

impl Alike {
    /// Returns None if there are no columns, so that all rows are alike.
    ///
    /// # Safety
    /// Columns of the input of a node that is being initialised, and as many operators and collations; the contract of
    /// `pg::plain`.
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
        // SAFETY: the caller's columns; what is made lives as long as the query.
        unsafe {
            let row_type = (*(*node).lefttree).ps_ResultTupleDesc;
            let equal = execTuplesMatchPrepare(row_type, count, columns, operators, collations, node);
            let kind = &raw const pg_sys::TTSOpsMinimalTuple;
            let first = ExecInitExtraTupleSlot((*node).state, row_type, kind);
            Some(Alike { equal, first })
        }
    }

    /// Makes a row the one that others are compared with.
    ///
    /// # Safety
    /// A row of the node's input; the contract of `pg::plain`.
    pub unsafe fn begin_group(&self, row: *mut TupleTableSlot) {
        // SAFETY: the slot was made for rows of the input.
        unsafe { copy_row(self.first, row) }
    }

    /// Whether a row is like the first.
    ///
    /// # Safety
    /// A row of the node's input, and a context of the node; the contract of `pg::plain`.
    #[inline]
    pub unsafe fn include(&self, row: *mut TupleTableSlot, context: *mut ExprContext) -> bool {
        // SAFETY: rows of the same type; the expression refers to them as inner and outer.
        unsafe {
            (*context).ecxt_innertuple = self.first;
            (*context).ecxt_outertuple = row;
            holds(self.equal, context)
        }
    }
}
