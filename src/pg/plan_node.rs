//! Plan nodes of our own for a query that is being planned, and the lists that they consist of, in the memory of its planner.

use super::expression::{relabelled, relabelled_itself};
use super::list::collected;
use super::planner::Planner;
use super::tree::{NodeList, NodeRef};
use pgrx::pg_sys::{self, CustomScan, List, NodeTag};
use pgrx::PgBox;
use std::ptr::null_mut;

impl<'q> Planner<'q> {
    /// A list of nodes.
    pub fn list(self, nodes: impl Iterator<Item = NodeRef<'q>>) -> NodeList<'q> {
        // SAFETY: the members live as long as the list.
        unsafe { self.made_list(|| collected(nodes)) }
    }

    /// A list of lists, in which None stands for an empty one.
    pub fn lists(self, lists: impl Iterator<Item = Option<NodeRef<'q>>>) -> NodeList<'q> {
        let append = |all, list: Option<NodeRef>| {
            let list = list.map_or(null_mut(), NodeRef::pointer);
            // SAFETY: PostgreSQL extends the list that it returned before; an empty one is a null pointer.
            unsafe { pg_sys::lappend(all, list.cast()) }
        };
        // SAFETY: the members live as long as the list.
        unsafe { self.made_list(|| lists.fold(null_mut(), append)) }
    }

    /// A list of integers; None if it is empty.
    pub fn integers(self, integers: Vec<i32>) -> Option<NodeRef<'q>> {
        if integers.is_empty() {
            return None;
        }
        // SAFETY: PostgreSQL extends the list that it returned before.
        unsafe {
            let append = |all, integer| pg_sys::lappend_int(all, integer);
            Some(self.made(|| integers.into_iter().fold(null_mut(), append)))
        }
    }

    /// A copy of expressions, or of lists of them, in which each column is relabelled as what it is: no part of the copy is the same as
    /// one of the original, to PostgreSQL when it looks for an expression among the columns of a scan.
    pub fn relabelled(self, expressions: NodeList<'q>) -> NodeList<'q> {
        // SAFETY: the list is one of nodes; the new nodes live as long as the query is planned.
        unsafe { self.made_list(|| relabelled(expressions.pointer())) }
    }

    /// An expression that is relabelled as what it is: not the same as the original, likewise.
    pub fn relabelled_itself(self, expression: NodeRef<'q>) -> NodeRef<'q> {
        // SAFETY: the expression lives as long as the query is planned, as does the new node.
        unsafe { self.made(|| relabelled_itself(expression.pointer())) }
    }

    /// A target list without names.
    pub fn target_list(self, expressions: impl Iterator<Item = NodeRef<'q>>) -> NodeList<'q> {
        let target = |(place, expression): (usize, NodeRef)| {
            let expression = expression.pointer().cast();
            // SAFETY: PostgreSQL makes a node that refers to the expression.
            unsafe { pg_sys::makeTargetEntry(expression, place as i16 + 1, null_mut(), false) }
        };
        // SAFETY: the expressions live as long as the list.
        unsafe {
            let append = |all, target: *mut pg_sys::TargetEntry| pg_sys::lappend(all, target.cast());
            self.made_list(|| expressions.enumerate().map(target).fold(null_mut(), append))
        }
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
        // SAFETY: the lists live as long as the node, whose tag is that of its type.
        unsafe {
            let made = self.made(|| {
                let mut scan = PgBox::<CustomScan>::alloc_node(NodeTag::T_CustomScan);
                scan.scan.plan.targetlist = targets.pointer();
                scan.scan.plan.qual = having.pointer();
                scan.custom_plans = plans.pointer();
                scan.custom_exprs = expressions.pointer();
                scan.custom_private = numbers.pointer();
                scan.custom_scan_tlist = rows.pointer();
                scan.into_pg()
            });
            made.assumed()
        }
    }

    /// Makes a list in the memory of the planner.
    ///
    /// # Safety
    /// The function returns a list that it makes, of nodes that live for `'q`, or null.
    unsafe fn made_list(self, make: impl FnOnce() -> *mut List) -> NodeList<'q> {
        // SAFETY: the memory lives as long as the query is planned, and so does what the caller makes in it.
        unsafe { NodeList::new(self.in_memory(make)) }
    }
}
