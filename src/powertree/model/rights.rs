//! The caller's privileges.

use crate::pg::error::raise;
use crate::pg::name::relation_name;
use crate::powertree::store::tables::Tables;
use pgrx::pg_sys::{self, Oid};
use pgrx::PgSqlErrorCode;

/// Whether the caller may SELECT any column of a table.
pub fn may_select_any(base: Oid) -> bool {
    // SAFETY: PostgreSQL accepts any OID here.
    let any_column = || unsafe {
        let (select, any) = (pg_sys::ACL_SELECT as pg_sys::AclMode, pg_sys::AclMaskHow::ACLMASK_ANY);
        pg_sys::pg_attribute_aclcheck_all(base, pg_sys::GetUserId(), select, any)
            == pg_sys::AclResult::ACLCHECK_OK
    };
    may_use_schema(base) && (may_select_table(base) || any_column())
}

pub fn may_select_table(base: Oid) -> bool {
    // SAFETY: PostgreSQL only reads a variable of the session, which always has a user.
    can_select(base, unsafe { pg_sys::GetUserId() })
}

fn can_select(relation: Oid, user: Oid) -> bool {
    let select = pg_sys::ACL_SELECT as pg_sys::AclMode;
    // SAFETY: PostgreSQL accepts any OIDs here.
    unsafe { pg_sys::pg_class_aclcheck(relation, user, select) == pg_sys::AclResult::ACLCHECK_OK }
}

/// Whether queries of this extension can read a table with a role's privileges.
pub fn can_read(base: Oid, role: Oid) -> bool {
    // SAFETY: PostgreSQL accepts any OID here.
    let schema = unsafe { pg_sys::get_rel_namespace(base) };
    can_select(base, role) && can_use(schema, role) && can_use(Tables::get().schema, role)
}

pub fn may_select_column(base: Oid, number: i16) -> bool {
    // SAFETY: PostgreSQL accepts any OID here.
    unsafe {
        let (user, select) = (pg_sys::GetUserId(), pg_sys::ACL_SELECT as pg_sys::AclMode);
        pg_sys::pg_attribute_aclcheck(base, number, user, select) == pg_sys::AclResult::ACLCHECK_OK
    }
}

pub fn may_use_schema(base: Oid) -> bool {
    // SAFETY: PostgreSQL accepts any OID here.
    unsafe { can_use(pg_sys::get_rel_namespace(base), pg_sys::GetUserId()) }
}

fn can_use(schema: Oid, role: Oid) -> bool {
    // SAFETY: PostgreSQL accepts any OIDs here.
    unsafe {
        let usage = pg_sys::ACL_USAGE as pg_sys::AclMode;
        #[cfg(feature = "pg15")]
        let result = pg_sys::pg_namespace_aclcheck(schema, role, usage);
        #[cfg(not(feature = "pg15"))]
        let result = pg_sys::object_aclcheck(pg_sys::NamespaceRelationId, schema, role, usage);
        result == pg_sys::AclResult::ACLCHECK_OK
    }
}

/// Raises 42501. The message reveals no more about the tree than the name that the caller gave.
pub fn denied(tree: &str) -> ! {
    raise(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("permission denied for power tree \"{tree}\""),
        "",
        "A power tree answers whoever may SELECT the position, the value and the series of its table.",
    )
}

/// Whether row security hides rows of the table from the caller.
pub fn rows_are_hidden(base: Oid) -> bool {
    rows_are_hidden_from(base, Oid::INVALID)
}

/// Whether row security hides rows of the table from a role; INVALID stands for the caller.
pub fn rows_are_hidden_from(base: Oid, role: Oid) -> bool {
    // SAFETY: PostgreSQL accepts any OID here.
    let state = unsafe { pg_sys::check_enable_rls(base, role, true) };
    state == pg_sys::CheckEnableRlsResult::RLS_ENABLED as i32
}

/// Whether the caller is the owner of the table, or may act as the owner.
pub fn owns(base: Oid) -> bool {
    // SAFETY: PostgreSQL accepts any OID here.
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

/// Raises 25006 where nothing can be written: on a standby, or in a read-only transaction.
pub fn require_writable(command: &str) {
    // SAFETY: both are plain flags, of the server and of the transaction.
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
