//! Expression trees, inspected and copied while planning.

use super::planner::Planner;
use crate::pg::nodes::made::{Made, MadeList};
#[cfg(not(feature = "pg15"))]
use crate::pg::nodes::relids::Relids;
use crate::pg::nodes::tree::{Linked, NodeList, NodeRef};
use crate::pg::server::lookup::caught;
use pgrx::pg_guard;
use pgrx::pg_sys::{self, CoercionForm, NodeTag, Oid, RelabelType, Var};
use std::collections::BTreeSet;
use std::ffi::c_void;

/// A visitor, who is called with each child of a node. PostgreSQL only passes it on.
struct Visitor<'v, 't> {
    visit: &'v mut dyn FnMut(NodeRef<'t>) -> bool,
}

// PostgreSQL defines these functions with these arguments. They only read the trees and raise errors for what is no
// expression, and are only called through `caught`. The walker is called with children of the node, and with the visitor.
#[expect(improper_ctypes, reason = "PostgreSQL does not look into the visitor")]
unsafe extern "C-unwind" {
    safe fn exprType(expression: NodeRef) -> Oid;
    safe fn exprTypmod(expression: NodeRef) -> i32;
    safe fn exprCollation(expression: NodeRef) -> Oid;
    safe fn contain_volatile_functions(expression: NodeRef) -> bool;
    safe fn contain_subplans(expression: NodeRef) -> bool;
    safe fn contain_var_clause(expression: NodeRef) -> bool;
    safe fn equal(one: Option<NodeRef>, other: Option<NodeRef>) -> bool;
    #[cfg_attr(not(feature = "pg15"), link_name = "expression_tree_walker_impl")]
    safe fn expression_tree_walker<'t>(
        node: NodeRef<'t>,
        walker: extern "C-unwind" fn(Option<NodeRef<'t>>, &mut Visitor<'_, 't>) -> bool,
        visitor: &mut Visitor<'_, 't>,
    ) -> bool;
    safe fn pull_var_clause<'t>(expressions: NodeList<'t>, flags: i32) -> MadeList<'t>;
    safe fn find_nonnullable_vars<'t>(conditions: MadeList<'t>) -> MadeList<'t>;
    safe fn copyObjectImpl<'t>(node: NodeRef) -> Made<'t>;
    safe fn makeRelabelType<'t>(
        expression: Made<'t>,
        type_oid: Oid,
        typmod: i32,
        collation: Oid,
        form: CoercionForm::Type,
    ) -> Made<'t, RelabelType>;
    safe fn replace_rte_variables<'t>(
        expressions: Made<'t>,
        relation: i32,
        up: i32,
        replacement: for<'c> extern "C-unwind" fn(NodeRef<'c, Var>, *mut c_void) -> Made<'c, RelabelType>,
        argument: Option<&c_void>,
        has_sublinks: Option<&mut bool>,
    ) -> Made<'t>;
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
        let mut visitor = Visitor { visit: &mut visit };
        caught(|| expression_tree_walker(self, child, &mut visitor))
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

/// Visits a child of a node, if it is there.
#[pg_guard]
extern "C-unwind" fn child<'t>(node: Option<NodeRef<'t>>, visitor: &mut Visitor<'_, 't>) -> bool {
    node.is_some_and(|node| (visitor.visit)(node))
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
        caught(|| pull_var_clause(self, flags as i32)).members().into_iter().flatten().collect()
    }
}

impl<'q> Planner<'q> {
    /// An expression that is relabelled as what it is: not the same as the original, to PostgreSQL when it looks for an expression
    /// among the columns of a scan.
    pub fn relabelled_itself(self, expression: NodeRef<'q>) -> NodeRef<'q> {
        self.made(|| itself(expression, Made::already(expression))).untyped()
    }

    /// A copy of expressions, or of lists of them, in which each column is relabelled as what it is: no part of the copy is the same as
    /// one of the original, to PostgreSQL when it looks for an expression among the columns of a scan.
    pub fn relabelled(self, expressions: NodeList<'q>) -> NodeList<'q> {
        let Some(list) = expressions.node() else { return expressions };
        let columns = expressions.columns().into_iter().filter_map(NodeRef::cast::<Var>);
        let relations: BTreeSet<i32> = columns.map(|column| column.varno).collect();
        NodeList::of(self.made(|| {
            relations.iter().fold(Made::already(list), |made, &relation| {
                caught(|| replace_rte_variables(made, relation, 0, relabel, None, None))
            })
        }))
    }
}

/// Makes the node that takes the place of a column: a copy of it, relabelled.
#[pg_guard]
extern "C-unwind" fn relabel<'t>(column: NodeRef<'t, Var>, _context: *mut c_void) -> Made<'t, RelabelType> {
    itself(column.untyped(), caught(|| copyObjectImpl(column.untyped())))
}

/// Relabels an expression, or a copy of it, as what it is.
pub fn itself<'t>(expression: NodeRef, relabelled: Made<'t>) -> Made<'t, RelabelType> {
    let form = CoercionForm::COERCE_IMPLICIT_CAST;
    let (of, collation) = (expression.type_oid(), expression.collation());
    caught(|| makeRelabelType(relabelled, of, exprTypmod(expression), collation, form))
}

/// Returns the columns of a table, by number, without which none of the conditions of a query could hold: they are not NULL there.
pub fn columns_that_are_not_null<'t>(
    conditions: impl Iterator<Item = NodeRef<'t>>,
    relation: i32,
) -> Vec<i16> {
    let conditions = MadeList::of(conditions);
    let found = caught(|| find_nonnullable_vars(conditions)).members();
    #[cfg(feature = "pg15")]
    return found
        .into_iter()
        .flatten()
        .filter_map(NodeRef::cast::<Var>)
        .filter(|column| column.varno == relation && column.varlevelsup == 0)
        .map(|column| column.varattno)
        .collect();
    // One set of columns for each table.
    #[cfg(not(feature = "pg15"))]
    {
        let set = found.into_iter().nth(relation as usize).flatten().and_then(NodeRef::cast);
        let Some(set) = set else { return Vec::new() };
        let columns = Relids::of(Some(set)).members();
        columns.map(|member| (member + pg_sys::FirstLowInvalidHeapAttributeNumber) as i16).collect()
    }
}
