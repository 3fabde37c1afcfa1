//! Memory for work of which nothing is kept.

use pgrx::memcxt::PgMemoryContexts;
use std::cell::RefCell;

/// A memory context that is emptied after each use.
pub struct Scratch(RefCell<PgMemoryContexts>);

impl Scratch {
    pub fn new(name: &'static str) -> Scratch {
        Scratch(RefCell::new(PgMemoryContexts::new(name)))
    }

    /// Does `work` with its allocations in this memory, and frees them.
    pub fn with(&self, work: impl FnOnce()) {
        let mut memory = self.0.borrow_mut();
        // SAFETY: the work returns nothing that could point into the memory, and keeps no references to it, since none
        // outlives the datum behind it.
        unsafe {
            memory.switch_to(|_| work());
            memory.reset();
        }
    }
}
