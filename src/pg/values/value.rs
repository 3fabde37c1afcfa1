//! Values that know their SQL type, which is checked where they are stored.

use crate::pg::memory::heap;
use crate::pg::memory::region::Region;
use crate::pg::server::ctext::MadeText;
use crate::pg::server::error::{defect, raise};
use crate::pg::server::lookup::{array_type, caught, element_type, type_name};
use crate::pg::server::name::c_string;
use crate::pg::server::passing::{passing_of, VARLENA};
use pgrx::datum::{AnyNumeric, FromDatum, IntoDatum};
use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::PgSqlErrorCode;
use std::marker::PhantomData;
use std::num::NonZeroU32;

// PostgreSQL defines these functions with these arguments. The first two look a type up, or raise an error; the last is for
// values of the type that the function writes.
unsafe extern "C-unwind" {
    safe fn getTypeInputInfo(type_oid: Oid, input: &mut Oid, parameter: &mut Oid);
    safe fn getTypeOutputInfo(type_oid: Oid, output: &mut Oid, is_varlena: &mut bool);
    unsafe fn OidOutputFunctionCall(output: Oid, value: Datum) -> MadeText;
}

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

    /// The value that a text stands for, as if it were stored in a column of this type.
    pub fn parse(type_oid: Oid, typmod: i32, text: &str) -> Value {
        if type_oid == pg_sys::TEXTOID {
            return Value::from(text);
        }
        require_length(type_oid, text.len());
        let (mut input, mut parameter) = (Oid::INVALID, Oid::INVALID);
        caught(|| getTypeInputInfo(type_oid, &mut input, &mut parameter));
        let text = c_string(text);
        // SAFETY: the type's input function reads the C string, and returns a value of the type or raises an error.
        let datum =
            unsafe { pg_sys::OidInputFunctionCall(input, text.as_ptr().cast_mut(), parameter, typmod) };
        Value::of(type_oid, datum)
    }

    /// The value of another type that has the same text: a cast as `x::text::other` does it.
    pub fn through_text(self, type_oid: Oid) -> Value {
        let (mut output, mut varlena) = (Oid::INVALID, false);
        let (mut input, mut parameter) = (Oid::INVALID, Oid::INVALID);
        caught(|| {
            getTypeOutputInfo(self.type_oid(), &mut output, &mut varlena);
            getTypeInputInfo(type_oid, &mut input, &mut parameter);
        });
        // SAFETY: a value of variable length says how long it is. The output function of a type takes its values and returns a C
        // string, which the input function of another one takes; either may raise an error.
        let datum = unsafe {
            if passing_of(self.type_oid()).0 == VARLENA {
                require_length(type_oid, pg_sys::toast_raw_datum_size(self.datum) - pg_sys::VARHDRSZ);
            }
            let text = pg_sys::OidOutputFunctionCall(output, self.datum);
            pg_sys::OidInputFunctionCall(input, text, parameter, -1)
        };
        Value::of(type_oid, datum)
    }

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

    /// The text that the value is; None if it is of another type.
    pub fn text(self) -> Option<String> {
        (self.type_oid() == pg_sys::TEXTOID)
            .then(|| self.stored().read(|bytes| String::from_utf8_lossy(bytes).into_owned()))
    }

    /// The value as PostgreSQL writes it.
    pub fn to_text(self) -> String {
        let (mut output, mut varlena) = (Oid::INVALID, false);
        caught(|| getTypeOutputInfo(self.type_oid(), &mut output, &mut varlena));
        // SAFETY: the output function of a type takes its values, and returns a C string or raises an error.
        caught(|| unsafe { OidOutputFunctionCall(output, self.datum) }).text().unwrap_or_default()
    }
}

