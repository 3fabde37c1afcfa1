//! Finding the extension's own functions, wherever it was installed.

use pgrx::pg_sys::{self, Oid};
use std::ffi::CStr;

/// The built-in function behind `oid = oid`.
const OID_EQ: u32 = 184;

/// The schema of the extension; None where it is not installed.
pub fn extension_schema() -> Option<Oid> {
    // SAFETY: an ordinary scan of a system catalog by its index.
    unsafe {
        let extension = pg_sys::get_extension_oid(c"pg_tally".as_ptr(), true);
        if extension == Oid::INVALID {
            return None;
        }
        let relation = pg_sys::table_open(pg_sys::ExtensionRelationId, pg_sys::AccessShareLock as i32);
        let mut key = pg_sys::ScanKeyData::default();
        pg_sys::ScanKeyInit(
            &mut key,
            pg_sys::Anum_pg_extension_oid as i16,
            pg_sys::BTEqualStrategyNumber as u16,
            Oid::from(OID_EQ),
            extension.into(),
        );
        let scan = pg_sys::systable_beginscan(
            relation,
            Oid::from(pg_sys::ExtensionOidIndexId),
            true,
            std::ptr::null_mut(),
            1,
            &mut key,
        );
        let tuple = pg_sys::systable_getnext(scan);
        let schema = (!tuple.is_null()).then(|| {
            let row = pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_extension>();
            (*row).extnamespace
        });
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, pg_sys::AccessShareLock as i32);
        schema
    }
}

/// A function or aggregate of one argument in this schema that the user may execute.
pub fn function(schema: Oid, name: &CStr, argument: Oid) -> Option<Oid> {
    // SAFETY: PostgreSQL looks up and copies; the name is a list of two strings.
    unsafe {
        let schema_name = pg_sys::get_namespace_name(schema);
        let mut path = std::ptr::null_mut();
        path = pg_sys::lappend(path, pg_sys::makeString(schema_name).cast());
        path = pg_sys::lappend(path, pg_sys::makeString(pg_sys::pstrdup(name.as_ptr())).cast());
        let function = pg_sys::LookupFuncName(path, 1, &argument, true);
        (function != Oid::INVALID && may_execute(function)).then_some(function)
    }
}

unsafe fn may_execute(function: Oid) -> bool {
    // SAFETY: looks the function up in the catalog.
    unsafe {
        let (user, right) = (pg_sys::GetUserId(), pg_sys::ACL_EXECUTE as pg_sys::AclMode);
        #[cfg(feature = "pg15")]
        let result = pg_sys::pg_proc_aclcheck(function, user, right);
        #[cfg(not(feature = "pg15"))]
        let result = pg_sys::object_aclcheck(pg_sys::ProcedureRelationId, function, user, right);
        result == pg_sys::AclResult::ACLCHECK_OK
    }
}
