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

use crate::pg::execution::custom::CustomNode;
use crate::pg::nodes::made::{Made, MadeList};
use crate::pg::nodes::replacing::replaced;
use crate::pg::nodes::tree::{NodeList, NodeRef};
use crate::pg::planning::expression::itself;
use crate::pg::values::value::copied;
use pgrx::pg_sys::{self, Plan, TargetEntry, WindowAgg, WindowFunc};
use statistic::Statistic;
use std::ptr::null_mut;

pub use node::Window;

/// Makes the plan that takes the place of a WindowAgg, given the columns of its input; None if its frame does not move.
pub fn accelerate(window: NodeRef<WindowAgg>, input: NodeList) -> Option<*mut Plan> {
    if !moves(window) {
        return None;
    }
    let targets = window.list(|window| &window.plan.targetlist);
    let mut found = Found::of(targets);
    let in_use_elsewhere = !window.runCondition.is_null() || !window.plan.qual.is_null();
    if in_use_elsewhere {
        // A run condition on a count stops the WindowAgg early: both it and the count must stay.
        found.functions.retain(|(_, statistic)| statistic.is_slow_in_core());
    }
    if !found.functions.iter().any(|(_, statistic)| statistic.is_slow_in_core()) {
        return None;
    }
    let methods = Window::PLAN.table();
    if found.others || in_use_elsewhere {
        let replaced = found.replaced(targets, pg_sys::OUTER_VAR, input.iter().count())?;
        // Conditions and their subplans stay with the WindowAgg.
        let output = passing_on(input, &found.functions).pointer();
        let below = Plan { targetlist: output, qual: null_mut(), initPlan: null_mut(), ..window.plan };
        let mut above = *window;
        above.plan.targetlist = replaced.pointer().cast();
        above.plan.lefttree = scan::plan(window, &found.functions, below, methods);
        Some(copied(above).cast_mut_ptr())
    } else {
        let replaced = found.replaced(targets, pg_sys::INDEX_VAR, 0)?;
        let apart = scan::set_apart(NodeList::of(replaced.node()));
        let output = apart.as_ref().unwrap_or(&replaced).pointer().cast();
        let plan = Plan { targetlist: output, ..window.plan };
        Some(scan::plan(window, &found.functions, plan, methods))
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

    /// Copies a target list, in which columns of an input, after this many others, replace the functions that our node
    /// computes. None of an empty list.
    fn replaced<'t>(&self, targets: NodeList<'t>, input: i32, before: usize) -> Option<Made<'t>> {
        // Window functions cannot be nested.
        replaced::<WindowFunc>(targets, &mut |function| {
            let number = before + self.index(function)? + 1;
            Some(Made::column(function, input, number as i16))
        })
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

/// Makes a target list for the input of a WindowAgg that stays: the columns of its own input, and then the results.
fn passing_on<'p>(input: NodeList<'p>, functions: &[Computed<'p>]) -> MadeList<'p> {
    let columns = input.all::<TargetEntry>().enumerate();
    let columns = columns.map(|(place, target)| {
        let column = Made::column_of(pg_sys::OUTER_VAR, target);
        // As `scan::set_apart` does it.
        let column = match target.node(|target| &target.expr) {
            Some(value) if place == 0 => itself(value, column).untyped(),
            _ => column,
        };
        (column, Some(target))
    });
    let results = functions.iter().enumerate();
    let results = results
        .map(|(index, &(function, _))| (Made::column(function, pg_sys::INDEX_VAR, index as i16 + 1), None));
    let targets = columns.chain(results).enumerate();
    targets.fold(MadeList::new(), |all, (place, (expression, named))| {
        all.with_target(expression, place + 1, named)
    })
}
