//! The plan: what the executor needs to know of a question, in lists that PostgreSQL can copy.

use super::joins;
use crate::pg::expression::{appended, relabelled};
use crate::pg::list::{collected, integers, items};
use crate::pg::tree::NodeRef;
use crate::rewrite::rollups::answer::ends::End;
use crate::rewrite::rollups::question::aggregate::Subject;
use crate::rewrite::rollups::question::ends::TieBreaker;
use crate::rewrite::rollups::question::lookup::LookupSource;
use crate::rewrite::rollups::question::operand::Operand;
use crate::rewrite::rollups::question::Question;
use crate::rewrite::rollups::terms::reason::Understood;
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::pg_sys::{self, Aggref, CustomScan, List, Node, NodeTag, Oid, TargetEntry, Var};
use std::ptr::null_mut;

/// The lists of expressions, in their order.
#[derive(Clone, Copy)]
pub enum ExpressionList {
    Conditions,
    Comparisons,
    Carriers,
    Zones,
    Keys,
    Filters,
    Lookups,
    Arguments,
    Ends,
    /// Columns of joined rows, each once.
    JoinedColumns,
    /// Conditions of joins.
    JoinedBy,
    /// Both sides of those that say that something is equal.
    OfTable,
    OfDimension,
    /// Comparisons of the position with what joined rows have.
    RowComparisons,
}

/// The lists of numbers, in their order.
#[derive(Clone, Copy)]
pub enum Numbers {
    /// The tree, the user, whether the time zone of the session matters, whether the range is open until the node runs, and
    /// whether something fails where it has more than 31 bits.
    Question,
    /// Shapes of the conditions, negative for ranges.
    Conditions,
    Keys,
    Equalities,
    Collations,
    Filters,
    Days,
    /// The column of the scan in which the position is, and those of the series; 0 where it is not needed.
    Columns,
    /// Three for each aggregate: two for the argument, and the filter, counted from 1.
    Aggregates,
    /// The sources of lookups.
    Lookups,
    Operands,
    /// Shapes of the arguments of operands.
    Arguments,
    /// Five for each value of a row at an end: the column of the scan, whether it is of the last row, the filter, counted from 1, the
    /// function, and how many tie-breakers it has.
    Ends,
    /// Two for each column of the table that these values are about: its number, and the column of the scan.
    EndColumns,
    /// Four for each tie-breaker: the column of the table, the operator, the collation, and whether NULL comes first.
    Ties,
    /// For each grouping set the number of its keys, and their places.
    Sets,
    /// For each call of GROUPING() the number of keys that it asks about, and their places.
    Calls,
    /// Kinds of joins, one for each dimension.
    Dimensions,
    /// Two for each column: the dimension, and the column of its plan.
    JoinedColumns,
    /// Two for each condition: the dimension and the shape.
    JoinedBy,
    /// Four for each pair of sides: the dimension, the operator, the collation, and whether the table is on its left.
    Sides,
    /// The dimensions of comparisons.
    RowComparisons,
}

/// A question in lists.
pub struct Lists {
    pub expressions: *mut List,
    pub numbers: *mut List,
    /// The values of rows at the ends of groups.
    pub ends: *mut List,
    /// The keys and the calls of GROUPING(), which columns of the scan show beside aggregates.
    pub shown: *mut List,
}

