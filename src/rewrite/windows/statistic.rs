//! The window functions that are understood, and the statistics that they return.

use crate::pg::nodes::tree::NodeRef;
use crate::rewrite::statistic::is_tally;
use pgrx::pg_sys::{self, WindowFunc};

pub use crate::rewrite::statistic::Statistic;

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
    /// Finds the statistic that a window function returns; None if it is not one of ours.
    pub fn of(function: NodeRef<WindowFunc>) -> Option<Self> {
        let oid = function.winfnoid;
        if oid.to_u32() >= pg_sys::FirstNormalObjectId {
            return is_tally(oid).then_some(Tally);
        }
        match BUILT_IN.iter().find(|(known, _)| *known == oid.to_u32())?.1 {
            Rows if !function.aggfilter.is_null() => Some(Count),
            statistic => Some(statistic),
        }
    }

    /// Whether core needs time in proportion to the frame to compute the statistic.
    pub fn is_slow_in_core(self) -> bool {
        !matches!(self, Rows | Count)
    }
}
