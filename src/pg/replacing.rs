//! Copies of expressions in which some nodes are replaced, and the nodes that take their places.

use super::lookup::caught;
use super::tree::{Linked, NodeList, NodeRef, Tagged};
use pgrx::pg_sys::{self, CollateExpr, List, Node, NodeTag, Oid, TargetEntry, Var};
use pgrx::PgBox;
use std::ffi::{c_char, c_void};
use std::ptr::null_mut;

// PostgreSQL defines these functions with these arguments. They read the trees, make nodes in the current memory
// context, and raise errors for what is no expression; they are only called through `caught`.
unsafe extern "C-unwind" {
    safe fn exprTypmod(expression: NodeRef) -> i32;
    safe fn exprCollation(expression: NodeRef) -> Oid;
    safe fn makeVarFromTargetEntry(input: i32, target: NodeRef<TargetEntry>) -> *mut Var;
}

/// A node that was made in the memory context that was current then.
#[derive(Clone, Copy)]
pub struct Made(*mut Node);

/// A target list that is being made in the current memory context.
pub struct MadeTargets {
    list: *mut List,
    count: i16,
}

impl Made {
    /// A column of an input, with the type of an expression.
    pub fn column<T: Linked>(like: NodeRef<T>, input: i32, number: i16) -> Made {
        let like = like.untyped();
        let (modifier, collation) = caught(|| (exprTypmod(like), exprCollation(like)));
        // SAFETY: PostgreSQL makes the node of any numbers.
        let column = unsafe { pg_sys::makeVar(input, number, like.type_oid(), modifier, collation, 0) };
        Made(column.cast())
    }

    /// The column of an input that has the value of one of its targets.
    pub fn column_of(input: i32, target: NodeRef<TargetEntry>) -> Made {
        Made(caught(|| makeVarFromTargetEntry(input, target)).cast())
    }

    /// An expression with another collation.
    pub fn collated(expression: NodeRef, collation: Oid) -> Made {
        // SAFETY: the tag is that of the node.
        let mut node = unsafe { PgBox::<CollateExpr>::alloc_node(NodeTag::T_CollateExpr) };
        (node.arg, node.collOid, node.location) = (expression.pointer().cast(), collation, -1);
        Made(node.into_pg().cast())
    }

    /// A node that is there already.
    pub fn already(node: NodeRef) -> Made {
        Made(node.pointer())
    }

    /// The node for functions of PostgreSQL.
    pub fn pointer(self) -> *mut Node {
        self.0
    }
}

impl MadeTargets {
    /// No targets.
    pub fn new() -> MadeTargets {
        MadeTargets { list: null_mut(), count: 0 }
    }

    /// Adds a target, with the name of another one.
    pub fn add(&mut self, expression: Made, named: Option<NodeRef<TargetEntry>>) {
        let name: *mut c_char = named.map_or(null_mut(), |target| target.resname);
        self.count += 1;
        // SAFETY: the node was made for this, and the list is null or was returned here before.
        self.list = unsafe {
            let target = pg_sys::makeTargetEntry(expression.0.cast(), self.count, name, false);
            pg_sys::lappend(self.list, target.cast())
        };
    }

    /// The list for functions of PostgreSQL.
    pub fn pointer(self) -> *mut List {
        self.list
    }
}

/// Finds the node that is to take the place of another one, if any.
pub type Replacement<'a, T> = &'a mut dyn FnMut(NodeRef<T>) -> Option<Made>;

struct Replacing<'a, T> {
    replacement: Replacement<'a, T>,
}

/// Copies an expression into the current memory context, as [`replaced`] does a list.
pub fn replaced_within<T: Tagged>(node: NodeRef, replacement: Replacement<T>) -> Made {
    let mut replacing = Replacing { replacement };
    // SAFETY: the node is one of an expression; `visit` gets the context that it is made for.
    Made(unsafe { visit::<T>(node.pointer(), (&raw mut replacing).cast()) })
}

/// Copies a list of expressions into the current memory context, in which nodes of one kind are replaced by others. Nothing below
/// such a node is looked at.
pub fn replaced<T: Tagged>(list: NodeList, replacement: Replacement<T>) -> *mut List {
    let mut replacing = Replacing { replacement };
    // SAFETY: the list is one of expressions or null; `visit` gets the context that it is made for.
    unsafe { mutate::<T>(list.pointer().cast(), (&raw mut replacing).cast()).cast() }
}

/// Copies a node, or returns what replaces it.
unsafe extern "C-unwind" fn visit<T: Tagged>(node: *mut Node, context: *mut c_void) -> *mut Node {
    // SAFETY: PostgreSQL passes nodes of the tree, and the context that `replaced` gave it, which waits for the end of the copy.
    unsafe {
        pg_sys::panic::pgrx_extern_c_guard(|| {
            let Some(found) = NodeRef::new(node).and_then(NodeRef::cast::<T>) else {
                return mutate::<T>(node, context);
            };
            let replacing = &mut *context.cast::<Replacing<T>>();
            (replacing.replacement)(found).map_or(node, Made::pointer)
        })
    }
}

/// Copies a tree, replacing each node by what `visit` returns.
///
/// # Safety
/// An expression, a list of some, or null, and a context made by [`replaced`].
unsafe fn mutate<T: Tagged>(node: *mut Node, context: *mut c_void) -> *mut Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: PostgreSQL copies the node and calls back for its children.
    unsafe {
        #[cfg(feature = "pg15")]
        {
            // Before version 16 the callback is declared without its arguments.
            type Declared = unsafe extern "C-unwind" fn() -> *mut Node;
            type Callback = unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> *mut Node;
            let callback = std::mem::transmute::<Callback, Declared>(visit::<T>);
            pg_sys::expression_tree_mutator(node, Some(callback), context)
        }
        #[cfg(not(feature = "pg15"))]
        pg_sys::expression_tree_mutator_impl(node, Some(visit::<T>), context)
    }
}
