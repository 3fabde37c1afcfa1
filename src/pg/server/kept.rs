//! State that a session keeps until its process ends.
//!
//! Such state is never destroyed: the first use of a thread-local value registers its destructor, if it has one, which
//! allocates memory; where there is none, glibc aborts the process, and the server restarts.

use std::cell::RefCell;
use std::mem::{needs_drop, ManuallyDrop};
use std::thread::LocalKey;

/// A thread-local value without a destructor.
pub type Kept<T> = RefCell<ManuallyDrop<T>>;

const _: () = assert!(!needs_drop::<Kept<Vec<u8>>>());

/// Makes kept state with this initial value.
pub const fn kept<T>(value: T) -> Kept<T> {
    RefCell::new(ManuallyDrop::new(value))
}

/// Replaces the kept value, and returns the former one.
pub fn replace<T: 'static>(kept: &'static LocalKey<Kept<T>>, value: T) -> T {
    ManuallyDrop::into_inner(kept.replace(ManuallyDrop::new(value)))
}

/// Returns the kept value, and leaves an empty one in its place.
pub fn take<T: Default + 'static>(kept: &'static LocalKey<Kept<T>>) -> T {
    replace(kept, T::default())
}
