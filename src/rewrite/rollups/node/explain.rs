//! Output of EXPLAIN for the node.

use super::plan::{ExpressionList, PlanLayout};
use crate::pg::name::c_string;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::answer::Answer;
use crate::rewrite::rollups::terms::reason::Reason;
use pgrx::pg_sys::{self, ExplainState, List, Node};
use std::ffi::CStr;

/// Shows the tree, the keys and the conditions.
///
/// # Safety
/// A plan of ours, and the state of EXPLAIN.
pub unsafe fn question(layout: PlanLayout, ancestors: *mut List, es: *mut ExplainState) {
    // SAFETY: the caller's plan, whose expressions can be shown in its context.
    unsafe {
        let context = pg_sys::set_deparse_context_plan((*es).deparse_cxt, layout.displayed(), ancestors);
        let has_joins = layout.joined().next().is_some();
        let texts = |expressions: &mut dyn Iterator<Item = *mut Node>| -> Vec<String> {
            let text = |node| {
                let text = pg_sys::deparse_expression(node, context, has_joins, false);
                CStr::from_ptr(text).to_string_lossy().into_owned()
            };
            expressions.map(text).collect()
        };
        let property = |label: &CStr, text: &str| {
            pg_sys::ExplainPropertyText(label.as_ptr(), c_string(text).as_ptr(), es);
        };
        let show = |label: &CStr, expressions: &mut dyn Iterator<Item = *mut Node>, between: &str| {
            let texts = texts(expressions);
            if !texts.is_empty() {
                property(label, &texts.join(between));
            }
        };
        let name = Tree::usable(layout.tree()).map(|tree| tree.name.clone()).unwrap_or_default();
        property(c"Tree", &name);
        show(c"Joined By", &mut layout.expressions(ExpressionList::JoinedBy), " AND ");
        let sets = layout.sets();
        if sets.len() == 1 && sets[0].len() == layout.keys().count() {
            show(c"Group Key", &mut layout.shown_keys(), ", ");
        } else {
            let keys = texts(&mut layout.shown_keys());
            let set = |set: &Vec<usize>| {
                let keys: Vec<&str> = set.iter().map(|&key| keys[key].as_str()).collect();
                format!("({})", keys.join(", "))
            };
            let sets: Vec<String> = sets.iter().map(set).collect();
            property(c"Grouping Sets", &sets.join(", "));
        }
        show(c"Conditions", &mut layout.expressions(ExpressionList::Conditions), " AND ");
    }
}

/// Shows who answered, and what was read.
///
/// # Safety
/// The state of EXPLAIN.
pub unsafe fn answer(decided: Option<&Result<Answer, Reason>>, es: *mut ExplainState) {
    let show = |label: &CStr, text: &str| {
        // SAFETY: the caller promises the state of an EXPLAIN that is running.
        unsafe { pg_sys::ExplainPropertyText(label.as_ptr(), c_string(text).as_ptr(), es) }
    };
    match decided {
        None => {}
        Some(Err(reason)) => {
            show(c"Answered From", "table");
            show(c"Reason", &reason.text());
        }
        Some(Ok(answer)) => {
            show(c"Answered From", "tree");
            let counts = answer.counts;
            for (label, number) in [
                (c"Series", counts.series),
                (c"Cells", answer.cells() as u64),
                (c"Nodes", counts.nodes),
                (c"Log Rows", counts.log_rows),
                (c"Rows Read", counts.rows_read),
                (c"Batches", answer.batches() as u64),
            ] {
                // As a hash table does, for which there is mostly enough memory.
                if label == c"Batches" && number == 1 {
                    continue;
                }
                // SAFETY: the caller promises the state of an EXPLAIN that is running.
                unsafe { pg_sys::ExplainPropertyInteger(label.as_ptr(), std::ptr::null(), number as i64, es) }
            }
        }
    }
}
