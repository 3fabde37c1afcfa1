//! The way in which values of a type are passed: by value or by reference, and of which length.

use super::lookup::caught;
use pgrx::pg_sys::Oid;

// PostgreSQL defines this function with these arguments, in which any number may stand for a type.
unsafe extern "C-unwind" {
    safe fn get_typlenbyval(type_oid: Oid, length: &mut i16, by_value: &mut bool);
}

/// The `typlen` of types whose values carry their length in a header.
pub const VARLENA: i16 = -1;

/// Returns the length of a type's values, and whether they are passed by value.
pub fn passing_of(type_oid: Oid) -> (i16, bool) {
    caught(|| {
        let (mut length, mut by_value) = (0, false);
        get_typlenbyval(type_oid, &mut length, &mut by_value);
        (length, by_value)
    })
}
