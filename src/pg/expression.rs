//! Expression trees, inspected while planning, and evaluated from frames of Rust that own what has to be dropped.

use super::list::{collected, items};
use super::lookup::caught;
use super::tree::{Linked, NodeList, NodeRef};
use pgrx::pg_guard;
use pgrx::pg_sys::{self, List, Node, NodeTag, Oid};
use std::ffi::c_void;

// PostgreSQL defines these functions with these arguments. They only read the trees and raise errors for what is no
// expression, and are only called through `caught`.
unsafe extern "C-unwind" {
    safe fn exprType(expression: NodeRef) -> Oid;
    safe fn exprCollation(expression: NodeRef) -> Oid;
    safe fn contain_volatile_functions(expression: NodeRef) -> bool;
    safe fn contain_subplans(expression: NodeRef) -> bool;
    safe fn contain_var_clause(expression: NodeRef) -> bool;
    safe fn equal(one: Option<NodeRef>, other: Option<NodeRef>) -> bool;
}

impl<'t, T: Linked> NodeRef<'t, T> {
    /// The type of an expression.
    pub fn type_oid(self) -> Oid {
        caught(|| exprType(self.untyped()))
    }

    /// The collation of an expression.
    pub fn collation(self) -> Oid {
        caught(|| exprCollation(self.untyped()))
    }

    /// Whether an expression may have another value each time.
    pub fn is_volatile(self) -> bool {
        caught(|| contain_volatile_functions(self.untyped()))
    }

    /// Whether an expression has subplans.
    pub fn has_subplans(self) -> bool {
        caught(|| contain_subplans(self.untyped()))
    }

    /// Whether an expression depends on columns.
    pub fn has_columns(self) -> bool {
        caught(|| contain_var_clause(self.untyped()))
    }

    /// Whether two trees are equal, apart from their positions in the text of the query.
    pub fn is_same<U: Linked>(self, other: NodeRef<U>) -> bool {
        are_same(Some(self.untyped()), Some(other.untyped()))
    }
}

