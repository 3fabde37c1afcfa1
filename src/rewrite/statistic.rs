//! The statistics that aggregates return.

use pgrx::pg_sys::{self, Oid};

/// A statistic of rows, or of their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Statistic {
    /// `count(*)`
    Rows,
    /// `count(x)`, and `count(*)` under a FILTER
    Count,
    Sum,
    Avg,
    VarSamp,
    VarPop,
    StddevSamp,
    StddevPop,
    Min,
    Max,
    Tally,
}

use Statistic::*;

impl Statistic {
    /// Finds the statistic of this discriminant, as plans store it.
    pub fn from_number(number: i32) -> Option<Self> {
        [Rows, Count, Sum, Avg, VarSamp, VarPop, StddevSamp, StddevPop, Min, Max, Tally]
            .into_iter()
            .find(|&statistic| statistic as i32 == number)
    }
}

/// Whether it is our own aggregate.
pub fn is_tally(function: Oid) -> bool {
    // SAFETY: PostgreSQL accepts any OID here.
    unsafe {
        let extension = pg_sys::getExtensionOfObject(pg_sys::ProcedureRelationId, function);
        extension != Oid::INVALID
            && extension == pg_sys::get_extension_oid(c"pg_tally".as_ptr(), true)
            && is_named(function, c"tally")
    }
}

unsafe fn is_named(function: Oid, wanted: &std::ffi::CStr) -> bool {
    // SAFETY: the name, where there is such a function, is a string.
    unsafe {
        let name = pg_sys::get_func_name(function);
        !name.is_null() && std::ffi::CStr::from_ptr(name) == wanted
    }
}
