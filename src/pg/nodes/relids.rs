//! Sets of relations of a query.

use super::tree::NodeRef;
use crate::pg::server::lookup::caught;
use pgrx::pg_sys::Bitmapset;
use std::marker::PhantomData;

/// A set of relations that lives for `'q`; a null pointer is the empty one.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Relids<'q> {
    set: *const Bitmapset,
    query: PhantomData<&'q Bitmapset>,
}

/// A set in the current memory context that nobody else has; a null pointer is the empty one.
#[repr(transparent)]
pub struct NewSet(*mut Bitmapset);

/// The member of a set that PostgreSQL has found last.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct FoundMember(i32);

impl FoundMember {
    /// Before the first.
    const NONE: FoundMember = FoundMember(-1);
}

// PostgreSQL defines these functions with these arguments, which they only read, apart from the new set, which they
// take and return with the member.
unsafe extern "C-unwind" {
    safe fn bms_is_subset(set: Relids, other: Relids) -> bool;
    safe fn bms_union(set: Relids, other: Relids) -> NewSet;
    safe fn bms_next_member(set: Relids, last: FoundMember) -> FoundMember;
    safe fn bms_add_member(set: NewSet, member: i32) -> NewSet;
}

impl<'q> Relids<'q> {
    /// The set that a part of a tree is; the empty one if it is not there.
    pub fn of(set: Option<NodeRef<'q, Bitmapset>>) -> Relids<'q> {
        let set = set.map_or(std::ptr::null(), |set| set.pointer().cast_const());
        Relids { set, query: PhantomData }
    }

    /// The members, in order.
    pub fn members(self) -> impl Iterator<Item = i32> + 'q {
        let after = move |last| Some(caught(|| bms_next_member(self, last))).filter(|next| next.0 >= 0);
        std::iter::successors(after(FoundMember::NONE), move |&last| after(last)).map(|member| member.0)
    }

    pub fn is_empty(self) -> bool {
        self.members().next().is_none()
    }

    pub fn is_subset(self, other: Relids) -> bool {
        caught(|| bms_is_subset(self, other))
    }
}

impl<'t, T> NodeRef<'t, T> {
    /// The set of relations to which a field leads.
    pub fn relids(self, field: impl FnOnce(&T) -> &*mut Bitmapset) -> Relids<'t> {
        Relids::of(self.own(None, field))
    }
}

impl NewSet {
    /// The set of these members.
    pub fn of(members: &[i32]) -> NewSet {
        let none = NewSet(std::ptr::null_mut());
        members.iter().fold(none, |set, &member| caught(|| bms_add_member(set, member)))
    }

    /// The set of the members of both.
    pub fn union(one: Relids, other: Relids) -> NewSet {
        caught(|| bms_union(one, other))
    }

    /// The set, while it is looked at.
    pub fn look(&self) -> Relids<'_> {
        Relids { set: self.0, query: PhantomData }
    }
}
