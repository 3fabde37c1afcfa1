//! Conditions that a value is not NULL. The tally of a value is one of just the rows that have it.

use crate::pg::planner::Planner;
use crate::pg::tree::NodeRef;
use crate::powertree::model::tree::Tree;
use pgrx::pg_sys::BoolExprType::AND_EXPR;
use pgrx::pg_sys::NullTestType::IS_NOT_NULL;
use pgrx::pg_sys::{BoolExpr, CaseExpr, CaseWhen, NullTest, Var};

/// The value of the tree that a condition wants, like `price IS NOT NULL`, given the number of the table in the query.
pub fn wanted_value(condition: NodeRef, relation: i32, tree: &Tree) -> Option<usize> {
    let test = condition.cast::<NullTest>().filter(|test| test.nulltesttype == IS_NOT_NULL)?;
    let column = test.node(|test| &test.arg)?.cast::<Var>().filter(|column| column.varno == relation)?;
    tree.values.iter().position(|(known, _)| known.number == column.varattno)
}

/// The value that `count(CASE WHEN price IS NOT NULL THEN 1 END)` counts, given the argument.
pub fn counted_value(argument: NodeRef, relation: i32, tree: &Tree) -> Option<usize> {
    let case = argument.cast::<CaseExpr>().filter(|case| case.arg.is_null())?;
    let [when] = case.list(|case| &case.args).only()?;
    let when = when.cast::<CaseWhen>()?;
    let is_counted = when.node(|when| &when.result)?.is_constant();
    let is_else_null = case.node(|case| &case.defresult).is_none_or(NodeRef::is_null);
    let value = wanted_value(when.node(|when| &when.expr)?, relation, tree)?;
    (is_counted && is_else_null).then_some(value)
}

/// Takes wishes for values that are granted elsewhere out of a condition, and returns what is left of it.
pub fn without<'q>(
    condition: NodeRef<'q>,
    mut is_granted: impl FnMut(usize) -> bool,
    planner: Planner<'q>,
    (relation, tree): (i32, &Tree),
) -> Option<NodeRef<'q>> {
    let all: Vec<NodeRef> = match condition.cast::<BoolExpr>() {
        Some(conditions) if conditions.boolop == AND_EXPR => {
            conditions.list(|conditions| &conditions.args).iter().collect()
        }
        _ => vec![condition],
    };
    let mut stays = |one: &NodeRef| !wanted_value(*one, relation, tree).is_some_and(&mut is_granted);
    let rest: Vec<NodeRef> = all.into_iter().filter(|one| stays(one)).collect();
    planner.conjunction(&rest)
}
