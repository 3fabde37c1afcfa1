//! Values that know their SQL type, which is checked where they are stored.

mod array;
mod conversion;
mod lent;
mod stored;
mod text;

pub use conversion::{Day, LocalMoment, Moment, Regclass};
pub use lent::LentValue;
pub use stored::{bytes_of, copied, copied_all, copied_bytes, FixedType, Storage, StoredValue};

use crate::pg::server::error::defect;
use crate::pg::server::passing::{passing_of, VARLENA};
use pgrx::datum::{AnyNumeric, FromDatum};
use pgrx::pg_sys::{self, Datum, Oid};
use std::marker::PhantomData;
use std::num::NonZeroU32;

/// A value that is not NULL; if it is passed by reference, it lives in the memory context in which it was made.
#[derive(Clone, Copy)]
pub struct Value {
    /// Never 0, so that an option takes no more room.
    type_oid: NonZeroU32,
    datum: Datum,
}

impl Value {
    /// A value of a type that is known at run time.
    ///
    /// # Safety
    /// The datum is of this type, and not NULL.
    #[inline]
    pub unsafe fn new(type_oid: Oid, datum: Datum) -> Value {
        Value::of(type_oid, datum)
    }

    #[inline]
    fn of(type_oid: Oid, datum: Datum) -> Value {
        let type_oid = NonZeroU32::new(type_oid.to_u32()).unwrap_or_else(|| defect("a value of no type"));
        Value { type_oid, datum }
    }

    #[inline]
    pub fn type_oid(self) -> Oid {
        Oid::from(self.type_oid.get())
    }

    #[inline]
    pub fn datum(self) -> Datum {
        self.datum
    }

    /// The value as it is stored.
    pub fn stored(&self) -> StoredValue<'_> {
        let (length, by_value) = passing_of(self.type_oid());
        StoredValue { datum: self.datum, length, by_value, owner: PhantomData }
    }

    /// The numeric that the value is, as it is stored; None if it is of another type.
    pub fn stored_numeric(&self) -> Option<StoredValue<'_>> {
        (self.type_oid() == pg_sys::NUMERICOID).then_some(StoredValue {
            datum: self.datum,
            length: VARLENA,
            by_value: false,
            owner: PhantomData,
        })
    }

    /// The value, to be looked at.
    pub fn lent(&self) -> LentValue<'_> {
        LentValue { value: *self, owner: PhantomData }
    }

    /// The interval that the value is; None if it is of another type.
    pub fn interval(self) -> Option<pg_sys::Interval> {
        let bytes = self.fixed(FixedType::<16>::of(pg_sys::INTERVALOID)?)?;
        let (time, rest) = bytes.split_first_chunk()?;
        let (day, month) = rest.split_first_chunk()?;
        let (time, day) = (i64::from_ne_bytes(*time), i32::from_ne_bytes(*day));
        Some(pg_sys::Interval { time, day, month: i32::from_ne_bytes(month.try_into().ok()?) })
    }

    /// The value in its native form; None if it is of another type.
    #[inline]
    pub fn native<T: Native>(self) -> Option<T> {
        // SAFETY: the value is checked to be of the type, of which `T` is the native form.
        (self.type_oid() == T::TYPE).then(|| unsafe { T::from_datum(self.datum, false) }).flatten()
    }

    /// The numeric that the value is; None if it is of another type.
    #[inline]
    pub fn numeric(self) -> Option<AnyNumeric> {
        self.native()
    }

    /// The double that the value is; None if it is of another type.
    #[inline]
    pub fn double(self) -> Option<f64> {
        (self.type_oid() == pg_sys::FLOAT8OID).then(|| f64::from_bits(self.datum.value() as u64))
    }

    /// The real that the value is; None if it is of another type.
    #[inline]
    pub fn real(self) -> Option<f32> {
        (self.type_oid() == pg_sys::FLOAT4OID).then(|| f32::from_bits(self.datum.value() as u32))
    }

    /// The bigint that the value is; None if it is of another type.
    #[inline]
    pub fn bigint(self) -> Option<i64> {
        (self.type_oid() == pg_sys::INT8OID).then(|| self.datum.value() as i64)
    }

    /// The bytes of a value of fixed length; None if it is of another type.
    #[inline]
    pub fn fixed<const N: usize>(self, of: FixedType<N>) -> Option<[u8; N]> {
        let (datum, length) = (self.datum, N as i16);
        let stored = StoredValue { datum, length, by_value: false, owner: PhantomData };
        (self.type_oid() == of.0).then(|| stored.read(|bytes| bytes.try_into().ok())).flatten()
    }
}

/// A native form of values of one type.
///
/// # Safety
/// The values of the SQL type are read as this one, which is a copy.
pub unsafe trait Native: FromDatum {
    /// The type in SQL.
    const TYPE: Oid;
}

macro_rules! natives {
    ($($native:ty => $type_oid:ident),* $(,)?) => { $(
        // SAFETY: pgrx reads values of the type as this one.
        unsafe impl Native for $native {
            const TYPE: Oid = pg_sys::$type_oid;
        }
    )* };
}

natives! {
    AnyNumeric => NUMERICOID,
    String => TEXTOID,
    Vec<String> => TEXTARRAYOID,
    Vec<i16> => INT2ARRAYOID,
    Vec<Oid> => OIDARRAYOID,
}
