//! Dimensions that the executor makes of the joins in a plan.

use super::layout::PlanLayout;
use super::lists::{ExpressionList, Numbers};
use crate::pg::execution::input_plan::InputPlan;
use crate::pg::execution::scan_row::Expression;
use crate::pg::memory::region::Region;
use crate::pg::nodes::tree::NodeRef;
use crate::pg::values::value::Storage;
use crate::rewrite::rollups::answer::joined::{HashedPair, JoinedColumn, PreparedDimension};
use crate::rewrite::rollups::terms::join::JoinKind;
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::pg_sys::{Oid, Var};
use std::cell::RefCell;

/// Prepares the dimensions of a plan, given what initialises its expressions, and the plans that return their rows.
pub fn prepare(
    layout: PlanLayout<'static>,
    expression: impl Fn(NodeRef<'static>) -> Expression,
    plans: impl Iterator<Item = InputPlan>,
    region: Region,
) -> Vec<PreparedDimension> {
    let kinds = layout.numbers(Numbers::Dimensions).map(JoinKind::from_number);
    let mut all: Vec<PreparedDimension> = kinds
        .zip(plans)
        .map(|(kind, plan)| PreparedDimension {
            kind,
            plan: RefCell::new(plan),
            columns: Vec::new(),
            clauses: Vec::new(),
            hashed: Vec::new(),
            comparisons: Vec::new(),
        })
        .collect();
    let columns = layout.expressions(ExpressionList::JoinedColumns);
    for (column, [dimension, from]) in columns.zip(grouped(layout, Numbers::JoinedColumns)) {
        let storage = Storage::of(column.type_oid());
        let to = column.cast::<Var>().map_or(0, |column| column.varattno as usize);
        all[dimension as usize].columns.push(JoinedColumn { from: from as i16, to, storage });
    }
    let clauses = layout.expressions(ExpressionList::JoinedBy);
    for (clause, [dimension, shape]) in clauses.zip(grouped(layout, Numbers::JoinedBy)) {
        all[dimension as usize].clauses.push((expression(clause), Shape::from_number(shape)));
    }
    let sides = layout.expressions(ExpressionList::OfTable);
    let sides = sides.zip(layout.expressions(ExpressionList::OfDimension));
    for ((one, other), [dimension, operator, collation, left]) in sides.zip(grouped(layout, Numbers::Sides)) {
        let sides = (expression(one), expression(other));
        let oid = |number: i32| Oid::from(number as u32);
        let pair = HashedPair::new(sides, (oid(operator), oid(collation)), left != 0, region);
        all[dimension as usize].hashed.push(pair);
    }
    let comparisons = layout.expressions(ExpressionList::RowComparisons);
    for (comparison, dimension) in comparisons.zip(layout.numbers(Numbers::RowComparisons)) {
        all[dimension as usize].comparisons.push(expression(comparison));
    }
    all
}

/// The numbers of a list, N together.
fn grouped<const N: usize>(layout: PlanLayout<'static>, which: Numbers) -> impl Iterator<Item = [i32; N]> {
    let mut numbers = layout.numbers(which);
    std::iter::from_fn(move || {
        let mut group = [0; N];
        for number in &mut group {
            *number = numbers.next()?;
        }
        Some(group)
    })
}
