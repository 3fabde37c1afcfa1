//! The way in which an aggregate of what series and time decide gathers: by tallies, the best value, or different values.

use super::casts::bare;
use super::operand::Operand;
use crate::pg::catalog::{look_up, Cached};
use crate::pg::tree::NodeRef;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::results::{scale_of_column, Statistic, Wanted};
use pgrx::pg_sys::{self, Aggref, Oid, SortGroupClause, TargetEntry};

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
            let counts = function.to_u32() == COUNT && is_expression && clause.hashable;
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
        let mut scales = operand.branches.iter().filter_map(|branch| branch.value).map(scale);
        let fits = match wanted.statistic {
            Statistic::Count | Statistic::Tally => true,
            // Of equal numerics with more or fewer digits it is the order of rows that decides.
            Statistic::Min | Statistic::Max if is_numeric => {
                let first = scales.next().flatten();
                let is_value = operand.branches.iter().all(|branch| branch.expression.is_none());
                is_value && first.is_some() && scales.all(|scale| scale == first)
            }
            _ => !is_numeric || scales.all(|scale| scale.is_some()),
        };
        fits.then_some(Gathering::Tallied(wanted))
    }
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
