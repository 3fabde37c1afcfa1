//! Plan nodes of our own for a query that is being planned, and the lists that they consist of, in the memory of its planner.

use super::planner::Planner;
use crate::pg::nodes::made::{Made, MadeList};
use crate::pg::nodes::tree::{NodeList, NodeRef};
use pgrx::pg_sys::{CustomScan, NodeTag};
use pgrx::PgBox;

impl<'q> Planner<'q> {
    /// A list of nodes.
    pub fn list(self, nodes: impl Iterator<Item = NodeRef<'q>>) -> NodeList<'q> {
        self.lists(nodes.map(Some))
    }

    /// A list of lists, in which None stands for an empty one.
    pub fn lists(self, lists: impl Iterator<Item = Option<NodeRef<'q>>>) -> NodeList<'q> {
        let lists: Vec<_> = lists.collect();
        let list = self.made_list(|| lists.iter().fold(MadeList::new(), |all, &list| all.with(list)));
        list.map(NodeList::of).unwrap_or_default()
    }

    /// A list of integers; None if it is empty.
    pub fn integers(self, integers: Vec<i32>) -> Option<NodeRef<'q>> {
        self.made_list(|| integers.iter().fold(MadeList::new(), |all, &integer| all.with_integer(integer)))
    }

    /// A target list without names.
    pub fn target_list(self, expressions: impl Iterator<Item = NodeRef<'q>>) -> NodeList<'q> {
        let targets: Vec<_> = expressions.enumerate().collect();
        let target = |all: MadeList<'q>, &(place, expression): &(usize, NodeRef<'q>)| {
            all.with_target(Some(expression), place + 1, None)
        };
        let list = self.made_list(|| targets.iter().fold(MadeList::new(), target));
        list.map(NodeList::of).unwrap_or_default()
    }

    /// A plan node of our own, without methods: its output and what it must fulfil, the plans below it, its own expressions and numbers,
    /// and the columns of its scan.
    pub fn custom_scan(
        self,
        (targets, having): (NodeList<'q>, NodeList<'q>),
        plans: NodeList<'q>,
        (expressions, numbers): (NodeList<'q>, NodeList<'q>),
        rows: NodeList<'q>,
    ) -> NodeRef<'q, CustomScan> {
        self.made(|| {
            // SAFETY: the lists live as long as the node, whose tag is that of its type.
            unsafe {
                let mut scan = PgBox::<CustomScan>::alloc_node(NodeTag::T_CustomScan);
                scan.scan.plan.targetlist = targets.pointer();
                scan.scan.plan.qual = having.pointer();
                scan.custom_plans = plans.pointer();
                scan.custom_exprs = expressions.pointer();
                scan.custom_private = numbers.pointer();
                scan.custom_scan_tlist = rows.pointer();
                Made::new(scan.into_pg())
            }
        })
    }
}
