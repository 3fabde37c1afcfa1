//! The fence: the only place that changes whose rights code runs with.
//!
//! Inside, names resolve to PostgreSQL's own objects, whatever the session's settings are; what is set there is undone
//! on leaving, as in PostgreSQL's own maintenance commands. There are two kinds and no third:
//!
//! - [`as_owner`] reads a table as its owner. Planning and running the query may run code of the owner's (predicates and
//!   expressions of indexes, statistics, constraints, generated columns), which never runs as anybody else.
//! - [`for_catalog`] changes the catalog as superuser. Nothing in it may run code of users: no query of their tables.

use super::error::raise;
use pgrx::pg_sys::{self, Oid};
use pgrx::PgSqlErrorCode;
use std::ffi::CStr;

/// Settings that decide what a query means; none of them is the caller's or the table owner's to choose.
const SETTINGS: [(&CStr, &CStr); 3] = [
    (c"search_path", c"pg_catalog, pg_temp"),
    (c"standard_conforming_strings", c"on"),
    // Forced row security must be an error, not fewer rows.
    (c"row_security", c"off"),
];

/// Does `work` as the owner of `relation`, who can change nothing of the session meanwhile.
pub fn as_owner<R>(relation: Oid, work: impl FnOnce() -> R) -> R {
    let _fence = Fence::enter(owner(relation), pg_sys::SECURITY_RESTRICTED_OPERATION);
    work()
}

/// Does `work`, which changes the catalog and runs no code of users, as superuser.
pub fn for_catalog<R>(work: impl FnOnce() -> R) -> R {
    let _fence = Fence::enter(Oid::from(pg_sys::BOOTSTRAP_SUPERUSERID), pg_sys::SECURITY_LOCAL_USERID_CHANGE);
    work()
}

/// What must be put back.
struct Fence {
    user: Oid,
    context: i32,
    settings: i32,
}

impl Fence {
    fn enter(user: Oid, context: u32) -> Fence {
        // SAFETY: both are put back when the fence goes.
        unsafe {
            let mut before = Fence { user: Oid::INVALID, context: 0, settings: pg_sys::NewGUCNestLevel() };
            pg_sys::GetUserIdAndSecContext(&mut before.user, &mut before.context);
            pg_sys::SetUserIdAndSecContext(user, before.context | context as i32);
            for (name, value) in SETTINGS {
                pg_sys::set_config_option(
                    name.as_ptr(),
                    value.as_ptr(),
                    pg_sys::GucContext::PGC_USERSET,
                    pg_sys::GucSource::PGC_S_SESSION,
                    pg_sys::GucAction::GUC_ACTION_SAVE,
                    true,
                    0,
                    false,
                );
            }
            before
        }
    }
}

impl Drop for Fence {
    fn drop(&mut self) {
        // SAFETY: the values are those of before. An error that unwinds is on its way to the end of the transaction or
        // subtransaction, which undoes settings; meanwhile PostgreSQL must not be called to do it.
        unsafe {
            if !std::thread::panicking() {
                pg_sys::AtEOXact_GUC(false, self.settings);
            }
            pg_sys::SetUserIdAndSecContext(self.user, self.context);
        }
    }
}

/// The owner of a relation.
pub fn owner(relation: Oid) -> Oid {
    // SAFETY: the tuple is looked up and released; a relation has an owner.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::RELOID as i32, relation.into());
        if tuple.is_null() {
            raise(
                PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
                format!("relation with OID {} does not exist", relation.to_u32()),
                "",
                "It was dropped meanwhile.",
            );
        }
        let owner = (*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_class>()).relowner;
        pg_sys::ReleaseSysCache(tuple);
        owner
    }
}
