//! Values as PostgreSQL stores them, by their type.

use super::Value;
use crate::pg::server::error::defect;
use crate::pg::server::passing::{passing_of, VARLENA};
use pgrx::pg_sys::{self, Datum, Oid};
use std::marker::PhantomData;

/// A type whose values are passed by reference and have N bytes.
#[derive(Clone, Copy, PartialEq)]
pub struct FixedType<const N: usize>(pub(super) Oid);

impl<const N: usize> FixedType<N> {
    /// The type, if it is one.
    pub fn of(type_oid: Oid) -> Option<FixedType<N>> {
        (passing_of(type_oid) == (N as i16, false)).then_some(FixedType(type_oid))
    }
}

/// A value as PostgreSQL stores it, readable for `'v`.
#[derive(Clone, Copy)]
pub struct StoredValue<'v> {
    pub(super) datum: Datum,
    pub(super) length: i16,
    pub(super) by_value: bool,
    pub(super) owner: PhantomData<&'v ()>,
}

impl<'v> StoredValue<'v> {
    /// # Safety
    /// The values of the datum's type have this length, and are passed by value or not, as stated; this one lives for
    /// `'v`.
    #[inline]
    pub unsafe fn new(datum: Datum, length: i16, by_value: bool) -> StoredValue<'v> {
        StoredValue { datum, length, by_value, owner: PhantomData }
    }

    /// The length of all values of the type, or that it varies, as `pg_type.typlen` says it.
    #[inline]
    pub fn length(self) -> i16 {
        self.length
    }

    /// The value itself; None if it is passed by reference.
    #[inline]
    pub fn word(self) -> Option<usize> {
        self.by_value.then_some(self.datum.value())
    }

    /// Calls `read` with the bytes of a value passed by reference, without a header; with none of one passed by value.
    #[inline]
    pub fn read<R>(self, read: impl FnOnce(&[u8]) -> R) -> R {
        // SAFETY: whoever made this promises a value of this length; what is decompressed is in the current memory
        // context, and not used afterwards.
        read(unsafe {
            match self.length {
                _ if self.by_value => &[],
                VARLENA => bytes_of(self.datum),
                0.. => std::slice::from_raw_parts(self.datum.cast_mut_ptr(), self.length as usize),
                _ => std::ffi::CStr::from_ptr(self.datum.cast_mut_ptr()).to_bytes(),
            }
        })
    }

    /// Copies the value, decompressed, into the current memory context.
    fn copied(self) -> Datum {
        if self.by_value {
            return self.datum;
        }
        self.read_whole(copied_bytes)
    }

    /// Calls `read` likewise, with a header of four bytes where the length varies, or the zero behind a C string.
    pub fn read_whole<R>(self, read: impl FnOnce(&[u8]) -> R) -> R {
        if self.by_value || self.length >= 0 {
            return self.read(read);
        }
        // SAFETY: whoever made this promises a value of variable length, or a C string; what is decompressed is in the current
        // memory context, and not used afterwards.
        read(unsafe {
            if self.length == VARLENA {
                let whole = pg_sys::pg_detoast_datum(self.datum.cast_mut_ptr());
                std::slice::from_raw_parts(whole.cast(), pgrx::varsize_any(whole))
            } else {
                std::ffi::CStr::from_ptr(self.datum.cast_mut_ptr()).to_bytes_with_nul()
            }
        })
    }
}

/// A type, and the way in which its values are stored.
#[derive(Clone, Copy)]
pub struct Storage {
    type_oid: Oid,
    pub(super) length: i16,
    pub(super) by_value: bool,
}

impl Storage {
    /// The storage of a type.
    pub fn of(type_oid: Oid) -> Storage {
        let (length, by_value) = passing_of(type_oid);
        Storage { type_oid, length, by_value }
    }

    #[inline]
    pub fn type_oid(self) -> Oid {
        self.type_oid
    }

    /// A value of the type.
    ///
    /// # Safety
    /// The value is one of the type, and lives for `'v`.
    #[inline]
    pub unsafe fn of_type<'v>(self, value: Datum) -> StoredValue<'v> {
        StoredValue { datum: value, length: self.length, by_value: self.by_value, owner: PhantomData }
    }

    /// A value of the type, as it is stored.
    pub fn stored(self, value: &Value) -> StoredValue<'_> {
        value.lent().stored_as(self)
    }

    /// Copies a value of the type, decompressed, into the current memory context.
    pub fn copied(self, value: Value) -> Value {
        Value { datum: self.stored(&value).copied(), ..value }
    }

    /// Whether two values of the type have the same bytes.
    pub fn is_alike(self, one: Value, other: Value) -> bool {
        let (one, other) = (self.stored(&one), self.stored(&other));
        one.word() == other.word() && one.read(|one| other.read(|other| one == other))
    }

    #[inline]
    pub(super) fn check(self, value: &Value) {
        if value.type_oid() != self.type_oid {
            defect("a value of another type than its column's");
        }
    }
}

/// A copy in the current memory context.
#[inline]
pub fn copied<T: Copy>(x: T) -> Datum {
    copied_all(&[x])
}

/// A copy of bytes in the current memory context, without a header.
pub fn copied_bytes(bytes: &[u8]) -> Datum {
    copied_all(bytes)
}

/// A copy of items in the current memory context.
#[inline]
pub fn copied_all<T: Copy>(items: &[T]) -> Datum {
    // SAFETY: palloc makes room for the items, aligned for any type of PostgreSQL.
    unsafe {
        let copy = pg_sys::palloc(size_of_val(items)).cast::<T>();
        copy.copy_from_nonoverlapping(items.as_ptr(), items.len());
        Datum::from(copy)
    }
}

/// The bytes of a varlena datum.
///
/// # Safety
/// The datum is a varlena that outlives the result.
pub unsafe fn bytes_of<'a>(datum: Datum) -> &'a [u8] {
    // SAFETY: the caller's varlena; what is decompressed is in the current memory context.
    unsafe { pgrx::varlena_to_byte_slice(pg_sys::pg_detoast_datum_packed(datum.cast_mut_ptr())) }
}
