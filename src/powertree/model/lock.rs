//! Locks, always taken in this order: the base table before the tree.

use crate::pg::catalog;
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
    // SAFETY: PostgreSQL accepts any OIDs here, and releases the lock with the transaction.
    unsafe { pg_sys::ConditionalLockRelationOid(base, pg_sys::AccessShareLock as i32) }
}

/// Locks a tree against other compactions until the end of the transaction. Returns false if it would have to wait and
/// must not.
pub fn lock_tree(id: i32, wait: bool) -> bool {
    let (class, object) = (Tables::get().state, Oid::from(id as u32));
    let mode = pg_sys::ShareUpdateExclusiveLock as i32;
    // SAFETY: PostgreSQL accepts any OIDs here, and releases the lock with the transaction.
    unsafe {
        if wait {
            pg_sys::LockDatabaseObject(class, object, 0, mode);
            return true;
        }
        pg_sys::ConditionalLockDatabaseObject(class, object, 0, mode)
    }
}

/// Waits for a running compaction of a tree, and keeps others from starting until the end of the transaction.
pub fn wait_for_others(id: i32) {
    lock_tree(id, true);
}
