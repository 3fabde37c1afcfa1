//! Values of the ordering column, kept after their rows have gone.

use crate::rewrite::plan::items;
use pgrx::pg_sys::{self, Datum, TargetEntry, WindowAgg};

/// The ordering column of a frame that depends on its values.
pub struct OrderingColumn {
    /// Counted from one.
    pub number: i16,
    length: i16,
    by_value: bool,
}

impl OrderingColumn {
    /// The one ordering column of a RANGE frame with an offset.
    ///
    /// # Safety
    /// The WindowAgg that has the frame, and a target list with the types of its input.
    pub unsafe fn of(window: *const WindowAgg, input: *mut pg_sys::List) -> OrderingColumn {
        // SAFETY: see above.
        unsafe {
            let number = *(*window).ordColIdx;
            let target = items::<TargetEntry>(input).nth(number as usize - 1);
            let value = target.map_or(pg_sys::Oid::INVALID, |target| pg_sys::exprType((*target).expr.cast()));
            let (mut length, mut by_value) = (0, false);
            pg_sys::get_typlenbyval(value, &mut length, &mut by_value);
            OrderingColumn { number, length, by_value }
        }
    }
}

/// A copy of a value.
pub enum Key {
    ByValue(Datum),
    /// In words, for their alignment.
    ByReference(Box<[u64]>),
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
            let (bytes, length) = if column.length < 0 {
                let whole = pg_sys::pg_detoast_datum(value.cast_mut_ptr());
                (whole.cast::<u8>().cast_const(), pgrx::varsize_any(whole))
            } else {
                (value.cast_mut_ptr::<u8>().cast_const(), column.length as usize)
            };
            let mut words = vec![0; length.div_ceil(size_of::<u64>())].into_boxed_slice();
            std::ptr::copy_nonoverlapping(bytes, words.as_mut_ptr().cast(), length);
            Key::ByReference(words)
        }
    }

    #[inline]
    pub fn datum(&self) -> Datum {
        match self {
            Key::ByValue(datum) => *datum,
            Key::ByReference(words) => Datum::from(words.as_ptr().cast_mut()),
        }
    }
}
