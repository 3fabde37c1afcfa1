//! Plans that the planner has just made.

use super::list::items;
use crate::pg::memory::heap;
use pgrx::pg_sys;

/// Forgets which tables are children of others where that is told twice. A subquery may be in the ordinary plan of a node and
/// in that of a join too: PostgreSQL numbers its tables again for each, but moves the numbers of children twice. Only EXPLAIN
/// asks for them, to show columns of children as those of their parents.
///
/// # Safety
/// `statement` is a plan that the planner just made.
pub unsafe fn forget_children_told_twice(statement: *mut pg_sys::PlannedStmt) {
    // SAFETY: PostgreSQL made the list, and no other has its members.
    unsafe {
        let children = &mut (*statement).appendRelations;
        let mut told: Vec<*mut pg_sys::AppendRelInfo> = heap::collect(items(*children));
        told.sort_unstable();
        for pair in told.windows(2).filter(|pair| pair[0] == pair[1]) {
            (0..2).for_each(|_| *children = pg_sys::list_delete_ptr(*children, pair[0].cast()));
        }
    }
}
