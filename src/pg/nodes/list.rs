//! PostgreSQL's lists in plans that are being changed.

use pgrx::pg_sys::List;

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
    unsafe { places(list).map(|place| *place) }
}
