//! Generations of cached state: each change of a watched relation begins a new one.

use crate::pg::server::callback::{on_change_of_relations, on_change_of_rows};
use crate::pg::server::kept::{kept, Kept};
use pgrx::pg_sys::{Datum, Oid, SysCacheIdentifier};
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
    on_change_of_relations(relation_changed);
    on_change_of_rows(SysCacheIdentifier::NAMESPACEOID, schema_changed);
}

// Called at any moment: these only count, and call nothing that could fail.
extern "C-unwind" fn relation_changed(_: Datum, relation: Oid) {
    let ours = relation == Oid::INVALID
        || WATCHED.with(|watched| {
            watched.try_borrow().map_or(true, |watched| watched.contains(&relation.to_u32()))
        });
    if ours {
        begin_generation();
    }
}

extern "C-unwind" fn schema_changed(_: Datum, _: i32, _: u32) {
    begin_generation();
}

fn begin_generation() {
    GENERATION.set(GENERATION.get() + 1);
}
