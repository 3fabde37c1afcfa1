//! Trees of nodes, as PostgreSQL's parser and planner make them, read without `unsafe`.
//!
//! The one unsafe act is [`NodeRef::new`], by which somebody vouches for a whole tree: each of its pointers to a node is
//! null or leads to a node, whose tag says which structure it is. From there on references are only made of the fields of
//! nodes, and cast by their tags.

use super::node_kind::Pointee;
use pgrx::pg_sys::{List, ListCell, Node, NodeTag, Oid, OpExpr, SortGroupClause, TargetEntry};
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;

pub use super::node_kind::{Linked, Tagged};

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

    /// The comparison in `IS DISTINCT FROM`, which has the structure of an operator and a tag of its own.
    pub fn distinction(self) -> Option<NodeRef<'t, OpExpr>> {
        // PostgreSQL's header defines one as the other.
        (self.tag() == NodeTag::T_DistinctExpr).then(|| NodeRef { node: self.node.cast(), tree: PhantomData })
    }

    /// The node as one of a kind that has several tags.
    ///
    /// # Safety
    /// The node begins with this structure.
    pub unsafe fn assumed<T>(self) -> NodeRef<'t, T> {
        NodeRef { node: self.node.cast(), tree: PhantomData }
    }
}

impl<'t, T: Linked> NodeRef<'t, T> {
    /// The node to which a field leads; None if the field is null.
    pub fn node<P: Pointee + 't>(self, field: impl FnOnce(&T) -> &*mut P) -> Option<NodeRef<'t>> {
        self.own(T::ONLY, field).map(NodeRef::untyped)
    }

    /// The members of a list of nodes to which a field leads.
    pub fn list(self, field: impl FnOnce(&T) -> &*mut List) -> NodeList<'t> {
        self.node(field).map_or(NodeList(None), NodeList::of)
    }
}

impl<'t, T> NodeRef<'t, T> {
    /// The node as one of any kind.
    pub fn untyped(self) -> NodeRef<'t> {
        NodeRef { node: self.node.cast(), tree: PhantomData }
    }

    /// The node at this place.
    ///
    /// # Safety
    /// A node of this kind, and otherwise as for [`NodeRef::new`].
    pub(in crate::pg) unsafe fn at(node: NonNull<T>) -> NodeRef<'t, T> {
        NodeRef { node, tree: PhantomData }
    }

    /// The place of the node.
    pub(in crate::pg) fn place(self) -> NonNull<T> {
        self.node
    }

    /// The node for functions of PostgreSQL.
    pub fn pointer(self) -> *mut T {
        self.node.as_ptr()
    }

    /// The number of the members of a list to which a field leads, whatever they are.
    pub(in crate::pg) fn length(self, field: impl FnOnce(&T) -> &*mut List) -> usize {
        self.own(None, field).map_or(0, |list| list.length as usize)
    }

    /// Follows a field; None if the field is null, is none of these, or does not lie in the node: a pointer from elsewhere might
    /// lead anywhere.
    pub(super) fn own<P>(
        self,
        only: Option<&[usize]>,
        field: impl FnOnce(&T) -> &*mut P,
    ) -> Option<NodeRef<'t, P>> {
        let (node, field) = (&*self, field(&self));
        let distance = (&raw const *field).addr().wrapping_sub((&raw const *node).addr());
        let is_own = distance <= size_of::<T>() - size_of::<*mut P>();
        let is_followed = is_own && only.is_none_or(|only| only.contains(&distance));
        let place = NonNull::new(*field).filter(|_| is_followed);
        // SAFETY: the pointer is one in the node, where PostgreSQL keeps what it points to, of this type, as long as the node.
        place.map(|place| unsafe { NodeRef::at(place) })
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

/// A member of a list, as it lies in the list.
///
/// # Safety
/// The members of lists with this tag begin with this, and are as long and aligned as it is.
unsafe trait Cell {
    const TAG: NodeTag;
}

/// A number, in the room of a pointer.
#[repr(C)]
struct NumberCell<N> {
    room: [ListCell; 0],
    number: N,
}

const _: () = assert!(size_of::<NumberCell<i32>>() == size_of::<ListCell>());

// SAFETY: PostgreSQL's header defines the members of lists with this tag.
unsafe impl Cell for NumberCell<i32> {
    const TAG: NodeTag = NodeTag::T_IntList;
}

// SAFETY: PostgreSQL's header defines the members of lists with this tag.
unsafe impl Cell for NumberCell<Oid> {
    const TAG: NodeTag = NodeTag::T_OidList;
}

// SAFETY: PostgreSQL's header defines the members of lists with this tag; the pointers lead to nodes of the same tree, or are null.
unsafe impl Cell for Option<NodeRef<'_>> {
    const TAG: NodeTag = NodeTag::T_List;
}

/// The members of a list of this kind; none of any other node.
fn cells<'t, C: Cell>(node: NodeRef<'t>) -> &'t [C] {
    if node.tag() != C::TAG {
        return &[];
    }
    let list = node.pointer().cast::<List>();
    // SAFETY: the tag is that of a list with such members, of which there are as many as it says.
    unsafe { std::slice::from_raw_parts((*list).elements.cast(), (*list).length as usize) }
}

/// The members of a node that is a list of integers; none of any other.
pub fn integers(node: NodeRef<'_>) -> impl Iterator<Item = i32> + '_ {
    cells::<NumberCell<i32>>(node).iter().map(|cell| cell.number)
}

/// The members of a node that is a list of OIDs; none of any other.
pub fn oids(node: NodeRef<'_>) -> impl Iterator<Item = Oid> + '_ {
    cells::<NumberCell<Oid>>(node).iter().map(|cell| cell.number)
}

/// A list of nodes. A pointer that may be null, as C sees it.
#[derive(Clone, Copy, Default)]
#[repr(transparent)]
pub struct NodeList<'t>(Option<NodeRef<'t, List>>);

impl<'t> NodeList<'t> {
    /// The members of a list; none of any other node.
    ///
    /// # Safety
    /// As for [`NodeRef::new`].
    pub unsafe fn new(list: *mut List) -> NodeList<'t> {
        let node = NonNull::new(list.cast()).map(|node| NodeRef { node, tree: PhantomData });
        node.map(NodeList::of).unwrap_or_default()
    }

    /// The members of a node that is a list; none of any other.
    pub fn of(node: NodeRef<'t>) -> NodeList<'t> {
        NodeList(node.cast())
    }

    /// The members; None for null pointers.
    pub fn slots(self) -> impl Iterator<Item = Option<NodeRef<'t>>> {
        self.0.into_iter().flat_map(|list| cells::<Option<NodeRef<'t>>>(list.untyped())).copied()
    }

    /// The members; null pointers are left out.
    pub fn iter(self) -> impl Iterator<Item = NodeRef<'t>> {
        self.slots().flatten()
    }

    /// The members, if there are as many.
    pub fn only<const N: usize>(self) -> Option<[NodeRef<'t>; N]> {
        self.iter().collect::<Vec<_>>().try_into().ok()
    }

    /// The members of one kind; others are left out.
    pub fn all<T: Tagged + 't>(self) -> impl Iterator<Item = NodeRef<'t, T>> {
        self.iter().filter_map(NodeRef::cast)
    }

    /// The expression by which a clause sorts or groups, of targets; None if it is not among them.
    pub fn sorted_by(self, clause: NodeRef<SortGroupClause>) -> Option<NodeRef<'t>> {
        let mut targets = self.all::<TargetEntry>();
        targets.find(|target| target.ressortgroupref == clause.tleSortGroupRef)?.node(|target| &target.expr)
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
