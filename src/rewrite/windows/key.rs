//! Copies of values of the ordering column, which outlive their rows.

use super::copies::{Copied, Copies};
use super::input::Input;
use crate::pg::list::items;
use pgrx::pg_sys::{self, Datum, TargetEntry};

/// The ordering column of a frame that depends on its values.
pub struct OrderingColumn {
    /// The number of the column, counted from one.
    pub number: i16,
    length: i16,
    by_value: bool,
    copies: Copies,
}

impl OrderingColumn {
    /// Finds the one ordering column of a RANGE frame with an offset.
    pub fn of(input: &Input, copies: Copies) -> OrderingColumn {
        // SAFETY: a WindowAgg with such a frame has an ordering column, which is a target of the input's plan.
        unsafe {
            let number = *(*input.definition.window).ordColIdx;
            let targets = (*(*input.rows).plan).targetlist;
            let target = items::<TargetEntry>(targets).nth(number as usize - 1);
            let value = target.map_or(pg_sys::Oid::INVALID, |target| pg_sys::exprType((*target).expr.cast()));
            let (mut length, mut by_value) = (0, false);
            pg_sys::get_typlenbyval(value, &mut length, &mut by_value);
            OrderingColumn { number, length, by_value, copies }
        }
    }
}

/// A copy of a value.
pub enum OrderingKey {
    ByValue(Datum),
    ByReference(Copied),
}

impl OrderingKey {
    /// Copies a value of the column.
    ///
    /// # Safety
    /// The value has the column's type.
    #[inline]
    pub unsafe fn copy(value: Datum, column: &OrderingColumn) -> OrderingKey {
        if column.by_value {
            return OrderingKey::ByValue(value);
        }
        // SAFETY: the caller's value is as long as its type says.
        unsafe {
            OrderingKey::ByReference(match column.length {
                ..0 => column.copies.varlena(value),
                length => column.copies.bytes(value.cast_mut_ptr(), length as usize),
            })
        }
    }

    #[inline]
    pub fn datum(&self) -> Datum {
        match self {
            OrderingKey::ByValue(datum) => *datum,
            OrderingKey::ByReference(copied) => copied.datum(),
        }
    }
}
