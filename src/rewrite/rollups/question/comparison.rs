//! Shapes of comparisons, which change once, or twice where equality is asked for.

use super::shapes::{push, Shapes};
use crate::pg::nodes::tree::NodeRef;
use crate::pg::server::operator::{member_of, opposite_of, order_of, strategy_in};
use crate::rewrite::rollups::terms::reason::Understood;
use crate::rewrite::rollups::terms::shape::{Shape, Time};
use pgrx::pg_sys::{self, NodeTag, Oid, OpExpr};

impl<'t> Shapes<'t> {
    /// A comparison of something monotone with what depends on nothing of the row but those joined with it; None if it is anything
    /// else.
    pub fn comparison(&mut self, call: NodeRef<'t, OpExpr>) -> Understood<Option<Shape>> {
        let Some([left, right]) = call.list(|call| &call.args).only() else { return Ok(None) };
        let Some(way) = Comparison::of(call.opno, left.type_oid()) else { return Ok(None) };
        let (left_shape, right_shape) = (self.shape(left)?, self.shape(right)?);
        let (time, moving, other) = match (left_shape.time, right_shape.time) {
            (Time::Monotone { .. }, Time::Free) => (left_shape.time, left, right_shape),
            (Time::Free, Time::Monotone { .. }) => (right_shape.time, right, left_shape),
            _ => return Ok(None),
        };
        let Time::Monotone { is_stepped, after } = time else { return Ok(None) };
        // What has steps of its own is cut at them, but for the position itself, which may have too many.
        let is_bare = moving.tag() == NodeTag::T_Var;
        if other.series || other.joined && (after || is_stepped && !is_bare) {
            return Ok(None);
        }
        let mut carriers = vec![call.untyped()];
        if let Comparison::Equality(family) = way {
            let types = (left.type_oid(), right.type_oid());
            carriers.clear();
            for strategy in [pg_sys::BTLessStrategyNumber, pg_sys::BTLessEqualStrategyNumber] {
                let Some(operator) = member_of(family, types.0, types.1, strategy) else { return Ok(None) };
                carriers.push(self.planner.condition(operator, [left, right], call.inputcollid));
            }
        }
        let list = match (other.joined, after) {
            (true, _) => &mut self.row_comparisons,
            (false, true) => &mut self.carriers,
            (false, false) => &mut self.comparisons,
        };
        carriers.into_iter().for_each(|carrier| push(list, carrier));
        if after {
            self.only_compares = false;
        }
        Ok(Some(Shape { time: Time::Steps, ..other }))
    }
}

/// A comparison in the order of the type on the operator's left.
enum Comparison {
    Order,
    /// Equality or its opposite, in a family of operators.
    Equality(Oid),
}

impl Comparison {
    fn of(operator: Oid, left: Oid) -> Option<Comparison> {
        let family = order_of(left)?;
        match strategy_in(family, operator) {
            0 => {
                let is_opposite = opposite_of(operator)
                    .is_some_and(|opposite| strategy_in(family, opposite) == pg_sys::BTEqualStrategyNumber);
                is_opposite.then_some(Comparison::Equality(family))
            }
            pg_sys::BTEqualStrategyNumber => Some(Comparison::Equality(family)),
            _ => Some(Comparison::Order),
        }
    }
}
