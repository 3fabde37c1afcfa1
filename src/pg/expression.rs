//! Expression trees, inspected while planning, and evaluated from frames of Rust that own what has to be dropped.

use super::column::generated;
use super::executor;
use super::list::items;
use super::lookup::caught;
use super::tree::{NodeList, NodeRef, Pointee};
use pgrx::pg_guard;
use pgrx::pg_sys::{self, Datum, ExprContext, ExprState, List, Node, NodeTag, Oid};
use std::ffi::c_void;

// PostgreSQL defines these functions with these arguments. They only read the trees and raise errors for what is no
// expression, and are only called through `caught`.
unsafe extern "C-unwind" {
    safe fn exprType(expression: NodeRef) -> Oid;
    safe fn contain_volatile_functions(expression: NodeRef) -> bool;
    safe fn contain_subplans(expression: NodeRef) -> bool;
    safe fn equal(one: Option<NodeRef>, other: Option<NodeRef>) -> bool;
}

impl<'t, T: Pointee> NodeRef<'t, T> {
    /// The type of an expression.
    pub fn type_oid(self) -> Oid {
        caught(|| exprType(self.untyped()))
    }

    /// Whether an expression may have another value each time.
    pub fn is_volatile(self) -> bool {
        caught(|| contain_volatile_functions(self.untyped()))
    }

    /// Whether an expression has subplans.
    pub fn has_subplans(self) -> bool {
        caught(|| contain_subplans(self.untyped()))
    }

    /// Whether two trees are equal, apart from their positions in the text of the query.
    pub fn is_same<U: Pointee>(self, other: NodeRef<U>) -> bool {
        are_same(Some(self.untyped()), Some(other.untyped()))
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
        let flags = pg_sys::PVC_INCLUDE_WINDOWFUNCS
            | pg_sys::PVC_INCLUDE_AGGREGATES
            | pg_sys::PVC_RECURSE_PLACEHOLDERS;
        // SAFETY: PostgreSQL returns a list of nodes of the tree.
        unsafe {
            let found = pg_sys::pull_var_clause(self.pointer().cast(), flags as i32);
            items(found).filter_map(|node| NodeRef::new(node)).collect()
        }
    }
}

