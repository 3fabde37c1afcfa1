//! Rights on functions.

use pgrx::pg_sys::{self, AclResult, Oid};

/// Returns whether the user may execute a function.
pub fn may_execute(function: Oid) -> AclResult::Type {
    // SAFETY: PostgreSQL only reads a variable of the session, which always has a user.
    may_be_executed_by(function, unsafe { pg_sys::GetUserId() })
}

/// Returns whether a role may execute a function.
pub fn may_be_executed_by(function: Oid, user: Oid) -> AclResult::Type {
    let right = pg_sys::ACL_EXECUTE as pg_sys::AclMode;
    // SAFETY: PostgreSQL takes any numbers for those of a function and a role.
    unsafe {
        #[cfg(feature = "pg15")]
        return pg_sys::pg_proc_aclcheck(function, user, right);
        #[cfg(not(feature = "pg15"))]
        pg_sys::object_aclcheck(pg_sys::ProcedureRelationId, function, user, right)
    }
}

/// Raises 42501 unless the user may execute a function, and tells hooks of it, as PostgreSQL does for each of a plan.
pub fn require_execute(function: Oid) {
    let result = may_execute(function);
    // SAFETY: PostgreSQL looks the name up, and raises the error.
    unsafe {
        if result != AclResult::ACLCHECK_OK {
            pg_sys::aclcheck_error(
                result,
                pg_sys::ObjectType::OBJECT_FUNCTION,
                pg_sys::get_func_name(function),
            );
        }
        let hook = pg_sys::object_access_hook;
        if hook.is_some() {
            pg_sys::RunFunctionExecuteHook(function);
        }
    }
}
