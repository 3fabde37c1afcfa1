//! The plan node: the parts of a WindowAgg that the executor needs.

use super::statistic::Statistic;
use crate::pg::nodes::made::{Made, MadeList};
use crate::pg::nodes::replacing::replaced;
use crate::pg::nodes::tree::{integers, NodeList, NodeRef};
use crate::pg::planning::expression::itself;
use crate::pg::values::value::copied;
use pgrx::pg_sys::{
    self, Aggref, CustomScan, CustomScanMethods, Expr, NodeTag, Plan, Scan, TargetEntry, Var, WindowAgg,
    WindowFunc,
};
use std::ptr::null_mut;

/// Makes a node that computes these functions of the WindowAgg. Beside its tag it begins as this plan, with the input of the
/// WindowAgg, and an output in which OUTER_VAR refers to columns of the input and INDEX_VAR to results of the functions, in
/// their order.
pub fn plan(
    window: NodeRef<WindowAgg>,
    functions: &[(NodeRef<WindowFunc>, Statistic)],
    beginning: Plan,
    methods: *const CustomScanMethods,
) -> *mut Plan {
    let (mut computed, mut statistics, mut results) = (MadeList::new(), MadeList::new(), MadeList::new());
    for (index, &(function, statistic)) in functions.iter().enumerate() {
        computed = computed.with(Some(function.untyped()));
        statistics = statistics.with_integer(statistic as i32);
        results = results.with_target(shown(function), index + 1, None);
    }
    let private = MadeList::new().with(alone(window)).with(computed).with(statistics);
    let scan = CustomScan {
        scan: Scan { plan: Plan { type_: NodeTag::T_CustomScan, ..beginning }, ..Scan::default() },
        custom_scan_tlist: results.pointer(),
        custom_private: private.pointer(),
        methods,
        ..CustomScan::default()
    };
    copied(scan).cast_mut_ptr()
}

/// Copies a WindowAgg without its input, output and conditions.
fn alone<'p>(window: NodeRef<'p, WindowAgg>) -> Made<'p, WindowAgg> {
    let plan = Plan { type_: NodeTag::T_WindowAgg, ..Plan::default() };
    let alone = WindowAgg { plan, runCondition: null_mut(), runConditionOrig: null_mut(), ..*window };
    // SAFETY: the tag is that of the new node, which refers to what the WindowAgg refers to.
    unsafe { Made::new(copied(alone).cast_mut_ptr()) }
}

/// Copies the targets of a node, with the first plain column of its input turned into an expression. Otherwise the executor,
/// looking for a way to do without a projection, would assert that all plain columns belong to the scan. None if there is no such
/// column.
pub fn set_apart<'p>(targets: NodeList<'p>) -> Option<Made<'p>> {
    let columns =
        targets.all::<TargetEntry>().filter_map(|target| target.node(|target| &target.expr)?.cast::<Var>());
    let first = columns.into_iter().find(|column| column.varno == pg_sys::OUTER_VAR)?.pointer();
    replaced::<Var>(targets, &mut |column| {
        let expression = column.untyped();
        (column.pointer() == first).then(|| itself(expression, Made::already(expression)).untyped())
    })
}

/// Makes the form in which EXPLAIN shows a result: an aggregate, since only a WindowAgg can show a window function.
fn shown<'p>(function: NodeRef<'p, WindowFunc>) -> Made<'p, Aggref> {
    let (mut arguments, mut types) = (MadeList::new(), MadeList::new());
    for (index, argument) in function.list(|function| &function.args).iter().enumerate() {
        arguments = arguments.with_target(Some(argument), index + 1, None);
        types = types.with_oid(argument.type_oid());
    }
    let aggregate = Aggref {
        xpr: Expr { type_: NodeTag::T_Aggref },
        aggfnoid: function.winfnoid,
        aggtype: function.wintype,
        aggcollid: function.wincollid,
        inputcollid: function.inputcollid,
        aggargtypes: types.pointer(),
        args: arguments.pointer(),
        aggfilter: function.aggfilter,
        aggstar: function.winstar,
        // An ordinary aggregate, not an ordered-set one.
        aggkind: b'n' as std::ffi::c_char,
        ..Aggref::default()
    };
    // SAFETY: the tag is that of the new node, which refers to what the function refers to.
    unsafe { Made::new(copied(aggregate).cast_mut_ptr()) }
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
