//! The plan node: the parts of a WindowAgg that the executor needs.

use super::statistic::Statistic;
use crate::pg::nodes::list::items;
use crate::pg::nodes::tree::{integers, NodeList, NodeRef};
use pgrx::pg_sys::{
    self, Aggref, CustomScan, CustomScanMethods, Expr, List, Node, NodeTag, Plan, TargetEntry, Var,
    WindowAgg, WindowFunc,
};
use pgrx::PgBox;
use std::ptr::null_mut;

/// Makes a node with the input of the WindowAgg and this output, in which OUTER_VAR refers to columns of the input and
/// INDEX_VAR to results of the functions, in their order.
///
/// # Safety
/// The WindowAgg is in a plan that the planner just made, the functions belong to it, and the methods are static.
pub unsafe fn plan(
    window: *mut WindowAgg,
    functions: &[(NodeRef<WindowFunc>, Statistic)],
    output: *mut List,
    methods: *const CustomScanMethods,
) -> *mut Plan {
    // SAFETY: the caller's nodes are of one plan; the new ones are in its memory.
    unsafe {
        let mut definition = PgBox::<WindowAgg>::alloc_node(NodeTag::T_WindowAgg);
        *definition = *window;
        definition.plan = Plan { type_: NodeTag::T_WindowAgg, ..Plan::default() };
        definition.runCondition = null_mut();
        definition.runConditionOrig = null_mut();

        let (mut computed, mut statistics, mut results) = (null_mut(), null_mut(), null_mut());
        for (index, &(function, statistic)) in functions.iter().enumerate() {
            computed = pg_sys::lappend(computed, function.pointer().cast());
            statistics = pg_sys::lappend_int(statistics, statistic as i32);
            let result =
                pg_sys::makeTargetEntry(shown(function.pointer()), index as i16 + 1, null_mut(), false);
            results = pg_sys::lappend(results, result.cast());
        }

        let mut scan = PgBox::<CustomScan>::alloc_node(NodeTag::T_CustomScan);
        scan.scan.plan = (*window).plan;
        scan.scan.plan.type_ = NodeTag::T_CustomScan;
        set_apart(output);
        scan.scan.plan.targetlist = output;
        scan.custom_scan_tlist = results;
        for part in [definition.into_pg().cast(), computed.cast(), statistics.cast()] {
            scan.custom_private = pg_sys::lappend(scan.custom_private, part);
        }
        scan.methods = methods;
        scan.into_pg().cast()
    }
}

/// Turns the first plain column of the input into an expression. Otherwise the executor, looking for a way to do
/// without a projection, would assert that all plain columns belong to the scan.
unsafe fn set_apart(output: *mut List) {
    // SAFETY: nobody else uses the caller's list yet; the new node is made in the memory of the plan.
    unsafe {
        let is_input = |target: &*mut TargetEntry| {
            let expression = (**target).expr;
            (*expression).type_ == NodeTag::T_Var && (*expression.cast::<Var>()).varno == pg_sys::OUTER_VAR
        };
        if let Some(target) = items::<TargetEntry>(output).find(is_input) {
            let column = (*target).expr.cast::<Var>();
            let same = pg_sys::makeRelabelType(
                column.cast(),
                (*column).vartype,
                (*column).vartypmod,
                (*column).varcollid,
                pg_sys::CoercionForm::COERCE_IMPLICIT_CAST,
            );
            (*target).expr = same.cast();
        }
    }
}

/// Makes the form in which EXPLAIN shows a result: an aggregate, since only a WindowAgg can show a window function.
unsafe fn shown(function: *mut WindowFunc) -> *mut Expr {
    // SAFETY: the arguments of the caller's function are expressions; new nodes are made in the memory of the plan.
    unsafe {
        let (mut arguments, mut types) = (null_mut(), null_mut());
        for (index, argument) in items::<Node>((*function).args).enumerate() {
            let target = pg_sys::makeTargetEntry(argument.cast(), index as i16 + 1, null_mut(), false);
            arguments = pg_sys::lappend(arguments, target.cast());
            types = pg_sys::lappend_oid(types, pg_sys::exprType(argument));
        }
        let mut aggregate = PgBox::<Aggref>::alloc_node(NodeTag::T_Aggref);
        aggregate.aggfnoid = (*function).winfnoid;
        aggregate.aggtype = (*function).wintype;
        aggregate.aggcollid = (*function).wincollid;
        aggregate.inputcollid = (*function).inputcollid;
        aggregate.aggargtypes = types;
        aggregate.args = arguments;
        aggregate.aggfilter = (*function).aggfilter;
        aggregate.aggstar = (*function).winstar;
        // An ordinary aggregate, not an ordered-set one.
        aggregate.aggkind = b'n' as std::ffi::c_char;
        aggregate.into_pg().cast()
    }
}

/// Returns the WindowAgg that a node was made for, without its input and output.
pub fn definition(scan: NodeRef<CustomScan>) -> Option<NodeRef<WindowAgg>> {
    parts(scan).next()?.cast()
}

/// Returns the window functions of a node, and their statistics.
pub fn functions<'p>(
    scan: NodeRef<'p, CustomScan>,
) -> impl Iterator<Item = (NodeRef<'p, WindowFunc>, Statistic)> {
    let functions = parts(scan).nth(1).map(NodeList::of);
    let statistics = parts(scan).nth(2).map(integers);
    functions
        .into_iter()
        .flat_map(NodeList::all::<WindowFunc>)
        .zip(statistics.into_iter().flatten())
        .filter_map(|(function, number)| Some((function, Statistic::from_number(number)?)))
}

/// The parts of the plan that `plan` has put into a node.
fn parts<'p>(scan: NodeRef<'p, CustomScan>) -> impl Iterator<Item = NodeRef<'p>> {
    scan.list(|scan| &scan.custom_private).iter()
}