/// Lays a question out as lists, of expressions and of numbers.
///
/// # Safety
/// A question about the query that is being planned; the lists are in the memory of the planner.
pub unsafe fn lay_out(question: &Question) -> Understood<Lists> {
    // SAFETY: the expressions of a question are those of the query, which the planner keeps.
    unsafe {
        let list = |nodes: &mut dyn Iterator<Item = NodeRef>| collected(nodes);
        let shapes = &question.shapes;
        let (joined, joined_numbers) = joins::lay_out(question)?;
        let expressions = [
            list(&mut question.conditions.iter().map(|condition| condition.node)),
            list(&mut shapes.comparisons.iter().copied()),
            list(&mut shapes.carriers.iter().copied()),
            list(&mut shapes.zones.iter().copied()),
            list(&mut question.keys.iter().map(|key| key.node)),
            list(&mut question.aggregates.filters.iter().map(|(node, _)| *node)),
            list(&mut question.lookups.iter().map(|lookup| lookup.node)),
            list(&mut question.aggregates.operands.arguments.iter().map(|(node, _)| *node)),
            list(&mut question.ends.iter().map(|end| end.argument)),
        ];
        let expressions = expressions.into_iter().chain(joined.map(|nodes| list(&mut nodes.into_iter())));
        let expressions = expressions.fold(null_mut(), |all, list| appended(all, list));
        let calls = question.sets.calls.iter().map(|(call, _)| call.untyped());
        let shown = list(&mut question.keys.iter().map(|key| key.shown).chain(calls));
        // A result that shows a key must not find the column of which the key is made.
        let expressions = if shown.is_null() { expressions } else { relabelled(expressions) };

        let columns = columns(expressions);
        let place = |number: i16| {
            let is_it =
                |column: *mut Var| ((*column).varno, (*column).varattno) == (question.relation, number);
            let place = items::<Var>(columns).position(is_it);
            place.map_or(0, |place| place as i32 + 1)
        };
        let tree = question.tree;
        let series = tree.series.iter().map(|key| key.column.number);
        let number = |oid: Oid| oid.to_u32() as i32;
        let keys = &question.keys;
        let operands = &question.aggregates.operands;
        let mut end_column = items::<Node>(columns).count() as i32;
        let (mut ends, mut ties) = (Vec::new(), Vec::new());
        for end in &question.ends {
            end_column += 1;
            let filter = end.filter.map_or(0, |filter| filter as i32 + 1);
            ends.extend([
                end_column,
                end.is_last.into(),
                filter,
                number(end.function),
                end.ties.len() as i32,
            ]);
            ties.extend(end.ties.iter().flat_map(|tie| {
                [tie.column.into(), number(tie.operator), number(tie.collation), tie.nulls_first.into()]
            }));
        }
        let end_columns = self::columns(list(&mut question.ends.iter().map(|end| end.argument)));
        let tied = question.ends.iter().flat_map(|end| &end.ties).map(|tie| tie.column);
        let mut end_columns: Vec<i16> =
            items::<Var>(end_columns).map(|column| (*column).varattno).chain(tied).collect();
        end_columns.sort_unstable();
        end_columns.dedup();
        let counted = |places: &Vec<usize>| {
            let places = places.iter().map(|&place| place as i32);
            [places.len() as i32].into_iter().chain(places).collect::<Vec<i32>>()
        };
        let lists = [
            vec![
                tree.id,
                number(question.user),
                shapes.in_session_zone.into(),
                question.is_open().into(),
                shapes.narrows.into(),
            ],
            question
                .conditions
                .iter()
                .map(|condition| if condition.is_range { -1 } else { condition.shape.number() })
                .collect(),
            keys.iter().map(|key| key.shape.number()).collect(),
            keys.iter().map(|key| number(key.equality)).collect(),
            keys.iter().map(|key| number(key.collation)).collect(),
            question.aggregates.filters.iter().map(|(_, shape)| shape.number()).collect(),
            shapes.days.clone(),
            [tree.at.number].into_iter().chain(series).map(place).collect(),
            question
                .aggregates
                .all
                .iter()
                .flat_map(|one| {
                    let [kind, place] = one.argument.numbers();
                    [kind, place, one.filter.map_or(0, |filter| filter as i32 + 1)]
                })
                .collect(),
            question.lookups.iter().map(|lookup| lookup.source.number()).collect(),
            operands.all.iter().flat_map(Operand::numbers).collect(),
            operands.arguments.iter().map(|(_, shape)| shape.number()).collect(),
            ends,
            end_columns.into_iter().flat_map(|column| [column.into(), place(column)]).collect(),
            ties,
            question.sets.all.iter().flat_map(counted).collect(),
            question.sets.calls.iter().flat_map(|(_, places)| counted(places)).collect(),
        ];
        let numbers = lists.into_iter().chain(joined_numbers).fold(null_mut(), |all, list| {
            let list = list.into_iter().fold(null_mut(), |list, number| pg_sys::lappend_int(list, number));
            appended(all, list)
        });
        let ends = list(&mut question.ends.iter().map(|end| end.node));
        Ok(Lists { expressions, numbers, ends, shown })
    }
}

/// The columns that expressions refer to, each once.
unsafe fn columns(expressions: *mut List) -> *mut List {
    // SAFETY: the caller passes a list of expressions, in which PostgreSQL finds the columns.
    unsafe {
        let all = pg_sys::pull_var_clause(expressions.cast(), pg_sys::PVC_RECURSE_PLACEHOLDERS as i32);
        items::<Var>(all)
            .fold(null_mut(), |columns, column| pg_sys::list_append_unique(columns, column.cast()))
    }
}

