//! Memory contexts of nodes.

use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_sys::{self, MemoryContext};
use std::ffi::CStr;

/// A memory context that is there as long as this is used.
#[derive(Clone, Copy)]
pub struct Region(MemoryContext);

impl Region {
    /// # Safety
    /// The context is there as long as the region, one below it, or a copy of either is used.
    pub unsafe fn new(context: MemoryContext) -> Region {
        Region(context)
    }

    /// Makes a region that goes with this one.
    pub fn below(self, name: &'static CStr) -> Region {
        // SAFETY: whoever made the region promises that the context is there.
        Region(unsafe {
            pg_sys::AllocSetContextCreateInternal(
                self.0,
                name.as_ptr(),
                pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
            )
        })
    }

    /// Does `work` with its allocations in the region.
    pub fn within<R>(self, work: impl FnOnce() -> R) -> R {
        // SAFETY: whoever made the region promises that the context is there; after an error PostgreSQL itself puts the
        // current one right.
        unsafe { PgMemoryContexts::For(self.0).switch_to(|_| work()) }
    }

    /// The bytes that the region takes.
    pub fn allocated(self) -> usize {
        // SAFETY: whoever made the region promises that the context is there.
        unsafe { pg_sys::MemoryContextMemAllocated(self.0, false) }
    }

    /// The bytes that the region takes together with those below it.
    pub fn allocated_in_all(self) -> usize {
        // SAFETY: whoever made the region promises that the context is there.
        unsafe { pg_sys::MemoryContextMemAllocated(self.0, true) }
    }

    /// The context for functions of PostgreSQL.
    pub fn context(self) -> MemoryContext {
        self.0
    }

    /// Empties the region.
    ///
    /// # Safety
    /// Nothing that was allocated there is used any more, nor is a region below.
    pub unsafe fn empty(self) {
        // SAFETY: the context is there, and nobody uses what was in it, as the caller promises.
        unsafe { pg_sys::MemoryContextReset(self.0) }
    }

    /// Ends the region.
    ///
    /// # Safety
    /// Neither the region nor what was allocated there is used any more.
    pub unsafe fn end(self) {
        // SAFETY: the context is there, and nobody uses it or what was in it, as the caller promises.
        unsafe { pg_sys::MemoryContextDelete(self.0) }
    }
}
