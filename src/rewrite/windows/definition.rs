//! The frame of a WindowAgg, as the plan describes it.

use crate::pg::tree::NodeRef;
use pgrx::pg_sys::{self, ExprState, WindowAgg};

/// The frame of a WindowAgg; its offsets are expressions, or null where there are none.
#[derive(Clone, Copy)]
pub struct FrameDefinition {
    /// The WindowAgg, in the plan, which outlives the node.
    pub window: NodeRef<'static, WindowAgg>,
    pub options: u32,
    pub start_offset: *mut ExprState,
    pub end_offset: *mut ExprState,
}

impl FrameDefinition {
    /// Whether the frame has any of these options.
    pub fn has(&self, options: u32) -> bool {
        self.options & options != 0
    }

    /// Whether the frame depends on which rows are peers.
    pub fn has_groups(&self) -> bool {
        let current = pg_sys::FRAMEOPTION_START_CURRENT_ROW | pg_sys::FRAMEOPTION_END_CURRENT_ROW;
        self.has(pg_sys::FRAMEOPTION_GROUPS) || self.has(pg_sys::FRAMEOPTION_RANGE) && self.has(current)
    }

    /// Whether the frame depends on the values of the ordering column.
    pub fn has_keys(&self) -> bool {
        let offset = pg_sys::FRAMEOPTION_START_OFFSET | pg_sys::FRAMEOPTION_END_OFFSET;
        self.has(pg_sys::FRAMEOPTION_RANGE) && self.has(offset)
    }

    /// Whether a row may enter the frame later than it is read, or never. Otherwise each row is in its own frame.
    pub fn is_delayed(&self) -> bool {
        self.has(pg_sys::FRAMEOPTION_START_OFFSET_FOLLOWING | pg_sys::FRAMEOPTION_END_OFFSET_PRECEDING)
    }
}
