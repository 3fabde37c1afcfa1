//! Rights on functions.

use super::process::user;
use super::right::{check, Object, EXECUTE};
use pgrx::pg_sys::{self, AclResult, Oid};

/// Returns whether the user may execute a function.
pub fn may_execute(function: Oid) -> AclResult::Type {
    may_be_executed_by(function, user())
}

/// Returns whether a role may execute a function.
pub fn may_be_executed_by(function: Oid, role: Oid) -> AclResult::Type {
    check(role, EXECUTE, Object::Function(function))
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
