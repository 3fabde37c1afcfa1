//! Reading a plan node that was laid out.

use super::lists::{ExpressionList, Numbers};
use crate::pg::nodes::tree::{integers, NodeList, NodeRef};
use crate::rewrite::rollups::answer::ends::End;
use crate::rewrite::rollups::answer::worth::Worth;
use crate::rewrite::rollups::question::aggregate::Subject;
use crate::rewrite::rollups::question::ends::TieBreaker;
use crate::rewrite::rollups::question::lookup::LookupSource;
use crate::rewrite::rollups::question::operand::Operand;
use crate::rewrite::rollups::question::value_conditions::ConditionKind;
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::pg_sys::{Aggref, CustomScan, Oid, TargetEntry};

/// A plan node of ours.
#[derive(Clone, Copy)]
pub struct PlanLayout<'p>(NodeRef<'p, CustomScan>);

impl<'p> PlanLayout<'p> {
    /// The layout of a node; of any other than ours it has no sense.
    pub fn of(scan: NodeRef<'p, CustomScan>) -> PlanLayout<'p> {
        PlanLayout(scan)
    }

    /// The ordinary plan.
    pub fn ordinary(self) -> Option<NodeRef<'p>> {
        // It is the last of the plans below the node.
        self.plans().iter().last()
    }

    fn plans(self) -> NodeList<'p> {
        self.0.list(|scan| &scan.custom_plans)
    }

    /// The plans that return joined rows, one for each dimension.
    pub fn joined(self) -> impl Iterator<Item = NodeRef<'p>> {
        // They are the first of the plans below the node.
        self.plans().iter().take(self.numbers(Numbers::Dimensions).count())
    }

    pub fn expressions(self, which: ExpressionList) -> impl Iterator<Item = NodeRef<'p>> {
        // PostgreSQL has replaced members of the lists by others.
        let list = self.0.list(|scan| &scan.custom_exprs).slots().nth(which as usize).flatten();
        list.map(NodeList::of).unwrap_or_default().iter()
    }

    pub fn numbers(self, which: Numbers) -> impl Iterator<Item = i32> + 'p {
        let list = self.0.list(|scan| &scan.custom_private).slots().nth(which as usize).flatten();
        list.into_iter().flat_map(integers)
    }

    /// The columns of the scan.
    fn rows(self) -> Vec<NodeRef<'p, TargetEntry>> {
        self.0.list(|scan| &scan.custom_scan_tlist).all().collect()
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

    /// Whether something fails where it has more than 31 bits.
    pub fn narrows(self) -> bool {
        self.first(3) != 0
    }

    /// The only value that conditions and aggregates are about, by its place in the tree.
    pub fn alone(self) -> Option<usize> {
        usize::try_from(self.first(4) - 1).ok()
    }

    /// The work that the answer is worth.
    pub fn worth(self) -> Worth {
        Worth::from_numbers(self.first(5), self.first(6))
    }

    /// The sources of lookups.
    pub fn lookups(self) -> impl Iterator<Item = LookupSource> + 'p {
        self.numbers(Numbers::Lookups).map(LookupSource::from_number)
    }

    /// The shapes of the conditions; None for those that only compare positions.
    pub fn conditions(self) -> impl Iterator<Item = Option<Shape>> + 'p {
        self.numbers(Numbers::Conditions).map(|number| (number >= 0).then(|| Shape::from_number(number)))
    }

    /// Shape, equality and collation of each key.
    pub fn keys(self) -> impl Iterator<Item = (Shape, Oid, Oid)> + 'p {
        let oid = |number: i32| Oid::from(number as u32);
        let shapes = self.numbers(Numbers::Keys).map(Shape::from_number);
        let equalities = self.numbers(Numbers::Equalities).map(oid);
        let collations = self.numbers(Numbers::Collations).map(oid);
        shapes
            .zip(equalities)
            .zip(collations)
            .map(|((shape, equality), collation)| (shape, equality, collation))
    }

    pub fn filters(self) -> impl Iterator<Item = Shape> + 'p {
        self.numbers(Numbers::Filters).map(Shape::from_number)
    }

    /// Days by which positions are moved before a time zone is applied.
    pub fn days(self) -> impl Iterator<Item = i32> + 'p {
        self.numbers(Numbers::Days)
    }

    /// The columns of the scan with the position and the series, counted from 1; 0 for none.
    pub fn columns(self) -> impl Iterator<Item = usize> + 'p {
        self.numbers(Numbers::Columns).map(|place| place as usize)
    }

    /// The operands of aggregates.
    pub fn operands(self) -> Vec<Operand> {
        let mut numbers = self.numbers(Numbers::Operands);
        std::iter::from_fn(|| Operand::from_numbers(&mut numbers)).collect()
    }

    /// The keys, as columns of the scan show them by set.
    pub fn shown_keys(self) -> impl Iterator<Item = NodeRef<'p>> {
        let (keys, calls) = (self.keys().count(), self.calls().len());
        // The last columns of the scan are the keys, the calls of GROUPING() and the aggregates.
        let rows = self.rows();
        let columns = rows.len() - self.aggregates().count() - calls - keys;
        rows.into_iter().skip(columns).take(keys).filter_map(|target| target.node(|target| &target.expr))
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
    pub fn arguments(self) -> impl Iterator<Item = Shape> + 'p {
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

    /// Conditions on values: the place of the value in the tree, the column of the scan, the kind, and the number of bounds.
    pub fn value_conditions(self) -> Vec<(usize, usize, ConditionKind, usize)> {
        let numbers: Vec<i32> = self.numbers(Numbers::ValueConditions).collect();
        let conditions = numbers.chunks_exact(4);
        let condition = |numbers: &[i32]| {
            let [value, column, bounds] = [0, 1, 3].map(|part| numbers[part] as usize);
            (value, column, ConditionKind::from_number(numbers[2]), bounds)
        };
        conditions.map(condition).collect()
    }

    /// The aggregates with their argument and filter.
    pub fn aggregates(self) -> impl Iterator<Item = (NodeRef<'p, Aggref>, Subject, Option<usize>)> {
        const EACH: usize = 3;
        let numbers: Vec<i32> = self.numbers(Numbers::Aggregates).collect();
        // The last columns of the scan are the aggregates.
        let rows = self.rows();
        let columns = rows.len() - numbers.len() / EACH;
        rows.into_iter().skip(columns).enumerate().filter_map(move |(number, target)| {
            let [kind, place, filter] = [0, 1, 2].map(|part| numbers[EACH * number + part]);
            let filter = usize::try_from(filter - 1).ok();
            let aggregate = target.node(|target| &target.expr)?.cast()?;
            Some((aggregate, Subject::from_numbers(kind, place), filter))
        })
    }
}
