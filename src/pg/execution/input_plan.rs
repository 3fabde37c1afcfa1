//! Plans below a node of our own whose rows it reads from frames of Rust.

use super::executor::next_row;
use crate::pg::memory::region::Region;
use crate::pg::server::lookup::caught;
use crate::pg::tables::slot::Slot;
use pgrx::pg_sys::PlanState;

/// A plan that is initialised.
pub struct InputPlan(*mut PlanState);

impl InputPlan {
    /// # Safety
    /// The plan is initialised, and lives as long as this.
    pub unsafe fn new(plan: *mut PlanState) -> InputPlan {
        InputPlan(plan)
    }

    /// Returns the next row, which is there until the one after is asked for; None after the last.
    pub fn next(&mut self) -> Option<Slot<'_>> {
        let plan = self.0;
        // SAFETY: whoever made this promises a plan. What its nodes keep is in the memory of the query. An error of PostgreSQL is
        // caught; the frames within own nothing.
        unsafe {
            let query = Region::new((*(*plan).state).es_query_cxt);
            query.within(|| caught(|| next_row(plan))).map(|slot| Slot::new(slot))
        }
    }
}
