//! The window functions that are understood, and the statistics that they return.

use pgrx::pg_sys::{self, Oid, WindowFunc};

/// A statistic of the rows of a frame.
#[derive(Clone, Copy, PartialEq)]
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

/// Built-in aggregates, whose OIDs are the same in all versions (pg_proc.dat).
const BUILT_IN: [(u32, Statistic); 36] = [
    (2803, Rows),
    (2147, Count),
    // Over double precision and real.
    (2111, Sum),
    (2110, Sum),
    (2105, Avg),
    (2104, Avg),
    (2152, VarSamp),
    (2151, VarSamp),
    (2645, VarSamp),
    (2644, VarSamp),
    (2722, VarPop),
    (2721, VarPop),
    (2158, StddevSamp),
    (2157, StddevSamp),
    (2716, StddevSamp),
    (2715, StddevSamp),
    (2728, StddevPop),
    (2727, StddevPop),
    (2136, Min),
    (2135, Min),
    (2120, Max),
    (2119, Max),
    // Over bigint, integer, smallint, numeric, date, timestamp, timestamptz.
    (2131, Min),
    (2132, Min),
    (2133, Min),
    (2146, Min),
    (2138, Min),
    (2142, Min),
    (2143, Min),
    (2115, Max),
    (2116, Max),
    (2117, Max),
    (2130, Max),
    (2122, Max),
    (2126, Max),
    (2127, Max),
];

impl Statistic {
    /// Finds the statistic that a window function returns.
    ///
    /// # Safety
    /// A node of a plan.
    pub unsafe fn of(function: *const WindowFunc) -> Option<Self> {
        // SAFETY: the caller's function, whose arguments are expressions.
        let (oid, filter) = unsafe { ((*function).winfnoid, (*function).aggfilter) };
        if oid.to_u32() >= pg_sys::FirstNormalObjectId {
            return is_tally(oid).then_some(Tally);
        }
        match BUILT_IN.iter().find(|(known, _)| *known == oid.to_u32())?.1 {
            Rows if !filter.is_null() => Some(Count),
            statistic => Some(statistic),
        }
    }

    /// Whether core needs time in proportion to the frame for it.
    pub fn is_slow_in_core(self) -> bool {
        !matches!(self, Rows | Count)
    }

    /// Finds the statistic of this discriminant, as plans store it.
    pub fn from_number(number: i32) -> Option<Self> {
        [Rows, Count, Sum, Avg, VarSamp, VarPop, StddevSamp, StddevPop, Min, Max, Tally]
            .into_iter()
            .find(|&statistic| statistic as i32 == number)
    }
}

/// Whether it is our own aggregate.
fn is_tally(function: Oid) -> bool {
    // SAFETY: PostgreSQL takes any number for a function's.
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
