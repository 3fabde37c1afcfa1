//! Shapes of comparisons, which change once, or twice where equality is asked for.

use super::shapes::{push, Shapes};
use crate::pg::expression::order_of;
use crate::pg::list::items;
use crate::rewrite::rollups::terms::reason::Understood;
use crate::rewrite::rollups::terms::shape::{Shape, Time};
use pgrx::pg_sys::{self, Node, NodeTag, Oid, OpExpr};

impl Shapes<'_> {
    /// A comparison of something monotone with what depends on nothing of the row but those joined with it; None if it is anything
    /// else.
    pub unsafe fn comparison(&mut self, call: *mut OpExpr) -> Understood<Option<Shape>> {
        // SAFETY: the caller's operator; the new ones are in the memory of the planner.
        unsafe {
            let arguments: Vec<*mut Node> = items::<Node>((*call).args).collect();
            let [left, right] = arguments[..] else { return Ok(None) };
            let Some(way) = Comparison::of(call, left) else { return Ok(None) };
            let (left_shape, right_shape) = (self.shape(left)?, self.shape(right)?);
            let (time, moving, other) = match (left_shape.time, right_shape.time) {
                (Time::Monotone { .. }, Time::Free) => (left_shape.time, left, right_shape),
                (Time::Free, Time::Monotone { .. }) => (right_shape.time, right, left_shape),
                _ => return Ok(None),
            };
            let Time::Monotone { is_stepped, after } = time else { return Ok(None) };
            // What has steps of its own is cut at them, but for the position itself, which may have too many.
            let is_bare = (*moving).type_ == NodeTag::T_Var;
            if other.series || other.joined && (after || is_stepped && !is_bare) {
                return Ok(None);
            }
            let mut carriers = vec![call.cast::<Node>()];
            if let Comparison::Equality(family) = way {
                let types = (pg_sys::exprType(left), pg_sys::exprType(right));
                carriers.clear();
                for strategy in [pg_sys::BTLessStrategyNumber, pg_sys::BTLessEqualStrategyNumber] {
                    let operator = pg_sys::get_opfamily_member(family, types.0, types.1, strategy as i16);
                    if operator == Oid::INVALID {
                        return Ok(None);
                    }
                    let clause = pg_sys::make_opclause(
                        operator,
                        pg_sys::BOOLOID,
                        false,
                        left.cast(),
                        right.cast(),
                        Oid::INVALID,
                        (*call).inputcollid,
                    );
                    pg_sys::set_opfuncid(clause.cast());
                    carriers.push(clause.cast());
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
}

/// A comparison in the order of the type on the operator's left.
enum Comparison {
    Order,
    /// Equality or its opposite, in a family of operators.
    Equality(Oid),
}

impl Comparison {
    unsafe fn of(call: *mut OpExpr, left: *mut Node) -> Option<Comparison> {
        // SAFETY: PostgreSQL looks the operator up.
        unsafe {
            let family = order_of(pg_sys::exprType(left))?;
            let strategy = |operator| pg_sys::get_op_opfamily_strategy(operator, family) as u32;
            match strategy((*call).opno) {
                0 => {
                    let opposite = pg_sys::get_negator((*call).opno);
                    let is_opposite =
                        opposite != Oid::INVALID && strategy(opposite) == pg_sys::BTEqualStrategyNumber;
                    is_opposite.then_some(Comparison::Equality(family))
                }
                pg_sys::BTEqualStrategyNumber => Some(Comparison::Equality(family)),
                _ => Some(Comparison::Order),
            }
        }
    }
}