/// Makes the plan node, with the plans below it, of which the ordinary one is the last. Its rows are columns, values of rows
/// at ends, what else is shown, and results of aggregates.
///
/// # Safety
/// Lists made by [`lay_out`] for this query; the plans, the output of this and the ordinary one, the aggregates and what groups must
/// fulfil.
pub unsafe fn scan(
    lists: &Lists,
    aggregates: *mut List,
    targets: *mut List,
    having: *mut List,
    plans: *mut List,
) -> *mut CustomScan {
    // SAFETY: the caller's lists; the new nodes are in the memory of the planner.
    unsafe {
        let mut rows = null_mut();
        let Lists { expressions, numbers, ends, shown } = *lists;
        let columns = columns(expressions);
        let columns = if shown.is_null() { columns } else { relabelled(columns) };
        let nodes = [columns, ends, shown, aggregates].into_iter().flat_map(|list| items::<Node>(list));
        for (place, node) in nodes.enumerate() {
            rows = appended(rows, pg_sys::makeTargetEntry(node.cast(), place as i16 + 1, null_mut(), false));
        }
        let mut scan = pgrx::PgBox::<CustomScan>::alloc_node(NodeTag::T_CustomScan);
        scan.scan.plan.targetlist = targets;
        scan.scan.plan.qual = having;
        scan.custom_plans = plans;
        scan.custom_exprs = expressions;
        scan.custom_private = numbers;
        scan.custom_scan_tlist = rows;
        scan.into_pg()
    }
}

/// A plan node made by [`scan`].
#[derive(Clone, Copy)]
pub struct PlanLayout(*mut CustomScan);

impl PlanLayout {
    /// # Safety
    /// A plan node made by [`scan`], which lives as long as the layout is used.
    pub unsafe fn of(scan: *mut CustomScan) -> PlanLayout {
        PlanLayout(scan)
    }

    /// A copy of the node in whose context expressions are displayed: no column is relabelled there.
    pub fn displayed(self) -> *mut pg_sys::Plan {
        // SAFETY: the node is one of ours; the copies are in the current memory context.
        unsafe {
            let copy = pg_sys::palloc(size_of::<CustomScan>()).cast::<CustomScan>();
            std::ptr::copy_nonoverlapping(self.0.cast_const(), copy, 1);
            let columns = pg_sys::copyObjectImpl((*copy).custom_scan_tlist.cast()).cast::<List>();
            for column in items::<TargetEntry>(columns) {
                let expression = (*column).expr.cast::<pg_sys::RelabelType>();
                if !expression.is_null() && (*expression).xpr.type_ == NodeTag::T_RelabelType {
                    (*column).expr = (*expression).arg;
                }
            }
            (*copy).custom_scan_tlist = columns;
            copy.cast()
        }
    }

    /// The ordinary plan.
    pub fn ordinary(self) -> *mut pg_sys::Plan {
        // SAFETY: it is the last of the plans below the node.
        unsafe { items::<pg_sys::Plan>((*self.0).custom_plans).last().unwrap_or(null_mut()) }
    }

    /// The plans that return joined rows, one for each dimension.
    pub fn joined(self) -> impl Iterator<Item = *mut pg_sys::Plan> {
        let count = self.numbers(Numbers::Dimensions).count();
        // SAFETY: they are the first of the plans below the node.
        unsafe { items::<pg_sys::Plan>((*self.0).custom_plans).take(count) }
    }

    pub fn expressions(self, which: ExpressionList) -> impl Iterator<Item = *mut Node> {
        // SAFETY: the lists are as `lay_out` made them; PostgreSQL has replaced their members by others.
        unsafe {
            let list = items::<List>((*self.0).custom_exprs).nth(which as usize).unwrap_or(null_mut());
            items::<Node>(list)
        }
    }

    pub fn numbers(self, which: Numbers) -> impl Iterator<Item = i32> {
        // SAFETY: the lists are as `lay_out` made them.
        unsafe {
            let list = items::<List>((*self.0).custom_private).nth(which as usize).unwrap_or(null_mut());
            integers(list)
        }
    }

    fn first(self, place: usize) -> i32 {
        self.numbers(Numbers::Question).nth(place).unwrap_or_default()
    }

    /// The number of the tree.
    pub fn tree(self) -> i32 {
        self.first(0)
    }

    /// The user whose rights on the table were checked; INVALID for the current one.
    pub fn user(self) -> Oid {
        Oid::from(self.first(1) as u32)
    }

    pub fn is_in_session_zone(self) -> bool {
        self.first(2) != 0
    }

    /// Whether the planner did not know the range.
    pub fn is_open(self) -> bool {
        self.first(3) != 0
    }

    /// Whether something fails where it has more than 31 bits.
    pub fn narrows(self) -> bool {
        self.first(4) != 0
    }

    /// The sources of lookups.
    pub fn lookups(self) -> impl Iterator<Item = LookupSource> {
        self.numbers(Numbers::Lookups).map(LookupSource::from_number)
    }

    /// The shapes of the conditions; None for those that only compare positions.
    pub fn conditions(self) -> impl Iterator<Item = Option<Shape>> {
        self.numbers(Numbers::Conditions).map(|number| (number >= 0).then(|| Shape::from_number(number)))
    }

