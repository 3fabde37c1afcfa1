//! Rows as results of functions declared with OUT parameters, and arrays of rows.

use super::call::Call;
use crate::pg::server::error::{defect, raise};
use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::datum::Datum;
use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_sys;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{PgSqlErrorCode, PgTupleDesc};

/// A result that is made of rows: one, or an array of them.
pub struct Composite<const IS_ARRAY: bool>(pg_sys::Datum);

/// The result of a function that returns a row.
pub type CompositeRow = Composite<false>;

/// The result of a function that returns an array of rows.
pub type CompositeArray = Composite<true>;

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
            Composite(pg_sys::HeapTupleHeaderGetDatum((*tuple).t_data))
        }
    }
}

impl CompositeArray {
    /// The array of these rows that the running function is declared to return, with columns of these types; None is
    /// NULL.
    pub fn of<const N: usize>(
        call: Call,
        types: [pg_sys::Oid; N],
        rows: impl Iterator<Item = [Option<pg_sys::Datum>; N]>,
    ) -> CompositeArray {
        let context = PgMemoryContexts::CurrentMemoryContext.value();
        // SAFETY: PostgreSQL looks the row type up, or returns no type; its columns are checked to be those of the
        // values, which are copied into a tuple, and that into the array, in the current memory context.
        unsafe {
            let element = pg_sys::get_element_type(call.type_returned());
            if element == pg_sys::InvalidOid {
                defect("a function that returns no array");
            }
            let descriptor = pg_sys::lookup_rowtype_tupdesc_copy(element, -1);
            let declared = PgTupleDesc::from_pg_is_copy(descriptor);
            if !declared.iter().map(|column| column.atttypid).eq(types) {
                raise(
                    PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
                    format!("the function returns rows of {N} columns"),
                    "",
                    "Declare the row type as extension pg_tally does.",
                );
            }
            let array = pg_sys::initArrayResult(element, context, false);
            for columns in rows {
                let mut values = columns.map(|datum| datum.unwrap_or(pg_sys::Datum::from(0)));
                let mut nulls = columns.map(|datum| datum.is_none());
                let tuple = pg_sys::heap_form_tuple(descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
                let row = pg_sys::HeapTupleHeaderGetDatum((*tuple).t_data);
                pg_sys::accumArrayResult(array, row, false, element, context);
                pg_sys::heap_freetuple(tuple);
            }
            Composite(pg_sys::makeArrayResult(array, context))
        }
    }
}

// SAFETY: the row or the array was made in the memory context of the caller.
unsafe impl<const IS_ARRAY: bool> BoxRet for Composite<IS_ARRAY> {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        // SAFETY: the datum is the row or the array that was made.
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

// SAFETY: the SQL is written by hand; this only satisfies pgrx.
unsafe impl SqlTranslatable for CompositeArray {
    const TYPE_IDENT: &'static str = "record[]";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("record[]"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("record[]")));
}
