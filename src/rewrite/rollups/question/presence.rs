//! Tests whether a value is NULL. The tally of a value is one of just the rows that have it.

use crate::pg::nodes::tree::NodeRef;
use crate::pg::planning::planner::Planner;
use crate::powertree::model::tree::Tree;
use pgrx::pg_sys::BoolExprType::AND_EXPR;
use pgrx::pg_sys::NullTestType::IS_NOT_NULL;
use pgrx::pg_sys::{BoolExpr, NullTest, Var};

/// Whether a value of the tree is there, or is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Present(usize),
    Absent(usize),
}

/// The wish of a condition like `price IS NOT NULL`, and of which column; `value` finds the value of the tree that a column is.
pub fn wanted<'q>(
    condition: NodeRef<'q>,
    value: impl Fn(NodeRef<'q>) -> Option<usize>,
) -> Option<(Presence, NodeRef<'q>)> {
    let test = condition.cast::<NullTest>()?;
    let column = test.node(|test| &test.arg)?;
    let value = value(column)?;
    let is_present = test.nulltesttype == IS_NOT_NULL;
    Some((if is_present { Presence::Present(value) } else { Presence::Absent(value) }, column))
}

/// Takes wishes for values that are granted elsewhere out of a condition, and returns what is left of it.
pub fn without<'q>(
    condition: NodeRef<'q>,
    mut is_granted: impl FnMut(Presence) -> bool,
    planner: Planner<'q>,
    (relation, tree): (i32, &Tree),
) -> Option<NodeRef<'q>> {
    let all: Vec<NodeRef> = match condition.cast::<BoolExpr>() {
        Some(conditions) if conditions.boolop == AND_EXPR => {
            conditions.list(|conditions| &conditions.args).iter().collect()
        }
        _ => vec![condition],
    };
    let value = |node: NodeRef| value_of(node, relation, tree);
    let mut stays = |one: &NodeRef| !wanted(*one, value).is_some_and(|(wanted, _)| is_granted(wanted));
    let rest: Vec<NodeRef> = all.into_iter().filter(|one| stays(one)).collect();
    planner.conjunction(&rest)
}

/// The value of the tree that a column of the table is, given the number of the table in the query; None of the position and the series,
/// which are known for each cell.
pub fn value_of(node: NodeRef, relation: i32, tree: &Tree) -> Option<usize> {
    let column = node.cast::<Var>().filter(|column| column.varno == relation)?;
    let mut others = tree.series.iter().map(|key| key.column.number).chain([tree.at.number]);
    if others.any(|number| number == column.varattno) {
        return None;
    }
    tree.values.iter().position(|(known, _)| known.number == column.varattno)
}
