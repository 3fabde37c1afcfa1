//! Rows as results of functions declared with OUT parameters.

use super::call::Call;
use super::error::raise;
use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::datum::Datum;
use pgrx::pg_sys;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::PgSqlErrorCode;

/// The result of a function that returns a row.
pub struct CompositeRow(pg_sys::Datum);

impl CompositeRow {
    /// The row that the running function is declared to return, all columns double precision.
    pub fn new<const N: usize>(call: Call, columns: [f64; N]) -> CompositeRow {
        CompositeRow::of(call, columns.map(|x| Some(pg_sys::Datum::from(x.to_bits()))))
    }

    /// The row that the running function is declared to return, with columns of any types; None is NULL.
    pub fn of<const N: usize>(call: Call, columns: [Option<pg_sys::Datum>; N]) -> CompositeRow {
        let mut values = columns.map(|datum| datum.unwrap_or(pg_sys::Datum::from(0)));
        let mut nulls = columns.map(|datum| datum.is_none());
        // SAFETY: the call is the running one. The row type is checked to have N columns, as declared in SQL;
        // PostgreSQL copies the values into a tuple in the current memory context.
        unsafe {
            let mut descriptor: pg_sys::TupleDesc = std::ptr::null_mut();
            let class = pg_sys::get_call_result_type(call.info(), std::ptr::null_mut(), &mut descriptor);
            if class != pg_sys::TypeFuncClass::TYPEFUNC_COMPOSITE || (*descriptor).natts as usize != N {
                raise(
                    PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
                    format!("the function returns a row of {N} columns"),
                    "",
                    "Declare the function as extension pg_tally does.",
                );
            }
            let descriptor = pg_sys::BlessTupleDesc(descriptor);
            let tuple = pg_sys::heap_form_tuple(descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
            CompositeRow(pg_sys::HeapTupleHeaderGetDatum((*tuple).t_data))
        }
    }
}

// SAFETY: the tuple was made in the memory context of the caller.
unsafe impl BoxRet for CompositeRow {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        // SAFETY: the datum is the tuple that the row was made from.
        unsafe { fcinfo.return_raw_datum(self.0) }
    }
}

// SAFETY: the SQL is written by hand; this only satisfies pgrx.
unsafe impl SqlTranslatable for CompositeRow {
    const TYPE_IDENT: &'static str = "record";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("record"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("record")));
}
