//! Values of the first and the last rows of groups: `(array_agg(x ORDER BY at))[1]`, and the rows of DISTINCT ON.

use super::casts::bare;
use super::gathering::arguments;
use crate::pg::nodes::tree::{NodeList, NodeRef};
use crate::pg::server::operator::{order_of, strategy_in};
use crate::pg::tables::relation::has_index;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use pgrx::pg_sys::{self, Aggref, Oid, RelabelType, SortGroupClause, SubscriptingRef, Var};

/// `array_agg(anynonarray)`
const ARRAY_AGG: u32 = 2335;

/// A value of the first or the last row of each group.
pub struct EndExpression<'q> {
    /// The expression in the query that the value takes the place of.
    pub node: NodeRef<'q>,
    /// The expression of the row.
    pub argument: NodeRef<'q>,
    pub is_last: bool,
    /// The place of the condition among all filters; None without FILTER.
    pub filter: Option<usize>,
    /// The order of rows at the same position.
    pub ties: Vec<TieBreaker>,
    /// The aggregate; INVALID for a column of the row itself.
    pub function: Oid,
}

/// A column that decides which of several rows at one position comes first.
#[derive(Clone, Copy)]
pub struct TieBreaker {
    /// The number of the column in the table.
    pub column: i16,
    /// The operator in whose order values come.
    pub operator: Oid,
    pub collation: Oid,
    pub nulls_first: bool,
}

impl EndExpression<'_> {
    /// The number of different ends.
    pub fn count(all: &[EndExpression]) -> usize {
        let is_new = |&place: &usize| {
            let before = all[..place].iter();
            !before
                .into_iter()
                .any(|end| (end.is_last, end.filter) == (all[place].is_last, all[place].filter))
        };
        (0..all.len()).filter(is_new).count()
    }
}

/// The table of a query whose rows are in order of position.
#[derive(Clone, Copy)]
pub struct Ordered<'t> {
    pub tree: &'t Tree,
    /// The number of the table in the query.
    pub relation: i32,
}

impl Ordered<'_> {
    /// Understands the first element of an array of a column, in order of position, given what [`first_of`] has found and its
    /// aggregate.
    pub fn element<'q>(
        self,
        node: NodeRef<'q>,
        aggregate: NodeRef<'q, Aggref>,
    ) -> Understood<EndExpression<'q>> {
        let is_plain = aggregate.agglevelsup == 0
            && aggregate.aggsplit == pg_sys::AggSplit::AGGSPLIT_SIMPLE
            && aggregate.aggdistinct.is_null();
        let clauses = aggregate.list(|aggregate| &aggregate.aggorder);
        let order = self.order(clauses, aggregate.list(|aggregate| &aggregate.args), &|_| false);
        let (is_last, ties) =
            order.filter(|_| is_plain).ok_or_else(|| Reason::Aggregate("array_agg()".to_owned()))?;
        let argument = arguments(aggregate).next();
        let argument = argument.filter(|&argument| self.column(bare(argument)).is_some());
        let argument = argument.ok_or(Reason::Bare)?;
        self.check()?;
        Ok(EndExpression { node, argument, is_last, filter: None, ties, function: aggregate.aggfnoid })
    }

    /// Understands the rows of DISTINCT ON: the columns that are shown of the row of each group that comes first in an order by
    /// some of the query's targets.
    pub fn rows<'q>(
        self,
        order: NodeList<'q>,
        targets: NodeList<'q>,
        is_key: &dyn Fn(NodeRef<'q>) -> bool,
        shown: NodeList<'q>,
    ) -> Understood<Vec<EndExpression<'q>>> {
        let (is_last, ties) = self.order(order, targets, is_key).ok_or(Reason::DistinctOn)?;
        if shown.node().is_some_and(|shown| shown.is_volatile()) {
            return Err(Reason::Volatile);
        }
        if shown.node().is_some_and(|shown| shown.has_subplans()) {
            return Err(Reason::Subquery);
        }
        self.check()?;
        let mut ends: Vec<EndExpression> = Vec::new();
        let mut numbers = Vec::new();
        for node in shown.columns() {
            let number = self.column(node).ok_or(Reason::Whole)?;
            if !numbers.contains(&number) {
                numbers.push(number);
                let (ties, function) = (ties.clone(), Oid::INVALID);
                ends.push(EndExpression { node, argument: node, is_last, filter: None, ties, function });
            }
        }
        Ok(ends)
    }

    /// The rows are found by an index, or not at all.
    fn check(self) -> Understood<()> {
        let series: Vec<i16> = self.tree.series.iter().map(|key| key.column.number).collect();
        match has_index(self.tree.base, &series, self.tree.at.number) {
            true => Ok(()),
            false => Err(Reason::NoIndex),
        }
    }

    /// Understands an order that is by keys, then by position, and then by other columns, which cannot fail: whether the last row comes
    /// first, and what is left to decide between rows of one position. None if it is another order, or not by the targets.
    fn order<'q>(
        self,
        clauses: NodeList<'q>,
        targets: NodeList<'q>,
        is_key: &dyn Fn(NodeRef<'q>) -> bool,
    ) -> Option<(bool, Vec<TieBreaker>)> {
        let mut clauses = clauses
            .all::<SortGroupClause>()
            .map(|clause| Some((clause, targets.sorted_by(clause)?)))
            .skip_while(|found| found.is_some_and(|(_, node)| is_key(node)));
        let (clause, position) = clauses.next()??;
        let family = order_of(position.type_oid())?;
        if self.column(position) != Some(self.tree.at.number) {
            return None;
        }
        let is_last = match strategy_in(family, clause.sortop) {
            pg_sys::BTLessStrategyNumber => false,
            pg_sys::BTGreaterStrategyNumber => true,
            _ => return None,
        };
        let mut ties = Vec::new();
        for found in clauses {
            let (clause, node) = found?;
            if !is_key(node) && !node.is_constant() {
                ties.push(TieBreaker {
                    column: self.column(node)?,
                    operator: clause.sortop,
                    collation: node.collation(),
                    nulls_first: clause.nulls_first,
                });
            }
        }
        Some((is_last, ties))
    }

    /// The number of the column of the table that an expression is; None if it is anything else.
    fn column(self, node: NodeRef) -> Option<i16> {
        if let Some(label) = node.cast::<RelabelType>() {
            return self.column(label.node(|label| &label.arg)?);
        }
        let column = node.cast::<Var>()?;
        let is_ours = i64::from(column.varno) == i64::from(self.relation);
        (is_ours && column.varattno > 0).then_some(column.varattno)
    }
}

/// Finds the `array_agg` of which an expression takes the first element; None if it is anything else.
pub fn first_of(node: NodeRef) -> Option<NodeRef<Aggref>> {
    let element = node.cast::<SubscriptingRef>()?;
    let array = element.node(|element| &element.refexpr)?.cast::<Aggref>()?;
    let [subscript] = element.list(|element| &element.refupperindexpr).only()?;
    let is_element = element.reflowerindexpr.is_null() && element.refassgnexpr.is_null();
    let is_first = subscript.constant_word(pg_sys::INT4OID).is_some_and(|word| word as i32 == 1);
    (is_element && is_first && array.aggfnoid.to_u32() == ARRAY_AGG).then_some(array)
}
