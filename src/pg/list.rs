//! PostgreSQL's lists.

use super::tree::NodeRef;
use pgrx::pg_sys::{self, List, Oid};

/// A new list of nodes, in the current memory context; a null pointer if there are none.
pub fn collected<'t>(nodes: impl Iterator<Item = NodeRef<'t>>) -> *mut List {
    // SAFETY: PostgreSQL extends the list that it returned before.
    nodes.fold(std::ptr::null_mut(), |list, node| unsafe { pg_sys::lappend(list, node.pointer().cast()) })
}

/// The places of the members of a list of pointers.
///
/// # Safety
/// `list` is a list of pointers to `T`, or null, which is the empty list. No member is added or taken away while the
/// iterator is used.
pub unsafe fn places<T>(list: *mut List) -> impl Iterator<Item = *mut *mut T> {
    // SAFETY: the caller promises a list or null; a list has `length` cells behind `elements`.
    let (first, length) = match unsafe { list.as_ref() } {
        Some(list) => (list.elements.cast::<*mut T>(), list.length as usize),
        None => (std::ptr::null_mut(), 0),
    };
    // SAFETY: one of the `length` cells, which the caller keeps in place.
    (0..length).map(move |i| unsafe { first.add(i) })
}

/// The members of a list of pointers.
///
/// # Safety
/// `list` is as for [`places`]; nothing writes to it while the iterator is used.
pub unsafe fn items<T>(list: *mut List) -> impl Iterator<Item = *mut T> {
    // SAFETY: the caller promises what `places` asks; each cell holds a pointer.
    unsafe { places(list).map(|place| *place) }
}

/// The OIDs in a list.
///
/// # Safety
/// The list is a list of OIDs, or empty, and outlives the iterator.
pub unsafe fn oids(list: *mut List) -> impl Iterator<Item = Oid> {
    // SAFETY: the caller's list has as many elements as it says.
    let elements = unsafe {
        list.as_ref().map_or(&[][..], |list| {
            std::slice::from_raw_parts(list.elements.cast_const(), list.length as usize)
        })
    };
    // SAFETY: the elements of such a list are OIDs.
    elements.iter().map(|element| unsafe { element.oid_value })
}

/// The integers in a list.
///
/// # Safety
/// The list is a list of integers, or empty, and outlives the iterator.
pub unsafe fn integers(list: *mut List) -> impl Iterator<Item = i32> {
    // SAFETY: the caller's list has as many elements as it says.
    let elements = unsafe {
        list.as_ref().map_or(&[][..], |list| {
            std::slice::from_raw_parts(list.elements.cast_const(), list.length as usize)
        })
    };
    // SAFETY: the elements of such a list are integers.
    elements.iter().map(|element| unsafe { element.int_value })
}
