//! Joins in the plan.

use crate::pg::list::items;
use crate::pg::relids::members;
use crate::rewrite::rollups::question::Question;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use pgrx::pg_sys::{self, Node, NodeTag, Oid, Var};

/// Five lists of expressions, and five of numbers.
type JoinExpressions = [Vec<*mut Node>; 5];
type JoinNumbers = [Vec<i32>; 5];

/// Lays the joins out as lists of expressions and of numbers, in the order in which a plan has them.
///
/// # Safety
/// A question about the query that is being planned.
pub unsafe fn lay_out(question: &Question) -> Understood<(JoinExpressions, JoinNumbers)> {
    let columns = &question.shapes.joined_columns;
    let comparisons = &question.shapes.row_comparisons;
    let clauses = &question.joined_by;
    let equalities = || clauses.iter().filter_map(|one| Some((one.dimension, one.equality.as_ref()?)));
    let number = |oid: Oid| oid.to_u32() as i32;
    let mut columns_from = Vec::new();
    let mut compared_with = Vec::new();
    // SAFETY: the columns and comparisons are expressions of the query, which the planner keeps.
    unsafe {
        for &column in columns {
            columns_from.extend(place_of(question, column.cast()).ok_or(Reason::Apart)?);
        }
        for &comparison in comparisons {
            compared_with.push(only_dimension(question, comparison).ok_or(Reason::Apart)?);
        }
    }
    let expressions = [
        columns.clone(),
        clauses.iter().map(|one| one.node).collect(),
        equalities().map(|(_, equality)| equality.of_table).collect(),
        equalities().map(|(_, equality)| equality.of_dimension).collect(),
        comparisons.clone(),
    ];
    let numbers = [
        question.joins.dimensions.iter().map(|dimension| dimension.kind.number()).collect(),
        columns_from,
        clauses.iter().flat_map(|one| [one.dimension as i32, one.shape.number()]).collect(),
        equalities()
            .flat_map(|(dimension, one)| {
                let (operator, collation) = (number(one.operator), number(one.collation));
                [dimension as i32, operator, collation, one.table_is_left.into()]
            })
            .collect(),
        compared_with,
    ];
    Ok((expressions, numbers))
}

/// The dimension of a column, and its place among the columns of its plan, counted from 1.
unsafe fn place_of(question: &Question, column: *mut Var) -> Option<[i32; 2]> {
    // SAFETY: the caller's column; a path has the columns that are needed above it.
    unsafe {
        let dimension = question.joins.dimension_of((*column).varno)?;
        let targets = (*(*question.joins.dimensions[dimension].path).pathtarget).exprs;
        let place = items::<Node>(targets).position(|target| {
            let target_column = target.cast::<Var>();
            (*target).type_ == NodeTag::T_Var
                && ((*target_column).varno, (*target_column).varattno)
                    == ((*column).varno, (*column).varattno)
        })?;
        Some([dimension as i32, place as i32 + 1])
    }
}

/// The dimension whose rows a comparison is about; None if there are several.
unsafe fn only_dimension(question: &Question, comparison: *mut Node) -> Option<i32> {
    // SAFETY: the caller's comparison is an expression without placeholders, for which the planner is not asked.
    let relations = unsafe { members(pg_sys::pull_varnos(std::ptr::null_mut(), comparison)) };
    let mut found = relations.into_iter().filter_map(|relation| question.joins.dimension_of(relation));
    let first = found.next()?;
    found.all(|other| other == first).then_some(first as i32)
}
