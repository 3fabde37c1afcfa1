//! What an executor node does, called as C calls it.
//!
//! pgrx's own declarations catch errors and raise them again, at the price of their context, and of more time than most of
//! these calls take. Here errors pass through the caller's frames as if they were not there: what would have to be dropped
//! must belong to a memory context.

use pgrx::pg_sys::{self, Datum, ExprContext, ExprState, PlanState, TupleTableSlot, Tuplestorestate};
use std::hint::unreachable_unchecked;

mod unguarded {
    use super::*;

    extern "C-unwind" {
        pub fn ExecInitNode(
            plan: *mut pg_sys::Plan,
            estate: *mut pg_sys::EState,
            flags: i32,
        ) -> *mut PlanState;
        pub fn ExecInitExpr(expression: *mut pg_sys::Expr, parent: *mut PlanState) -> *mut ExprState;
        pub fn ExecEndNode(node: *mut PlanState);
        pub fn execTuplesMatchPrepare(
            row_type: pg_sys::TupleDesc,
            count: i32,
            columns: *const i16,
            operators: *const pg_sys::Oid,
            collations: *const pg_sys::Oid,
            parent: *mut PlanState,
        ) -> *mut ExprState;
        pub fn aclcheck_error(
            result: pg_sys::AclResult::Type,
            kind: pg_sys::ObjectType::Type,
            name: *const std::ffi::c_char,
        );
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
        pub fn slot_getsomeattrs_int(slot: *mut TupleTableSlot, count: i32);
        pub fn tuplestore_puttupleslot(store: *mut Tuplestorestate, slot: *mut TupleTableSlot);
        pub fn tuplestore_gettupleslot(
            store: *mut Tuplestorestate,
            forward: bool,
            copy: bool,
            slot: *mut TupleTableSlot,
        ) -> bool;
        pub fn tuplestore_trim(store: *mut Tuplestorestate);
        pub fn tuplestore_clear(store: *mut Tuplestorestate);
        pub fn tuplestore_select_read_pointer(store: *mut Tuplestorestate, pointer: i32);
    }
}

pub use unguarded::{
    aclcheck_error, execTuplesMatchPrepare, tuplestore_clear, tuplestore_gettupleslot,
    tuplestore_puttupleslot, tuplestore_select_read_pointer, tuplestore_trim, ExecEndNode, ExecInitExpr,
    ExecInitNode, ExecReScan, FunctionCall5Coll,
};

/// The next row of a plan node; None after the last.
///
/// # Safety
/// An initialised node of the running query.
#[inline]
pub unsafe fn next_row(node: *mut PlanState) -> Option<*mut TupleTableSlot> {
    // SAFETY: an initialised node has its function.
    unsafe {
        if !(*node).chgParam.is_null() {
            unguarded::ExecReScan(node);
        }
        let Some(execute) = (*node).ExecProcNode else { unreachable_unchecked() };
        let slot = execute(node);
        (!slot.is_null() && u32::from((*slot).tts_flags) & pg_sys::TTS_FLAG_EMPTY == 0).then_some(slot)
    }
}

/// Forgets what the previous row left in a context's memory.
///
/// # Safety
/// A context of the running query.
#[inline]
pub unsafe fn reset(context: *mut ExprContext) {
    // SAFETY: its memory is its own.
    unsafe { unguarded::MemoryContextReset((*context).ecxt_per_tuple_memory) }
}

/// The value of an expression; what it points to lives until the context is reset.
///
/// # Safety
/// An initialised expression, and a context that has the rows which it refers to.
#[inline]
pub unsafe fn evaluate(expression: *mut ExprState, context: *mut ExprContext) -> Option<Datum> {
    // SAFETY: an initialised expression has its function.
    unsafe {
        let Some(function) = (*expression).evalfunc else { unreachable_unchecked() };
        let mut null = false;
        let value = in_memory_of(context, || function(expression, context, &mut null));
        (!null).then_some(value)
    }
}

/// Does a condition hold? NULL is no.
///
/// # Safety
/// As for `evaluate`.
#[inline]
pub unsafe fn holds(condition: *mut ExprState, context: *mut ExprContext) -> bool {
    // SAFETY: see above.
    unsafe { evaluate(condition, context) }.is_some_and(|value| value.value() != 0)
}

/// Runs `f` with what it allocates living until the context is reset.
///
/// # Safety
/// A context of the running query.
#[inline]
pub unsafe fn in_memory_of<T>(context: *mut ExprContext, f: impl FnOnce() -> T) -> T {
    // SAFETY: PostgreSQL itself puts the current context right after an error.
    unsafe {
        let before = pg_sys::CurrentMemoryContext;
        pg_sys::CurrentMemoryContext = (*context).ecxt_per_tuple_memory;
        let result = f();
        pg_sys::CurrentMemoryContext = before;
        result
    }
}

/// A node's output of the row in its context.
///
/// # Safety
/// A node whose context has the rows that its projection refers to; without a projection, its output is `scan`.
#[inline]
pub unsafe fn project(node: *mut PlanState, scan: *mut TupleTableSlot) -> *mut TupleTableSlot {
    // SAFETY: an initialised node.
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
    // SAFETY: every kind of slot can be cleared.
    unsafe {
        let Some(clear) = (*(*slot).tts_ops).clear else { unreachable_unchecked() };
        clear(slot);
    }
}

/// Declares all columns of a cleared virtual slot to be there.
///
/// # Safety
/// They are.
#[inline]
pub unsafe fn fill(slot: *mut TupleTableSlot) {
    // SAFETY: see above.
    unsafe {
        (*slot).tts_flags &= !(pg_sys::TTS_FLAG_EMPTY as u16);
        (*slot).tts_nvalid = (*(*slot).tts_tupleDescriptor).natts as i16;
    }
}

/// A column of a row; NULL is None.
///
/// # Safety
/// The slot holds a row that has this column, counted from one.
#[inline]
pub unsafe fn column(slot: *mut TupleTableSlot, number: i16) -> Option<Datum> {
    // SAFETY: see above.
    unsafe {
        if number > (*slot).tts_nvalid {
            unguarded::slot_getsomeattrs_int(slot, i32::from(number));
        }
        let index = number as usize - 1;
        (!*(*slot).tts_isnull.add(index)).then(|| *(*slot).tts_values.add(index))
    }
}

/// Copies a row into a slot of its own.
///
/// # Safety
/// Slots of the same row type.
#[inline]
pub unsafe fn copy_row(to: *mut TupleTableSlot, from: *mut TupleTableSlot) {
    // SAFETY: every kind of slot can be copied into.
    unsafe {
        let Some(copy) = (*(*to).tts_ops).copyslot else { unreachable_unchecked() };
        copy(to, from);
    }
}
