//! Copies of expressions in which some nodes are replaced.

use super::made::Made;
use super::tree::{NodeList, NodeRef, Tagged};
use pgrx::pg_sys::{self, Node};
use std::ffi::c_void;

/// Finds the node that is to take the place of another one, if any.
pub type Replacement<'a, 'n, T> = &'a mut dyn FnMut(NodeRef<'n, T>) -> Option<Made<'n>>;

struct Replacing<'a, 'n, T> {
    replacement: Replacement<'a, 'n, T>,
}

/// Copies an expression into the current memory context, as [`replaced`] does a list.
pub fn replaced_within<'n, T: Tagged + 'n>(
    node: NodeRef<'n>,
    replacement: Replacement<'_, 'n, T>,
) -> Made<'n> {
    Replacing { replacement }.copied(node)
}

/// Copies a list of expressions into the current memory context, in which nodes of one kind are replaced by others. Nothing below
/// such a node is looked at. None of an empty list.
pub fn replaced<'n, T: Tagged + 'n>(
    list: NodeList<'n>,
    replacement: Replacement<'_, 'n, T>,
) -> Option<Made<'n>> {
    list.node().map(|list| Replacing { replacement }.mutated(list))
}

impl<'n, T: Tagged + 'n> Replacing<'_, 'n, T> {
    /// Copies a node, or returns what replaces it.
    fn copied(&mut self, node: NodeRef<'n>) -> Made<'n> {
        match node.cast::<T>() {
            Some(found) => (self.replacement)(found).unwrap_or(Made::already(node)),
            None => self.mutated(node),
        }
    }

    /// Copies a tree, replacing each node below by what `visit` returns.
    fn mutated(&mut self, node: NodeRef<'n>) -> Made<'n> {
        let context = std::ptr::from_mut(self).cast();
        // SAFETY: PostgreSQL copies the node and calls back for its children, with the context, which waits for the end of the copy.
        unsafe {
            #[cfg(feature = "pg15")]
            {
                // Before version 16 the callback is declared without its arguments.
                type Declared = unsafe extern "C-unwind" fn() -> *mut Node;
                type Callback = unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> *mut Node;
                let callback = std::mem::transmute::<Callback, Declared>(visit::<T>);
                Made::new(pg_sys::expression_tree_mutator(node.pointer(), Some(callback), context))
            }
            #[cfg(not(feature = "pg15"))]
            Made::new(pg_sys::expression_tree_mutator_impl(node.pointer(), Some(visit::<T>), context))
        }
    }
}

/// Copies a node, or returns what replaces it.
unsafe extern "C-unwind" fn visit<T: Tagged>(node: *mut Node, context: *mut c_void) -> *mut Node {
    // SAFETY: PostgreSQL passes nodes of the tree, and the context that `mutated` gave it, which waits for the end of the copy.
    unsafe {
        pg_sys::panic::pgrx_extern_c_guard(|| match NodeRef::new(node) {
            Some(node) => (*context.cast::<Replacing<T>>()).copied(node).pointer(),
            None => node,
        })
    }
}
