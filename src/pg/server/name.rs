//! Names: as text, as C strings, and quoted as SQL.

use super::error::raise;
use super::lookup::{relname, schema_name, schema_of};
use pgrx::pg_sys::Oid;
use pgrx::PgSqlErrorCode;
use std::ffi::CString;

/// A schema's name.
pub fn namespace(schema: Oid) -> String {
    schema_name(schema).unwrap_or_default()
}

/// A relation's name with its schema, as SQL.
pub fn relation_name(relation: Oid) -> String {
    let (schema, name) = (namespace(schema_of(relation)), relname(relation).unwrap_or_default());
    format!("{}.{}", quoted(schema), quoted(name))
}

/// A name as SQL, always in quotes.
pub fn quoted(name: impl AsRef<str>) -> String {
    format!("\"{}\"", name.as_ref().replace('"', "\"\""))
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
