//! The executor's functions, called as C calls them.
//!
//! pgrx's own declarations prepare for a longjmp at each call, which takes longer than most of these calls do, and
//! raise an error again without its context. Here an ERROR of PostgreSQL jumps over frames of Rust, to the caller of
//! the node. Every direct or indirect caller of the functions exported here keeps the contract of [plain
//! frames](super::plain).

use super::slot::{slot_getsomeattrs_int, Slot};
use pgrx::pg_sys::{self, Datum, ExprContext, ExprState, PlanState, TupleTableSlot};
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
        pub fn MemoryContextReset(context: pg_sys::MemoryContext);
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

/// Forgets what the previous row left in a context's memory.
///
/// # Safety
/// A context of the running query.
#[inline]
pub unsafe fn reset(context: *mut ExprContext) {
    // SAFETY: the memory belongs to the context, and nothing that was evaluated in it is used any more.
    unsafe { MemoryContextReset((*context).ecxt_per_tuple_memory) }
}

/// The value of an expression; what it points to lives until the context is reset.
///
/// # Safety
/// The expression is initialised, and the context has the rows that it refers to; the contract of `pg::plain`.
#[inline]
pub unsafe fn evaluate(expression: *mut ExprState, context: *mut ExprContext) -> Option<Datum> {
    // SAFETY: the caller's expression is initialised, and so has its function.
    unsafe {
        let function = (*expression).evalfunc?;
        let mut null = false;
        let value = in_memory_of(context, || function(expression, context, &mut null));
        (!null).then_some(value)
    }
}

/// The value of an expression that refers to no rows; it lives as long as the query.
///
/// # Safety
/// The expression is initialised, and the context belongs to its node; the contract of `pg::plain`.
pub unsafe fn evaluate_once(expression: *mut ExprState, context: *mut ExprContext) -> Option<Datum> {
    // SAFETY: the caller's expression is initialised, and evaluated as PostgreSQL does it.
    unsafe {
        let function = (*expression).evalfunc?;
        let before = pg_sys::MemoryContextSwitchTo((*context).ecxt_per_query_memory);
        let mut null = false;
        let value = function(expression, context, &mut null);
        pg_sys::MemoryContextSwitchTo(before);
        (!null).then_some(value)
    }
}

/// Whether a condition holds; NULL counts as false.
///
/// # Safety
/// As for [`evaluate`].
#[inline]
pub unsafe fn holds(condition: *mut ExprState, context: *mut ExprContext) -> bool {
    // SAFETY: the caller promises what `evaluate` asks for.
    unsafe { evaluate(condition, context) }.is_some_and(|value| value.value() != 0)
}

/// Runs `f` in the context's memory: what it allocates lives until the context is reset.
///
/// # Safety
/// A context of the running query.
#[inline]
pub unsafe fn in_memory_of<T, F: FnOnce() -> T>(context: *mut ExprContext, f: F) -> T {
    const { assert!(!needs_drop::<T>() && !needs_drop::<F>(), "an error may jump over this frame") }
    // SAFETY: the context of the caller exists; after an error PostgreSQL itself puts the current one right.
    unsafe {
        let before = pg_sys::CurrentMemoryContext;
        pg_sys::CurrentMemoryContext = (*context).ecxt_per_tuple_memory;
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
        evaluate(state, (*projection).pi_exprContext);
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

/// Copies a row into another slot.
///
/// # Safety
/// Both slots have the same row type; the contract of `pg::plain`.
#[inline]
pub unsafe fn copy_row(to: *mut TupleTableSlot, from: *mut TupleTableSlot) {
    // SAFETY: the caller's slots are of kinds that support copying.
    unsafe {
        if let Some(copy) = (*(*to).tts_ops).copyslot {
            copy(to, from);
        }
    }
}
