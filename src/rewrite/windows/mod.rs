//! Aggregates over moving frames, computed in constant time per row.
//!
//! For `avg(x) OVER (… ROWS 999 PRECEDING)`, PostgreSQL's WindowAgg adds up a thousand rows for every row. Here a node
//! that reads each row once takes its place. The replacement happens after planning, and so reaches views, subqueries,
//! prepared statements and inlined functions, while the rest of the plan stays the same. A WindowAgg that has other
//! window functions as well stays, and finds the results of our node as columns of its input.

mod argument;
mod ask;
mod definition;
mod explain;
mod frame;
mod input;
mod key;
mod motion;
mod node;
mod order;
mod rows;
mod scan;
mod statistic;
mod values;

use crate::pg::custom::CustomNode;
use crate::pg::list::items;
use crate::pg::tree::{NodeList, NodeRef};
use pgrx::pg_guard;
use pgrx::pg_sys::{self, List, Node, Plan, TargetEntry, WindowAgg, WindowFunc};
use statistic::Statistic;
use std::ffi::c_void;
use std::ptr::null_mut;

pub use node::Window;

/// Replaces the aggregates of the WindowAgg in this place, if its frame moves.
///
/// # Safety
/// The place is in a plan that the planner just made.
pub unsafe fn accelerate(place: &mut *mut Plan) {
    // SAFETY: the caller's place holds a node of a plan that nobody else uses yet.
    unsafe {
        let Some(window) = NodeRef::new(place.cast()).and_then(NodeRef::cast::<WindowAgg>) else { return };
        if !moves(window) {
            return;
        }
        let mut found = Found::of(window.list(|window| &window.plan.targetlist));
        let in_use_elsewhere = !window.runCondition.is_null() || !window.plan.qual.is_null();
        if in_use_elsewhere {
            // A run condition on a count stops the WindowAgg early: both it and the count must stay.
            found.functions.retain(|(_, statistic)| statistic.is_slow_in_core());
        }
        if !found.functions.iter().any(|(_, statistic)| statistic.is_slow_in_core()) {
            return;
        }
        let (stays, window) = (found.others || in_use_elsewhere, window.pointer());
        if stays {
            let input = items::<TargetEntry>((*(*window).plan.lefttree).targetlist).count();
            let below = scan::plan(
                window,
                &found.functions,
                passing_on(window, &found.functions),
                Window::PLAN.table(),
            );
            // Conditions and their subplans stay with the WindowAgg.
            (*below).qual = null_mut();
            (*below).initPlan = null_mut();
            (*window).plan.targetlist = found.replaced((*window).plan.targetlist, pg_sys::OUTER_VAR, input);
            (*window).plan.lefttree = below;
        } else {
            let output = found.replaced((*window).plan.targetlist, pg_sys::INDEX_VAR, 0);
            *place = scan::plan(window, &found.functions, output, Window::PLAN.table());
        }
    }
}

/// Whether the frame's start moves, so that core adds up every frame from its start. False for volatile offsets, which
/// must not be evaluated twice, here and in a WindowAgg that stays.
fn moves(window: NodeRef<WindowAgg>) -> bool {
    let begins_with_partition = pg_sys::FRAMEOPTION_START_UNBOUNDED_PRECEDING;
    let offsets = [window.node(|window| &window.startOffset), window.node(|window| &window.endOffset)];
    window.frameOptions as u32 & (begins_with_partition | pg_sys::FRAMEOPTION_EXCLUSION) == 0
        && !offsets.into_iter().flatten().any(NodeRef::is_volatile)
}

/// A function that our node computes, and its statistic.
type Computed<'p> = (NodeRef<'p, WindowFunc>, Statistic);

/// The window functions of one WindowAgg.
struct Found<'p> {
    /// The functions that our node computes, each once.
    functions: Vec<Computed<'p>>,
    /// Whether there are any other window functions.
    others: bool,
}

struct Replacing<'a> {
    found: &'a Found<'a>,
    /// The input whose columns, after the first `before`, replace the functions.
    input: i32,
    before: usize,
}

impl<'p> Found<'p> {
    /// The window functions of a target list.
    fn of(targets: NodeList<'p>) -> Found<'p> {
        let mut found = Found { functions: Vec::new(), others: false };
        for function in targets.terms().into_iter().filter_map(NodeRef::cast::<WindowFunc>) {
            match understood(function) {
                _ if found.index(function).is_some() => {}
                Some(statistic) => found.functions.push((function, statistic)),
                None => found.others = true,
            }
        }
        found
    }

    fn index(&self, function: NodeRef<WindowFunc>) -> Option<usize> {
        self.functions.iter().position(|(other, _)| other.is_same(function))
    }

    /// Copies a target list, replacing the functions that our node computes by columns.
    unsafe fn replaced(&self, targets: *mut List, input: i32, before: usize) -> *mut List {
        let mut replacing = Replacing { found: self, input, before };
        // SAFETY: PostgreSQL copies the tree, and calls back for each node.
        unsafe { mutate(targets.cast(), (&raw mut replacing).cast()).cast() }
    }
}

fn understood(function: NodeRef<WindowFunc>) -> Option<Statistic> {
    let statistic = Statistic::of(function)?;
    let argument = function.list(|function| &function.args).iter().next();
    let suits = argument.is_none_or(|argument| {
        statistic == Statistic::Count || values::kind(statistic, argument.type_oid()).is_some()
    });
    (suits && !function.is_volatile() && !function.has_subplans()).then_some(statistic)
}

/// Makes a reference to the column of an input that holds a function's result.
unsafe fn result_column(function: *mut WindowFunc, input: i32, number: i16) -> *mut pg_sys::Var {
    // SAFETY: the caller's node has a type; the new node is made in the memory of the plan.
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

/// Makes a target list for the input of a WindowAgg that stays: the columns of its own input, and then the results.
unsafe fn passing_on(window: *mut WindowAgg, functions: &[Computed]) -> *mut List {
    // SAFETY: the caller's nodes belong to one plan; new ones are made in its memory.
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
            append(result_column(function.pointer(), pg_sys::INDEX_VAR, index as i16 + 1), null_mut());
        }
        targets
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn visit(node: *mut Node, context: *mut c_void) -> *mut Node {
    // SAFETY: PostgreSQL passes on the pointer that `replaced` gave it.
    unsafe {
        if let Some(function) = NodeRef::new(node).and_then(NodeRef::cast::<WindowFunc>) {
            // Window functions cannot be nested.
            let replacing = &*context.cast::<Replacing>();
            return match replacing.found.index(function) {
                Some(index) => {
                    let number = (replacing.before + index + 1) as i16;
                    result_column(function.pointer(), replacing.input, number).cast()
                }
                None => node,
            };
        }
        mutate(node, context)
    }
}

/// Copies a tree, replacing each node by what `visit` returns.
unsafe fn mutate(node: *mut Node, context: *mut c_void) -> *mut Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: PostgreSQL copies the node and calls back for its children.
    unsafe {
        #[cfg(feature = "pg15")]
        {
            // Before version 16 the callback is declared without its arguments.
            type Declared = unsafe extern "C-unwind" fn() -> *mut Node;
            type Callback = unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> *mut Node;
            let callback = std::mem::transmute::<Callback, Declared>(visit);
            pg_sys::expression_tree_mutator(node, Some(callback), context)
        }
        #[cfg(not(feature = "pg15"))]
        pg_sys::expression_tree_mutator_impl(node, Some(visit), context)
    }
}
