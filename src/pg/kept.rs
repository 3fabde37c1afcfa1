//! State that a session keeps until its process ends.
//!
//! Such state is never destroyed: the first use of a thread-local value with a destructor registers that, which allocates, and
//! where there is no memory for it glibc aborts the process and so restarts the server.

use std::cell::RefCell;
use std::mem::{needs_drop, ManuallyDrop};
use std::thread::LocalKey;

/// A thread-local value without a destructor.
pub type Kept<T> = RefCell<ManuallyDrop<T>>;

const _: () = assert!(!needs_drop::<Kept<Vec<u8>>>());

/// Begins with this value.
pub const fn kept<T>(value: T) -> Kept<T> {
    RefCell::new(ManuallyDrop::new(value))
}

/// Puts another value in place of the one that is kept, which is returned.
pub fn replace<T: 'static>(kept: &'static LocalKey<Kept<T>>, value: T) -> T {
    ManuallyDrop::into_inner(kept.replace(ManuallyDrop::new(value)))
}

/// Returns the value that is kept, and leaves an empty one.
pub fn take<T: Default + 'static>(kept: &'static LocalKey<Kept<T>>) -> T {
    replace(kept, T::default())
}
