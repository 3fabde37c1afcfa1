//! The way in which an aggregate of what series and time decide gathers: by tallies, the best value, or different values.

use super::arithmetic::{Arithmetic, Operation};
use super::casts::bare;
use super::operand::Operand;
use crate::pg::nodes::tree::NodeRef;
use crate::pg::server::operator::equality_of;
use crate::pg::tables::catalog::{look_up, Cached};
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::results::{scale_of_column, Statistic, Wanted};
use pgrx::pg_sys::{self, Aggref, Oid, RowExpr, SortGroupClause, TargetEntry};

/// The way in which an aggregate gathers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gathering {
    Tallied(Wanted),
    /// The best value, by the operator that puts it first.
    Extreme(Oid),
    /// Different values, by the operator for equality.
    Distinct(Oid),
}

impl Gathering {
    /// The way of an aggregate with one argument, which the operand is; None if it cannot be had from cells.
    pub fn of(aggregate: NodeRef<Aggref>, operand: &Operand, tree: &Tree) -> Option<Gathering> {
        const COUNT: u32 = 2147;
        let function = aggregate.aggfnoid;
        let argument = arguments(aggregate).next()?;
        let is_expression = operand.expression().is_some();
        let first = first_in_order(function);
        if is_expression && first != Oid::INVALID {
            return Some(Gathering::Extreme(first));
        }
        if !aggregate.aggdistinct.is_null() && first == Oid::INVALID {
            let clause = aggregate.list(|one| &one.aggdistinct).all::<SortGroupClause>().next()?;
            let is_hashed = clause.hashable || is_hashed_row(argument);
            let counts = function.to_u32() == COUNT && is_expression && is_hashed;
            return counts.then_some(Gathering::Distinct(clause.eqop));
        }
        let inner = if is_expression { argument } else { bare(argument) };
        let type_oid = inner.type_oid();
        let wanted = Wanted::of_expression(function, type_oid)?;
        let is_numeric = type_oid == pg_sys::NUMERICOID;
        let scale = |value: usize| {
            let column = &tree.values.get(value)?.0;
            scale_of_column(column.type_oid, column.typmod)
        };
        let mut scales = operand.values().into_iter().map(scale);
        let is_plain = matches!(wanted.statistic, Statistic::Count | Statistic::Sum | Statistic::Avg);
        let fits = match wanted.statistic {
            _ if operand.any(&|part| is_quotient(part) && !(is_plain && is_of_integers(part, tree))) => false,
            Statistic::Count => true,
            _ if products_of_decimals(operand) > MOST_PRODUCTS => false,
            Statistic::Tally => !operand.any(&has_bounds_only),
            // Of equal numerics with more or fewer digits it is the order of rows that decides.
            Statistic::Min | Statistic::Max if is_numeric => {
                let first = scales.next().flatten();
                let has_other = operand.any(&|part| is_computed(part) || has_expression(part));
                !has_other && first.is_some() && scales.all(|scale| scale == first)
            }
            Statistic::Sum | Statistic::Avg => !is_numeric || scales.all(|scale| scale.is_some()),
            _ => {
                let is_known = !operand.any(&has_bounds_only);
                is_known && (!is_numeric || scales.all(|scale| scale.is_some()))
            }
        };
        fits.then_some(Gathering::Tallied(wanted))
    }
}

/// Whether it is a row of several expressions that can all be hashed. Of a row the planner does not know that.
fn is_hashed_row(node: NodeRef) -> bool {
    let is_hashed = |part: NodeRef| equality_of(part.type_oid()).is_some();
    node.cast::<RowExpr>().is_some_and(|row| row.list(|row| &row.args).iter().all(is_hashed))
}

/// Products of decimals, one within another, of which a tally is known to be right to the last digit.
const MOST_PRODUCTS: usize = 2;

/// The products of decimals, one within another.
fn products_of_decimals(operand: &Operand) -> usize {
    let below = operand.parts().iter().map(products_of_decimals).max().unwrap_or_default();
    let is_product = |arithmetic: &Arithmetic| {
        arithmetic.is_decimal && matches!(arithmetic.operation, Operation::Times | Operation::Over)
    };
    below + usize::from(matches!(operand, Operand::Computed(arithmetic, _) if is_product(arithmetic)))
}

/// Whether numerics are divided.
fn is_quotient(operand: &Operand) -> bool {
    matches!(operand, Operand::Computed(arithmetic, _) if arithmetic.is_decimal && arithmetic.operation == Operation::Over)
}

/// Whether a quotient is of values that are integers, of which the extremes are known: by these it is decided how long quotients are.
fn is_of_integers(quotient: &Operand, tree: &Tree) -> bool {
    let is_integer =
        |value: usize| tree.values.get(value).is_some_and(|(column, _)| INTEGERS.contains(&column.type_oid));
    let dividend = quotient.parts().first();
    dividend
        .is_some_and(|dividend| !dividend.any(&is_computed) && dividend.values().into_iter().all(is_integer))
}

const INTEGERS: [Oid; 3] = [pg_sys::INT2OID, pg_sys::INT4OID, pg_sys::INT8OID];

fn is_computed(operand: &Operand) -> bool {
    matches!(operand, Operand::Computed(..))
}

fn has_expression(operand: &Operand) -> bool {
    matches!(operand, Operand::Expression(_) | Operand::Coalesced(..))
}

/// Whether it is a sum of which the squares and extremes do not follow from those of its operands, or not to the last digit.
fn has_bounds_only(operand: &Operand) -> bool {
    let Operand::Computed(arithmetic, parts) = operand else { return false };
    let is_sum = matches!(arithmetic.operation, Operation::Plus | Operation::Minus);
    is_sum && (arithmetic.is_decimal || parts.iter().all(|part| part.expression().is_none()))
}

/// The arguments of an aggregate.
pub fn arguments(aggregate: NodeRef<Aggref>) -> impl Iterator<Item = NodeRef> {
    let targets = aggregate.list(|aggregate| &aggregate.args).all::<TargetEntry>();
    targets.filter_map(|target| target.node(|target| &target.expr))
}

/// The column `aggsortop` of pg_aggregate, in all versions.
const SORT_OPERATOR: u32 = 16;

/// The operator in whose order an aggregate returns the first value; INVALID if it is no such aggregate.
fn first_in_order(function: Oid) -> Oid {
    let operator = look_up(Cached::Aggregate(function), |row| row.column(SORT_OPERATOR)).flatten();
    operator.map_or(Oid::INVALID, |operator| Oid::from(operator.value() as u32))
}
