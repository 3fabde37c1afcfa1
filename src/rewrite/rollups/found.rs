//! What the planner finds out about trees while somebody asks for it.

use super::reason::{Reason, Understood};
use crate::powertree::model::tree::Tree;
use std::cell::RefCell;

thread_local! {
    /// What was found since somebody began to ask; None while nobody does.
    static FINDINGS: RefCell<Option<Vec<Finding>>> = const { RefCell::new(None) };
}

/// What was found out about a tree for one part of a query.
pub struct Finding {
    tree: i32,
    pub name: String,
    /// Why the tree does not answer; None if the plan reads it.
    pub reason: Option<String>,
}

/// Keeps what was found out about a tree, if somebody asks. An offer is not an answer yet: another plan may cost less.
pub fn note(tree: &Tree, offered: &Understood<()>) {
    FINDINGS.with_borrow_mut(|findings| {
        if let Some(findings) = findings {
            let reason = offered.as_ref().err().unwrap_or(&Reason::Cost).text();
            findings.push(Finding { tree: tree.id, name: tree.name.clone(), reason: Some(reason) });
        }
    });
}

/// Keeps that the plan reads a tree, which was offered before.
pub fn note_chosen(tree: i32) {
    let cost = Some(Reason::Cost.text());
    FINDINGS.with_borrow_mut(|findings| {
        let mut offered = findings.iter_mut().flatten();
        if let Some(finding) = offered.find(|finding| finding.tree == tree && finding.reason == cost) {
            finding.reason = None;
        }
    });
}

/// Returns what is found out while `work` is done.
pub fn collect(work: impl FnOnce()) -> Vec<Finding> {
    /// Puts back what was being collected before, after an error too.
    struct Before(Option<Vec<Finding>>);
    impl Drop for Before {
        fn drop(&mut self) {
            FINDINGS.set(self.0.take());
        }
    }
    let before = Before(FINDINGS.replace(Some(Vec::new())));
    work();
    let found = FINDINGS.take().unwrap_or_default();
    drop(before);
    found
}
