//! Frames: for each row, the first and the last row of its frame.
//!
//! Positions are counted from the first row of the partition. Neither end of a frame ever moves back.

use super::definition::FrameDefinition;
use super::rows::Rows;
use crate::pg::error::raise;
use crate::pg::executor::{fmgr_info_cxt, in_memory_of, FunctionCall5Coll};
use crate::pg::plain::guarded;
use crate::pg::tree::NodeRef;
use pgrx::pg_sys::{self, Datum, ExprContext, ExprState, FmgrInfo, Oid, WindowAgg};
use pgrx::PgSqlErrorCode;
use std::convert::Infallible;

/// One end of a frame.
enum Bound {
    Unbounded,
    /// A number of rows after the current one, or before it if negative.
    Rows(i64),
    /// A number of peer groups after the current one, or before it if negative.
    Groups(i64),
    /// A distance from the current value of the ordering column.
    Range(RangeBound),
}

struct RangeBound {
    in_range: FmgrInfo,
    collation: Oid,
    offset: Datum,
    /// Whether the offset is subtracted from the current row's value, rather than added.
    subtract: bool,
    /// Whether a row is in range if its value is at most the sum, rather than at least.
    less: bool,
    nulls_first: bool,
    /// The end of the current row's frame.
    at: i64,
}

/// Both ends of a frame.
pub struct Frame {
    start: Bound,
    end: Bound,
}

/// The properties in which the start and the end of a frame differ.
struct FrameSide {
    name: &'static str,
    /// The frame's option for PRECEDING at this end.
    preceding: u32,
    current: u32,
    is_end: bool,
}

const START: FrameSide = FrameSide {
    name: "starting",
    preceding: pg_sys::FRAMEOPTION_START_OFFSET_PRECEDING,
    current: pg_sys::FRAMEOPTION_START_CURRENT_ROW,
    is_end: false,
};
const END: FrameSide = FrameSide {
    name: "ending",
    preceding: pg_sys::FRAMEOPTION_END_OFFSET_PRECEDING,
    current: pg_sys::FRAMEOPTION_END_CURRENT_ROW,
    is_end: true,
};

/// Evaluates an offset, whose value lives as long as the query.
///
/// # Safety
/// The expression is initialised and refers to no rows, and the context belongs to its node; the contract of
/// `pg::plain`.
unsafe fn evaluate_once(offset: *mut ExprState, context: *mut ExprContext) -> Option<Datum> {
    // SAFETY: the caller's expression is initialised, and evaluated as PostgreSQL does it.
    unsafe {
        let function = (*offset).evalfunc?;
        let before = pg_sys::MemoryContextSwitchTo((*context).ecxt_per_query_memory);
        let mut null = false;
        let value = function(offset, context, &mut null);
        pg_sys::MemoryContextSwitchTo(before);
        (!null).then_some(value)
    }
}

/// Raises an error about an offset.
///
/// # Safety
/// The contract of `pg::plain`.
unsafe fn refuse(code: PgSqlErrorCode, side: &FrameSide, what: &str) -> ! {
    // SAFETY: the caller's frames are plain; the text is made and dropped inside the guard.
    match unsafe {
        guarded(|| -> Infallible {
            raise(
                code,
                format!("frame {} offset must not be {what}", side.name),
                "",
                "Give an offset of zero or more.",
            )
        })
    } {}
}

impl Frame {
    /// Makes the frame that a definition describes, with its offsets evaluated.
    ///
    /// # Safety
    /// The definition belongs to a running node, and the context is for expressions without rows; the contract of
    /// `pg::plain`.
    pub unsafe fn new(definition: &FrameDefinition, context: *mut ExprContext) -> Frame {
        // SAFETY: the caller's promises are those of `Bound::new`.
        unsafe {
            Frame {
                start: Bound::new(definition, &START, context),
                end: Bound::new(definition, &END, context),
            }
        }
    }

    /// Whether the end of some row's frame depends on rows after it.
    pub fn looks_ahead(&self) -> bool {
        !matches!((&self.start, &self.end), (Bound::Rows(..=0), Bound::Rows(..=0)))
    }

    /// Returns the first row of the current row's frame, reading as far as necessary.
    ///
    /// # Safety
    /// The rows belong to a running node, and the current one has been read; the contract of `pg::plain`.
    pub unsafe fn head(&mut self, current: i64, rows: &mut Rows) -> i64 {
        // SAFETY: the caller's rows and their current one are those of the node.
        unsafe { self.start.position(current, rows, false) }
    }

    /// Returns the row after the last one of the current row's frame, reading as far as necessary.
    ///
    /// # Safety
    /// The rows belong to a running node, and the current one has been read; the contract of `pg::plain`.
    pub unsafe fn tail(&mut self, current: i64, rows: &mut Rows) -> i64 {
        // SAFETY: the caller's rows and their current one are those of the node.
        unsafe { self.end.position(current, rows, true) }
    }

