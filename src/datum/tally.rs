//! The datum of a tally: a reference to 80 bytes, aligned as a double.

use crate::pg::calls::call::Call;
use crate::pg::server::error::defect;
use crate::pg::tables::spi::SpiRow;
use crate::pg::values::value::copied;
use pgrx::callconv::{Arg, ArgAbi, BoxRet, FcInfo};
use pgrx::datum::{BorrowDatum, Datum, FromDatum};
use pgrx::layout::PassBy;
use pgrx::pg_sys;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use std::ops::Deref;
use std::ptr::NonNull;
use tally_stats::Tally;

/// A value of the SQL type.
#[repr(transparent)]
pub struct SqlTally(pub Tally);

impl Deref for SqlTally {
    type Target = Tally;

    fn deref(&self) -> &Tally {
        &self.0
    }
}

// SAFETY: the SQL type is declared with internallength 80 and alignment double, so every datum of it points to 80
// aligned bytes. Any bits are a valid `Tally`, which is `#[repr(C)]` without padding.
unsafe impl BorrowDatum for SqlTally {
    const PASS: PassBy = PassBy::Ref;

    unsafe fn point_from(ptr: NonNull<u8>) -> NonNull<Self> {
        ptr.cast()
    }
}

// SAFETY: the result is a copy in the memory context of the caller.
unsafe impl BoxRet for SqlTally {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        // A result may be stored, so it is canonical: equal sums have equal bytes.
        // SAFETY: the copy lives as long as the context that the caller chose for results.
        unsafe { fcinfo.return_raw_datum(pg_sys::Datum::from(allocate(self.0.renormalized()))) }
    }
}

/// The state of an aggregate: the value itself, changed in place.
pub struct TallyState {
    tally: *mut Tally,
    /// Whether the tally is a copy, made for an ordinary call.
    copied: bool,
}

impl TallyState {
    /// Lends a tally to the caller, who copies it; it stays with its owner.
    pub fn lent(tally: &mut Tally) -> TallyState {
        TallyState { tally, copied: false }
    }

    /// Makes an empty tally in the memory context of the caller.
    pub fn empty() -> TallyState {
        TallyState { tally: allocate(Tally::EMPTY), copied: false }
    }

    /// Returns the tally to change: the aggregate's own, or, called as an ordinary function, a copy of the argument.
    ///
    /// Looks at the node directly: asking `AggCheckCallContext` for every row costs five times the addition.
    #[inline(always)]
    pub fn writable(&mut self, call: Call) -> &mut Tally {
        // SAFETY: the state points to a tally. Inside an aggregate the executor owns it and lends it to the transition
        // function for writing; nothing else refers to it during the call.
        unsafe {
            if !call.is_in_aggregate() {
                *self = TallyState { tally: allocate(*self.tally), copied: true };
            }
            &mut *self.tally
        }
    }
}

/// Copies a tally into the current memory context.
pub fn allocate(tally: Tally) -> *mut Tally {
    copied(tally).cast_mut_ptr()
}

/// The bytes of a tally.
pub type TallyBytes = [u8; size_of::<Tally>()];

/// The tally with these bytes.
#[inline]
pub fn tally_of(bytes: TallyBytes) -> Tally {
    // SAFETY: any bits are a `Tally`, which is `#[repr(C)]` and without padding.
    unsafe { std::mem::transmute(bytes) }
}

/// Returns the tally in a column of a query's result; the empty one if it is NULL.
pub fn tally_in(row: &SpiRow, column: usize) -> Tally {
    row.bytes(column).map_or(Tally::EMPTY, tally_of)
}

impl FromDatum for TallyState {
    #[inline(always)]
    unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, is_null: bool, _: pg_sys::Oid) -> Option<Self> {
        (!is_null).then(|| TallyState { tally: datum.cast_mut_ptr(), copied: false })
    }
}

// SAFETY: only the pointer is taken out of the datum.
unsafe impl<'fcx> ArgAbi<'fcx> for TallyState {
    #[inline(always)]
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: the functions that take a state are strict.
        unsafe {
            arg.unbox_arg_using_from_datum()
                .unwrap_or_else(|| defect("a strict function was called with NULL"))
        }
    }
}

// SAFETY: the pointer belongs to the executor, or was allocated for the caller.
unsafe impl BoxRet for TallyState {
    #[inline(always)]
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        // SAFETY: the pointer belongs to the executor, or to a copy that only the caller has.
        unsafe {
            if self.copied {
                // A result may be stored, so it is canonical.
                *self.tally = (*self.tally).renormalized();
            }
            fcinfo.return_raw_datum(pg_sys::Datum::from(self.tally))
        }
    }
}

/// Implements what pgrx requires of argument types, although the SQL is written by hand.
macro_rules! named_tally {
    ($($type:ty),*) => { $(
        // SAFETY: the type is known to SQL as `tally`.
        unsafe impl SqlTranslatable for $type {
            const TYPE_IDENT: &'static str = "tally";
            const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
            const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("tally"));
            const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
                Ok(ReturnsRef::One(SqlMappingRef::literal("tally")));
        }
    )* };
}

named_tally!(SqlTally, TallyState);
