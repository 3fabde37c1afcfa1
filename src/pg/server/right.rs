//! Rights on tables, columns, schemas and functions.

use super::lookup::caught;
use pgrx::pg_sys::{self, AclMaskHow, AclMode, AclResult, AttrNumber, Oid};

// PostgreSQL defines these functions with these arguments, in which any number may stand for a role or an
// object. They may raise errors, and are only called through `caught`.
unsafe extern "C-unwind" {
    safe fn pg_class_aclcheck(table: Oid, role: Oid, right: AclMode) -> AclResult::Type;
    safe fn pg_attribute_aclcheck(
        table: Oid,
        number: AttrNumber,
        role: Oid,
        right: AclMode,
    ) -> AclResult::Type;
    safe fn pg_attribute_aclcheck_all(
        table: Oid,
        role: Oid,
        right: AclMode,
        how: AclMaskHow::Type,
    ) -> AclResult::Type;
    safe fn has_privs_of_role(role: Oid, other: Oid) -> bool;
    safe fn check_enable_rls(table: Oid, role: Oid, no_error: bool) -> i32;
    #[cfg(feature = "pg15")]
    safe fn pg_namespace_aclcheck(schema: Oid, role: Oid, right: AclMode) -> AclResult::Type;
    #[cfg(feature = "pg15")]
    safe fn pg_proc_aclcheck(function: Oid, role: Oid, right: AclMode) -> AclResult::Type;
    #[cfg(feature = "pg15")]
    safe fn pg_class_ownercheck(table: Oid, role: Oid) -> bool;
    #[cfg(not(feature = "pg15"))]
    safe fn object_aclcheck(class: Oid, object: Oid, role: Oid, right: AclMode) -> AclResult::Type;
    #[cfg(not(feature = "pg15"))]
    safe fn object_ownercheck(class: Oid, object: Oid, role: Oid) -> bool;
}

/// An object, or its parts, that a role may have rights on.
#[derive(Clone, Copy)]
pub enum Object {
    Table(Oid),
    /// A column of a table, by its number.
    Column(Oid, i16),
    /// Any column of a table.
    AnyColumn(Oid),
    Schema(Oid),
    Function(Oid),
}

pub const SELECT: AclMode = pg_sys::ACL_SELECT as AclMode;
pub const USAGE: AclMode = pg_sys::ACL_USAGE as AclMode;
pub const EXECUTE: AclMode = pg_sys::ACL_EXECUTE as AclMode;

/// Whether a role has a right.
pub fn allows(role: Oid, right: AclMode, object: Object) -> bool {
    check(role, right, object) == AclResult::ACLCHECK_OK
}

/// Returns whether a role has a right, as PostgreSQL says it in errors.
pub fn check(role: Oid, right: AclMode, object: Object) -> AclResult::Type {
    caught(|| match object {
        Object::Table(table) => pg_class_aclcheck(table, role, right),
        Object::Column(table, number) => pg_attribute_aclcheck(table, number, role, right),
        Object::AnyColumn(table) => {
            pg_attribute_aclcheck_all(table, role, right, pg_sys::AclMaskHow::ACLMASK_ANY)
        }
        #[cfg(feature = "pg15")]
        Object::Schema(schema) => pg_namespace_aclcheck(schema, role, right),
        #[cfg(feature = "pg15")]
        Object::Function(function) => pg_proc_aclcheck(function, role, right),
        #[cfg(not(feature = "pg15"))]
        Object::Schema(schema) => object_aclcheck(pg_sys::NamespaceRelationId, schema, role, right),
        #[cfg(not(feature = "pg15"))]
        Object::Function(function) => object_aclcheck(pg_sys::ProcedureRelationId, function, role, right),
    })
}

/// Whether a role is the owner of a table, or may act as the owner.
pub fn owns_table(role: Oid, table: Oid) -> bool {
    #[cfg(feature = "pg15")]
    return caught(|| pg_class_ownercheck(table, role));
    #[cfg(not(feature = "pg15"))]
    caught(|| object_ownercheck(pg_sys::RelationRelationId, table, role))
}

/// Whether a role may do all that another may.
pub fn may_act_as(role: Oid, other: Oid) -> bool {
    caught(|| has_privs_of_role(role, other))
}

/// Whether row security hides rows of a table from a role; INVALID stands for the caller.
pub fn rows_are_hidden_from(table: Oid, role: Oid) -> bool {
    caught(|| check_enable_rls(table, role, true)) == pg_sys::CheckEnableRlsResult::RLS_ENABLED as i32
}
