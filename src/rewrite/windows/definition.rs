//! The frame of a WindowAgg, as the plan describes it.

use super::ask::Side;
use crate::pg::nodes::tree::NodeRef;
use pgrx::pg_sys::{self, WindowAgg};

/// The frame of a WindowAgg.
#[derive(Clone, Copy)]
pub struct FrameDefinition {
    /// The WindowAgg, in the plan, which outlives the node.
    pub window: NodeRef<'static, WindowAgg>,
}

impl FrameDefinition {
    /// Whether the frame has any of these options.
    pub fn has(&self, options: u32) -> bool {
        self.window.frameOptions as u32 & options != 0
    }

    /// The offset of an end; None if it has none.
    pub fn offset(&self, side: Side) -> Option<NodeRef<'static>> {
        match side {
            Side::Start => self.window.node(|window| &window.startOffset),
            Side::End => self.window.node(|window| &window.endOffset),
        }
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