/// Calls `visit` with each child of a node.
///
/// # Safety
/// A node of an expression.
pub unsafe fn for_each_child(node: *mut Node, visit: &mut dyn FnMut(*mut Node)) {
    let mut visit = visit;
    let context = (&raw mut visit).cast::<c_void>();
    // SAFETY: PostgreSQL passes the context on to `child`, only during this call.
    unsafe {
        pg_sys::expression_tree_walker(node, Some(child), context);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn child(node: *mut Node, context: *mut c_void) -> bool {
    if !node.is_null() {
        // SAFETY: the context comes from `for_each_child`, which waits for this call.
        unsafe { (*context.cast::<&mut dyn FnMut(*mut Node)>())(node) }
    }
    false
}

/// Whether a node, or one below it, has this tag.
///
/// # Safety
/// A node of an expression.
pub unsafe fn contains(node: *mut Node, tag: NodeTag) -> bool {
    // SAFETY: the caller's expression, whose children are nodes.
    unsafe {
        let mut found = (*node).type_ == tag;
        for_each_child(node, &mut |child| found = found || contains(child, tag));
        found
    }
}

/// Whether two trees are equal, apart from their positions in the text of the query.
///
/// # Safety
/// Both are nodes, or null.
pub unsafe fn same<A, B>(one: *const A, other: *const B) -> bool {
    // SAFETY: both are nodes or null, which PostgreSQL can compare.
    unsafe { pg_sys::equal(one.cast(), other.cast()) }
}

/// Returns the value of a constant that is not NULL; None for everything else.
///
/// # Safety
/// A node of an expression.
pub unsafe fn constant(node: *mut Node) -> Option<(Oid, Datum)> {
    // SAFETY: the tag says that it is a constant.
    unsafe {
        if (*node).type_ != NodeTag::T_Const {
            return None;
        }
        let constant = node.cast::<pg_sys::Const>();
        (!(*constant).constisnull).then_some(((*constant).consttype, (*constant).constvalue))
    }
}

/// Returns the text of a constant of type text.
///
/// # Safety
/// As for [`constant`].
pub unsafe fn constant_text(node: *mut Node) -> Option<String> {
    // SAFETY: the constant is checked to be a text.
    unsafe {
        let (_, datum) = constant(node).filter(|(type_oid, _)| *type_oid == pg_sys::TEXTOID)?;
        Some(String::from_utf8_lossy(super::value::bytes_of(datum)).into_owned())
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
    unsafe {
        let copy = pg_sys::copyObjectImpl(column.cast()).cast::<pg_sys::Var>();
        let form = pg_sys::CoercionForm::COERCE_IMPLICIT_CAST;
        let (of, modifier, collation) = ((*copy).vartype, (*copy).vartypmod, (*copy).varcollid);
        pg_sys::makeRelabelType(copy.cast(), of, modifier, collation, form).cast()
    }
}

/// Returns the expression of which a stored column has the values, its columns being those of this relation of a query. None if
/// it is not generated, or the table has partitions or children, which may have expressions of their own.
///
/// # Safety
/// A table that is locked.
pub unsafe fn generation_of(table: Oid, column: i16, relation: i32) -> Option<*mut Node> {
    const STORED: u8 = b's';
    if generated(table, column) != STORED {
        return None;
    }
    // SAFETY: the relation is held while it is looked at; the expression is a copy in the current memory context.
    unsafe {
        let held = pg_sys::RelationIdGetRelation(table);
        if held.is_null() {
            return None;
        }
        let class = (*held).rd_rel;
        let is_alone = (*class).relkind as u8 == pg_sys::RELKIND_RELATION && !(*class).relhassubclass;
        let node =
            if is_alone { pg_sys::build_column_default(held, column.into()) } else { std::ptr::null_mut() };
        pg_sys::RelationClose(held);
        if node.is_null() {
            return None;
        }
        let node = pg_sys::eval_const_expressions(std::ptr::null_mut(), node);
        pg_sys::ChangeVarNodes(node, 1, relation, 0);
        Some(node)
    }
}

/// An initialised expression of a node of the plan, which frames of Rust may evaluate.
#[derive(Clone, Copy)]
pub struct Evaluated {
    state: *mut ExprState,
    context: *mut ExprContext,
}

impl Evaluated {
    /// # Safety
    /// The expression is initialised, and lives as long as the query, as does its context.
    pub unsafe fn new(state: *mut ExprState, context: *mut ExprContext) -> Evaluated {
        Evaluated { state, context }
    }

    /// Returns the value for the rows in the context; what it points to lives until the context is reset.
    ///
    /// # Safety
    /// The context has the rows that the expression refers to.
    pub unsafe fn value(self) -> Option<Datum> {
        // SAFETY: the boundary turns an error of PostgreSQL into a panic; the frames in between own nothing.
        unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| executor::evaluate(self.state, self.context)) }
    }
}

/// Returns the columns of a table, by number, without which none of the conditions could hold: they are not NULL there.
///
/// # Safety
/// A list of conditions of one query, all of which must hold.
#[cfg(feature = "pg15")]
pub unsafe fn columns_that_are_not_null(conditions: *mut List, relation: i32) -> Vec<i16> {
    // SAFETY: the caller's conditions; PostgreSQL returns columns.
    unsafe {
        items::<pg_sys::Var>(pg_sys::find_nonnullable_vars(conditions.cast()))
            .filter(|column| (**column).varno == relation && (**column).varlevelsup == 0)
            .map(|column| (*column).varattno)
            .collect()
    }
}

/// Returns the columns of a table, by number, without which none of the conditions could hold: they are not NULL there.
///
/// # Safety
/// A list of conditions of one query, all of which must hold.
#[cfg(not(feature = "pg15"))]
pub unsafe fn columns_that_are_not_null(conditions: *mut List, relation: i32) -> Vec<i16> {
    // SAFETY: the caller's conditions; PostgreSQL returns a set of columns for each table, by its number in the query.
    unsafe {
        let sets = pg_sys::find_nonnullable_vars(conditions.cast());
        let Some(set) = items::<pg_sys::Bitmapset>(sets).nth(relation as usize) else { return Vec::new() };
        let mut columns = Vec::new();
        let mut member = -1;
        loop {
            member = pg_sys::bms_next_member(set, member);
            if member < 0 {
                return columns;
            }
            columns.push((member + pg_sys::FirstLowInvalidHeapAttributeNumber) as i16);
        }
    }
}

/// Returns the family of operators that order a type by default, from PostgreSQL's cache of types; None if there is no order.
pub fn order_of(type_oid: Oid) -> Option<Oid> {
    if type_oid == Oid::INVALID {
        return None;
    }
    let wanted = pg_sys::TYPECACHE_BTREE_OPFAMILY as i32;
    // SAFETY: the type exists, and PostgreSQL keeps its entry for ever.
    let family = unsafe { (*pg_sys::lookup_type_cache(type_oid, wanted)).btree_opf };
    (family != Oid::INVALID).then_some(family)
}

/// Returns the operator for equality of a type, by which its values can be hashed, from PostgreSQL's cache of types; None if there is none.
pub fn equality_of(type_oid: Oid) -> Option<Oid> {
    if type_oid == Oid::INVALID {
        return None;
    }
    // SAFETY: the type exists, and PostgreSQL keeps its entry for ever.
    unsafe {
        let operator = (*pg_sys::lookup_type_cache(type_oid, pg_sys::TYPECACHE_EQ_OPR as i32)).eq_opr;
        (operator != Oid::INVALID && pg_sys::op_hashjoinable(operator, type_oid)).then_some(operator)
    }
}
