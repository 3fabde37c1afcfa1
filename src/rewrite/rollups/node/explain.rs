//! Output of EXPLAIN for the node.

use super::layout::PlanLayout;
use super::lists::ExpressionList;
use crate::pg::execution::explain::Explanation;
use crate::pg::nodes::tree::NodeRef;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::answer::Answer;
use crate::rewrite::rollups::terms::reason::Reason;
use pgrx::pg_sys::CustomScan;
use std::ffi::CStr;

/// Shows the tree, the keys and the conditions.
pub fn question(plan: NodeRef<CustomScan>, explanation: Explanation) {
    let layout = PlanLayout::of(plan);
    let shown = explanation.shown(layout.joined().next().is_some());
    let texts = |expressions: &mut dyn Iterator<Item = NodeRef>| -> Vec<String> {
        expressions.map(|node| shown.unrelabelled(node, plan)).collect()
    };
    let show = |label: &CStr, expressions: &mut dyn Iterator<Item = NodeRef>, between: &str| {
        let texts = texts(expressions);
        if !texts.is_empty() {
            explanation.text(label, &texts.join(between));
        }
    };
    let name = Tree::usable(layout.tree()).map(|tree| tree.name.clone()).unwrap_or_default();
    explanation.text(c"Tree", &name);
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
        explanation.text(c"Grouping Sets", &sets.join(", "));
    }
    let values = layout.expressions(ExpressionList::ValueConditions);
    show(c"Conditions", &mut layout.expressions(ExpressionList::Conditions).chain(values), " AND ");
}

/// Shows who answered, and what was read.
pub fn answer(decided: Option<&Result<Answer, Reason>>, explanation: Explanation) {
    match decided {
        None => {}
        Some(Err(reason)) => {
            explanation.text(c"Answered From", "table");
            explanation.text(c"Reason", &reason.text());
        }
        Some(Ok(answer)) => {
            explanation.text(c"Answered From", "tree");
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
                explanation.number(label, None, number as i64);
            }
        }
    }
}
