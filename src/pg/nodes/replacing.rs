//! Copies of expressions in which some nodes are replaced.

use super::made::Made;
use super::tree::{NodeList, NodeRef, Tagged};
use crate::pg::server::lookup::caught;
use pgrx::pg_guard;

/// Finds the node that is to take the place of another one, if any.
pub type Replacement<'a, 'n, T> = &'a mut dyn FnMut(NodeRef<'n, T>) -> Option<Made<'n>>;

/// A copying of nodes, with what takes the place of a node, or None where it is copied. PostgreSQL only passes it on.
struct Replacing<'a, 'n> {
    replacement: &'a mut dyn FnMut(NodeRef<'n>) -> Option<Made<'n>>,
}

// PostgreSQL defines this function with these arguments. It makes a copy of a node, with what the mutator, which gets the children and
// what is passed on, returns in their places.
#[expect(improper_ctypes, reason = "PostgreSQL does not look into what it passes on")]
unsafe extern "C-unwind" {
    #[cfg_attr(not(feature = "pg15"), link_name = "expression_tree_mutator_impl")]
    safe fn expression_tree_mutator<'n>(
        node: NodeRef<'n>,
        mutator: extern "C-unwind" fn(Option<NodeRef<'n>>, &mut Replacing<'_, 'n>) -> Option<Made<'n>>,
        replacing: &mut Replacing<'_, 'n>,
    ) -> Made<'n>;
}

/// Copies an expression into the current memory context, as [`replaced`] does a list.
pub fn replaced_within<'n, T: Tagged + 'n>(
    node: NodeRef<'n>,
    replacement: Replacement<'_, 'n, T>,
) -> Made<'n> {
    Replacing { replacement: &mut |node| in_place_of(node, replacement) }.copied(node)
}

/// Copies a list of expressions into the current memory context, in which nodes of one kind are replaced by others. Nothing below
/// such a node is looked at. None of an empty list.
pub fn replaced<'n, T: Tagged + 'n>(
    list: NodeList<'n>,
    replacement: Replacement<'_, 'n, T>,
) -> Option<Made<'n>> {
    let mut replacing = Replacing { replacement: &mut |node| in_place_of(node, replacement) };
    list.node().map(|list| replacing.mutated(list))
}

/// Returns what takes the place of a node of the kind, which is itself if nothing replaces it; None for a node of another kind.
fn in_place_of<'n, T: Tagged + 'n>(
    node: NodeRef<'n>,
    replacement: Replacement<'_, 'n, T>,
) -> Option<Made<'n>> {
    node.cast::<T>().map(|found| replacement(found).unwrap_or(Made::already(node)))
}

impl<'n> Replacing<'_, 'n> {
    /// Copies a node, or returns what replaces it.
    fn copied(&mut self, node: NodeRef<'n>) -> Made<'n> {
        (self.replacement)(node).unwrap_or_else(|| self.mutated(node))
    }

    /// Copies a tree, replacing each node below by what `visit` returns.
    fn mutated(&mut self, node: NodeRef<'n>) -> Made<'n> {
        caught(|| expression_tree_mutator(node, visit, self))
    }
}

/// Copies a child of a node, or returns what replaces it, if it is there.
#[pg_guard]
extern "C-unwind" fn visit<'n>(
    node: Option<NodeRef<'n>>,
    replacing: &mut Replacing<'_, 'n>,
) -> Option<Made<'n>> {
    node.map(|node| replacing.copied(node))
}
