//! Sets of relations of a query.

use pgrx::pg_sys::{self, Bitmapset};

/// The members of a set.
///
/// # Safety
/// A set, or null, which is the empty one.
pub unsafe fn members(set: *const Bitmapset) -> Vec<i32> {
    let mut members = Vec::new();
    let mut member = -1;
    loop {
        // SAFETY: the caller passes a set of the query, or null, which PostgreSQL takes for the empty one.
        member = unsafe { pg_sys::bms_next_member(set, member) };
        if member < 0 {
            return members;
        }
        members.push(member);
    }
}

/// The set of these members, in the current memory context.
pub fn set_of(members: &[i32]) -> *mut Bitmapset {
    // SAFETY: PostgreSQL extends the set that it returned before.
    members.iter().fold(std::ptr::null_mut(), |set, &member| unsafe { pg_sys::bms_add_member(set, member) })
}