impl<'t> NodeRef<'t> {
    /// Calls `visit` with each child of a node of an expression until it returns true; returns whether it did.
    pub fn any_child(self, mut visit: impl FnMut(NodeRef<'t>) -> bool) -> bool {
        let mut visit: &mut dyn FnMut(NodeRef<'t>) -> bool = &mut visit;
        let context = (&raw mut visit).cast::<c_void>();
        // SAFETY: PostgreSQL passes the children and the context on to `child`, only during this call.
        unsafe { pg_sys::expression_tree_walker(self.pointer(), Some(child), context) }
    }

    /// Calls `visit` with each child of a node of an expression; returns its first error.
    pub fn try_children<E>(self, mut visit: impl FnMut(NodeRef<'t>) -> Result<(), E>) -> Result<(), E> {
        let mut done = Ok(());
        self.any_child(|child| {
            done = visit(child);
            done.is_err()
        });
        done
    }

    /// Whether a node of an expression, or one below it, has this tag.
    pub fn contains(self, tag: NodeTag) -> bool {
        self.tag() == tag || self.any_child(|child| child.contains(tag))
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn child(node: *mut Node, context: *mut c_void) -> bool {
    // SAFETY: the node is a child of one of `any_child`'s tree, or null; the context comes from there, which waits for this call.
    unsafe {
        let visit = context.cast::<&mut dyn FnMut(NodeRef) -> bool>();
        NodeRef::new(node).is_some_and(|node| (*visit)(node))
    }
}

/// Whether two trees are equal, apart from their positions in the text of the query; those that are not there are.
pub fn are_same(one: Option<NodeRef>, other: Option<NodeRef>) -> bool {
    caught(|| equal(one, other))
}

impl<'t> NodeList<'t> {
    /// Whether two lists are equal, apart from their positions in the text of the query.
    pub fn is_same(self, other: NodeList) -> bool {
        are_same(self.node(), other.node())
    }

    /// The window functions, aggregates and columns in expressions.
    pub fn terms(self) -> Vec<NodeRef<'t>> {
        self.pulled(pg_sys::PVC_INCLUDE_WINDOWFUNCS | pg_sys::PVC_INCLUDE_AGGREGATES)
    }

    /// The columns in expressions without aggregates.
    pub fn columns(self) -> Vec<NodeRef<'t>> {
        self.pulled(0)
    }

    /// The columns in expressions, and what else the flags say.
    fn pulled(self, flags: u32) -> Vec<NodeRef<'t>> {
        let flags = flags | pg_sys::PVC_RECURSE_PLACEHOLDERS;
        // SAFETY: PostgreSQL returns a list of nodes of the tree.
        unsafe {
            let found = pg_sys::pull_var_clause(self.pointer().cast(), flags as i32);
            items(found).filter_map(|node| NodeRef::new(node)).collect()
        }
    }
}

/// Appends a member to a list of pointers, and returns the list.
///
/// # Safety
/// `list` is a list of pointers, or null; the member lives as long as the list.
pub unsafe fn appended<T>(list: *mut List, member: *mut T) -> *mut List {
    // SAFETY: the caller promises a list of pointers or null.
    unsafe { pg_sys::lappend(list, member.cast()) }
}

/// Returns a copy of expressions in which each column is relabelled as what it is: no part of the copy is the same as one of
/// the original, to PostgreSQL when it looks for an expression among the columns of a scan.
///
/// # Safety
/// Expressions of one query, or lists of them.
pub unsafe fn relabelled(expressions: *mut List) -> *mut List {
    // SAFETY: the caller's expressions; PostgreSQL returns their columns, and copies all around them.
    unsafe {
        let columns = pg_sys::pull_var_clause(expressions.cast(), pg_sys::PVC_RECURSE_PLACEHOLDERS as i32);
        let mut relations: Vec<i32> = items::<pg_sys::Var>(columns).map(|column| (*column).varno).collect();
        relations.sort_unstable();
        relations.dedup();
        let (none, unknown) = (std::ptr::null_mut(), std::ptr::null_mut());
        let replaced = relations.into_iter().fold(expressions.cast(), |node, relation| {
            pg_sys::replace_rte_variables(node, relation, 0, Some(relabel), none, unknown)
        });
        replaced.cast()
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn relabel(
    column: *mut pg_sys::Var,
    _context: *mut pg_sys::replace_rte_variables_context,
) -> *mut Node {
    // SAFETY: PostgreSQL passes a column, of which the new node has a copy.
    unsafe { relabelled_itself(pg_sys::copyObjectImpl(column.cast()).cast()) }
}

/// Relabels an expression as what it is.
///
/// # Safety
/// An expression that lives as long as the new node.
pub unsafe fn relabelled_itself(expression: *mut Node) -> *mut Node {
    // SAFETY: the caller's expression, whose type PostgreSQL knows.
    unsafe {
        let form = pg_sys::CoercionForm::COERCE_IMPLICIT_CAST;
        let (of, modifier) = (pg_sys::exprType(expression), pg_sys::exprTypmod(expression));
        let collation = pg_sys::exprCollation(expression);
        pg_sys::makeRelabelType(expression.cast(), of, modifier, collation, form).cast()
    }
}

/// Returns the columns of a table, by number, without which none of the conditions of a query could hold: they are not NULL there.
pub fn columns_that_are_not_null<'t>(
    conditions: impl Iterator<Item = NodeRef<'t>>,
    relation: i32,
) -> Vec<i16> {
    // SAFETY: the conditions are nodes; PostgreSQL returns columns, or sets of their numbers for each table.
    unsafe {
        let found = pg_sys::find_nonnullable_vars(collected(conditions).cast());
        #[cfg(feature = "pg15")]
        return items::<pg_sys::Var>(found)
            .filter(|column| (**column).varno == relation && (**column).varlevelsup == 0)
            .map(|column| (*column).varattno)
            .collect();
        #[cfg(not(feature = "pg15"))]
        {
            let set = items(found).nth(relation as usize).map(|set| super::relids::Relids::new(set));
            let columns = set.into_iter().flat_map(|set| set.members());
            columns.map(|member| (member + pg_sys::FirstLowInvalidHeapAttributeNumber) as i16).collect()
        }
    }
}
