//! Columns and types, as the catalog describes them.

use super::catalog::{look_up, Cached, CatalogRow};
use super::open_relation::OpenRelation;
use crate::pg::server::ctext::CText;
use crate::pg::server::lookup::{caught, default_class, support_function};
use crate::pg::server::name::c_string;
use pgrx::pg_sys::{self, AttrNumber, Oid};

pub use crate::pg::server::lookup::{array_type, base_type, type_name};
pub use crate::pg::server::passing::{passing_of, VARLENA};

// PostgreSQL defines these functions with these arguments, in which any number may stand for an object.
unsafe extern "C-unwind" {
    safe fn get_attnum(relation: Oid, name: CText) -> AttrNumber;
    safe fn get_atttypetypmodcoll(
        relation: Oid,
        number: AttrNumber,
        type_oid: &mut Oid,
        typmod: &mut i32,
        collation: &mut Oid,
    );
    safe fn getBaseTypeAndTypmod(type_oid: Oid, typmod: &mut i32) -> Oid;
}

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
    if name.len() >= pg_sys::NAMEDATALEN as usize {
        return None;
    }
    let c_name = c_string(name);
    let c_name = CText::from(c_name.as_c_str());
    let number = caught(|| get_attnum(relation, c_name));
    if number <= 0 {
        return None;
    }
    let (type_oid, typmod, collation) = caught(|| {
        let (mut type_oid, mut typmod, mut collation) = (Oid::INVALID, -1, Oid::INVALID);
        get_atttypetypmodcoll(relation, number, &mut type_oid, &mut typmod, &mut collation);
        (getBaseTypeAndTypmod(type_oid, &mut typmod), typmod, collation)
    });
    Some(Column { name: name.to_owned(), number, type_oid, typmod, collation })
}

/// Returns `pg_attribute.attgenerated`: `s` for a stored column, `v` for a virtual one, 0 for an ordinary one.
pub fn generated(relation: Oid, number: i16) -> u8 {
    let generated = |row: &CatalogRow| row.form::<pg_sys::FormData_pg_attribute>().attgenerated as u8;
    look_up(Cached::Column(relation, number), generated).unwrap_or_default()
}

/// Returns the numbers of the columns of a table in which constraints allow no NULL. The table is locked.
pub fn never_null(relation: Oid) -> Vec<i16> {
    let Some(relation) = OpenRelation::known(relation) else { return Vec::new() };
    relation.row_type().never_null().map(|place| place as i16 + 1).collect()
}

/// Whether values of a type that are equal in this collation have the same bytes, and the type has an order.
pub fn equal_values_have_equal_bytes(type_oid: Oid, collation: Oid) -> bool {
    /// The support function of a B-tree operator class that says so.
    const EQUALIMAGE: i16 = 4;
    let class = default_class(type_oid);
    let function = if class == Oid::INVALID { None } else { support_function(class, EQUALIMAGE) };
    // SAFETY: the function behind `equalimage` takes the OID of the type.
    function.is_some_and(|(function, of)| unsafe {
        pg_sys::OidFunctionCall1Coll(function, collation, of.into()).value() != 0
    })
}
