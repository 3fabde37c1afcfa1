//! Ordinary SQL made fast: finished plans are rewritten where pg_tally returns the same answer sooner.
//!
//! `plan` walks through a finished plan; `windows` is the node that takes the place of a WindowAgg.

mod float;
mod plan;
mod rollups;
mod statistic;
mod windows;

use crate::pg::execution::custom::register;
use crate::pg::nodes::planned::forget_children_told_twice;
use crate::pg::server::hook::Hook;
use crate::pg::server::plain::guarded;
use crate::settings;
use pgrx::pg_sys;
use std::ffi::{c_char, c_int};

/// A function that plans a query.
type PlanQuery = unsafe extern "C-unwind" fn(
    *mut pg_sys::Query,
    *const c_char,
    c_int,
    pg_sys::ParamListInfo,
) -> *mut pg_sys::PlannedStmt;

// PostgreSQL defines the hook.
unsafe extern "C-unwind" {
    safe static planner_hook: Hook<PlanQuery>;
}

/// The hook that was there before ours.
static PREVIOUS: Hook<PlanQuery> = Hook::none();

/// Enters the chain of planner hooks, and makes our plan nodes known; once, when the library is loaded.
pub fn install() {
    planner_hook.chain(planner, &PREVIOUS);
    register::<windows::Window>();
    rollups::install();
}

mod unguarded {
    use super::*;

    // Declared again because pgrx's declaration catches errors and raises them again without their context.
    extern "C-unwind" {
        pub fn standard_planner(
            query: *mut pg_sys::Query,
            text: *const c_char,
            options: c_int,
            parameters: pg_sys::ParamListInfo,
        ) -> *mut pg_sys::PlannedStmt;
    }
}

/// Errors of the planner pass through this frame as if it were not there: it holds nothing that would have to be
/// dropped, and so needs no guard.
unsafe extern "C-unwind" fn planner(
    query: *mut pg_sys::Query,
    text: *const c_char,
    options: c_int,
    parameters: pg_sys::ParamListInfo,
) -> *mut pg_sys::PlannedStmt {
    // SAFETY: the arguments are passed on as they came; the plan that comes back is ours to change, and what takes the place of a
    // WindowAgg has its output and its input.
    unsafe {
        let statement = match PREVIOUS.get() {
            Some(previous) => previous(query, text, options, parameters),
            None => unguarded::standard_planner(query, text, options, parameters),
        };
        guarded(|| {
            forget_children_told_twice(statement);
            if settings::accelerate_windows() {
                plan::for_each_window(statement, windows::accelerate);
            }
        });
        statement
    }
}
