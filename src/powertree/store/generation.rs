//! Generations: when what a session remembers of trees is out of date.

use pgrx::pg_sys::{self, Datum, Oid};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;

thread_local! {
    /// Grows when anything changed that was looked at.
    static GENERATION: Cell<u64> = const { Cell::new(0) };
    static WATCHED: RefCell<HashSet<u32>> = RefCell::new(HashSet::new());
}

/// Has everything that was remembered forgotten when this relation changes.
pub fn watch_table(relation: Oid) {
    WATCHED.with_borrow_mut(|watched| watched.insert(relation.to_u32()));
}

/// The present generation; what was remembered in an earlier one is out of date.
pub fn current() -> u64 {
    GENERATION.get()
}

/// Asks PostgreSQL to say when tables and schemas change; once, when the library is loaded.
pub fn watch() {
    // SAFETY: only called from `_PG_init`; the functions live as long as the process.
    unsafe {
        pg_sys::CacheRegisterRelcacheCallback(Some(relation_changed), Datum::from(0));
        let namespaces = pg_sys::SysCacheIdentifier::NAMESPACEOID as i32;
        pg_sys::CacheRegisterSyscacheCallback(namespaces, Some(schema_changed), Datum::from(0));
    }
}

// Called in the middle of anything: they only count, and call nothing that could fail.
unsafe extern "C-unwind" fn relation_changed(_: Datum, relation: Oid) {
    let ours = relation == Oid::INVALID
        || WATCHED.with(|watched| {
            watched.try_borrow().map_or(true, |watched| watched.contains(&relation.to_u32()))
        });
    if ours {
        begin();
    }
}

unsafe extern "C-unwind" fn schema_changed(_: Datum, _: i32, _: u32) {
    begin();
}

fn begin() {
    GENERATION.set(GENERATION.get() + 1);
}
