//! Plans below a node of our own whose rows it reads from frames of Rust.

use super::error::defect;
use super::executor::{self, next_row};
use super::passing::type_at;
use super::region::Region;
use super::value::{LentValue, Value};
use pgrx::pg_sys::{self, PlanState, TupleTableSlot};
use std::marker::PhantomData;

/// A plan that is initialised.
pub struct InputPlan(*mut PlanState);

/// A row that a plan has returned, until it returns the next.
pub struct InputRow<'p> {
    slot: *mut TupleTableSlot,
    plan: PhantomData<&'p InputPlan>,
}

impl InputPlan {
    /// # Safety
    /// The plan is initialised, and lives as long as this.
    pub unsafe fn new(plan: *mut PlanState) -> InputPlan {
        InputPlan(plan)
    }

    /// Returns the next row; None after the last.
    pub fn next(&mut self) -> Option<InputRow<'_>> {
        let plan = self.0;
        // SAFETY: whoever made this promises a plan. What its nodes keep is in the memory of the query. The boundary turns an error of
        // PostgreSQL into a panic; the frames within own nothing.
        let slot = unsafe {
            Region::new((*(*plan).state).es_query_cxt)
                .within(|| pg_sys::ffi::pg_guard_ffi_boundary(|| next_row(plan)))
        };
        slot.map(|slot| InputRow { slot, plan: PhantomData })
    }
}

impl InputRow<'_> {
    /// The value of a column, counted from 1; None if it is NULL.
    pub fn value(&self, column: i16) -> Option<LentValue<'_>> {
        let slot = self.slot;
        // SAFETY: the row is there until the plan returns the next; it is asked for columns that it has. The boundary turns an error of
        // PostgreSQL into a panic; the frames within own nothing.
        unsafe {
            let place = (column - 1) as usize;
            let type_oid = type_at((*slot).tts_tupleDescriptor, place);
            let type_oid = type_oid.unwrap_or_else(|| defect("a row with fewer columns than are read"));
            let value = pg_sys::ffi::pg_guard_ffi_boundary(|| executor::column(slot, column));
            value.map(|value| LentValue::new(Value::new(type_oid, value)))
        }
    }
}
