//! What the caller may see and do.

use super::catalog::relation_name;
use super::definition::Tree;
use crate::error::raise;
use pgrx::pg_sys::{self, Oid};
use pgrx::PgSqlErrorCode;

/// Raises 42501 unless the caller may SELECT the columns that an answer is made of.
pub fn require_select(tree: &Tree, value: usize) {
    // SAFETY: look-ups in the catalog.
    let allowed = unsafe {
        let (user, select) = (pg_sys::GetUserId(), pg_sys::ACL_SELECT as pg_sys::AclMode);
        let granted = pg_sys::AclResult::ACLCHECK_OK;
        let column = |number: i16| pg_sys::pg_attribute_aclcheck(tree.base, number, user, select) == granted;
        pg_sys::pg_class_aclcheck(tree.base, user, select) == granted
            || column(tree.at.number)
                && column(tree.values[value].0.number)
                && tree.series.iter().all(|key| column(key.column.number))
    };
    if !allowed {
        raise(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            format!("permission denied for table {}", relation_name(tree.base)),
            "",
            "A power tree answers whoever may SELECT the position, the value and the series of its table.",
        );
    }
}

/// Does row security hide rows of the table from the caller?
pub fn rows_are_hidden(base: Oid) -> bool {
    // SAFETY: a look-up in the catalog.
    let state = unsafe { pg_sys::check_enable_rls(base, Oid::INVALID, true) };
    state == pg_sys::CheckEnableRlsResult::RLS_ENABLED as i32
}

/// Is the caller the owner of the table, or may act as one?
pub fn owns(base: Oid) -> bool {
    // SAFETY: a look-up in the catalog.
    unsafe {
        #[cfg(feature = "pg15")]
        let owner = pg_sys::pg_class_ownercheck(base, pg_sys::GetUserId());
        #[cfg(not(feature = "pg15"))]
        let owner = pg_sys::object_ownercheck(pg_sys::RelationRelationId, base, pg_sys::GetUserId());
        owner
    }
}

/// Raises 42501 unless the caller owns the table.
pub fn require_owner(base: Oid) {
    if !owns(base) {
        raise(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            format!("must be owner of table {}", relation_name(base)),
            "",
            "Power trees are made, compacted and dropped by the owner of their table.",
        );
    }
}

/// Raises 25006 where nothing can be written: on a standby, or in a transaction that only reads.
pub fn require_writable(command: &str) {
    // SAFETY: flags of the server's and of the transaction.
    let (standby, read_only) = unsafe { (pg_sys::RecoveryInProgress(), pg_sys::XactReadOnly) };
    let (message, hint) = if standby {
        (format!("cannot execute {command} during recovery"), "Execute it on the primary; standbys follow.")
    } else if read_only {
        (format!("cannot execute {command} in a read-only transaction"), "Begin the transaction READ WRITE.")
    } else {
        return;
    };
    raise(PgSqlErrorCode::ERRCODE_READ_ONLY_SQL_TRANSACTION, message, "", hint);
}
