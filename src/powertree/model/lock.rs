//! Locks, always taken in this order: the base table before the tree.

use crate::pg::server::lookup::{lock_at_once, lock_object, lock_object_at_once};
use crate::pg::tables::catalog;
use crate::powertree::store::tables::Tables;
use pgrx::pg_sys::{self, Oid};

/// Locks a table for reading until the end of the transaction.
pub fn lock(base: Oid) {
    catalog::lock(base, pg_sys::AccessShareLock);
}

/// Locks a table for reading, as a query would. Returns false if it would have to wait and must not.
pub fn lock_base(base: Oid, wait: bool) -> bool {
    if wait {
        lock(base);
        return true;
    }
    lock_at_once(base, pg_sys::AccessShareLock)
}

/// Locks a tree against other compactions until the end of the transaction. Returns false if it would have to wait and
/// must not.
pub fn lock_tree(id: i32, wait: bool) -> bool {
    let (class, object) = (Tables::get().state, Oid::from(id as u32));
    let mode = pg_sys::ShareUpdateExclusiveLock;
    if wait {
        lock_object(class, object, mode);
        return true;
    }
    lock_object_at_once(class, object, mode)
}

/// Waits for a running compaction of a tree, and keeps others from starting until the end of the transaction.
pub fn wait_for_others(id: i32) {
    lock_tree(id, true);
}
