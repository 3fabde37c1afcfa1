//! Nodes and lists that functions of PostgreSQL make in the current memory context, of nodes that are there already.

use super::tree::{Linked, NodeList, NodeRef};
use crate::pg::server::error::defect;
use crate::pg::server::lookup::caught;
use crate::pg::server::passing::passing_of;
use crate::pg::values::value::Value;
use pgrx::pg_sys::{CollateExpr, Const, Datum, List, Node, NodeTag, Oid, TargetEntry, Var};
use pgrx::PgBox;
use std::ffi::c_char;
use std::marker::PhantomData;
use std::ptr::{null_mut, NonNull};

/// A node that was made in the memory context that was current then, of nodes that live for `'t`. Only a function that is
/// declared to make a node makes one. A pointer that is not null, as C sees it.
#[repr(transparent)]
pub struct Made<'t, T = Node> {
    node: NonNull<T>,
    parts: PhantomData<&'t Node>,
}

/// A list that was made likewise, of nodes that live for `'t`, or of numbers; a null pointer is the empty one.
#[repr(transparent)]
pub struct MadeList<'t>(NodeList<'t>);

/// A member that a list gets: a node that lives for `'t`, or a null pointer.
#[repr(transparent)]
pub struct Member<'t> {
    node: *mut Node,
    list: PhantomData<&'t Node>,
}

// PostgreSQL defines these functions with these arguments. They make nodes of any others, and raise errors for what is no
// expression; lists are taken, and returned with another member. A constant is only made of a value of its type.
unsafe extern "C-unwind" {
    safe fn exprTypmod(expression: NodeRef) -> i32;
    safe fn lappend<'t>(list: MadeList<'t>, member: Member<'t>) -> MadeList<'t>;
    safe fn lappend_int<'t>(list: MadeList<'t>, member: i32) -> MadeList<'t>;
    safe fn lappend_oid<'t>(list: MadeList<'t>, member: Oid) -> MadeList<'t>;
    safe fn makeVar<'t>(
        input: i32,
        number: i16,
        type_oid: Oid,
        typmod: i32,
        collation: Oid,
        up: u32,
    ) -> Made<'t, Var>;
    safe fn makeVarFromTargetEntry<'t>(input: i32, target: NodeRef<TargetEntry>) -> Made<'t, Var>;
    safe fn makeTargetEntry<'t>(
        expression: Member<'t>,
        number: i16,
        name: *mut c_char,
        is_junk: bool,
    ) -> Made<'t, TargetEntry>;
    unsafe fn makeConst<'t>(
        type_oid: Oid,
        typmod: i32,
        collation: Oid,
        length: i32,
        value: Datum,
        is_null: bool,
        by_value: bool,
    ) -> Made<'t, Const>;
}

impl<'t> Made<'t> {
    /// A constant, whose value is in the current memory context or passed by value.
    pub fn constant(value: Value, collation: Oid) -> Made<'t> {
        let (type_oid, datum) = (value.type_oid(), value.datum());
        let (length, by_value) = passing_of(type_oid);
        // SAFETY: the value is of its type, whose values have this length.
        let made =
            caught(|| unsafe { makeConst(type_oid, -1, collation, length.into(), datum, false, by_value) });
        made.untyped()
    }

    /// A column of an input, with the type of an expression.
    pub fn column<T: Linked>(like: NodeRef<T>, input: i32, number: i16) -> Made<'t> {
        let (type_oid, collation) = (like.type_oid(), like.collation());
        let like = like.untyped();
        caught(|| makeVar(input, number, type_oid, exprTypmod(like), collation, 0)).untyped()
    }

    /// An expression with another collation.
    pub fn collated(expression: NodeRef<'t>, collation: Oid) -> Made<'t> {
        // SAFETY: the tag is that of the new node, which refers to the expression.
        let made = unsafe {
            let mut node = PgBox::<CollateExpr>::alloc_node(NodeTag::T_CollateExpr);
            (node.arg, node.collOid, node.location) = (expression.pointer().cast(), collation, -1);
            Made::new(node.into_pg())
        };
        made.untyped()
    }

    /// The column of an input that has the value of one of its targets.
    pub fn column_of(input: i32, target: NodeRef<TargetEntry>) -> Made<'t> {
        caught(|| makeVarFromTargetEntry(input, target)).untyped()
    }
}

