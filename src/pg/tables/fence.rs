//! The fence: the only place that changes the user as whom code runs.
//!
//! Inside it, names resolve to PostgreSQL's own objects, whatever the session's settings are; settings changed there
//! are restored on leaving, as in PostgreSQL's own maintenance commands. There are two kinds:
//!
//! - [`as_owner`] reads a table as its owner. Planning and running the query may run the owner's code (predicates and
//!   expressions of indexes, statistics, constraints, generated columns), which never runs as anybody else.
//! - [`for_catalog`] changes the catalog as superuser. Nothing in it may run users' code: no query of their tables.

use super::relation::Class;
use crate::pg::server::error::raise;
use crate::pg::server::setting::Settings;
use pgrx::pg_sys::{self, Oid};
use pgrx::PgSqlErrorCode;
use std::ffi::CStr;

// PostgreSQL defines these functions with these arguments. They read and set variables, and raise no errors.
unsafe extern "C-unwind" {
    safe fn GetUserIdAndSecContext(user: &mut Oid, context: &mut i32);
    safe fn SetUserIdAndSecContext(user: Oid, context: i32);
}

/// Settings that decide what a query means, which neither the caller nor the table's owner may choose.
const SETTINGS: [(&CStr, &CStr); 3] = [
    (c"search_path", c"pg_catalog, pg_temp"),
    (c"standard_conforming_strings", c"on"),
    // Forced row security must be an error, not fewer rows.
    (c"row_security", c"off"),
];

/// Does `work` as the owner of `relation`, who cannot change the session.
pub fn as_owner<R>(relation: Oid, work: impl FnOnce() -> R) -> R {
    let _fence = Fence::enter(owner(relation), pg_sys::SECURITY_RESTRICTED_OPERATION);
    work()
}

/// Does `work`, which changes the catalog and runs no code of users, as superuser.
pub fn for_catalog<R>(work: impl FnOnce() -> R) -> R {
    let _fence = Fence::enter(Oid::from(pg_sys::BOOTSTRAP_SUPERUSERID), pg_sys::SECURITY_LOCAL_USERID_CHANGE);
    work()
}

/// The state of the session that is restored on leaving: the settings, and then the user.
struct Fence {
    _settings: Settings,
    _user: UserBefore,
}

impl Fence {
    fn enter(user: Oid, context: u32) -> Fence {
        let before = UserBefore::new();
        let context = before.context | context as i32;
        SetUserIdAndSecContext(user, context);
        Fence { _settings: Settings::of(&SETTINGS), _user: before }
    }
}

/// The user as whom code runs, and what is forbidden to it.
struct UserBefore {
    user: Oid,
    context: i32,
}

impl UserBefore {
    fn new() -> UserBefore {
        let (mut user, mut context) = (Oid::INVALID, 0);
        GetUserIdAndSecContext(&mut user, &mut context);
        UserBefore { user, context }
    }
}

impl Drop for UserBefore {
    fn drop(&mut self) {
        SetUserIdAndSecContext(self.user, self.context);
    }
}

/// The owner of a relation.
pub fn owner(relation: Oid) -> Oid {
    Class::of(relation).map(|class| class.owner).unwrap_or_else(|| {
        raise(
            PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
            format!("relation with OID {} does not exist", relation.to_u32()),
            "",
            "The relation was dropped concurrently.",
        )
    })
}
