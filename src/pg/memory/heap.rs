//! Memory allocated by Rust: running out of it is an error of the statement, and never takes the server down.
//!
//! Rust aborts the process when an ordinary allocation fails, and stable Rust offers no way to change that; pgrx
//! allocates PostgreSQL's memory while it turns errors into panics and back. Therefore:
//!
//! - Collections that grow with the rows of a query ask first, by [`room`] or within [`fallibly`], and raise the error.
//! - Everything else is small: a message, a node of a map, the state of an aggregate. When malloc has nothing, the
//!   [`reserve`] is given up for it, and the next [`check`], of which there is one for every row, raises the error.
//! - The reserve is also given up for an error that is being raised.
//! - Where that is not enough, the session ends with FATAL and frees all of its memory. Other sessions go on.

use crate::pg::server::callback::at_end_of_transactions;
use crate::pg::server::ctext::CText;
use crate::pg::server::error::raise;
use crate::pg::server::reserve;
use pgrx::pg_sys;
use pgrx::{PgLogLevel, PgSqlErrorCode};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{HashMap, TryReserveError, VecDeque};
use std::ffi::{c_char, c_int};
use std::hash::{BuildHasher, Hash};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The largest allocation for which the reserve is given up: more than the text of the longest numeric.
const SMALL: usize = 256 << 10;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Malloc, and the reserve behind it.
struct Allocator;

/// Whether the caller handles a failed allocation; a global, since a backend has one thread.
static ASKED: AtomicBool = AtomicBool::new(false);
/// Whether the reserve was given up for an allocation, and no error has been raised since.
static UNREPORTED: AtomicBool = AtomicBool::new(false);

// SAFETY: all blocks come from malloc. Nothing unwinds: ending the session does not return.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the layout is the caller's, who promises what `GlobalAlloc` asks.
        unsafe { or_from_reserve(layout.size(), || System.alloc(layout)) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the layout is the caller's, who promises what `GlobalAlloc` asks.
        unsafe { or_from_reserve(layout.size(), || System.alloc_zeroed(layout)) }
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the block came from `alloc` with this layout, as the caller promises, and so from malloc.
        unsafe { System.dealloc(memory, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's block came from malloc, which leaves it as it is where memory is lacking.
        unsafe { or_from_reserve(size, || System.realloc(memory, layout, size)) }
    }
}

#[inline(always)]
fn or_from_reserve(size: usize, allocate: impl Fn() -> *mut u8) -> *mut u8 {
    let memory = allocate();
    if memory.is_null() {
        return from_reserve(size, &allocate);
    }
    memory
}

/// Allocates after malloc has failed.
#[cold]
fn from_reserve(size: usize, allocate: &dyn Fn() -> *mut u8) -> *mut u8 {
    if ASKED.load(Relaxed) {
        return null_mut();
    }
    if size <= SMALL && reserve::give_up() {
        UNREPORTED.store(true, Relaxed);
        let memory = allocate();
        if !memory.is_null() {
            return memory;
        }
    }
    end_session(size)
}

/// Ends the session in PostgreSQL's way, without unwinding any frame of Rust or allocating memory.
fn end_session(size: usize) -> ! {
    extern "C-unwind" {
        fn errstart(level: c_int, domain: *const c_char) -> bool;
        fn errcode(code: c_int) -> c_int;
        fn errmsg(format: *const c_char, ...) -> c_int;
        fn errdetail(format: *const c_char, ...) -> c_int;
        fn errhint(format: *const c_char, ...) -> c_int;
        fn errfinish(file: *const c_char, line: c_int, function: *const c_char);
    }
    // SAFETY: an ereport() as in C. FATAL exits the process after PostgreSQL's own cleanup.
    unsafe {
        errstart(PgLogLevel::FATAL as c_int, std::ptr::null());
        errcode(PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY as c_int);
        errmsg(c"out of memory".as_ptr());
        errdetail(c"Failed on request of %zu bytes in pg_tally.".as_ptr(), size);
        errhint(c"Narrow the query, or give the server more memory.".as_ptr());
        errfinish(c"memory.rs".as_ptr(), line!() as c_int, c"end_session".as_ptr());
    }
    std::process::abort()
}

/// Raises the out-of-memory error if the reserve had to be given up. Called for every row wherever there may be many.
#[inline(always)]
pub fn check() {
    if !reserve::is_held() {
        check_without_reserve();
    }
}

#[cold]
fn check_without_reserve() {
    if UNREPORTED.load(Relaxed) || !reserve::hold() {
        out_of_memory("The memory reserve is used up.");
    }
}

/// Raises the out-of-memory error.
#[cold]
#[inline(never)]
pub fn out_of_memory(detail: impl Into<String>) -> ! {
    UNREPORTED.store(false, Relaxed);
    let hint = "Narrow the query, or give the server more memory.";
    raise(PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY, "out of memory", detail, hint)
}

/// Runs an allocation that may fail; raises the out-of-memory error if it does.
#[inline]
pub fn fallibly<T>(ask: impl FnOnce() -> Result<T, TryReserveError>) -> T {
    ASKED.store(true, Relaxed);
    let answer = ask();
    ASKED.store(false, Relaxed);
    match answer {
        Ok(value) => value,
        Err(error) => out_of_memory(error.to_string()),
    }
}

/// Makes room for this many more elements, so that adding them cannot fail.
#[inline]
pub fn room(collection: &mut impl Grow, more: usize) {
    if collection.room() < more {
        // An error that is due for an earlier allocation comes first.
        check();
        fallibly(|| collection.try_grow(more));
    }
}

/// Collects the items, or raises the out-of-memory error.
pub fn collect<T>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut all = Vec::new();
    for item in items {
        room(&mut all, 1);
        all.push(item);
    }
    all
}

