//! The statistics that aggregates return.

use crate::pg::server::lookup::{extension_of, function_name};
use crate::pg::tables::catalog::extension_named;
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
    let ours = extension_named(c"pg_tally");
    ours.is_some()
        && extension_of(pg_sys::ProcedureRelationId, function) == ours
        && function_name(function).as_deref() == Some("tally")
}
