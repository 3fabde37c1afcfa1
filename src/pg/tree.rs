//! Trees of nodes, as PostgreSQL's parser and planner make them, read without `unsafe`.
//!
//! The one unsafe act is [`NodeRef::new`], by which somebody vouches for a whole tree: each of its pointers to a node is
//! null or leads to a node, whose tag says which structure it is. From there on references are only made of the fields of
//! nodes, and cast by their tags.

use pgrx::pg_sys::{self, List, Node, NodeTag};
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;

/// A node of a tree that lives for `'t`; of any kind, or of one. A pointer that is not null, as C sees it.
#[repr(transparent)]
pub struct NodeRef<'t, T = Node> {
    node: NonNull<T>,
    tree: PhantomData<&'t T>,
}

impl<T> Clone for NodeRef<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for NodeRef<'_, T> {}

/// A structure that begins with a tag of its own.
///
/// # Safety
/// All nodes with this tag are of the type, and what its fields of type pointer to a node point to are nodes.
pub unsafe trait Tagged {
    const TAG: NodeTag;
}

/// A type to which a field may point that leads to a node: a structure with a tag, or the beginning of any.
pub trait Pointee {}

impl<T: Tagged> Pointee for T {}
impl Pointee for Node {}
impl Pointee for pg_sys::Expr {}
impl Pointee for pg_sys::Plan {}

macro_rules! tagged {
    ($($type:ident $tag:ident),* $(,)?) => { $(
        // SAFETY: PostgreSQL's header defines the structure and its tag.
        unsafe impl Tagged for pg_sys::$type {
            const TAG: NodeTag = NodeTag::$tag;
        }
    )* };
}

tagged! {
    Aggref T_Aggref,
    AlterTableCmd T_AlterTableCmd,
    AlterTableStmt T_AlterTableStmt,
    BoolExpr T_BoolExpr,
    CallContext T_CallContext,
    CaseExpr T_CaseExpr,
    CaseWhen T_CaseWhen,
    CoalesceExpr T_CoalesceExpr,
    Const T_Const,
    CustomScan T_CustomScan,
    DropStmt T_DropStmt,
    EventTriggerData T_EventTriggerData,
    FuncExpr T_FuncExpr,
    List T_List,
    NullTest T_NullTest,
    OpExpr T_OpExpr,
    Param T_Param,
    PartitionBoundSpec T_PartitionBoundSpec,
    PartitionCmd T_PartitionCmd,
    PartitionRangeDatum T_PartitionRangeDatum,
    RangeVar T_RangeVar,
    RelabelType T_RelabelType,
    ScalarArrayOpExpr T_ScalarArrayOpExpr,
    SortGroupClause T_SortGroupClause,
    TargetEntry T_TargetEntry,
    TriggerData T_TriggerData,
    Var T_Var,
    WindowAgg T_WindowAgg,
    WindowFunc T_WindowFunc,
}

impl<'t> NodeRef<'t> {
    /// A node; None for a null pointer.
    ///
    /// # Safety
    /// The pointer is null, or leads to a node of a tree that PostgreSQL made, that lives for `'t` and in which nobody
    /// changes meanwhile what is read.
    #[inline]
    pub unsafe fn new(node: *mut Node) -> Option<NodeRef<'t>> {
        NonNull::new(node).map(|node| NodeRef { node, tree: PhantomData })
    }

    /// The tag, which says what kind of node it is.
    #[inline]
    pub fn tag(self) -> NodeTag {
        self.type_
    }

    /// The node as one of this kind; None if it is of another.
    pub fn cast<T: Tagged>(self) -> Option<NodeRef<'t, T>> {
        (self.tag() == T::TAG).then(|| NodeRef { node: self.node.cast(), tree: PhantomData })
    }
}

impl<'t, T: Pointee> NodeRef<'t, T> {
    /// The node as one of any kind.
    pub fn untyped(self) -> NodeRef<'t> {
        NodeRef { node: self.node.cast(), tree: PhantomData }
    }

    /// The node for functions of PostgreSQL.
    pub fn pointer(self) -> *mut T {
        self.node.as_ptr()
    }

    /// The node to which a field leads; None if the field is null.
    pub fn node<P: Pointee>(self, field: impl FnOnce(&T) -> &*mut P) -> Option<NodeRef<'t>> {
        // SAFETY: the pointer is one in the node, of a type that leads to a node of the same tree.
        unsafe { NodeRef::new(self.own(field).cast()) }
    }

    /// The members of a list of nodes to which a field leads.
    pub fn list(self, field: impl FnOnce(&T) -> &*mut List) -> NodeList<'t> {
        self.node(field).map_or(NodeList(None), NodeList::of)
    }

    /// The value of a field; null if it does not lie in the node, since a pointer from elsewhere might lead anywhere.
    fn own<P>(self, field: impl FnOnce(&T) -> &*mut P) -> *mut P {
        let (node, field) = (&*self, field(&self));
        let distance = (&raw const *field).addr().wrapping_sub((&raw const *node).addr());
        let is_own = distance <= size_of::<T>() - size_of::<*mut P>();
        if is_own {
            *field
        } else {
            std::ptr::null_mut()
        }
    }
}

impl<T> Deref for NodeRef<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: whoever made the first reference to the tree has vouched for its nodes, and casts look at their tags.
        unsafe { self.node.as_ref() }
    }
}

/// The members of a node that is a list of integers; none of any other.
pub fn integers(node: NodeRef<'_>) -> impl Iterator<Item = i32> + '_ {
    let list = (node.tag() == NodeTag::T_IntList).then(|| node.pointer().cast::<List>());
    // SAFETY: the tag is that of a list of integers, which has as many members as it says.
    unsafe {
        let (first, length) =
            list.map_or((std::ptr::null_mut(), 0), |list| ((*list).elements, (*list).length));
        (0..length as usize).map(move |place| (*first.add(place)).int_value)
    }
}

/// A list of nodes.
#[derive(Clone, Copy)]
pub struct NodeList<'t>(Option<NodeRef<'t, List>>);

impl<'t> NodeList<'t> {
    /// The members of a node that is a list; none of any other.
    pub fn of(node: NodeRef<'t>) -> NodeList<'t> {
        NodeList(node.cast())
    }

    /// The members; null pointers are left out.
    pub fn iter(self) -> impl Iterator<Item = NodeRef<'t>> {
        let count = self.0.map_or(0, |list| list.length as usize);
        // SAFETY: a list has as many members as it says, and those of a list of this kind are nodes, or null.
        (0..count)
            .filter_map(move |place| unsafe { NodeRef::new((*self.0?.elements.add(place)).ptr_value.cast()) })
    }

    /// The members of one kind; others are left out.
    pub fn all<T: Tagged + 't>(self) -> impl Iterator<Item = NodeRef<'t, T>> {
        self.iter().filter_map(NodeRef::cast)
    }

    /// The list itself; None if it is empty.
    pub fn node(self) -> Option<NodeRef<'t>> {
        self.0.map(NodeRef::untyped)
    }

    /// The list for functions of PostgreSQL.
    pub fn pointer(self) -> *mut List {
        self.0.map_or(std::ptr::null_mut(), NodeRef::pointer)
    }
}
