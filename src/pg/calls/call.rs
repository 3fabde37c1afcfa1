//! The call of a function by PostgreSQL: its arguments, and what it was called for.

use super::trigger::TriggerEvent;
use crate::pg::nodes::tree::{NodeRef, Tagged};
use crate::pg::server::error::defect;
use crate::pg::server::lookup::caught;
use crate::pg::tables::catalog::declared_argument;
use crate::pg::values::value::Value;
use pgrx::callconv::{Arg, ArgAbi};
use pgrx::datum::{AnyNumeric, Array, FromDatum};
use pgrx::pg_sys::{self, Datum, FmgrInfo, FunctionCallInfo, NodeTag, NullableDatum, Oid};
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use std::marker::PhantomData;

// PostgreSQL defines these functions with these arguments, of which any number is looked up in the expression of the call.
unsafe extern "C-unwind" {
    safe fn get_fn_expr_argtype(function: Option<&FmgrInfo>, number: i32) -> Oid;
    safe fn get_fn_expr_rettype(function: Option<&FmgrInfo>) -> Oid;
    safe fn pg_event_trigger_table_rewrite_oid(call: CallPointer) -> Datum;
}

/// PostgreSQL's own description of a running call. A pointer, as C sees it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct CallPointer<'fcx> {
    info: FunctionCallInfo,
    running: PhantomData<&'fcx ()>,
}

/// The running call. A function gets it by a parameter of this type, which SQL does not see.
///
/// The executor keeps what it has of the call until the function returns, and changes nothing of that meanwhile.
#[derive(Clone, Copy)]
pub struct Call<'fcx> {
    pointer: CallPointer<'fcx>,
    arguments: &'fcx [NullableDatum],
    function: Option<&'fcx FmgrInfo>,
    /// The node that says what the function was called for.
    context: Option<NodeRef<'fcx>>,
}

/// A native form of arguments.
///
/// # Safety
/// The values of the SQL type are read as this one.
pub unsafe trait Declared: FromDatum {
    /// The type with which SQL declares the argument.
    const TYPE: Oid;
}

macro_rules! declared {
    ($($native:ty => $type_oid:ident),* $(,)?) => { $(
        // SAFETY: pgrx reads values of the type as this one.
        unsafe impl Declared for $native {
            const TYPE: Oid = pg_sys::$type_oid;
        }
    )* };
}

// A regclass is the OID of a relation.
declared! {
    Oid => REGCLASSOID,
    i64 => INT8OID,
    i32 => INT4OID,
    &str => TEXTOID,
    AnyNumeric => NUMERICOID,
}

// SAFETY: pgrx reads an array of texts as this type.
unsafe impl<'fcx> Declared for Array<'fcx, &'fcx str> {
    const TYPE: Oid = pg_sys::TEXTARRAYOID;
}

impl<'fcx> Call<'fcx> {
    /// PostgreSQL's own description of the call.
    pub fn pointer(self) -> CallPointer<'fcx> {
        self.pointer
    }

    /// PostgreSQL's own description of the call, for its functions.
    pub fn info(self) -> FunctionCallInfo {
        self.pointer.info
    }

    /// The number of its arguments.
    pub fn count(self) -> usize {
        self.arguments.len()
    }

    /// The argument of this number, from 0; None if it is NULL.
    pub fn argument<T: Declared>(self, number: usize) -> Option<T> {
        if self.declared_type(number) != Some(T::TYPE) {
            defect("an argument of another type than declared");
        }
        // SAFETY: the call has as many arguments as SQL declares, and this one is of the type.
        self.datum(number).and_then(|datum| unsafe { T::from_datum(datum, false) })
    }

    /// The type with which SQL declares an argument.
    fn declared_type(self, number: usize) -> Option<Oid> {
        declared_argument(self.function?.fn_oid, number)
    }

    /// The argument of this number, from 0, whatever its type; None if it is NULL.
    pub fn datum(self, number: usize) -> Option<Datum> {
        let argument = self.arguments.get(number)?;
        (!argument.isnull).then_some(argument.value)
    }

    /// The type that an argument has in the query.
    pub fn type_given(self, number: usize) -> Oid {
        caught(|| get_fn_expr_argtype(self.function, number as i32))
    }

    /// The type that the function returns in the query.
    pub fn type_returned(self) -> Oid {
        caught(|| get_fn_expr_rettype(self.function))
    }

    /// An argument, with the type that it has in the query; None if it is NULL.
    pub fn value(self, number: usize) -> Option<Value> {
        // SAFETY: the argument is of the type that the expression has in the call.
        self.datum(number).map(|datum| unsafe { Value::new(self.type_given(number), datum) })
    }

    /// Whether an aggregate calls the function, and lends it a state.
    #[inline(always)]
    pub fn is_in_aggregate(self) -> bool {
        let is_aggregate =
            |context: NodeRef| matches!(context.tag(), NodeTag::T_AggState | NodeTag::T_WindowAggState);
        self.context.is_some_and(is_aggregate)
    }

    /// Whether a procedure must leave the transaction as it is.
    pub fn is_atomic(self) -> bool {
        let context = self.context.and_then(|context| context.cast::<pg_sys::CallContext>());
        context.is_none_or(|context| context.atomic)
    }

    /// The event for which a trigger function is called; None if it is called as anything else.
    pub fn trigger(self) -> Option<TriggerEvent<'fcx>> {
        self.context?.cast().map(TriggerEvent::new)
    }

    /// The command for which an event trigger is called, if it is of this kind.
    pub fn command<T: Tagged>(self) -> Option<NodeRef<'fcx, T>> {
        self.context?.cast::<pg_sys::EventTriggerData>()?.node(|event| &event.parsetree)?.cast()
    }

    /// The table that is being rewritten; None if the function is not called for that.
    pub fn rewritten_table(self) -> Option<Oid> {
        self.context?.cast::<pg_sys::EventTriggerData>()?;
        let table = caught(|| pg_event_trigger_table_rewrite_oid(self.pointer));
        Some(Oid::from(table.value() as u32))
    }
}

// SAFETY: the call is the one that runs.
unsafe impl<'fcx> ArgAbi<'fcx> for Call<'fcx> {
    #[inline(always)]
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: pgrx passes the description of the running call, which has as many arguments as it says, and whose
        // context is null or a node that outlives it.
        unsafe {
            let info = FunctionCallInfo::unbox_arg_unchecked(arg);
            Call {
                pointer: CallPointer { info, running: PhantomData },
                arguments: (*info).args.as_slice((*info).nargs as usize),
                function: (*info).flinfo.as_ref(),
                context: NodeRef::new((*info).context),
            }
        }
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
