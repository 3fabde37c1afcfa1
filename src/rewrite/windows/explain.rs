//! Output of EXPLAIN for the node.

use crate::pg::tree::NodeRef;
use pgrx::pg_sys::{self, ExplainState, List, Node, Plan, WindowAgg};
use std::ffi::{CStr, CString};

/// Shows the frame as SQL.
///
/// # Safety
/// `window` defines the plan's node, and `es` is the state of a running EXPLAIN.
pub unsafe fn frame(
    window: NodeRef<WindowAgg>,
    plan: *mut Plan,
    ancestors: *mut List,
    es: *mut ExplainState,
) {
    // SAFETY: the offsets of the caller's definition are expressions of the plan that is explained.
    unsafe {
        let context = pg_sys::set_deparse_context_plan((*es).deparse_cxt, plan, ancestors);
        let has = |option: u32| window.frameOptions as u32 & option != 0;
        let mode = match () {
            () if has(pg_sys::FRAMEOPTION_ROWS) => "ROWS",
            () if has(pg_sys::FRAMEOPTION_RANGE) => "RANGE",
            () => "GROUPS",
        };
        let offset = |offset: *mut Node| {
            let text = pg_sys::deparse_expression(offset, context, false, false);
            CStr::from_ptr(text).to_string_lossy().into_owned()
        };
        // UNBOUNDED PRECEDING does not occur: such a frame does not move.
        let start = match () {
            () if has(pg_sys::FRAMEOPTION_START_CURRENT_ROW) => "CURRENT ROW".to_owned(),
            () if has(pg_sys::FRAMEOPTION_START_OFFSET_PRECEDING) => {
                format!("{} PRECEDING", offset(window.startOffset))
            }
            () => format!("{} FOLLOWING", offset(window.startOffset)),
        };
        let end = match () {
            () if has(pg_sys::FRAMEOPTION_END_UNBOUNDED_FOLLOWING) => "UNBOUNDED FOLLOWING".to_owned(),
            () if has(pg_sys::FRAMEOPTION_END_CURRENT_ROW) => "CURRENT ROW".to_owned(),
            () if has(pg_sys::FRAMEOPTION_END_OFFSET_PRECEDING) => {
                format!("{} PRECEDING", offset(window.endOffset))
            }
            () => format!("{} FOLLOWING", offset(window.endOffset)),
        };
        let text = CString::new(format!("{mode} BETWEEN {start} AND {end}")).unwrap_or_default();
        pg_sys::ExplainPropertyText(c"Frame".as_ptr(), text.as_ptr(), es);
    }
}

/// Shows the most memory and the largest file that the rows have taken, both given in bytes.
///
/// # Safety
/// `es` is the state of a running EXPLAIN.
pub unsafe fn extent((memory, file): (usize, usize), es: *mut ExplainState) {
    let kilobytes = |bytes: usize| bytes.div_ceil(1024) as i64;
    // SAFETY: the caller promises the state of a running EXPLAIN.
    unsafe {
        pg_sys::ExplainPropertyInteger(c"Frame Memory".as_ptr(), c"kB".as_ptr(), kilobytes(memory), es);
        if file > 0 {
            pg_sys::ExplainPropertyInteger(c"Disk".as_ptr(), c"kB".as_ptr(), kilobytes(file), es);
        }
    }
}
