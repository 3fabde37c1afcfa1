//! Hooks of PostgreSQL: variables with the function that is called first of a chain.

use std::cell::Cell;

/// A variable of PostgreSQL with a hook, or the hook that was there before ours. A function pointer or null, as C sees it.
#[repr(transparent)]
pub struct Hook<F>(Cell<Option<F>>);

// SAFETY: hooks are only set and called by the one thread of a process of PostgreSQL.
unsafe impl<F> Sync for Hook<F> {}

impl<F: Copy> Hook<F> {
    /// No hook.
    pub const fn none() -> Hook<F> {
        Hook(Cell::new(None))
    }

    /// The hook.
    pub fn get(&self) -> Option<F> {
        self.0.get()
    }

    /// Puts a hook of ours, which calls `next`, before the one that is there; once, when the library is loaded.
    pub fn chain(&self, ours: F, next: &Hook<F>) {
        next.0.set(self.0.replace(Some(ours)));
    }
}
