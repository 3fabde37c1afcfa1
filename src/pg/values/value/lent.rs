//! Values that somebody else keeps.

use super::stored::{Storage, StoredValue};
use super::{Native, Value};
use crate::pg::memory::heap;
use crate::pg::memory::region::Region;
use pgrx::pg_sys::{self, Datum, Oid};
use std::marker::PhantomData;

/// A value that lives for `'v`.
#[derive(Clone, Copy)]
pub struct LentValue<'v> {
    pub(super) value: Value,
    pub(super) owner: PhantomData<&'v ()>,
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
