//! Frames: for each row, the first and the last row of its frame.
//!
//! Positions are counted from the first row of the partition. Neither end of a frame ever moves back. An end that depends
//! on more than is known asks for it, and is asked for again afterwards.

use super::ask::{Ask, KeyPair, Side};
use super::definition::FrameDefinition;
use super::order::Order;
use super::rows::Rows;
use crate::pg::server::error::raise;
use pgrx::pg_sys::{self, Datum};
use pgrx::PgSqlErrorCode;

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
    nulls_first: bool,
    /// The end of the current row's frame.
    at: i64,
    search: Search,
}

/// The search for the end of the current row's frame.
enum Search {
    /// Values may have to be compared.
    Open,
    Compare {
        key: Datum,
        base: Datum,
    },
    Found,
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
    side: Side,
}

const START: FrameSide = FrameSide {
    name: "starting",
    preceding: pg_sys::FRAMEOPTION_START_OFFSET_PRECEDING,
    current: pg_sys::FRAMEOPTION_START_CURRENT_ROW,
    side: Side::Start,
};
const END: FrameSide = FrameSide {
    name: "ending",
    preceding: pg_sys::FRAMEOPTION_END_OFFSET_PRECEDING,
    current: pg_sys::FRAMEOPTION_END_CURRENT_ROW,
    side: Side::End,
};

/// Raises an error about an offset.
fn refuse(code: PgSqlErrorCode, side: &FrameSide, what: &str) -> ! {
    raise(
        code,
        format!("frame {} offset must not be {what}", side.name),
        "",
        "Give an offset of zero or more.",
    )
}

impl Frame {
    /// The frame that a definition describes, with the values of its offsets.
    pub fn new(definition: &FrameDefinition, [start, end]: [Option<Datum>; 2]) -> Frame {
        Frame { start: Bound::new(definition, &START, start), end: Bound::new(definition, &END, end) }
    }

    /// Whether the end of some row's frame depends on rows after it.
    pub fn looks_ahead(&self) -> bool {
        !matches!((&self.start, &self.end), (Bound::Rows(..=0), Bound::Rows(..=0)))
    }

    /// Returns the first row of the current row's frame.
    #[inline]
    pub fn head(&mut self, current: i64, rows: &mut Rows) -> Result<i64, Ask> {
        self.start.position(current, rows, Side::Start)
    }

    /// Returns the row after the last one of the current row's frame.
    #[inline]
    pub fn tail(&mut self, current: i64, rows: &mut Rows) -> Result<i64, Ask> {
        self.end.position(current, rows, Side::End)
    }

    /// Whether rows enter as soon as they are read: none is read that is not in the current row's frame.
    pub fn ends_with_what_is_read(&self) -> bool {
        matches!(self.end, Bound::Rows(_) | Bound::Unbounded)
    }

    /// The comparison that an end asks for. Cannot fail.
    #[inline]
    pub fn to_compare(&self) -> Option<KeyPair> {
        let of_side = |bound: &Bound, side| match bound {
            Bound::Range(RangeBound { search: Search::Compare { key, base }, .. }) => {
                Some(KeyPair { side, key: *key, base: *base })
            }
            _ => None,
        };
        of_side(&self.start, Side::Start).or_else(|| of_side(&self.end, Side::End))
    }

    /// Takes the outcome of that comparison. Cannot fail.
    #[inline]
    pub fn learn(&mut self, side: Side, is_in_range: bool, order: &Order) {
        let bound = match side {
            Side::Start => &mut self.start,
            Side::End => &mut self.end,
        };
        if let Bound::Range(range) = bound {
            range.learn(is_in_range == (side == Side::End), order);
        }
    }

    /// Drops what is kept of the order of rows on which no later frame depends.
    #[inline]
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
    fn new(definition: &FrameDefinition, side: &FrameSide, offset: Option<Datum>) -> Bound {
        let is_rows = definition.has(pg_sys::FRAMEOPTION_ROWS);
        if definition.has(side.current) {
            return if is_rows { Bound::Rows(0) } else { Bound::Groups(0) };
        }
        if definition.offset(side.side).is_none() {
            return Bound::Unbounded;
        }
        let Some(offset) = offset else {
            refuse(PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED, side, "null")
        };
        if definition.has(pg_sys::FRAMEOPTION_RANGE) {
            let nulls_first = definition.window.inRangeNullsFirst;
            return Bound::Range(RangeBound { nulls_first, at: 0, search: Search::Open });
        }
        let distance = offset.value() as i64;
        if distance < 0 {
            refuse(PgSqlErrorCode::ERRCODE_INVALID_PRECEDING_OR_FOLLOWING_SIZE, side, "negative");
        }
        let distance = if definition.has(side.preceding) { -distance } else { distance };
        if is_rows {
            Bound::Rows(distance)
        } else {
            Bound::Groups(distance)
        }
    }

    #[inline]
    fn position(&mut self, current: i64, rows: &mut Rows, side: Side) -> Result<i64, Ask> {
        let is_end = side == Side::End;
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
            Bound::Range(range) => range.position(current, rows, side),
        }
    }
}

impl RangeBound {
    fn position(&mut self, current: i64, rows: &mut Rows, side: Side) -> Result<i64, Ask> {
        let is_end = side == Side::End;
        while !matches!(self.search, Search::Found) && !rows.end_before(self.at)? {
            let (key, base) = (rows.order().key(self.at), rows.order().key(current));
            let is_before_the_bound = match (key, base) {
                (Some(key), Some(base)) => {
                    self.search = Search::Compare { key, base };
                    return Err(Ask::Compare);
                }
                // NULLs are peers of each other, and infinitely far from all other values.
                (None, None) => is_end,
                (None, Some(_)) => self.nulls_first,
                (Some(_), None) => !self.nulls_first,
            };
            if !is_before_the_bound {
                break;
            }
            self.at += 1;
        }
        self.search = Search::Open;
        Ok(self.at)
    }

    /// Goes on to the next row if the one that was compared is before the bound.
    #[inline]
    fn learn(&mut self, is_before_the_bound: bool, order: &Order) {
        let Search::Compare { base, .. } = self.search else { return };
        if !is_before_the_bound {
            self.search = Search::Found;
            return;
        }
        self.at += 1;
        self.search = match order.key(self.at) {
            Some(key) => Search::Compare { key, base },
            None => Search::Open,
        };
    }
}
