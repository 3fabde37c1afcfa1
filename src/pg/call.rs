//! The call of a function by PostgreSQL: its arguments, and what it was called for.

use super::catalog::declared_argument;
use super::error::defect;
use super::lookup::caught;
use super::tree::{NodeRef, Tagged};
use super::trigger::TriggerEvent;
use super::value::Value;
use pgrx::callconv::{Arg, ArgAbi};
use pgrx::datum::{Array, FromDatum};
use pgrx::pg_sys::{self, Datum, FmgrInfo, FunctionCallInfo, NodeTag, Oid};
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use std::marker::PhantomData;

// PostgreSQL defines this function with these arguments, of which any number is looked up in the expression of the call.
unsafe extern "C-unwind" {
    safe fn get_fn_expr_argtype(function: Option<&FmgrInfo>, number: i32) -> Oid;
}

/// The running call. A function gets it by a parameter of this type, which SQL does not see.
#[derive(Clone, Copy)]
pub struct Call<'fcx> {
    info: FunctionCallInfo,
    running: PhantomData<&'fcx ()>,
}

/// A native form of arguments.
///
/// # Safety
/// The values of the SQL type are read as this one.
pub unsafe trait Declared: FromDatum {
    /// The type with which SQL declares the argument.
    const TYPE: Oid;
}

// SAFETY: a regclass is the OID of a relation.
unsafe impl Declared for Oid {
    const TYPE: Oid = pg_sys::REGCLASSOID;
}

// SAFETY: pgrx reads a bigint as this type.
unsafe impl Declared for i64 {
    const TYPE: Oid = pg_sys::INT8OID;
}

// SAFETY: pgrx reads an integer as this type.
unsafe impl Declared for i32 {
    const TYPE: Oid = pg_sys::INT4OID;
}

// SAFETY: pgrx reads a text as this type.
unsafe impl Declared for &str {
    const TYPE: Oid = pg_sys::TEXTOID;
}

// SAFETY: pgrx reads an array of texts as this type.
unsafe impl<'fcx> Declared for Array<'fcx, &'fcx str> {
    const TYPE: Oid = pg_sys::TEXTARRAYOID;
}

impl<'fcx> Call<'fcx> {
    /// PostgreSQL's own description of the call.
    pub fn info(self) -> FunctionCallInfo {
        self.info
    }

    #[inline(always)]
    fn data(self) -> &'fcx pg_sys::FunctionCallInfoBaseData {
        // SAFETY: the executor keeps the description until the function returns, and changes nothing in it meanwhile.
        unsafe { &*self.info }
    }

    /// The number of its arguments.
    pub fn count(self) -> usize {
        self.data().nargs as usize
    }

    /// The argument of this number, from 0; None if it is NULL.
    pub fn argument<T: Declared>(self, number: usize) -> Option<T> {
        if self.declared_type(number) != Some(T::TYPE) {
            defect("an argument of another type than declared");
        }
        // SAFETY: the call has as many arguments as SQL declares, and this one is of the type.
        unsafe { pgrx::fcinfo::pg_getarg(self.info, number) }
    }

    /// The type with which SQL declares an argument.
    fn declared_type(self, number: usize) -> Option<Oid> {
        declared_argument(self.function()?.fn_oid, number)
    }

    /// The description of the function.
    fn function(self) -> Option<&'fcx FmgrInfo> {
        // SAFETY: the description is null or lives as long as that of the call.
        unsafe { self.data().flinfo.as_ref() }
    }

    /// The argument of this number, from 0, whatever its type; None if it is NULL.
    pub fn datum(self, number: usize) -> Option<Datum> {
        if number >= self.count() {
            return None;
        }
        // SAFETY: the call has this argument.
        unsafe { pgrx::fcinfo::pg_getarg_datum(self.info, number) }
    }

    /// The type that an argument has in the query.
    pub fn type_given(self, number: usize) -> Oid {
        let (function, number) = (self.function(), number as i32);
        caught(|| get_fn_expr_argtype(function, number))
    }

    /// The type that the function returns in the query.
    pub fn type_returned(self) -> Oid {
        // SAFETY: PostgreSQL looks it up in the expression of the call.
        unsafe { pg_sys::get_fn_expr_rettype(self.data().flinfo) }
    }

    /// An argument, with the type that it has in the query; None if it is NULL.
    pub fn value(self, number: usize) -> Option<Value> {
        // SAFETY: the argument is of the type that the expression has in the call.
        self.datum(number).map(|datum| unsafe { Value::new(self.type_given(number), datum) })
    }

    /// The node that says what the function was called for.
    #[inline(always)]
    fn context(self) -> Option<NodeRef<'fcx>> {
        // SAFETY: the context of a call is null or a node, which outlives it.
        unsafe { NodeRef::new(self.data().context) }
    }

    /// Whether an aggregate calls the function, and lends it a state.
    #[inline(always)]
    pub fn is_in_aggregate(self) -> bool {
        let is_aggregate =
            |context: NodeRef| matches!(context.tag(), NodeTag::T_AggState | NodeTag::T_WindowAggState);
        self.context().is_some_and(is_aggregate)
    }

    /// Whether a procedure must leave the transaction as it is.
    pub fn is_atomic(self) -> bool {
        let context = self.context().and_then(|context| context.cast::<pg_sys::CallContext>());
        context.is_none_or(|context| context.atomic)
    }

    /// The event for which a trigger function is called; None if it is called as anything else.
    pub fn trigger(self) -> Option<TriggerEvent<'fcx>> {
        self.context()?.cast().map(TriggerEvent::new)
    }

    /// The command for which an event trigger is called, if it is of this kind.
    pub fn command<T: Tagged>(self) -> Option<NodeRef<'fcx, T>> {
        self.context()?.cast::<pg_sys::EventTriggerData>()?.node(|event| &event.parsetree)?.cast()
    }

    /// The table that is being rewritten; None if the function is not called for that.
    pub fn rewritten_table(self) -> Option<Oid> {
        self.context()?.cast::<pg_sys::EventTriggerData>()?;
        // SAFETY: PostgreSQL returns the table of the running event, or raises an error.
        let table = unsafe { pg_sys::pg_event_trigger_table_rewrite_oid(self.info) };
        Some(Oid::from(table.value() as u32))
    }
}

// SAFETY: the call is the one that runs.
unsafe impl<'fcx> ArgAbi<'fcx> for Call<'fcx> {
    #[inline(always)]
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: pgrx passes the description of the running call.
        Call { info: unsafe { FunctionCallInfo::unbox_arg_unchecked(arg) }, running: PhantomData }
    }

    fn is_virtual_arg() -> bool {
        true
    }
}

// SAFETY: SQL has no such argument.
unsafe impl SqlTranslatable for Call<'_> {
    const TYPE_IDENT: &'static str = "call";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::Skip);
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> = Ok(ReturnsRef::One(SqlMappingRef::Skip));
}
