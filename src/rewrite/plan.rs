//! Walking a finished plan.

use crate::pg::nodes::list::places;
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
    // SAFETY: the plan trees hang together as the planner left them; a node's tag says which structure it begins.
    unsafe {
        let mut next: Vec<*mut *mut pg_sys::Plan> = places((*statement).subplans).collect();
        next.push(&raw mut (*statement).planTree);
        while let Some(place) = next.pop() {
            if (*place).is_null() {
                continue;
            }
            if (**place).type_ == NodeTag::T_WindowAgg {
                visit(&mut *place);
            }
            let plan = *place;
            match (*plan).type_ {
                NodeTag::T_Append => next.extend(places((*plan.cast::<pg_sys::Append>()).appendplans)),
                NodeTag::T_MergeAppend => {
                    next.extend(places((*plan.cast::<pg_sys::MergeAppend>()).mergeplans))
                }
                NodeTag::T_SubqueryScan => next.push(&raw mut (*plan.cast::<pg_sys::SubqueryScan>()).subplan),
                NodeTag::T_CustomScan => {
                    next.extend(places((*plan.cast::<pg_sys::CustomScan>()).custom_plans))
                }
                _ => {}
            }
            next.extend([&raw mut (*plan).lefttree, &raw mut (*plan).righttree]);
        }
    }
}
