//! Values of the first and the last rows of groups: `(array_agg(x ORDER BY at))[1]`, and the rows of DISTINCT ON.

use super::casts::bare;
use crate::pg::expression::constant;
use crate::pg::expression::order_of;
use crate::pg::list::items;
use crate::pg::relation::has_index;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use pgrx::pg_sys::{
    self, Aggref, List, Node, NodeTag, Oid, RelabelType, SortGroupClause, SubscriptingRef, TargetEntry, Var,
};

/// `array_agg(anynonarray)`
const ARRAY_AGG: u32 = 2335;

/// A value of the first or the last row of each group.
pub struct EndExpression {
    /// The expression in the query that the value takes the place of.
    pub node: *mut Node,
    /// The expression of the row.
    pub argument: *mut Node,
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

impl EndExpression {
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
    /// Understands the first element of an array of a column, in order of position.
    ///
    /// # Safety
    /// An element found by [`first_of`], and its aggregate.
    pub unsafe fn element(self, node: *mut Node, aggregate: *mut Aggref) -> Understood<EndExpression> {
        // SAFETY: the caller's aggregate, whose arguments are targets.
        unsafe {
            let is_plain = (*aggregate).agglevelsup == 0
                && (*aggregate).aggsplit == pg_sys::AggSplit::AGGSPLIT_SIMPLE
                && (*aggregate).aggdistinct.is_null();
            let order = self.order((*aggregate).aggorder, (*aggregate).args, &|_| false);
            let (is_last, ties) =
                order.filter(|_| is_plain).ok_or_else(|| Reason::Aggregate("array_agg()".to_owned()))?;
            let argument = items::<TargetEntry>((*aggregate).args).next();
            let argument = argument.map(|target| (*target).expr.cast::<Node>());
            let argument = argument.filter(|&argument| self.column(bare(argument)).is_some());
            let argument = argument.ok_or(Reason::Bare)?;
            self.check()?;
            Ok(EndExpression { node, argument, is_last, filter: None, ties, function: (*aggregate).aggfnoid })
        }
    }

    /// Understands the rows of DISTINCT ON: the columns that are shown of the row of each group that comes first in this order.
    ///
    /// # Safety
    /// The order and the targets of the query that is being planned, and what it shows of each row.
    pub unsafe fn rows(
        self,
        order: *mut List,
        targets: *mut List,
        is_key: &dyn Fn(*mut Node) -> bool,
        shown: *mut List,
    ) -> Understood<Vec<EndExpression>> {
        // SAFETY: the caller's expressions, in which PostgreSQL finds the columns.
        unsafe {
            let (is_last, ties) = self.order(order, targets, is_key).ok_or(Reason::DistinctOn)?;
            if pg_sys::contain_volatile_functions(shown.cast()) {
                return Err(Reason::Volatile);
            }
            if pg_sys::contain_subplans(shown.cast()) {
                return Err(Reason::Subquery);
            }
            self.check()?;
            let columns = pg_sys::pull_var_clause(shown.cast(), pg_sys::PVC_RECURSE_PLACEHOLDERS as i32);
            let mut ends: Vec<EndExpression> = Vec::new();
            let mut numbers = Vec::new();
            for node in items::<Node>(columns) {
                let number = self.column(node).ok_or(Reason::Whole)?;
                if !numbers.contains(&number) {
                    numbers.push(number);
                    ends.push(EndExpression {
                        node,
                        argument: node,
                        is_last,
                        filter: None,
                        ties: ties.clone(),
                        function: Oid::INVALID,
                    });
                }
            }
            Ok(ends)
        }
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
    /// first, and what is left to decide between rows of one position. None if it is another order.
    unsafe fn order(
        self,
        clauses: *mut List,
        targets: *mut List,
        is_key: &dyn Fn(*mut Node) -> bool,
    ) -> Option<(bool, Vec<TieBreaker>)> {
        // SAFETY: the caller's clauses, whose expressions are among the targets.
        unsafe {
            let mut clauses = items::<SortGroupClause>(clauses)
                .map(|clause| (clause, pg_sys::get_sortgroupclause_expr(clause, targets)))
                .skip_while(|(_, node)| is_key(*node));
            let (clause, position) = clauses.next()?;
            let family = order_of(pg_sys::exprType(position))?;
            if self.column(position) != Some(self.tree.at.number) {
                return None;
            }
            let is_last = match pg_sys::get_op_opfamily_strategy((*clause).sortop, family) as u32 {
                pg_sys::BTLessStrategyNumber => false,
                pg_sys::BTGreaterStrategyNumber => true,
                _ => return None,
            };
            let mut ties = Vec::new();
            for (clause, node) in clauses.filter(|(_, node)| !is_key(*node) && constant(*node).is_none()) {
                ties.push(TieBreaker {
                    column: self.column(node)?,
                    operator: (*clause).sortop,
                    collation: pg_sys::exprCollation(node),
                    nulls_first: (*clause).nulls_first,
                });
            }
            Some((is_last, ties))
        }
    }

    /// The number of the column of the table that an expression is; None if it is anything else.
    unsafe fn column(self, node: *mut Node) -> Option<i16> {
        // SAFETY: the tag says which structure a node begins.
        unsafe {
            match (*node).type_ {
                NodeTag::T_RelabelType => self.column((*node.cast::<RelabelType>()).arg.cast()),
                NodeTag::T_Var => {
                    let column = node.cast::<Var>();
                    let is_ours = i64::from((*column).varno) == i64::from(self.relation);
                    (is_ours && (*column).varattno > 0).then_some((*column).varattno)
                }
                _ => None,
            }
        }
    }
}

/// Finds the `array_agg` of which an expression takes the first element; None if it is anything else.
///
/// # Safety
/// An expression of the query.
pub unsafe fn first_of(node: *mut Node) -> Option<*mut Aggref> {
    // SAFETY: the tag says which structure a node begins.
    unsafe {
        if (*node).type_ != NodeTag::T_SubscriptingRef {
            return None;
        }
        let element = node.cast::<SubscriptingRef>();
        let array = (*element).refexpr.cast::<Node>();
        let subscripts: Vec<*mut Node> = items::<Node>((*element).refupperindexpr).collect();
        let [subscript] = subscripts[..] else { return None };
        let is_element = (*element).reflowerindexpr.is_null() && (*element).refassgnexpr.is_null();
        let is_first = constant(subscript)
            .is_some_and(|(type_oid, datum)| type_oid == pg_sys::INT4OID && datum.value() as i32 == 1);
        let is_array =
            (*array).type_ == NodeTag::T_Aggref && (*array.cast::<Aggref>()).aggfnoid.to_u32() == ARRAY_AGG;
        (is_element && is_first && is_array).then_some(array.cast())
    }
}
