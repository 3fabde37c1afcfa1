//! Arrays of values of one type.

use super::Value;
use crate::pg::memory::heap;
use crate::pg::server::error::defect;
use crate::pg::server::lookup::{array_type, element_type};
use pgrx::pg_sys::{self, Datum, Oid};

impl Value {
    /// An array of values of one type.
    pub fn array(element: Oid, values: impl Iterator<Item = Value>) -> Value {
        let of_type = values.filter(|value| value.type_oid() == element);
        let mut datums = heap::collect(of_type.map(|value| value.datum));
        let (mut length, mut by_value, mut align) = (0, false, 0);
        // SAFETY: the values are checked to be of the type; PostgreSQL copies them.
        unsafe {
            pg_sys::get_typlenbyvalalign(element, &mut length, &mut by_value, &mut align);
            let count = datums.len() as i32;
            let array =
                pg_sys::construct_array(datums.as_mut_ptr(), count, element, length.into(), by_value, align);
            Value::of(array_type(element), Datum::from(array))
        }
    }

    /// The members of an array, without NULL.
    pub fn members(self) -> Vec<Value> {
        let element = element_type(self.type_oid());
        if element == Oid::INVALID {
            defect("a value that is no array");
        }
        // SAFETY: the value is an array, whose type says what its members are.
        unsafe {
            let (mut members, mut nulls, mut count) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
            let (mut length, mut by_value, mut align) = (0, false, 0);
            let array = pg_sys::pg_detoast_datum(self.datum.cast_mut_ptr()).cast::<pg_sys::ArrayType>();
            pg_sys::get_typlenbyvalalign(element, &mut length, &mut by_value, &mut align);
            pg_sys::deconstruct_array(
                array,
                element,
                length.into(),
                by_value,
                align,
                &mut members,
                &mut nulls,
                &mut count,
            );
            let places = (0..count as usize).filter(|&place| !*nulls.add(place));
            heap::collect(places.map(|place| Value::of(element, *members.add(place))))
        }
    }
}
