//! Copies of values that are passed by reference, in the node's own memory context.

use crate::pg::memory::heap::out_of_memory;
use crate::pg::memory::region::Region;
use crate::pg::server::error::defect;
use crate::pg::values::value::{StoredValue, Value};
use pgrx::pg_sys::{self, Datum, MemoryContext};
use std::cmp::Ordering;
use std::ffi::c_void;

mod unguarded {
    use super::*;

    // None of these functions raises an error as used here, so they need no guard.
    extern "C-unwind" {
        pub fn MemoryContextAllocExtended(context: MemoryContext, size: usize, flags: i32) -> *mut c_void;
        pub fn pfree(memory: *mut c_void);
        pub fn numeric_cmp(fcinfo: pg_sys::FunctionCallInfo) -> Datum;
        pub fn DirectFunctionCall2Coll(
            function: unsafe extern "C-unwind" fn(pg_sys::FunctionCallInfo) -> Datum,
            collation: pg_sys::Oid,
            arg1: Datum,
            arg2: Datum,
        ) -> Datum;
    }
}

/// The memory context of the copies, which lives as long as the query and is listed in pg_backend_memory_contexts.
#[derive(Clone, Copy)]
pub struct Copies(Region);

impl Copies {
    /// Makes the context, below that of the query.
    pub fn new(query: Region) -> Copies {
        Copies(query.below(c"pg_tally moving window"))
    }

    /// The memory context, which goes with all copies.
    pub fn region(self) -> Region {
        self.0
    }

    /// Returns the size of the context's blocks, in bytes.
    pub fn memory(self) -> usize {
        self.0.allocated()
    }

    /// Copies a value that is passed by reference, decompressed.
    pub fn copy(self, value: StoredValue) -> Copied {
        value.read_whole(|bytes| self.copy_bytes(bytes))
    }

    /// Copies a numeric twice.
    #[inline]
    pub fn numeric_twice(self, value: Value) -> [Number; 2] {
        let stored = value.stored_numeric().unwrap_or_else(|| defect("a value that is no numeric"));
        stored.read_whole(|bytes| [self.copy_bytes(bytes), self.copy_bytes(bytes)].map(Number))
    }

    /// Copies bytes.
    fn copy_bytes(self, bytes: &[u8]) -> Copied {
        let (length, flags) = (bytes.len(), (pg_sys::MCXT_ALLOC_HUGE | pg_sys::MCXT_ALLOC_NO_OOM) as i32);
        // SAFETY: the context exists as long as the node, and the copy is as long as the original.
        unsafe {
            let copy = unguarded::MemoryContextAllocExtended(self.0.context(), length, flags);
            if copy.is_null() {
                out_of_memory(format!("Failed on request of {length} bytes for the rows of a window frame."));
            }
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), copy.cast(), length);
            Copied(copy)
        }
    }
}

/// A copy, which is freed when it is dropped, before its context is deleted.
pub struct Copied(*mut c_void);

impl Copied {
    #[inline]
    pub fn datum(&self) -> Datum {
        Datum::from(self.0)
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        // SAFETY: only this has the pointer; its context outlives the state of the node, which a callback of that
        // context drops.
        unsafe { unguarded::pfree(self.0) }
    }
}

/// A numeric, in the order of numerics: NaN is the greatest.
pub struct Number(Copied);

impl Number {
    #[inline]
    pub fn datum(&self) -> Datum {
        self.0.datum()
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        // SAFETY: both are numerics; since they are decompressed, comparing them allocates nothing and raises no error.
        let order = unsafe {
            unguarded::DirectFunctionCall2Coll(
                unguarded::numeric_cmp,
                pg_sys::InvalidOid,
                self.datum(),
                other.datum(),
            )
        };
        (order.value() as i32).cmp(&0)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}