/// A collection that can be asked to grow.
pub trait Grow {
    /// Returns how many elements can be added without asking for memory.
    fn room(&self) -> usize;
    /// Asks for memory for this many more elements.
    fn try_grow(&mut self, more: usize) -> Result<(), TryReserveError>;
}

macro_rules! growing {
    ($([$($parameter:tt)*] $collection:ty),*) => { $(
        impl<$($parameter)*> Grow for $collection {
            #[inline]
            fn room(&self) -> usize {
                self.capacity() - self.len()
            }

            fn try_grow(&mut self, more: usize) -> Result<(), TryReserveError> {
                self.try_reserve(more)
            }
        }
    )* };
}

growing!([T] Vec<T>, [T] VecDeque<T>, [K: Eq + Hash, V, S: BuildHasher] HashMap<K, V, S>);

/// Takes the reserve now, and again at the end of every transaction, when memory has been freed.
pub fn watch() {
    reserve::hold();
    at_end_of_transactions(at_end);
}

extern "C-unwind" fn at_end(_: pg_sys::XactEvent::Type, _: *mut std::ffi::c_void) {
    UNREPORTED.store(false, Relaxed);
    reserve::hold();
}

/// Wrappers of PostgreSQL's functions, to which the linker redirects all calls of this library, as `build.rs` asks.
mod wrapped {
    use super::*;

    // PostgreSQL defines these functions with these arguments; the second raises an error where there is none to copy.
    unsafe extern "C-unwind" {
        safe fn __real_errstart(level: c_int, domain: Option<CText>) -> bool;
        safe fn __real_CopyErrorData() -> *mut pg_sys::ErrorData;
    }

    /// Begins an error message for pgrx; PostgreSQL copies its parts.
    #[no_mangle]
    extern "C-unwind" fn __wrap_errstart(level: c_int, domain: Option<CText>) -> bool {
        if level >= PgLogLevel::ERROR as c_int {
            reserve::give_up();
        }
        __real_errstart(level, domain)
    }

    /// Copies an error that pgrx has caught. Without memory for the copy PostgreSQL would raise another error, which
    /// pgrx would catch here again, until PostgreSQL's stack of errors overflows.
    #[no_mangle]
    extern "C-unwind" fn __wrap_CopyErrorData() -> *mut pg_sys::ErrorData {
        reserve::give_up();
        __real_CopyErrorData()
    }
}
