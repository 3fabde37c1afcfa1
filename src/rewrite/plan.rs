//! Walking a finished plan.

use crate::pg::list::places;
use pgrx::pg_sys::{self, NodeTag};

/// Calls `visit` for the place of each WindowAgg of a statement, those of subplans included, outer ones first.
///
/// # Safety
/// `statement` is a plan that the planner just made. What `visit` puts in place has the same output and, below it, the
/// WindowAgg's own input.
pub unsafe fn for_each_window(
    statement: *mut pg_sys::PlannedStmt,
    mut visit: impl FnMut(&mut *mut pg_sys::Plan),
) {
    // SAFETY: the plan trees hang together as the planner left them.
    unsafe {
        walk(&mut (*statement).planTree, &mut visit);
        walk_list((*statement).subplans, &mut visit);
    }
}

type Visit<'a> = &'a mut dyn FnMut(&mut *mut pg_sys::Plan);

unsafe fn walk_list(plans: *mut pg_sys::List, visit: Visit) {
    // SAFETY: a list of plans, as the caller found it in the plan tree.
    unsafe {
        for place in places::<pg_sys::Plan>(plans) {
            walk(&mut *place, visit);
        }
    }
}

unsafe fn walk(place: &mut *mut pg_sys::Plan, visit: Visit) {
    if place.is_null() {
        return;
    }
    // SAFETY: a node's tag says which structure it begins.
    unsafe {
        pg_sys::check_stack_depth();
        if (**place).type_ == NodeTag::T_WindowAgg {
            visit(place);
        }
        let plan = *place;
        match (*plan).type_ {
            NodeTag::T_Append => walk_list((*plan.cast::<pg_sys::Append>()).appendplans, visit),
            NodeTag::T_MergeAppend => walk_list((*plan.cast::<pg_sys::MergeAppend>()).mergeplans, visit),
            NodeTag::T_SubqueryScan => walk(&mut (*plan.cast::<pg_sys::SubqueryScan>()).subplan, visit),
            NodeTag::T_CustomScan => walk_list((*plan.cast::<pg_sys::CustomScan>()).custom_plans, visit),
            _ => {}
        }
        walk(&mut (*plan).lefttree, visit);
        walk(&mut (*plan).righttree, visit);
    }
}
