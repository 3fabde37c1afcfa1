//! The state of a moving aggregate: a Rust value that lives as long as the aggregate's memory context.

use super::call::{Call, CallPointer};
use crate::pg::server::error::{defect, raise};
use crate::pg::server::lookup::caught;
use pgrx::callconv::{Arg, ArgAbi, BoxRet, FcInfo};
use pgrx::datum::{Datum, FromDatum};
use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_sys;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::PgSqlErrorCode;
use std::ops::{Deref, DerefMut};

// PostgreSQL defines this function with these arguments; it sets the context if an aggregate is running.
unsafe extern "C-unwind" {
    safe fn AggCheckCallContext(call: CallPointer, context: &mut pg_sys::MemoryContext) -> i32;
}

/// A pointer to the state, which the executor hands from call to call as `internal`.
pub struct Moving<W>(*mut W);

impl<W> Moving<W> {
    /// A new state in the aggregate's memory context.
    ///
    /// That context is reset for every new partition and deleted with the query, however it ends, and the state is
    /// dropped with it.
    #[cold]
    pub fn new(call: Call, state: W) -> Self {
        let mut context: pg_sys::MemoryContext = std::ptr::null_mut();
        if caught(|| AggCheckCallContext(call.pointer(), &mut context)) == 0 {
            raise(
                PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
                "aggregate function called in non-aggregate context",
                "",
                "Call the aggregate with an OVER clause instead.",
            );
        }
        Moving(PgMemoryContexts::For(context).leak_and_drop_on_delete(state))
    }
}

impl<W> Deref for Moving<W> {
    type Target = W;

    #[inline(always)]
    fn deref(&self) -> &W {
        // SAFETY: the state belongs to the executor, which lends it to one function of the aggregate at a time.
        unsafe { &*self.0 }
    }
}

impl<W> DerefMut for Moving<W> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut W {
        // SAFETY: the executor lends the state to one function of the aggregate at a time.
        unsafe { &mut *self.0 }
    }
}

impl<W> FromDatum for Moving<W> {
    #[inline(always)]
    unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, is_null: bool, _: pg_sys::Oid) -> Option<Self> {
        (!is_null).then(|| Moving(datum.cast_mut_ptr()))
    }
}

// SAFETY: only the pointer is taken out of the datum.
unsafe impl<'fcx, W> ArgAbi<'fcx> for Moving<W> {
    #[inline(always)]
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: `internal` is passed by value, as a pointer that `box_into` made. All functions take the state as an Option, so
        // that pgrx asks for it only if it is not NULL.
        unsafe {
            arg.unbox_arg_using_from_datum().unwrap_or_else(|| defect("the state of an aggregate is NULL"))
        }
    }
}

// SAFETY: the pointer lives as long as the aggregate's memory context.
unsafe impl<W> BoxRet for Moving<W> {
    #[inline(always)]
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        // SAFETY: a value of type `internal` is just a pointer.
        unsafe { fcinfo.return_raw_datum(pg_sys::Datum::from(self.0)) }
    }
}

// SAFETY: the type is known to SQL as `internal`.
unsafe impl<W> SqlTranslatable for Moving<W> {
    const TYPE_IDENT: &'static str = "internal";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("internal"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("internal")));
}
