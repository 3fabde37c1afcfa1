//! Names: as text, as C strings, and quoted as SQL.

use super::error::raise;
use pgrx::pg_sys::{self, Oid};
use pgrx::PgSqlErrorCode;
use std::ffi::{CStr, CString};

/// A schema's name.
pub fn namespace(schema: Oid) -> String {
    // SAFETY: PostgreSQL accepts any OID, and returns a C string or null.
    unsafe { text(pg_sys::get_namespace_name(schema)) }.unwrap_or_default()
}

/// A relation's name with its schema, as SQL.
pub fn relation_name(relation: Oid) -> String {
    // SAFETY: PostgreSQL accepts any OID, and returns a C string or null.
    let (schema, name) =
        unsafe { (namespace(pg_sys::get_rel_namespace(relation)), text(pg_sys::get_rel_name(relation))) };
    format!("{}.{}", quoted(schema), quoted(name.unwrap_or_default()))
}

/// A name as SQL, always in quotes.
pub fn quoted(name: impl AsRef<str>) -> String {
    format!("\"{}\"", name.as_ref().replace('"', "\"\""))
}

/// A C string of PostgreSQL's; None if it is null.
///
/// # Safety
/// `string` is null or a C string.
pub unsafe fn text(string: *const std::ffi::c_char) -> Option<String> {
    // SAFETY: the caller promises null or a C string.
    (!string.is_null()).then(|| unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned())
}

/// A C string for PostgreSQL.
pub fn c_string(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| {
        raise(
            PgSqlErrorCode::ERRCODE_CHARACTER_NOT_IN_REPERTOIRE,
            "name contains a zero byte",
            "",
            "Leave the zero byte out.",
        )
    })
}
