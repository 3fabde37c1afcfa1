//! Generations of cached state: each change of a watched relation begins a new one.

use crate::pg::kept::{kept, Kept};
use pgrx::pg_sys::{self, Datum, Oid};
use std::cell::Cell;
use std::collections::HashSet;

thread_local! {
    /// The number of the current generation.
    static GENERATION: Cell<u64> = const { Cell::new(0) };
    static WATCHED: Kept<HashSet<u32>> = kept(HashSet::new());
}

/// Begins a new generation whenever this relation changes.
pub fn watch_table(relation: Oid) {
    WATCHED.with_borrow_mut(|watched| watched.insert(relation.to_u32()));
}

/// Returns the current generation; what was cached in an earlier one is out of date.
pub fn current() -> u64 {
    GENERATION.get()
}

/// Registers callbacks for changes of tables and schemas; once, when the library is loaded.
pub fn watch() {
    // SAFETY: only called from `_PG_init`; the functions live as long as the process.
    unsafe {
        pg_sys::CacheRegisterRelcacheCallback(Some(relation_changed), Datum::from(0));
        let namespaces = pg_sys::SysCacheIdentifier::NAMESPACEOID as i32;
        pg_sys::CacheRegisterSyscacheCallback(namespaces, Some(schema_changed), Datum::from(0));
    }
}

// Called at any moment: these only count, and call nothing that could fail.
unsafe extern "C-unwind" fn relation_changed(_: Datum, relation: Oid) {
    let ours = relation == Oid::INVALID
        || WATCHED.with(|watched| {
            watched.try_borrow().map_or(true, |watched| watched.contains(&relation.to_u32()))
        });
    if ours {
        begin_generation();
    }
}

unsafe extern "C-unwind" fn schema_changed(_: Datum, _: i32, _: u32) {
    begin_generation();
}

fn begin_generation() {
    GENERATION.set(GENERATION.get() + 1);
}
