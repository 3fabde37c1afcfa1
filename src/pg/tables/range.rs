//! Tables as commands name them.

use crate::pg::nodes::made::Made;
use crate::pg::nodes::tree::{NodeList, NodeRef};
use crate::pg::server::lookup::caught;
use pgrx::pg_sys::{self, Oid, RVROption, RangeVar, LOCKMODE};
use std::ffi::c_void;

/// A function that is called before a table is locked.
type BeforeLock = extern "C-unwind" fn(NodeRef<RangeVar>, Oid, Oid, Option<&c_void>);

// PostgreSQL defines these functions with these arguments. The first makes a name of the strings in the list, or raises an error; the
// other looks the name up.
unsafe extern "C-unwind" {
    safe fn makeRangeVarFromNameList(parts: NodeList) -> Made<RangeVar>;
    safe fn RangeVarGetRelidExtended(
        name: NodeRef<RangeVar>,
        lock: LOCKMODE,
        flags: u32,
        callback: Option<BeforeLock>,
        argument: Option<&c_void>,
    ) -> Oid;
}

/// The table that a list of the parts of its name names, as in DROP TABLE; INVALID if there is none.
pub fn table_of(parts: NodeList) -> Oid {
    let name = caught(|| makeRangeVarFromNameList(parts));
    found(name.node())
}

/// The table that a command names; INVALID if there is none.
pub fn table_named(name: Option<NodeRef>) -> Oid {
    name.and_then(NodeRef::cast::<RangeVar>).map_or(Oid::INVALID, found)
}

fn found(name: NodeRef<RangeVar>) -> Oid {
    let (lock, missing) = (pg_sys::NoLock as LOCKMODE, RVROption::RVR_MISSING_OK);
    caught(|| RangeVarGetRelidExtended(name, lock, missing, None, None))
}
