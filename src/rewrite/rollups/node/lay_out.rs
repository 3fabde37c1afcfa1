//! Laying a question out as a plan node: what the executor needs to know of it, in lists that PostgreSQL can copy.

use super::joins;
use crate::pg::nodes::tree::{NodeList, NodeRef};
use crate::pg::planning::planner::Planner;
use crate::rewrite::rollups::answer::worth::Worth;
use crate::rewrite::rollups::question::operand::Operand;
use crate::rewrite::rollups::question::Question;
use crate::rewrite::rollups::terms::reason::Understood;
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::pg_sys::{CustomScan, Oid, Var};

/// A question in lists.
pub struct Lists<'q> {
    pub expressions: NodeList<'q>,
    pub numbers: NodeList<'q>,
    /// The values of rows at the ends of groups.
    pub ends: NodeList<'q>,
    /// The keys and the calls of GROUPING(), which columns of the scan show beside aggregates.
    pub shown: NodeList<'q>,
}

/// Lays a question out as lists, of expressions and of numbers.
pub fn lay_out<'q>(question: &Question<'q>, worth: Worth) -> Understood<Lists<'q>> {
    let planner = question.shapes.planner;
    let (joined, joined_numbers) = joins::lay_out(question)?;
    let calls = question.sets.calls.iter().map(|(call, _)| call.untyped());
    let keys = question.keys.iter().map(|key| match key.shape {
        // What has no columns is the same for all rows. The conditions and keys that it is a part of must not take it from the
        // column of the scan, and results may as well work it out.
        Shape::FREE => planner.relabelled_itself(key.shown),
        _ => key.shown,
    });
    let shown = planner.list(keys.chain(calls));
    let own = own_expressions(question).into_iter();
    let expressions = planner.lists(own.chain(joined).map(|nodes| planner.list(nodes.into_iter()).node()));
    // A result that shows a key must not find the column of which the key is made.
    let expressions = if shown.node().is_some() { planner.relabelled(expressions) } else { expressions };
    let columns: Vec<NodeRef<Var>> = columns(expressions);
    let numbers = own_numbers(question, worth, &columns).into_iter().chain(joined_numbers);
    Ok(Lists {
        expressions,
        numbers: planner.lists(numbers.map(|numbers| planner.integers(numbers))),
        ends: planner.list(question.ends.iter().map(|end| end.node)),
        shown,
    })
}

/// The lists of expressions up to those of joins.
fn own_expressions<'q>(question: &Question<'q>) -> [Vec<NodeRef<'q>>; 11] {
    let shapes = &question.shapes;
    [
        question.conditions.iter().map(|condition| condition.node).collect(),
        shapes.comparisons.clone(),
        shapes.carriers.clone(),
        shapes.zones.clone(),
        question.keys.iter().map(|key| key.node).collect(),
        question.aggregates.filters.iter().map(|(node, _)| *node).collect(),
        question.lookups.iter().map(|lookup| lookup.node).collect(),
        question.aggregates.operands.arguments.iter().map(|(node, _)| *node).collect(),
        question.ends.iter().map(|end| end.argument).collect(),
        question.values.iter().map(|condition| condition.node).collect(),
        question.values.iter().flat_map(|condition| condition.bounds.clone()).collect(),
    ]
}

