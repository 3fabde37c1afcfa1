//! Functions that PostgreSQL calls when transactions end, and when rows of its catalogs change. They are called at any moment, and
//! must call nothing that could fail unless they are guarded; there is no way to take them back.

use super::lookup::caught;
use pgrx::pg_sys::{Datum, Oid, SubTransactionId, SubXactEvent, SysCacheIdentifier, XactEvent};
use std::ffi::c_void;
use std::ptr::null_mut;

/// Called when a transaction ends.
pub type AtEnd = extern "C-unwind" fn(XactEvent::Type, *mut c_void);

/// Called when a subtransaction begins or ends, with its number and that of the one around it.
pub type AtSubtransaction =
    extern "C-unwind" fn(SubXactEvent::Type, SubTransactionId, SubTransactionId, *mut c_void);

/// Called when a relation has changed; an invalid OID stands for all relations.
pub type OnRelation = extern "C-unwind" fn(Datum, Oid);

/// Called when a row of a cache has changed, with the cache and a hash of the key.
pub type OnRow = extern "C-unwind" fn(Datum, i32, u32);

// PostgreSQL defines these functions with these arguments. The functions that they are given live as long as the process, since the
// library is never unloaded, and are safe themselves.
unsafe extern "C-unwind" {
    safe fn RegisterXactCallback(callback: AtEnd, argument: *mut c_void);
    safe fn RegisterSubXactCallback(callback: AtSubtransaction, argument: *mut c_void);
    safe fn CacheRegisterRelcacheCallback(callback: OnRelation, argument: Datum);
    safe fn CacheRegisterSyscacheCallback(cache: i32, callback: OnRow, argument: Datum);
}

pub fn at_end_of_transactions(callback: AtEnd) {
    caught(|| RegisterXactCallback(callback, null_mut()));
}

pub fn at_subtransactions(callback: AtSubtransaction) {
    caught(|| RegisterSubXactCallback(callback, null_mut()));
}

pub fn on_change_of_relations(callback: OnRelation) {
    caught(|| CacheRegisterRelcacheCallback(callback, Datum::null()));
}

pub fn on_change_of_rows(cache: SysCacheIdentifier::Type, callback: OnRow) {
    caught(|| CacheRegisterSyscacheCallback(cache as i32, callback, Datum::null()));
}
