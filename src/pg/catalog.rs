//! Queries of PostgreSQL's catalog and of the running transaction.

use super::name::text;
use pgrx::pg_sys::{self, Oid};

/// Returns `pg_class.relkind` of a relation; 0 if it is gone.
pub fn relkind(relation: Oid) -> u8 {
    // SAFETY: PostgreSQL accepts any OID here.
    unsafe { pg_sys::get_rel_relkind(relation) as u8 }
}

/// Whether a relation is a partitioned table.
pub fn is_partitioned(relation: Oid) -> bool {
    relkind(relation) == pg_sys::RELKIND_PARTITIONED_TABLE
}

/// The name of a relation without its schema; None if it is gone.
pub fn relname(relation: Oid) -> Option<String> {
    // SAFETY: PostgreSQL accepts any OID, and returns a C string or null.
    unsafe { text(pg_sys::get_rel_name(relation)) }
}

/// The name of a column; None if it is gone.
pub fn attname(relation: Oid, number: i16) -> Option<String> {
    // SAFETY: PostgreSQL accepts any OID and column number, and returns a C string or null.
    unsafe { text(pg_sys::get_attname(relation, number, true)) }
}

/// Locks a relation until the end of the transaction.
pub fn lock(relation: Oid, mode: u32) {
    // SAFETY: PostgreSQL accepts any OID, and releases the lock with the transaction.
    unsafe { pg_sys::LockRelationOid(relation, mode as i32) }
}

/// Calls `each` with the rows of a catalog, all or those that have `key` in an indexed column, until it returns false.
pub fn scan(
    catalog: Oid,
    index: Option<Oid>,
    key: Option<(u32, Oid)>,
    mut each: impl FnMut(pg_sys::HeapTuple, pg_sys::TupleDesc) -> bool,
) {
    // SAFETY: PostgreSQL raises an error if the catalog does not exist; a key is compared as an OID. A row is not used
    // once the next has been fetched.
    unsafe {
        let table = pg_sys::table_open(catalog, pg_sys::AccessShareLock as i32);
        let mut condition = pg_sys::ScanKeyData::default();
        if let Some((column, object)) = key {
            let (equal, function) = (pg_sys::BTEqualStrategyNumber as u16, Oid::from(pg_sys::F_OIDEQ));
            pg_sys::ScanKeyInit(&mut condition, column as i16, equal, function, object.into());
        }
        let scan = pg_sys::systable_beginscan(
            table,
            index.unwrap_or(Oid::INVALID),
            index.is_some(),
            std::ptr::null_mut(),
            key.is_some().into(),
            &mut condition,
        );
        loop {
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() || !each(tuple, (*table).rd_att) {
                break;
            }
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(table, pg_sys::AccessShareLock as i32);
    }
}

/// Makes what the transaction has written visible to its next command.
pub fn advance() {
    // SAFETY: raises a counter of the running transaction, in which this is called.
    unsafe { pg_sys::CommandCounterIncrement() }
}

/// The current time, in microseconds since 2000.
pub fn now() -> i64 {
    // SAFETY: PostgreSQL only reads the clock; there are no preconditions.
    unsafe { pg_sys::GetCurrentTimestamp() }
}

/// The ID of the running transaction, assigned now if it has none.
pub fn transaction_number() -> u64 {
    // SAFETY: PostgreSQL raises an error where no ID can be assigned.
    unsafe { pg_sys::GetTopFullTransactionId() }.value
}
