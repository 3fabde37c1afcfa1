//! Aggregates over moving frames, computed in constant time per row.
//!
//! For `avg(x) OVER (… ROWS 999 PRECEDING)` core's WindowAgg adds up a thousand rows for every row. Here a node of our own,
//! which reads each row once, takes its place. It happens after planning: views, subqueries, prepared statements and
//! inlined functions are all reached, and the rest of the plan is as it would have been. Where a WindowAgg has other window
//! functions as well it stays, and finds the results of ours as columns of its input.

mod argument;
mod copies;
mod frame;
mod key;
mod node;
mod order;
mod rows;
mod scan;
mod statistic;
mod values;

use super::plan::items;
use pgrx::pg_guard;
use pgrx::pg_sys::{self, List, Node, NodeTag, Plan, TargetEntry, WindowAgg, WindowFunc};
use statistic::Statistic;
use std::ffi::c_void;
use std::ptr::null_mut;

pub use node::register;

/// Takes the aggregates of the WindowAgg in this place over, if its frame moves.
///
/// # Safety
/// The place is in a plan that the planner just made.
pub unsafe fn accelerate(place: &mut *mut Plan) {
    let window = place.cast::<WindowAgg>();
    // SAFETY: see above.
    unsafe {
        if !moves(window) {
            return;
        }
        let mut found = Found { functions: Vec::new(), others: false };
        (*window).plan.targetlist = found.replace_all((*window).plan.targetlist, Replace::Nothing, 0);
        let in_use_elsewhere = !(*window).runCondition.is_null() || !(*window).plan.qual.is_null();
        if in_use_elsewhere {
            // A condition on a count stops the WindowAgg early: it must stay, and the count with it.
            found.functions.retain(|(_, statistic)| statistic.is_slow_in_core());
        }
        if !found.functions.iter().any(|(_, statistic)| statistic.is_slow_in_core()) {
            return;
        }
        if found.others || in_use_elsewhere {
            let input = items::<TargetEntry>((*(*window).plan.lefttree).targetlist).count();
            let below = scan::plan(window, &found.functions, passing_on(window, &found.functions));
            (*window).plan.targetlist =
                found.replace_all((*window).plan.targetlist, Replace::ByColumnOf(pg_sys::OUTER_VAR), input);
            (*window).plan.lefttree = below;
        } else {
            let output =
                found.replace_all((*window).plan.targetlist, Replace::ByColumnOf(pg_sys::INDEX_VAR), 0);
            *place = scan::plan(window, &found.functions, output);
        }
    }
}

/// Does the frame's start move, so that core begins anew for every row?
unsafe fn moves(window: *const WindowAgg) -> bool {
    let begins_with_partition = pg_sys::FRAMEOPTION_START_UNBOUNDED_PRECEDING;
    // SAFETY: the caller's node.
    unsafe { (*window).frameOptions as u32 & (begins_with_partition | pg_sys::FRAMEOPTION_EXCLUSION) == 0 }
}

/// The window functions of one WindowAgg.
struct Found {
    /// Those that our node computes, each once.
    functions: Vec<(*mut WindowFunc, Statistic)>,
    /// Are there any others?
    others: bool,
}

#[derive(Clone, Copy)]
enum Replace {
    Nothing,
    /// By columns of that input.
    ByColumnOf(i32),
}

struct Walk<'a> {
    found: &'a mut Found,
    replace: Replace,
    /// The number of columns before those of the functions.
    before: usize,
}

impl Found {
    /// Takes note of the window functions of a target list, and replaces those that are ours.
    unsafe fn replace_all(&mut self, targets: *mut List, replace: Replace, before: usize) -> *mut List {
        let mut walk = Walk { found: self, replace, before };
        // SAFETY: PostgreSQL copies the tree, and calls back for each node.
        unsafe { mutate(targets.cast(), (&raw mut walk).cast()).cast() }
    }