/// Raises an error if no value of the type is written with as many bytes, as the input functions do after they copied them
/// several times.
fn require_length(type_oid: Oid, length: usize) {
    /// More than any such value has, even among spaces.
    const LONGEST: usize = 4096;
    let is_short = match type_oid {
        // What is too long for a name is cut off.
        pg_sys::NAMEOID => false,
        pg_sys::INETOID | pg_sys::CIDROID => true,
        _ => passing_of(type_oid).0 > 0,
    };
    if is_short && length > LONGEST {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION,
            format!("text is too long for type {}", type_name(type_oid)),
            format!("The text has {length} bytes."),
            &format!("Give a value of type {}.", type_name(type_oid)),
        );
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

/// A type whose values are passed by reference and have N bytes.
#[derive(Clone, Copy, PartialEq)]
pub struct FixedType<const N: usize>(Oid);

impl<const N: usize> FixedType<N> {
    /// The type, if it is one.
    pub fn of(type_oid: Oid) -> Option<FixedType<N>> {
        (passing_of(type_oid) == (N as i16, false)).then_some(FixedType(type_oid))
    }
}

/// A value as PostgreSQL stores it, readable for `'v`.
#[derive(Clone, Copy)]
pub struct StoredValue<'v> {
    datum: Datum,
    length: i16,
    by_value: bool,
    owner: PhantomData<&'v ()>,
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

/// A table, as a value of type regclass.
pub struct Regclass(pub Oid);

/// Microseconds since 2000, as a value of type timestamptz.
pub struct Moment(pub i64);

/// Microseconds since 2000, as a value of type timestamp.
pub struct LocalMoment(pub i64);

/// Days since 2000, as a value of type date.
pub struct Day(pub i32);

macro_rules! values {
    ($($native:ty => $type_oid:ident, $given:ident => $datum:expr;)*) => { $(
        impl From<$native> for Value {
            fn from($given: $native) -> Value {
                Value::of(pg_sys::$type_oid, $datum)
            }
        }
    )* };
}

values! {
    bool => BOOLOID, x => x.into();
    i16 => INT2OID, x => x.into();
    i32 => INT4OID, x => x.into();
    i64 => INT8OID, x => x.into();
    f32 => FLOAT4OID, x => u64::from(x.to_bits()).into();
    f64 => FLOAT8OID, x => x.to_bits().into();
    Moment => TIMESTAMPTZOID, x => x.0.into();
    LocalMoment => TIMESTAMPOID, x => x.0.into();
    Day => DATEOID, x => x.0.into();
    Regclass => REGCLASSOID, x => x.0.into();
    &[u8] => BYTEAOID, x => made(x);
    &str => TEXTOID, x => made(x);
    pg_sys::Interval => INTERVALOID, x => copied(x);
    Vec<i16> => INT2ARRAYOID, x => made(x);
    Vec<Oid> => OIDARRAYOID, x => made(x);
    Vec<String> => TEXTARRAYOID, x => made(x);
}

/// The datum of a value that is never NULL.
fn made(value: impl IntoDatum) -> Datum {
    value.into_datum().unwrap_or_else(Datum::null)
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

/// A value that lives for `'v`.
#[derive(Clone, Copy)]
pub struct LentValue<'v> {
    value: Value,
    owner: PhantomData<&'v ()>,
}

impl<'v> LentValue<'v> {
    /// # Safety
    /// The value lives for `'v`.
    pub unsafe fn new(value: Value) -> Self {
        LentValue { value, owner: PhantomData }
    }

    #[inline]
    pub fn type_oid(self) -> Oid {
        self.value.type_oid()
    }

    #[inline]
    pub fn datum(self) -> Datum {
        self.value.datum
    }

    /// Copies the value, which is of this type, into the region.
    pub fn copied(self, storage: Storage, region: Region) -> Value {
        region.within(|| storage.copied(self.value))
    }

    /// Whether the value has the same bytes as another one, both being of this type.
    pub fn is_alike(self, storage: Storage, other: Value) -> bool {
        storage.is_alike(self.value, other)
    }

    /// The value as it is stored.
    pub fn stored(self) -> StoredValue<'v> {
        let StoredValue { datum, length, by_value, .. } = self.value.stored();
        StoredValue { datum, length, by_value, owner: PhantomData }
    }

    /// The value as it is stored, being of this type.
    pub fn stored_as(self, storage: Storage) -> StoredValue<'v> {
        storage.check(&self.value);
        let Storage { length, by_value, .. } = storage;
        StoredValue { datum: self.value.datum, length, by_value, owner: PhantomData }
    }

    /// The value in its native form, which is a copy; None if it is of another type.
    pub fn native<T: Native>(self) -> Option<T> {
        self.value.native()
    }

    /// The text that the value is; None if it is of another type.
    pub fn text(self) -> Option<String> {
        self.value.text()
    }

    /// The value as PostgreSQL writes it.
    pub fn to_text(self) -> String {
        self.value.to_text()
    }

    /// The members of an array, without NULL.
    pub fn members(self) -> Vec<LentValue<'v>> {
        heap::collect(self.value.members().into_iter().map(|value| LentValue { value, owner: PhantomData }))
    }
}

impl<'v> From<&'v pg_sys::Interval> for LentValue<'v> {
    fn from(interval: &'v pg_sys::Interval) -> LentValue<'v> {
        let datum = Datum::from(std::ptr::from_ref(interval));
        LentValue { value: Value::of(pg_sys::INTERVALOID, datum), owner: PhantomData }
    }
}

/// A type, and the way in which its values are stored.
#[derive(Clone, Copy)]
pub struct Storage {
    type_oid: Oid,
    length: i16,
    by_value: bool,
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
    fn check(self, value: &Value) {
        if value.type_oid() != self.type_oid {
            defect("a value of another type than its column's");
        }
    }
}