    /// Shape, equality and collation of each key.
    pub fn keys(self) -> impl Iterator<Item = (Shape, Oid, Oid)> {
        let oid = |number: i32| Oid::from(number as u32);
        let shapes = self.numbers(Numbers::Keys).map(Shape::from_number);
        let equalities = self.numbers(Numbers::Equalities).map(oid);
        let collations = self.numbers(Numbers::Collations).map(oid);
        shapes
            .zip(equalities)
            .zip(collations)
            .map(|((shape, equality), collation)| (shape, equality, collation))
    }

    pub fn filters(self) -> impl Iterator<Item = Shape> {
        self.numbers(Numbers::Filters).map(Shape::from_number)
    }

    /// Days by which positions are moved before a time zone is applied.
    pub fn days(self) -> impl Iterator<Item = i32> {
        self.numbers(Numbers::Days)
    }

    /// The columns of the scan with the position and the series, counted from 1; 0 for none.
    pub fn columns(self) -> impl Iterator<Item = usize> {
        self.numbers(Numbers::Columns).map(|place| place as usize)
    }

    /// The operands of aggregates.
    pub fn operands(self) -> Vec<Operand> {
        let mut numbers = self.numbers(Numbers::Operands);
        std::iter::from_fn(|| Operand::from_numbers(&mut numbers)).collect()
    }

    /// The keys, as columns of the scan show them by set.
    pub fn shown_keys(self) -> impl Iterator<Item = *mut Node> {
        let (keys, calls) = (self.keys().count(), self.calls().len());
        // SAFETY: the last columns of the scan are the keys, the calls of GROUPING() and the aggregates.
        unsafe {
            let rows = (*self.0).custom_scan_tlist;
            let columns = items::<TargetEntry>(rows).count() - self.aggregates().count() - calls - keys;
            items::<TargetEntry>(rows).skip(columns).take(keys).map(|target| (*target).expr.cast())
        }
    }

    /// The keys of each grouping set, by their places.
    pub fn sets(self) -> Vec<Vec<usize>> {
        self.places(Numbers::Sets)
    }

    /// The keys that each call of GROUPING() asks about.
    pub fn calls(self) -> Vec<Vec<usize>> {
        self.places(Numbers::Calls)
    }

    fn places(self, which: Numbers) -> Vec<Vec<usize>> {
        let mut numbers = self.numbers(which).map(|number| number as usize);
        std::iter::from_fn(|| {
            let count = numbers.next()?;
            Some(numbers.by_ref().take(count).collect())
        })
        .collect()
    }

    /// The shapes of the arguments of operands.
    pub fn arguments(self) -> impl Iterator<Item = Shape> {
        self.numbers(Numbers::Arguments).map(Shape::from_number)
    }

    /// The values of rows at ends, without their expressions, and the function of each.
    pub fn ends(self) -> Vec<(End, usize, Vec<TieBreaker>, Oid)> {
        let oid = |number: i32| Oid::from(number as u32);
        let mut ties = self.numbers(Numbers::Ties);
        let mut tie = || {
            Some(TieBreaker {
                column: ties.next()? as i16,
                operator: oid(ties.next()?),
                collation: oid(ties.next()?),
                nulls_first: ties.next()? != 0,
            })
        };
        let numbers: Vec<i32> = self.numbers(Numbers::Ends).collect();
        let ends = numbers.chunks_exact(5).map(|numbers| {
            let end = End { is_last: numbers[1] != 0, filter: usize::try_from(numbers[2] - 1).ok() };
            let ties = (0..numbers[4]).filter_map(|_| tie()).collect();
            (end, numbers[0] as usize, ties, oid(numbers[3]))
        });
        ends.collect()
    }

    /// The columns of the table that these values and their tie-breakers are about, and those of the scan; 0 where it has none.
    pub fn end_columns(self) -> Vec<(i16, usize)> {
        let numbers: Vec<i32> = self.numbers(Numbers::EndColumns).collect();
        numbers.chunks_exact(2).map(|pair| (pair[0] as i16, pair[1] as usize)).collect()
    }

    /// The aggregates with their argument and filter.
    pub fn aggregates(self) -> impl Iterator<Item = (*mut Aggref, Subject, Option<usize>)> {
        const EACH: usize = 3;
        let numbers: Vec<i32> = self.numbers(Numbers::Aggregates).collect();
        // SAFETY: the last columns of the scan are the aggregates.
        unsafe {
            let rows = (*self.0).custom_scan_tlist;
            let columns = items::<TargetEntry>(rows).count() - numbers.len() / EACH;
            items::<TargetEntry>(rows).skip(columns).enumerate().map(move |(number, target)| {
                let [kind, place, filter] = [0, 1, 2].map(|part| numbers[EACH * number + part]);
                let filter = usize::try_from(filter - 1).ok();
                ((*target).expr.cast(), Subject::from_numbers(kind, place), filter)
            })
        }
    }
}
