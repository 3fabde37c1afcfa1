//! Walking a finished plan.

use pgrx::pg_sys::{self, NodeTag};

/// Calls `visit` for each WindowAgg of a statement, those of subplans included.
///
/// # Safety
/// `statement` is a plan that the planner just made.
pub unsafe fn for_each_window(
    statement: *mut pg_sys::PlannedStmt,
    mut visit: impl FnMut(*mut pg_sys::WindowAgg),
) {
    // SAFETY: the plan trees hang together as the planner left them.
    unsafe {
        walk((*statement).planTree, &mut visit);
        walk_list((*statement).subplans, &mut visit);
    }
}

/// The members of a list of pointers.
///
/// # Safety
/// `list` is one, of pointers to `T`, or null, which is the empty list.
pub unsafe fn items<T>(list: *mut pg_sys::List) -> impl Iterator<Item = *mut T> {
    // SAFETY: a list that is not null has `length` cells.
    let cells: &[pg_sys::ListCell] = unsafe {
        if list.is_null() {
            &[]
        } else {
            std::slice::from_raw_parts((*list).elements, (*list).length as usize)
        }
    };
    // SAFETY: the cells hold pointers.
    cells.iter().map(|cell| unsafe { cell.ptr_value }.cast())
}

unsafe fn walk_list(plans: *mut pg_sys::List, visit: &mut impl FnMut(*mut pg_sys::WindowAgg)) {
    // SAFETY: a list of plans, as the caller found it in the plan tree.
    unsafe {
        for plan in items::<pg_sys::Plan>(plans) {
            walk(plan, visit);
        }
    }
}

unsafe fn walk(plan: *mut pg_sys::Plan, visit: &mut impl FnMut(*mut pg_sys::WindowAgg)) {
    if plan.is_null() {
        return;
    }
    // SAFETY: a node's tag says which structure it begins.
    unsafe {
        pg_sys::check_stack_depth();
        match (*plan).type_ {
            NodeTag::T_WindowAgg => visit(plan.cast()),
            NodeTag::T_Append => walk_list((*plan.cast::<pg_sys::Append>()).appendplans, visit),
            NodeTag::T_MergeAppend => walk_list((*plan.cast::<pg_sys::MergeAppend>()).mergeplans, visit),
            NodeTag::T_SubqueryScan => walk((*plan.cast::<pg_sys::SubqueryScan>()).subplan, visit),
            NodeTag::T_CustomScan => walk_list((*plan.cast::<pg_sys::CustomScan>()).custom_plans, visit),
            _ => {}
        }
        walk((*plan).lefttree, visit);
        walk((*plan).righttree, visit);
    }
}
