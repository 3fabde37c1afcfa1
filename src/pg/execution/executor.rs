//! The executor's functions, called as C calls them.
//!
//! pgrx's own declarations prepare for a longjmp at each call, which takes longer than most of these calls do, and
//! raise an error again without its context. Here an ERROR of PostgreSQL jumps over frames of Rust, to the caller of
//! the node. Every direct or indirect caller of the functions exported here keeps the contract of [plain
//! frames](crate::pg::server::plain).

use crate::pg::tables::slot::{slot_getsomeattrs_int, Slot};
use pgrx::pg_sys::{self, Datum, ExprContext, ExprState, MemoryContext, PlanState, TupleTableSlot};
use std::mem::needs_drop;

/// PostgreSQL's functions without the guards of pgrx.
mod unguarded {
    use super::*;

    extern "C-unwind" {
        pub fn ExecDropSingleTupleTableSlot(slot: *mut TupleTableSlot);
        pub fn ExecEndNode(node: *mut PlanState);
        pub fn ExecInitNode(
            plan: *mut pg_sys::Plan,
            estate: *mut pg_sys::EState,
            flags: i32,
        ) -> *mut PlanState;
        pub fn ExecReScan(node: *mut PlanState);
        pub fn FunctionCall5Coll(
            function: *mut pg_sys::FmgrInfo,
            collation: pg_sys::Oid,
            arg1: Datum,
            arg2: Datum,
            arg3: Datum,
            arg4: Datum,
            arg5: Datum,
        ) -> Datum;
        /// Empties a memory context, of which nothing is used any more.
        pub fn MemoryContextReset(context: MemoryContext);
    }
}

pub use unguarded::*;

/// The next row of a plan node; None after the last.
///
/// # Safety
/// An initialised node of the running query; the contract of `pg::plain`.
#[inline]
pub unsafe fn next_row(node: *mut PlanState) -> Option<*mut TupleTableSlot> {
    // SAFETY: the caller's node; its function returns null or a slot.
    unsafe {
        if !(*node).chgParam.is_null() {
            ExecReScan(node);
        }
        let slot = (*node).ExecProcNode?(node);
        (!slot.is_null() && u32::from((*slot).tts_flags) & pg_sys::TTS_FLAG_EMPTY == 0).then_some(slot)
    }
}

/// The value of an expression; what it points to lives as long as this memory has it.
///
/// # Safety
/// The expression is initialised, and the context has the rows that it refers to; the memory is one of both of the context. The
/// contract of `pg::plain`.
#[inline]
pub unsafe fn evaluate(
    expression: *mut ExprState,
    context: *mut ExprContext,
    memory: MemoryContext,
) -> Option<Datum> {
    // SAFETY: the caller's expression is initialised, and so has its function.
    unsafe {
        let function = (*expression).evalfunc?;
        let mut null = false;
        let value = in_memory(memory, || function(expression, context, &mut null));
        (!null).then_some(value)
    }
}

/// Whether a condition with this value holds; NULL counts as false.
#[inline]
pub fn holds(value: Option<Datum>) -> bool {
    value.is_some_and(|value| value.value() != 0)
}

/// Runs `f` with its allocations in this memory.
///
/// # Safety
/// A memory context of the running query.
#[inline]
pub unsafe fn in_memory<T, F: FnOnce() -> T>(memory: MemoryContext, f: F) -> T {
    const { assert!(!needs_drop::<T>() && !needs_drop::<F>(), "an error may jump over this frame") }
    // SAFETY: the context of the caller exists; after an error PostgreSQL itself puts the current one right.
    unsafe {
        let before = pg_sys::CurrentMemoryContext;
        pg_sys::CurrentMemoryContext = memory;
        let result = f();
        pg_sys::CurrentMemoryContext = before;
        result
    }
}

/// A node's output for the row in its context.
///
/// # Safety
/// The node's context has the rows that its projection refers to; without a projection, its output is `scan`. The
/// contract of `pg::plain`.
#[inline]
pub unsafe fn project(node: *mut PlanState, scan: *mut TupleTableSlot) -> *mut TupleTableSlot {
    // SAFETY: the caller's node; a projection has a state and a slot for its result.
    unsafe {
        let projection = (*node).ps_ProjInfo;
        if projection.is_null() {
            return scan;
        }
        let state = &raw mut (*projection).pi_state;
        let slot = (*state).resultslot;
        clear(slot);
        let context = (*projection).pi_exprContext;
        evaluate(state, context, (*context).ecxt_per_tuple_memory);
        fill(slot);
        slot
    }
}

/// Empties a slot.
///
/// # Safety
/// A slot of the running query.
#[inline]
pub unsafe fn clear(slot: *mut TupleTableSlot) {
    // SAFETY: the caller's slot, of a kind that has its own function for it.
    unsafe {
        if let Some(clear) = (*(*slot).tts_ops).clear {
            clear(slot);
        }
    }
}

/// Marks all columns of a cleared virtual slot as set.
///
/// # Safety
/// The values of all columns are set.
#[inline]
pub unsafe fn fill(slot: *mut TupleTableSlot) {
    // SAFETY: the caller's slot has as many columns as its descriptor says.
    unsafe {
        (*slot).tts_flags &= !(pg_sys::TTS_FLAG_EMPTY as u16);
        (*slot).tts_nvalid = (*(*slot).tts_tupleDescriptor).natts as i16;
    }
}

/// A column of a row; NULL is None.
///
/// # Safety
/// The slot holds a row that has this column, counted from one; the contract of `pg::plain`.
#[inline]
pub unsafe fn column(slot: *mut TupleTableSlot, number: i16) -> Option<Datum> {
    // SAFETY: the caller's row is deformed up to this column.
    unsafe {
        if number > (*slot).tts_nvalid {
            slot_getsomeattrs_int(Slot::new(slot), i32::from(number));
        }
        let index = number as usize - 1;
        (!*(*slot).tts_isnull.add(index)).then(|| *(*slot).tts_values.add(index))
    }
}
