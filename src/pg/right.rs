//! Rights on tables, columns, schemas and functions.

use pgrx::pg_sys::{self, AclMode, AclResult, Oid};

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
    // SAFETY: PostgreSQL takes any number for a role's or an object's.
    unsafe {
        match object {
            Object::Table(table) => pg_sys::pg_class_aclcheck(table, role, right),
            Object::Column(table, number) => pg_sys::pg_attribute_aclcheck(table, number, role, right),
            Object::AnyColumn(table) => {
                pg_sys::pg_attribute_aclcheck_all(table, role, right, pg_sys::AclMaskHow::ACLMASK_ANY)
            }
            #[cfg(feature = "pg15")]
            Object::Schema(schema) => pg_sys::pg_namespace_aclcheck(schema, role, right),
            #[cfg(not(feature = "pg15"))]
            Object::Schema(schema) => {
                pg_sys::object_aclcheck(pg_sys::NamespaceRelationId, schema, role, right)
            }
            #[cfg(feature = "pg15")]
            Object::Function(function) => pg_sys::pg_proc_aclcheck(function, role, right),
            #[cfg(not(feature = "pg15"))]
            Object::Function(function) => {
                pg_sys::object_aclcheck(pg_sys::ProcedureRelationId, function, role, right)
            }
        }
    }
}

/// Whether a role is the owner of a table, or may act as the owner.
pub fn owns_table(role: Oid, table: Oid) -> bool {
    // SAFETY: PostgreSQL takes any number for a role's or a table's.
    unsafe {
        #[cfg(feature = "pg15")]
        return pg_sys::pg_class_ownercheck(table, role);
        #[cfg(not(feature = "pg15"))]
        pg_sys::object_ownercheck(pg_sys::RelationRelationId, table, role)
    }
}
