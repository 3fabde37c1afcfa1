//! The range of positions that a query is about, as far as the planner can tell.

use crate::pg::nodes::tree::NodeRef;
use crate::pg::server::operator::{order_of, strategy_in};
use crate::powertree::model::question::Range;
use crate::rewrite::rollups::question::Question;
use pgrx::pg_sys::{self, Datum, OpExpr, Var};

/// Returns the positions that bare comparisons leave; to the end of the line where they leave no end, or the planner does not know it.
pub fn expected(question: &Question) -> Range {
    let (mut first, mut last) = question.tree.position.ends();
    let conditions = question.conditions.iter().filter(|condition| condition.is_range);
    for (strategy, at) in conditions.filter_map(|condition| comparison(question, condition.node)) {
        match strategy {
            pg_sys::BTLessStrategyNumber => last = last.min(at.saturating_sub(1)),
            pg_sys::BTLessEqualStrategyNumber => last = last.min(at),
            pg_sys::BTEqualStrategyNumber => (first, last) = (first.max(at), last.min(at)),
            pg_sys::BTGreaterEqualStrategyNumber => first = first.max(at),
            pg_sys::BTGreaterStrategyNumber => first = first.max(at.saturating_add(1)),
            _ => {}
        }
    }
    Range { first, last }
}

/// Returns what a comparison says of the position, and the position that it is compared with; None if the planner does not know that.
fn comparison<'q>(question: &Question<'q>, node: NodeRef<'q>) -> Option<(u32, i64)> {
    let position = question.tree.position;
    let call = node.cast::<OpExpr>()?;
    let [left, right] = call.list(|call| &call.args).only()?;
    let strategy = strategy_in(order_of(left.type_oid())?, call.opno);
    let (strategy, other) = match (left.cast::<Var>(), right.cast::<Var>()) {
        (Some(_), None) => (strategy, right),
        // In B-trees, the order of the strategies is that of the operators.
        (None, Some(_)) => (pg_sys::BTGreaterStrategyNumber + pg_sys::BTLessStrategyNumber - strategy, left),
        _ => return None,
    };
    let word = question.shapes.planner.expected(other).constant_word(position.type_oid())?;
    Some((strategy, position.read(Datum::from(word))))
}