impl<'t, T> Made<'t, T> {
    /// A node that is there already.
    pub fn already(node: NodeRef<'t, T>) -> Made<'t, T> {
        Made { node: node.place(), parts: PhantomData }
    }

    /// The node as one of any kind.
    pub fn untyped(self) -> Made<'t> {
        Made { node: self.node.cast(), parts: PhantomData }
    }

    /// The node for functions of PostgreSQL.
    pub fn pointer(&self) -> *mut T {
        self.node.as_ptr()
    }

    /// A node that was just made.
    ///
    /// # Safety
    /// The pointer leads to a node of the kind in the current memory context, made of nodes that live for `'t`.
    pub unsafe fn new(node: *mut T) -> Made<'t, T> {
        Made { node: NonNull::new(node).unwrap_or_else(|| defect("a node was not made")), parts: PhantomData }
    }

    /// The node, while it is looked at.
    pub fn node(&self) -> NodeRef<'_, T> {
        // SAFETY: the node is in memory that nobody frees while it is used.
        unsafe { NodeRef::at(self.node) }
    }

    /// The place of the node.
    pub(in crate::pg) fn place(&self) -> NonNull<T> {
        self.node
    }
}

impl<'t> MadeList<'t> {
    /// The empty list.
    pub fn new() -> MadeList<'t> {
        MadeList(NodeList::default())
    }

    /// A list of nodes.
    pub fn of(nodes: impl Iterator<Item = NodeRef<'t>>) -> MadeList<'t> {
        nodes.fold(MadeList::new(), |list, node| list.with(Some(node)))
    }

    /// The list with another member.
    pub fn with(self, member: impl Into<Member<'t>>) -> MadeList<'t> {
        let member = member.into();
        caught(|| lappend(self, member))
    }

    /// The list of integers with another one.
    pub fn with_integer(self, integer: i32) -> MadeList<'t> {
        caught(|| lappend_int(self, integer))
    }

    /// The list of OIDs with another one.
    pub fn with_oid(self, oid: Oid) -> MadeList<'t> {
        caught(|| lappend_oid(self, oid))
    }

    /// The target list with another target, which has this number, and the name of another one.
    pub fn with_target(
        self,
        expression: impl Into<Member<'t>>,
        number: usize,
        named: Option<NodeRef<TargetEntry>>,
    ) -> MadeList<'t> {
        let name = named.map_or(null_mut(), |target| target.resname);
        let expression = expression.into();
        self.with(caught(|| makeTargetEntry(expression, number as i16, name, false)))
    }

    /// The nodes in the list; None for null pointers.
    pub fn members(self) -> Vec<Option<NodeRef<'t>>> {
        self.0.slots().collect()
    }

    /// The list as a node; None if it is empty.
    pub(in crate::pg) fn whole(self) -> Option<Made<'t>> {
        self.0.node().map(Made::already)
    }

    /// The list for functions of PostgreSQL.
    pub fn pointer(&self) -> *mut List {
        self.0.pointer()
    }
}

impl<'t> From<Option<NodeRef<'t>>> for Member<'t> {
    fn from(node: Option<NodeRef<'t>>) -> Member<'t> {
        Member { node: node.map_or(null_mut(), NodeRef::pointer), list: PhantomData }
    }
}

impl<'t, T> From<Made<'t, T>> for Member<'t> {
    fn from(made: Made<'t, T>) -> Member<'t> {
        Member { node: made.pointer().cast(), list: PhantomData }
    }
}

impl<'t> From<MadeList<'t>> for Member<'t> {
    fn from(made: MadeList<'t>) -> Member<'t> {
        Member { node: made.pointer().cast(), list: PhantomData }
    }
}
