//! Columns and types, as the catalog describes them.

use super::name::{c_string, text};
use pgrx::pg_sys::{self, Oid};

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub number: i16,
    /// The type of the values; for a domain, its base type.
    pub type_oid: Oid,
    pub typmod: i32,
    pub collation: Oid,
}

/// Looks up a column by name; None if there is none.
pub fn find_column(relation: Oid, name: &str) -> Option<Column> {
    let c_name = c_string(name);
    let mut found = Column {
        name: name.to_owned(),
        number: 0,
        type_oid: Oid::INVALID,
        typmod: -1,
        collation: Oid::INVALID,
    };
    // SAFETY: PostgreSQL looks up the column, and fills in what it finds.
    unsafe {
        found.number = pg_sys::get_attnum(relation, c_name.as_ptr());
        if found.number <= 0 {
            return None;
        }
        pg_sys::get_atttypetypmodcoll(
            relation,
            found.number,
            &mut found.type_oid,
            &mut found.typmod,
            &mut found.collation,
        );
        found.type_oid = pg_sys::getBaseTypeAndTypmod(found.type_oid, &mut found.typmod);
    }
    Some(found)
}

/// Returns `pg_attribute.attgenerated`: `s` for a stored column, `v` for a virtual one, 0 for an ordinary one.
pub fn generated(relation: Oid, number: i16) -> u8 {
    // SAFETY: a row of `pg_attribute` begins with this structure; the row is read before it is released.
    unsafe {
        let cache = pg_sys::SysCacheIdentifier::ATTNUM as i32;
        let tuple = pg_sys::SearchSysCache2(cache, relation.into(), number.into());
        if tuple.is_null() {
            return 0;
        }
        let generated = (*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_attribute>()).attgenerated;
        pg_sys::ReleaseSysCache(tuple);
        generated as u8
    }
}

/// Returns the numbers of the columns of a table in which constraints allow no NULL. The table is locked.
pub fn never_null(relation: Oid) -> Vec<i16> {
    // SAFETY: the descriptor lives as long as the relation is held, and has as many columns as it says.
    unsafe {
        let relation = pg_sys::RelationIdGetRelation(relation);
        if relation.is_null() {
            return Vec::new();
        }
        let descriptor = (*relation).rd_att;
        let count = (*descriptor).natts as usize;
        #[cfg(not(feature = "pg18"))]
        let is_never_null = |place: usize| (*descriptor).attrs.as_slice(count)[place].attnotnull;
        // A constraint that is not validated applies to new rows only.
        #[cfg(feature = "pg18")]
        let is_never_null = |place: usize| {
            let column = &(*descriptor).compact_attrs.as_slice(count)[place];
            column.attnullability as u8 == pg_sys::ATTNULLABLE_VALID
        };
        let columns =
            (0..count).filter(|&place| is_never_null(place)).map(|place| place as i16 + 1).collect();
        pg_sys::RelationClose(relation);
        columns
    }
}

/// Returns the name of a type in SQL.
pub fn type_name(type_oid: Oid) -> String {
    // SAFETY: PostgreSQL accepts any OID, and returns a C string.
    unsafe { text(pg_sys::format_type_be(type_oid)) }.unwrap_or_default()
}

/// The `typlen` of types whose values carry their length in a header.
pub const VARLENA: i16 = -1;

/// Whether the values of a column, counted from one, are passed by reference and have this length.
///
/// # Safety
/// The descriptor belongs to a table or a result, and outlives the call.
pub unsafe fn is_by_reference(descriptor: pg_sys::TupleDesc, column: i16, length: i16) -> bool {
    // SAFETY: the caller's descriptor has as many columns as it says.
    unsafe {
        let count = (*descriptor).natts as usize;
        #[cfg(not(feature = "pg18"))]
        let columns = (*descriptor).attrs.as_slice(count);
        #[cfg(feature = "pg18")]
        let columns = (*descriptor).compact_attrs.as_slice(count);
        let found = usize::try_from(column - 1).ok().and_then(|place| columns.get(place));
        found.is_some_and(|found| found.attlen == length && !found.attbyval)
    }
}