/// The lists of numbers up to those of joins, given the columns of the scan.
fn own_numbers(question: &Question, worth: Worth, columns: &[NodeRef<Var>]) -> [Vec<i32>; 18] {
    let place = |number: i16| {
        let wanted = (question.relation, number);
        let place = columns.iter().position(|column| (column.varno, column.varattno) == wanted);
        place.map_or(0, |place| place as i32 + 1)
    };
    let (tree, shapes, keys) = (question.tree, &question.shapes, &question.keys);
    let series = tree.series.iter().map(|key| key.column.number);
    let operands = &question.aggregates.operands;
    let aggregates = question.aggregates.all.iter().flat_map(|one| {
        let [kind, place] = one.argument.numbers();
        [kind, place, counted_from_one(one.filter)]
    });
    let conditions = question.conditions.iter();
    let values = question.values.iter().flat_map(|condition| {
        let column = place(tree.values[condition.value].0.number);
        [condition.value as i32, column, condition.kind.number(), condition.bounds.len() as i32]
    });
    let [once, each_row] = worth.numbers();
    let (ends, ties) = end_numbers(question, columns.len());
    [
        vec![
            tree.id,
            number(question.user),
            shapes.in_session_zone.into(),
            shapes.narrows.into(),
            counted_from_one(question.alone),
            once,
            each_row,
        ],
        conditions.map(|condition| if condition.is_range { -1 } else { condition.shape.number() }).collect(),
        keys.iter().map(|key| key.shape.number()).collect(),
        keys.iter().map(|key| number(key.equality)).collect(),
        keys.iter().map(|key| number(key.collation)).collect(),
        question.aggregates.filters.iter().map(|(_, shape)| shape.number()).collect(),
        shapes.days.clone(),
        [tree.at.number].into_iter().chain(series).map(place).collect(),
        aggregates.collect(),
        question.lookups.iter().map(|lookup| lookup.source.number()).collect(),
        operands.all.iter().flat_map(Operand::numbers).collect(),
        operands.arguments.iter().map(|(_, shape)| shape.number()).collect(),
        ends,
        end_columns(question).into_iter().flat_map(|column| [column.into(), place(column)]).collect(),
        ties,
        question.sets.all.iter().flat_map(|places| with_count(places)).collect(),
        question.sets.calls.iter().flat_map(|(_, places)| with_count(places)).collect(),
        values.collect(),
    ]
}

/// The numbers of values of rows at ends, and those of their tie-breakers. Their columns come after this many others.
fn end_numbers(question: &Question, columns: usize) -> (Vec<i32>, Vec<i32>) {
    let (mut ends, mut ties) = (Vec::new(), Vec::new());
    for (place, end) in question.ends.iter().enumerate() {
        let column = (columns + place) as i32 + 1;
        let filter = counted_from_one(end.filter);
        ends.extend([column, end.is_last.into(), filter, number(end.function), end.ties.len() as i32]);
        ties.extend(end.ties.iter().flat_map(|tie| {
            [tie.column.into(), number(tie.operator), number(tie.collation), tie.nulls_first.into()]
        }));
    }
    (ends, ties)
}

/// The columns of the table that values of rows at ends and their tie-breakers are about.
fn end_columns(question: &Question) -> Vec<i16> {
    let planner = question.shapes.planner;
    let arguments = planner.list(question.ends.iter().map(|end| end.argument));
    let tied = question.ends.iter().flat_map(|end| &end.ties).map(|tie| tie.column);
    let mut numbers: Vec<i16> =
        columns(arguments).into_iter().map(|column| column.varattno).chain(tied).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn number(oid: Oid) -> i32 {
    oid.to_u32() as i32
}

/// A place counted from 1; 0 for none.
fn counted_from_one(place: Option<usize>) -> i32 {
    place.map_or(0, |place| place as i32 + 1)
}

/// The number of places, and then the places.
fn with_count(places: &[usize]) -> Vec<i32> {
    let places = places.iter().map(|&place| place as i32);
    [places.len() as i32].into_iter().chain(places).collect()
}

/// The columns that expressions refer to, each once.
fn columns<'q>(expressions: NodeList<'q>) -> Vec<NodeRef<'q, Var>> {
    let mut columns: Vec<NodeRef<Var>> = Vec::new();
    for column in expressions.columns().into_iter().filter_map(NodeRef::cast::<Var>) {
        if !columns.iter().any(|known| known.is_same(column)) {
            columns.push(column);
        }
    }
    columns
}

/// Makes the plan node, with the plans below it, of which the ordinary one is the last. Its rows are columns, values of rows
/// at ends, what else is shown, and results of aggregates.
pub fn scan<'q>(
    planner: Planner<'q>,
    lists: &Lists<'q>,
    aggregates: NodeList<'q>,
    (targets, having): (NodeList<'q>, NodeList<'q>),
    plans: NodeList<'q>,
) -> NodeRef<'q, CustomScan> {
    let Lists { expressions, numbers, ends, shown } = *lists;
    let columns = planner.list(columns(expressions).into_iter().map(NodeRef::untyped));
    let columns = if shown.node().is_some() { planner.relabelled(columns) } else { columns };
    let rows = [columns, ends, shown, aggregates].into_iter().flat_map(NodeList::iter);
    let rows = planner.target_list(rows);
    planner.custom_scan((targets, having), plans, (expressions, numbers), rows)
}
