//! The reserve: address space that is held so that it can be released to malloc when there is no other memory.
//!
//! The pages are never touched: they take no memory, and only count towards a limit on address space.

use libc::{MAP_ANONYMOUS, MAP_FAILED, MAP_PRIVATE, PROT_READ, PROT_WRITE};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// Enough to raise an error and send it to the client: a memory context may ask for a block of a megabyte to hold a
/// word.
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
        // SAFETY: the kernel chooses an address where nothing is mapped.
        let memory = unsafe { libc::mmap(null_mut(), SIZE, PROT_READ | PROT_WRITE, flags, -1, 0) };
        if memory != MAP_FAILED {
            HELD.store(memory, Relaxed);
        }
    }
    is_held()
}

/// Releases the reserve to malloc; false if it was not held.
#[cold]
pub fn give_up() -> bool {
    let memory = HELD.swap(null_mut(), Relaxed);
    // SAFETY: this is the whole mapping, which nothing uses.
    !memory.is_null() && unsafe { libc::munmap(memory, SIZE) } == 0
}
