//! Joins in the plan.

use crate::pg::nodes::tree::NodeRef;
use crate::rewrite::rollups::question::Question;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use pgrx::pg_sys::{Oid, PathTarget, Var};

/// Five lists of expressions, and five of numbers.
type JoinExpressions<'q> = [Vec<NodeRef<'q>>; 5];
type JoinNumbers = [Vec<i32>; 5];

/// Lays the joins out as lists of expressions and of numbers, in the order in which a plan has them.
pub fn lay_out<'q>(question: &Question<'q>) -> Understood<(JoinExpressions<'q>, JoinNumbers)> {
    let columns = &question.shapes.joined_columns;
    let comparisons = &question.shapes.row_comparisons;
    let clauses = &question.joined_by;
    let equalities = || clauses.iter().filter_map(|one| Some((one.dimension, one.equality.as_ref()?)));
    let number = |oid: Oid| oid.to_u32() as i32;
    let mut columns_from = Vec::new();
    let mut compared_with = Vec::new();
    for &column in columns {
        columns_from.extend(place_of(question, column).ok_or(Reason::Apart)?);
    }
    for &comparison in comparisons {
        compared_with.push(only_dimension(question, comparison).ok_or(Reason::Apart)?);
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
fn place_of(question: &Question, column: NodeRef) -> Option<[i32; 2]> {
    let number = |node: NodeRef| node.cast::<Var>().map(|column| (column.varno, column.varattno));
    let wanted = number(column)?;
    let dimension = question.joins.dimension_of(wanted.0)?;
    // A path has the columns that are needed above it.
    let target = question.joins.dimensions[dimension].path.node(|path| &path.pathtarget)?;
    let mut shown = target.cast::<PathTarget>()?.list(|target| &target.exprs).iter();
    let place = shown.position(|shown| number(shown) == Some(wanted))?;
    Some([dimension as i32, place as i32 + 1])
}

/// The dimension whose rows a comparison is about; None if there are several.
fn only_dimension(question: &Question, comparison: NodeRef) -> Option<i32> {
    let relations = question.shapes.planner.bases_of(comparison);
    let mut found = relations.into_iter().filter_map(|relation| question.joins.dimension_of(relation));
    let first = found.next()?;
    found.all(|other| other == first).then_some(first as i32)
}
