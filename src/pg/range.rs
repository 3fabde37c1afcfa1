//! Tables as commands name them.

use super::tree::{NodeList, NodeRef};
use pgrx::pg_sys::{self, Oid, RangeVar};

/// The name that a list of its parts makes, as in DROP TABLE.
pub fn range_of(parts: NodeList) -> Option<NodeRef> {
    // SAFETY: PostgreSQL makes the name, in the current memory context, of the strings in the list or raises an error.
    unsafe { NodeRef::new(pg_sys::makeRangeVarFromNameList(parts.pointer()).cast()) }
}

/// The table that a command names; INVALID if there is none.
pub fn table_named(name: Option<NodeRef>) -> Oid {
    let Some(name) = name.and_then(NodeRef::cast::<RangeVar>) else { return Oid::INVALID };
    let missing = pg_sys::RVROption::RVR_MISSING_OK;
    // SAFETY: PostgreSQL looks the name up, without a lock and without a callback.
    unsafe {
        pg_sys::RangeVarGetRelidExtended(
            name.pointer(),
            pg_sys::NoLock as i32,
            missing,
            None,
            std::ptr::null_mut(),
        )
    }
}
