//! Rights on functions.

use super::ctext::MadeText;
use super::lookup::{caught, get_func_name};
use super::process::user;
use super::right::{check, Object, EXECUTE};
use pgrx::pg_sys::{AclResult, ObjectType, Oid};
use std::ffi::c_void;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

// PostgreSQL defines these functions and the variable with these types. The first raises the error, of any name.
unsafe extern "C-unwind" {
    safe static object_access_hook: AtomicPtr<c_void>;
    safe fn aclcheck_error(result: AclResult::Type, kind: ObjectType::Type, name: MadeText);
    safe fn RunFunctionExecuteHook(function: Oid);
}

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
    if result != AclResult::ACLCHECK_OK {
        caught(|| aclcheck_error(result, ObjectType::OBJECT_FUNCTION, get_func_name(function)));
    }
    if !object_access_hook.load(Relaxed).is_null() {
        caught(|| RunFunctionExecuteHook(function));
    }
}
