//! Plain frames: functions over which an ERROR of PostgreSQL may jump, since they have nothing to drop and catch no
//! panics (RFC 2945).
//!
//! A function that calls PostgreSQL without pgrx's guard, directly or not,
//!
//! - is no `#[pg_guard]` function, and owns nothing that would have to be dropped; [`plain`] has the compiler check
//!   this;
//! - lets no panic out, since C cannot unwind: whatever can panic, including every function of pgrx, which panics where
//!   PostgreSQL raises an error, is called inside [`guarded`]; and nothing unguarded is called in there.

use pgrx::pg_sys;
use std::mem::needs_drop;

/// Runs Rust that may panic, or raise an error as pgrx does. The error leaves as an ERROR of PostgreSQL, once all
/// frames of `f` have been unwound.
///
/// # Safety
/// The caller's frames are plain, as this module demands; `f` calls nothing unguarded.
#[inline(always)]
pub unsafe fn guarded<T>(f: impl FnOnce() -> T) -> T {
    const { assert!(!needs_drop::<T>(), "what a plain frame is handed must not have to be dropped") }
    // SAFETY: called by frames of C and plain frames of Rust, as the caller promises, over which the error may jump.
    unsafe { pg_sys::panic::pgrx_extern_c_guard(f) }
}

/// Returns the value unchanged; the compiler checks that a plain frame may hold it.
#[inline(always)]
pub const fn plain<T>(value: T) -> T {
    const { assert!(!needs_drop::<T>(), "a plain frame must not hold what has to be dropped") }
    value
}
