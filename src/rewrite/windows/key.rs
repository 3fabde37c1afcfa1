//! Values of the ordering column, kept after their rows have gone.

use super::copies::{Copied, Copies};
use crate::pg::list::items;
use pgrx::pg_sys::{self, Datum, TargetEntry, WindowAgg};

/// The ordering column of a frame that depends on its values.
pub struct OrderingColumn {
    /// Counted from one.
    pub number: i16,
    length: i16,
    by_value: bool,
    copies: Copies,
}

impl OrderingColumn {
    /// The one ordering column of a RANGE frame with an offset.
    ///
    /// # Safety
    /// The WindowAgg that has the frame, and a target list with the types of its input.
    pub unsafe fn of(window: *const WindowAgg, input: *mut pg_sys::List, copies: Copies) -> OrderingColumn {
        // SAFETY: see above.
        unsafe {
            let number = *(*window).ordColIdx;
            let target = items::<TargetEntry>(input).nth(number as usize - 1);
            let value = target.map_or(pg_sys::Oid::INVALID, |target| pg_sys::exprType((*target).expr.cast()));
            let (mut length, mut by_value) = (0, false);
            pg_sys::get_typlenbyval(value, &mut length, &mut by_value);
            OrderingColumn { number, length, by_value, copies }
        }
    }
}

/// A copy of a value.
pub enum Key {
    ByValue(Datum),
    ByReference(Copied),
}

impl Key {
    /// Copies a value of the column.
    ///
    /// # Safety
    /// It is one.
    #[inline]
    pub unsafe fn copy(value: Datum, column: &OrderingColumn) -> Key {
        if column.by_value {
            return Key::ByValue(value);
        }
        // SAFETY: see above.
        unsafe {
            Key::ByReference(match column.length {
                ..0 => column.copies.varlena(value),
                length => column.copies.bytes(value.cast_mut_ptr(), length as usize),
            })
        }
    }

    #[inline]
    pub fn datum(&self) -> Datum {
        match self {
            Key::ByValue(datum) => *datum,
            Key::ByReference(copied) => copied.datum(),
        }
    }
}