    unsafe fn visit(&mut self, function: *mut WindowFunc, replace: Replace, before: usize) -> *mut Node {
        // SAFETY: a node of the caller's tree.
        unsafe {
            let known =
                self.functions.iter().position(|&(other, _)| pg_sys::equal(function.cast(), other.cast()));
            match (replace, known) {
                (Replace::Nothing, Some(_)) => {}
                (Replace::Nothing, None) => match understood(function) {
                    Some(statistic) => self.functions.push((function, statistic)),
                    None => self.others = true,
                },
                (Replace::ByColumnOf(_), None) => {}
                (Replace::ByColumnOf(input), Some(index)) => {
                    let number = (before + index + 1) as i16;
                    return result_column(function, input, number).cast();
                }
            }
            function.cast()
        }
    }
}

unsafe fn understood(function: *mut WindowFunc) -> Option<Statistic> {
    // SAFETY: a node of the caller's tree.
    unsafe {
        let statistic = Statistic::of(function)?;
        let argument = items::<Node>((*function).args).next();
        let suits = match argument {
            Some(argument) => {
                statistic == Statistic::Count || values::kind(statistic, pg_sys::exprType(argument)).is_some()
            }
            None => true,
        };
        let plain = !pg_sys::contain_volatile_functions(function.cast())
            && !pg_sys::contain_subplans(function.cast());
        (suits && plain).then_some(statistic)
    }
}

/// The column of an input that has a function's result.
unsafe fn result_column(function: *mut WindowFunc, input: i32, number: i16) -> *mut pg_sys::Var {
    // SAFETY: makes a node.
    unsafe {
        let node = function.cast::<Node>();
        pg_sys::makeVar(
            input,
            number,
            pg_sys::exprType(node),
            pg_sys::exprTypmod(node),
            pg_sys::exprCollation(node),
            0,
        )
    }
}

/// A target list for what stays above: the columns of the input, and then the results.
unsafe fn passing_on(window: *mut WindowAgg, functions: &[(*mut WindowFunc, Statistic)]) -> *mut List {
    // SAFETY: makes nodes.
    unsafe {
        let mut targets = null_mut();
        let mut number = 0;
        let mut append = |column: *mut pg_sys::Var, name| {
            number += 1;
            let target = pg_sys::makeTargetEntry(column.cast(), number, name, false);
            targets = pg_sys::lappend(targets, target.cast());
        };
        for target in items::<TargetEntry>((*(*window).plan.lefttree).targetlist) {
            append(pg_sys::makeVarFromTargetEntry(pg_sys::OUTER_VAR, target), (*target).resname);
        }
        for (index, &(function, _)) in functions.iter().enumerate() {
            append(result_column(function, pg_sys::INDEX_VAR, index as i16 + 1), null_mut());
        }
        targets
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn visit(node: *mut Node, context: *mut c_void) -> *mut Node {
    // SAFETY: PostgreSQL passes the walk of `replace_all` on.
    unsafe {
        if !node.is_null() && (*node).type_ == NodeTag::T_WindowFunc {
            // Window functions cannot be nested.
            let walk = &mut *context.cast::<Walk>();
            return walk.found.visit(node.cast(), walk.replace, walk.before);
        }
        mutate(node, context)
    }
}

/// A copy of a tree, with what `visit` makes of its nodes.
unsafe fn mutate(node: *mut Node, context: *mut c_void) -> *mut Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: PostgreSQL copies the node and calls back for its children.
    unsafe {
        #[cfg(feature = "pg15")]
        {
            // Before version 16 the callback was declared without its arguments.
            type Declared = unsafe extern "C-unwind" fn() -> *mut Node;
            type Callback = unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> *mut Node;
            let callback = std::mem::transmute::<Callback, Declared>(visit);
            pg_sys::expression_tree_mutator(node, Some(callback), context)
        }
        #[cfg(not(feature = "pg15"))]
        pg_sys::expression_tree_mutator_impl(node, Some(visit), context)
    }
}
