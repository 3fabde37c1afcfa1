//! Preparing a question: its expressions and functions are initialised, so that it can be evaluated.

use super::dimensions;
use super::layout::PlanLayout;
use super::lists::ExpressionList;
use crate::pg::execution::custom::plan_of;
use crate::pg::execution::input_plan::InputPlan;
use crate::pg::execution::scan_row::{Expression, ScanRow};
use crate::pg::memory::region::Region;
use crate::pg::nodes::list::items;
use crate::pg::server::function::require_execute;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::answer::columns::Columns;
use crate::rewrite::rollups::answer::ends::{EndValue, WantedEnds};
use crate::rewrite::rollups::answer::prepared::Prepared;
use crate::rewrite::rollups::answer::sets::Sets;
use crate::rewrite::rollups::answer::value_conditions::{PreparedCondition, ValueConditions};
use crate::rewrite::rollups::answer::wanting::Wanting;
use pgrx::pg_sys::{CustomScanState, Oid};
use std::rc::Rc;

/// Prepares the question of a node's plan; what is kept for it is in the memory of the query.
///
/// # Safety
/// A node of ours that is being initialised, after the plans of its joins.
pub unsafe fn prepare(node: *mut CustomScanState, query: Region) -> Prepared {
    // SAFETY: the caller's node, whose plan is one of ours, as `lay_out` made it: the planner has replaced the columns of its
    // expressions by those of the scan. The states below it are initialised, and live as long as the query.
    unsafe {
        let ps = &raw mut (*node).ss.ps;
        let layout = PlanLayout::of(plan_of(node));
        let row = ScanRow::of(ps, (*node).ss.ss_ScanTupleSlot);
        let expression = |node| Expression::of(node, row);
        let expressions = |which| layout.expressions(which).map(expression);
        let conditions = || expressions(ExpressionList::Conditions).zip(layout.conditions());
        let columns = row.count();
        layout.aggregates().for_each(|(aggregate, ..)| require_execute(aggregate.aggfnoid));
        let functions = layout.ends().into_iter().map(|(.., function)| function);
        functions.filter(|&function| function != Oid::INVALID).for_each(require_execute);
        let tree = Tree::usable(layout.tree());
        let operands = layout.operands();
        let aggregates: Option<Vec<Wanting>> = layout
            .aggregates()
            .map(|(aggregate, argument, filter)| {
                Wanting::of(aggregate, tree.as_deref()?, &operands, argument, filter)
            })
            .collect();
        let mut bounds = expressions(ExpressionList::Bounds);
        let values = layout.value_conditions().into_iter();
        let values = values.map(|(value, column, kind, count)| {
            let bounds = bounds.by_ref().take(count).collect();
            PreparedCondition { value, column, kind, bounds }
        });
        let values = values.collect();
        let joined = items((*node).custom_ps).map(|plan| InputPlan::new(plan));
        let results = columns - layout.aggregates().count() + 1;
        let (sets, calls) = (layout.sets(), layout.calls());
        let num_keys = layout.keys().count();
        let sets = Sets { first: results - calls.len() - num_keys, num_keys, all: sets, calls };
        Prepared {
            // Without its columns the tree is as good as gone.
            tree: if aggregates.is_some() { layout.tree() } else { 0 },
            user: layout.user(),
            row: ScanRow::of(ps, (*node).ss.ss_ScanTupleSlot),
            columns: Rc::new(Columns::of(layout.columns())),
            dimensions: dimensions::prepare(layout, expression, joined, query),
            conditions: conditions().filter_map(|(condition, shape)| Some((condition, shape?))).collect(),
            ranges: conditions()
                .filter(|(_, shape)| shape.is_none())
                .map(|(condition, _)| condition)
                .collect(),
            comparisons: expressions(ExpressionList::Comparisons).collect(),
            carriers: expressions(ExpressionList::Carriers).collect(),
            zones: expressions(ExpressionList::Zones).collect(),
            in_session_zone: layout.is_in_session_zone(),
            days: layout.days().collect(),
            worth: layout.worth(),
            narrows: layout.narrows(),
            value_conditions: ValueConditions { all: values, alone: layout.alone() },
            lookups: expressions(ExpressionList::Lookups).zip(layout.lookups()).collect(),
            keys: expressions(ExpressionList::Keys)
                .zip(layout.keys())
                .map(|(key, (shape, equality, collation))| (key, shape, equality, collation))
                .collect(),
            sets,
            filters: expressions(ExpressionList::Filters).zip(layout.filters()).collect(),
            operands,
            arguments: expressions(ExpressionList::Arguments).zip(layout.arguments()).collect(),
            aggregates: aggregates.unwrap_or_default(),
            ends: WantedEnds {
                values: expressions(ExpressionList::Ends)
                    .zip(layout.ends())
                    .map(|(expression, (end, column, ties, _))| EndValue { end, expression, column, ties })
                    .collect(),
                columns: layout.end_columns(),
            },
            first_result: results,
        }
    }
}
