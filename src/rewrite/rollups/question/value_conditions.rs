//! Conditions on values of the tree: the number of values in a cell and their extremes may say that all of its rows fulfil one, or none.

use super::casts::bare;
use super::presence::{self, value_of, Presence};
use super::shapes::Shapes;
use crate::pg::nodes::tree::NodeRef;
use crate::pg::server::operator::{member_of, opposite_of, order_of, strategy_in};
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use pgrx::pg_sys::{self, OpExpr};

/// A condition on a value.
pub struct ValueCondition<'q> {
    /// The place of the value in the tree.
    pub value: usize,
    pub column: NodeRef<'q>,
    pub node: NodeRef<'q>,
    pub kind: ConditionKind,
    /// Comparisons with the same thing, each of which changes once while the value grows.
    pub bounds: Vec<NodeRef<'q>>,
}

/// The way in which a condition is about a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionKind {
    /// Whether it is there.
    Present,
    /// Whether it is NULL.
    Absent,
    /// Whether all of the bounds hold.
    All,
    /// Whether one of the bounds holds.
    Any,
}

impl ConditionKind {
    /// Returns the kind as a number in a plan.
    pub fn number(self) -> i32 {
        self as i32
    }

    pub fn from_number(number: i32) -> ConditionKind {
        match number {
            0 => ConditionKind::Present,
            1 => ConditionKind::Absent,
            2 => ConditionKind::All,
            _ => ConditionKind::Any,
        }
    }

    /// Whether it is about NULL alone, so that the number of rows that fulfil it is known.
    pub fn is_counted(self) -> bool {
        matches!(self, ConditionKind::Present | ConditionKind::Absent)
    }
}

impl<'q> ValueCondition<'q> {
    /// Understands a condition; None if it is none on a value of the tree.
    pub fn of(
        node: NodeRef<'q>,
        shapes: &mut Shapes<'q>,
        tree: &Tree,
    ) -> Understood<Option<ValueCondition<'q>>> {
        let relation = shapes.relation;
        let value = |node: NodeRef| value_of(node, relation, tree);
        if let Some((presence, column)) = presence::wanted(node, value) {
            let (value, kind) = match presence {
                Presence::Present(value) => (value, ConditionKind::Present),
                Presence::Absent(value) => (value, ConditionKind::Absent),
            };
            return Ok(Some(ValueCondition { value, column, node, kind, bounds: Vec::new() }));
        }
        let Some(call) = node.cast::<OpExpr>() else { return Ok(None) };
        let Some([left, right]) = call.list(|call| &call.args).only() else { return Ok(None) };
        let (value, column, other) = match (value(bare(left)), value(bare(right))) {
            (Some(value), None) => (value, bare(left), right),
            (None, Some(value)) => (value, bare(right), left),
            _ => return Ok(None),
        };
        if node.is_volatile() {
            return Err(Reason::Volatile);
        }
        let Some(family) = order_of(left.type_oid()) else { return Ok(None) };
        let types = (left.type_oid(), right.type_oid());
        let with = |strategy| {
            let operator = member_of(family, types.0, types.1, strategy)?;
            Some(shapes.planner.condition(operator, [left, right], call.inputcollid))
        };
        let both = |one, other| Some(vec![with(one)?, with(other)?]);
        let (kind, bounds) = match strategy_in(family, call.opno) {
            0 => {
                let is_opposite = opposite_of(call.opno)
                    .is_some_and(|opposite| strategy_in(family, opposite) == pg_sys::BTEqualStrategyNumber);
                let bounds = both(pg_sys::BTLessStrategyNumber, pg_sys::BTGreaterStrategyNumber);
                (ConditionKind::Any, bounds.filter(|_| is_opposite))
            }
            pg_sys::BTEqualStrategyNumber => {
                let bounds = both(pg_sys::BTLessEqualStrategyNumber, pg_sys::BTGreaterEqualStrategyNumber);
                (ConditionKind::All, bounds)
            }
            _ => (ConditionKind::All, Some(vec![node])),
        };
        let Some(bounds) = bounds else { return Ok(None) };
        // What it is compared with is evaluated for each cell.
        shapes.stepped(other)?;
        Ok(Some(ValueCondition { value, column, node, kind, bounds }))
    }
}
