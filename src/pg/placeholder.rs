//! Placeholders, in which PostgreSQL keeps an expression of a view or subquery together.

use super::planner::Planner;
use super::replacing::{replaced_within, Made};
use super::tree::NodeRef;
use pgrx::pg_sys::{NodeTag, PlaceHolderVar};

impl<'q> Planner<'q> {
    /// The expression as it is without placeholders: of a query without outer joins, in which they mean nothing else.
    pub fn without_placeholders(self, expression: NodeRef<'q>) -> NodeRef<'q> {
        if !expression.contains(NodeTag::T_PlaceHolderVar) {
            return expression;
        }
        // SAFETY: the copy refers to nodes of the query at most.
        unsafe { self.made(|| copied(expression).pointer()) }
    }
}

/// Copies an expression without its placeholders.
fn copied(expression: NodeRef) -> Made {
    replaced_within::<PlaceHolderVar>(expression, &mut |holder| {
        holder.node(|holder| &holder.phexpr).map(copied)
    })
}
