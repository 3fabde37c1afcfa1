//! Plans below a node of our own.
//!
//! The functions are plain frames by the contract of [`crate::pg::server::plain`], as are their callers.

use super::executor::{in_memory, ExecEndNode, ExecInitNode, ExecReScan};
use crate::pg::nodes::list::items;
use crate::pg::server::plain::guarded;
use pgrx::pg_sys::{self, CustomScanState, Plan, PlanState};

/// Initialises a plan, and keeps its state among those below the node.
///
/// # Safety
/// A node that has begun, and a plan below its own; the contract of `pg::plain`.
pub unsafe fn add_below(node: *mut CustomScanState, plan: *mut Plan, flags: i32) -> *mut PlanState {
    // SAFETY: the caller's node and plan; the state lives as long as the query.
    unsafe {
        let estate = (*node).ss.ps.state;
        in_memory((*estate).es_query_cxt, || {
            let state = ExecInitNode(plan, estate, flags);
            (*node).custom_ps = guarded(|| pg_sys::lappend((*node).custom_ps, state.cast()));
            state
        })
    }
}

/// Ends the plans below a node.
///
/// # Safety
/// A node that ends; the contract of `pg::plain`.
pub unsafe fn end_below(node: *mut CustomScanState) {
    // SAFETY: the states below the caller's node are initialised, and are not used afterwards.
    unsafe { for_each(node, |state| ExecEndNode(state)) }
}

/// Has the plans below a node begin again, and tells them which parameters have changed.
///
/// # Safety
/// A node that has begun, between two rows; the contract of `pg::plain`.
pub unsafe fn rescan_below(node: *mut CustomScanState) {
    // SAFETY: the states below the caller's node are initialised.
    unsafe {
        let changed = (*node).ss.ps.chgParam;
        for_each(node, |state| {
            if !changed.is_null() {
                guarded(|| pg_sys::UpdateChangedParamSet(state, changed));
            }
            if (*state).chgParam.is_null() {
                ExecReScan(state);
            }
        });
    }
}

/// Calls `visit` with each state below a node.
unsafe fn for_each(node: *mut CustomScanState, visit: impl Fn(*mut PlanState)) {
    // SAFETY: the caller's node, whose list is one of states, and stays as it is.
    unsafe { items((*node).custom_ps).for_each(visit) }
}
