//! Walking a finished plan.

use crate::pg::nodes::list::places;
use crate::pg::nodes::tree::{NodeList, NodeRef};
use pgrx::pg_sys::{self, NodeTag, Plan, WindowAgg};

/// Calls `visit` with each WindowAgg of a statement and the columns of its input, those of subplans included, outer ones first,
/// and puts what it returns in place.
///
/// # Safety
/// `statement` is a plan that the planner just made. What `visit` returns is a plan with the same output and, below it, the
/// WindowAgg's own input.
pub unsafe fn for_each_window(
    statement: *mut pg_sys::PlannedStmt,
    mut visit: impl FnMut(NodeRef<WindowAgg>, NodeList) -> Option<*mut Plan>,
) {
    // SAFETY: the plan trees hang together as the planner left them, and nobody else uses them yet; a node's tag says which structure it
    // begins. A WindowAgg has an input.
    unsafe {
        let mut next: Vec<*mut *mut Plan> = places((*statement).subplans).collect();
        next.push(&raw mut (*statement).planTree);
        while let Some(place) = next.pop() {
            if (*place).is_null() {
                continue;
            }
            if let Some(window) = NodeRef::new((*place).cast()).and_then(NodeRef::cast::<WindowAgg>) {
                let input = NodeList::new((*window.plan.lefttree).targetlist);
                if let Some(plan) = visit(window, input) {
                    *place = plan;
                }
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
