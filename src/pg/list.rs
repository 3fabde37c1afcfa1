//! PostgreSQL's lists of pointers.

use pgrx::pg_sys::List;

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
/// As for [`places`]; nobody writes to the list while the iterator is used.
pub unsafe fn items<T>(list: *mut List) -> impl Iterator<Item = *mut T> {
    // SAFETY: the caller's promise is that of `places`; each cell holds a pointer.
    unsafe { places(list).map(|place| *place) }
}
