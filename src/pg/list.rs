//! PostgreSQL's lists.

use super::tree::NodeRef;
use pgrx::pg_sys::{self, List, ListCell, Oid};

/// A new list of nodes, in the current memory context; a null pointer if there are none.
pub fn collected<'t>(nodes: impl Iterator<Item = NodeRef<'t>>) -> *mut List {
    // SAFETY: PostgreSQL extends the list that it returned before.
    nodes.fold(std::ptr::null_mut(), |list, node| unsafe { pg_sys::lappend(list, node.pointer().cast()) })
}

/// The cells of a list.
///
/// # Safety
/// `list` is a list, or null, which is the empty list. No member is added or taken away while the cells are used.
unsafe fn cells<'a>(list: *mut List) -> &'a [ListCell] {
    // SAFETY: the caller promises a list or null; a list has `length` cells behind `elements`.
    unsafe {
        list.as_ref()
            .map_or(&[], |list| std::slice::from_raw_parts(list.elements.cast_const(), list.length as usize))
    }
}

/// The places of the members of a list of pointers.
///
/// # Safety
/// `list` is a list of pointers to `T`, or null, which is the empty list. No member is added or taken away while the
/// iterator is used.
pub unsafe fn places<T>(list: *mut List) -> impl Iterator<Item = *mut *mut T> {
    // SAFETY: the caller promises a list or null, and keeps its cells in place.
    unsafe {
        let (first, length) =
            list.as_ref().map_or((std::ptr::null_mut(), 0), |list| (list.elements, list.length));
        (0..length as usize).map(move |place| first.add(place).cast())
    }
}

/// The members of a list of pointers.
///
/// # Safety
/// `list` is as for [`places`]; nothing writes to it while the iterator is used.
pub unsafe fn items<T>(list: *mut List) -> impl Iterator<Item = *mut T> {
    // SAFETY: the caller promises a list of pointers.
    unsafe { cells(list).iter().map(|cell| cell.ptr_value.cast()) }
}

/// The OIDs in a list.
///
/// # Safety
/// The list is a list of OIDs, or empty, and outlives the iterator.
pub unsafe fn oids(list: *mut List) -> impl Iterator<Item = Oid> {
    // SAFETY: the elements of the caller's list are OIDs.
    unsafe { cells(list).iter().map(|cell| cell.oid_value) }
}
