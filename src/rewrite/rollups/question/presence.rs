//! Conditions that a value is not NULL. The tally of a value is one of just the rows that have it.

use super::aggregate::{Aggregate, Subject};
use super::operand::Operand;
use super::shapes::column_name;
use super::Question;
use crate::pg::planner::Planner;
use crate::pg::tree::NodeRef;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
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

/// Moves the wish for a value from the filter of an aggregate to what it is about: `count(*) FILTER (WHERE price IS NOT NULL)`
/// is the number of prices. Returns what is left of the filter.
pub fn moved<'q>(
    filter: NodeRef<'q>,
    subject: &mut Subject,
    planner: Planner<'q>,
    (relation, tree): (i32, &Tree),
) -> Option<NodeRef<'q>> {
    let all: Vec<NodeRef> = match filter.cast::<BoolExpr>() {
        Some(conditions) if conditions.boolop == AND_EXPR => {
            conditions.list(|conditions| &conditions.args).iter().collect()
        }
        _ => vec![filter],
    };
    let mut rest = Vec::new();
    for condition in all {
        match (wanted_value(condition, relation, tree), *subject) {
            (Some(wanted), Subject::Rows) => *subject = Subject::Value(wanted),
            (Some(wanted), Subject::Value(value)) if wanted == value => {}
            _ => rest.push(condition),
        }
    }
    planner.conjunction(&rest)
}

/// Checks that everything follows from the tally of the only value that all rows must have.
pub fn check(question: &Question, value: usize) -> Understood<()> {
    let Question { aggregates, ends, tree, .. } = question;
    let has_no_other = |operand: &Operand| {
        operand.branches.iter().all(|branch| branch.value.is_none_or(|other| other == value))
    };
    let follows = |aggregate: &Aggregate| match aggregate.argument {
        Subject::Rows => true,
        Subject::Position => false,
        Subject::Value(other) => other == value,
        Subject::Operand(place) => aggregates.operands.all.get(place).is_some_and(has_no_other),
    };
    if ends.is_empty() && aggregates.all.iter().all(follows) {
        Ok(())
    } else {
        Err(Reason::Present(column_name(tree.base, tree.values[value].0.number)))
    }
}
