//! Output of EXPLAIN for the node.

use super::ask::Side;
use super::definition::FrameDefinition;
use crate::pg::execution::explain::Explanation;
use pgrx::pg_sys;

/// Shows the frame as SQL.
pub fn frame(definition: &FrameDefinition, explanation: Explanation) {
    let mode = match () {
        () if definition.has(pg_sys::FRAMEOPTION_ROWS) => "ROWS",
        () if definition.has(pg_sys::FRAMEOPTION_RANGE) => "RANGE",
        () => "GROUPS",
    };
    let shown = explanation.shown(false);
    let offset = |side| definition.offset(side).map(|offset| shown.text(offset)).unwrap_or_default();
    // UNBOUNDED PRECEDING does not occur: such a frame does not move.
    let start = match () {
        () if definition.has(pg_sys::FRAMEOPTION_START_CURRENT_ROW) => "CURRENT ROW".to_owned(),
        () if definition.has(pg_sys::FRAMEOPTION_START_OFFSET_PRECEDING) => {
            format!("{} PRECEDING", offset(Side::Start))
        }
        () => format!("{} FOLLOWING", offset(Side::Start)),
    };
    let end = match () {
        () if definition.has(pg_sys::FRAMEOPTION_END_UNBOUNDED_FOLLOWING) => "UNBOUNDED FOLLOWING".to_owned(),
        () if definition.has(pg_sys::FRAMEOPTION_END_CURRENT_ROW) => "CURRENT ROW".to_owned(),
        () if definition.has(pg_sys::FRAMEOPTION_END_OFFSET_PRECEDING) => {
            format!("{} PRECEDING", offset(Side::End))
        }
        () => format!("{} FOLLOWING", offset(Side::End)),
    };
    explanation.text(c"Frame", &format!("{mode} BETWEEN {start} AND {end}"));
}

/// Shows the most memory and the largest file that the rows have taken, both given in bytes.
pub fn extent(memory: usize, file: usize, explanation: Explanation) {
    let kilobytes = |bytes: usize| bytes.div_ceil(1024) as i64;
    explanation.number(c"Frame Memory", Some(c"kB"), kilobytes(memory));
    if file > 0 {
        explanation.number(c"Disk", Some(c"kB"), kilobytes(file));
    }
}