    /// Drops what is kept of the order of rows on which no later frame depends.
    pub fn forget(&self, current: i64, rows: &mut Rows) {
        let (mut group, mut key) = (0, current);
        for bound in [&self.start, &self.end] {
            match bound {
                Bound::Groups(distance) => group = group.min(*distance),
                Bound::Range(range) => key = key.min(range.at),
                _ => {}
            }
        }
        rows.order().forget(group, key);
    }

    /// Begins a new partition.
    pub fn next_partition(&mut self) {
        for bound in [&mut self.start, &mut self.end] {
            if let Bound::Range(range) = bound {
                range.at = 0;
            }
        }
    }
}

impl Bound {
    unsafe fn new(definition: &FrameDefinition, side: &FrameSide, context: *mut ExprContext) -> Bound {
        // SAFETY: the offsets are expressions of a running node, and refer to no rows.
        unsafe {
            let is_rows = definition.has(pg_sys::FRAMEOPTION_ROWS);
            if definition.has(side.current) {
                return if is_rows { Bound::Rows(0) } else { Bound::Groups(0) };
            }
            let offset = if side.is_end { definition.end_offset } else { definition.start_offset };
            if offset.is_null() {
                return Bound::Unbounded;
            }
            let offset = evaluate_once(offset, context).unwrap_or_else(|| {
                refuse(PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED, side, "null");
            });
            let precedes = definition.has(side.preceding);
            if definition.has(pg_sys::FRAMEOPTION_RANGE) {
                return Bound::Range(RangeBound::new(
                    definition.window,
                    offset,
                    precedes,
                    side.is_end,
                    context,
                ));
            }
            let distance = offset.value() as i64;
            if distance < 0 {
                refuse(PgSqlErrorCode::ERRCODE_INVALID_PRECEDING_OR_FOLLOWING_SIZE, side, "negative");
            }
            let distance = if precedes { -distance } else { distance };
            if is_rows {
                Bound::Rows(distance)
            } else {
                Bound::Groups(distance)
            }
        }
    }

    unsafe fn position(&mut self, current: i64, rows: &mut Rows, is_end: bool) -> i64 {
        // SAFETY: the caller's rows and their current one are those of the node.
        unsafe {
            match self {
                Bound::Unbounded => rows.read_to(i64::MAX),
                Bound::Rows(distance) => {
                    let position = current.saturating_add(*distance).saturating_add(i64::from(is_end));
                    rows.read_to(position.max(0))
                }
                Bound::Groups(distance) => {
                    let group = rows.order().group_of(current);
                    rows.start_of(group.saturating_add(*distance).saturating_add(i64::from(is_end)))
                }
                Bound::Range(range) => range.position(current, rows, is_end),
            }
        }
    }
}

impl RangeBound {
    unsafe fn new(
        window: NodeRef<WindowAgg>,
        offset: Datum,
        precedes: bool,
        is_end: bool,
        context: *mut ExprContext,
    ) -> RangeBound {
        // SAFETY: PostgreSQL looks the function up; what it allocates lives as long as the query.
        unsafe {
            let mut in_range = FmgrInfo::default();
            let function = if is_end { window.endInRangeFunc } else { window.startInRangeFunc };
            fmgr_info_cxt(function, &mut in_range, (*context).ecxt_per_query_memory);
            // A descending order reverses both directions.
            let ascending = window.inRangeAsc;
            RangeBound {
                in_range,
                collation: window.inRangeColl,
                offset,
                subtract: precedes == ascending,
                less: is_end == ascending,
                nulls_first: window.inRangeNullsFirst,
                at: 0,
            }
        }
    }

    unsafe fn position(&mut self, current: i64, rows: &mut Rows, is_end: bool) -> i64 {
        // SAFETY: the rows belong to the node; the keys are values of the type that the function was found for.
        unsafe {
            while self.at < rows.count() || rows.read() {
                let (key, base) = (rows.order().key(self.at), rows.order().key(current));
                let before_the_bound = match (key, base) {
                    (Some(key), Some(base)) => self.holds(key, base, rows.context()) == is_end,
                    // NULLs are peers of each other, and infinitely far from all other values.
                    (None, None) => is_end,
                    (None, Some(_)) => self.nulls_first,
                    (Some(_), None) => !self.nulls_first,
                };
                if !before_the_bound {
                    break;
                }
                self.at += 1;
            }
            self.at
        }
    }

    /// Whether a value is in range of the current row's value.
    #[inline]
    unsafe fn holds(&mut self, key: Datum, base: Datum, context: *mut ExprContext) -> bool {
        let (subtract, less) = (Datum::from(self.subtract), Datum::from(self.less));
        // SAFETY: the caller's values are of the type that the function was found for.
        unsafe {
            let function = &raw mut self.in_range;
            let result = in_memory_of(context, || {
                FunctionCall5Coll(function, self.collation, key, base, self.offset, subtract, less)
            });
            result.value() != 0
        }
    }
}
