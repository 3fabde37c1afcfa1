//! Memory contexts of nodes.

use crate::pg::server::ctext::CText;
use crate::pg::server::lookup::caught;
use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_sys::{self, MemoryContext};
use std::ffi::CStr;

/// A memory context that is there as long as this is used.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Region(MemoryContext);

/// PostgreSQL's variable with the region of what lives as long as the process.
#[repr(transparent)]
struct Lasting(Region);

// SAFETY: PostgreSQL sets the variable before it loads any library, and never again.
unsafe impl Sync for Lasting {}

// PostgreSQL defines these functions with these arguments; it keeps the name, which is never freed.
unsafe extern "C-unwind" {
    safe fn AllocSetContextCreateInternal(
        parent: Region,
        name: CText<'static>,
        smallest: usize,
        first: usize,
        most: usize,
    ) -> Region;
    safe static TopMemoryContext: Lasting;
    safe fn MemoryContextMemAllocated(region: Region, with_those_below: bool) -> usize;
}

impl Region {
    /// # Safety
    /// The context is there as long as the region, one below it, or a copy of either is used.
    pub unsafe fn new(context: MemoryContext) -> Region {
        Region(context)
    }

    /// The region of what lives as long as the process.
    pub fn of_process() -> Region {
        TopMemoryContext.0
    }

    /// Makes a region that goes with this one.
    pub fn below(self, name: &'static CStr) -> Region {
        let [smallest, first, most] = [
            pg_sys::ALLOCSET_DEFAULT_MINSIZE,
            pg_sys::ALLOCSET_DEFAULT_INITSIZE,
            pg_sys::ALLOCSET_DEFAULT_MAXSIZE,
        ];
        let name = CText::from(name);
        caught(|| AllocSetContextCreateInternal(self, name, smallest as usize, first as usize, most as usize))
    }

    /// Does `work` with its allocations in the region.
    pub fn within<R>(self, work: impl FnOnce() -> R) -> R {
        // SAFETY: whoever made the region promises that the context is there; after an error PostgreSQL itself puts the
        // current one right.
        unsafe { PgMemoryContexts::For(self.0).switch_to(|_| work()) }
    }

    /// The bytes that the region takes.
    pub fn allocated(self) -> usize {
        caught(|| MemoryContextMemAllocated(self, false))
    }

    /// The bytes that the region takes together with those below it.
    pub fn allocated_in_all(self) -> usize {
        caught(|| MemoryContextMemAllocated(self, true))
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
