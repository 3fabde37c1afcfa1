//! The reserve: address space that is held to be given up, for malloc to find when there is nothing else.
//!
//! The pages are never touched: they take no memory, only a part of what a limit counts.

use libc::{MAP_ANONYMOUS, MAP_FAILED, MAP_PRIVATE, PROT_READ, PROT_WRITE};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// Enough for errors and their way to the client: memory contexts may ask for a block of a megabyte to hold a word.
const SIZE: usize = 4 << 20;

static HELD: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// Whether the reserve is held.
#[inline(always)]
pub fn is_held() -> bool {
    !HELD.load(Relaxed).is_null()
}

/// Takes the reserve; false if there is not enough memory.
#[cold]
pub fn hold() -> bool {
    if !is_held() {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS;
        // SAFETY: a new mapping, at an address where there is none.
        let memory = unsafe { libc::mmap(null_mut(), SIZE, PROT_READ | PROT_WRITE, flags, -1, 0) };
        if memory != MAP_FAILED {
            HELD.store(memory, Relaxed);
        }
    }
    is_held()
}

/// Releases the reserve to malloc; false if that was done before.
#[cold]
pub fn give_up() -> bool {
    let memory = HELD.swap(null_mut(), Relaxed);
    // SAFETY: the whole mapping, which nobody uses.
    !memory.is_null() && unsafe { libc::munmap(memory, SIZE) } == 0
}
