//! Placeholders, in which PostgreSQL keeps an expression of a view or subquery together.

use super::planner::Planner;
use crate::pg::nodes::made::Made;
use crate::pg::nodes::replacing::replaced_within;
use crate::pg::nodes::tree::NodeRef;
use pgrx::pg_sys::{NodeTag, PlaceHolderVar};

impl<'q> Planner<'q> {
    /// The expression as it is without placeholders: of a query without outer joins, in which they mean nothing else.
    pub fn without_placeholders(self, expression: NodeRef<'q>) -> NodeRef<'q> {
        if !expression.contains(NodeTag::T_PlaceHolderVar) {
            return expression;
        }
        self.made(|| copied(expression))
    }
}

/// Copies an expression without its placeholders.
fn copied<'q>(expression: NodeRef<'q>) -> Made<'q> {
    replaced_within::<PlaceHolderVar>(expression, &mut |holder| {
        holder.node(|holder| &holder.phexpr).map(copied)
    })
}
