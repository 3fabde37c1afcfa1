//! Sets of relations of a query.

use crate::pg::server::lookup::caught;
use pgrx::pg_sys::{self, Bitmapset};
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

// PostgreSQL defines these functions with these arguments, which they only read, apart from the new set, which they
// take and return with the member.
unsafe extern "C-unwind" {
    safe fn bms_is_subset(set: Relids, other: Relids) -> bool;
    safe fn bms_union(set: Relids, other: Relids) -> NewSet;
    safe fn bms_add_member(set: NewSet, member: i32) -> NewSet;
}

impl<'q> Relids<'q> {
    /// # Safety
    /// The pointer is null, or leads to a set that lives for `'q` and that nobody changes meanwhile.
    pub unsafe fn new(set: *const Bitmapset) -> Relids<'q> {
        Relids { set, query: PhantomData }
    }

    /// A set that is at hand.
    #[cfg(not(feature = "pg15"))]
    pub fn of(set: &'q Bitmapset) -> Relids<'q> {
        Relids { set, query: PhantomData }
    }

    /// The members, in order.
    pub fn members(self) -> impl Iterator<Item = i32> + 'q {
        let mut member = -1;
        std::iter::from_fn(move || {
            // SAFETY: the set lives as long as the iterator; the member is -1 or the last that PostgreSQL found.
            member = unsafe { pg_sys::bms_next_member(self.set, member) };
            (member >= 0).then_some(member)
        })
    }

    pub fn is_empty(self) -> bool {
        self.members().next().is_none()
    }

    pub fn is_subset(self, other: Relids) -> bool {
        caught(|| bms_is_subset(self, other))
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
