//! Findings of the planner about trees, while `powertree_explain` asks for them.

use crate::rewrite::rollups::terms::reason::{Reason, Understood};
use std::cell::RefCell;

thread_local! {
    /// Findings since the question was asked; None while nobody asks.
    static FINDINGS: RefCell<Option<Vec<Finding>>> = const { RefCell::new(None) };
}

/// A finding about a tree and one part of a query.
pub struct Finding {
    tree: i32,
    /// Whether the planner could have chosen the tree.
    offered: bool,
    pub name: String,
    /// The reason why the tree does not answer; None if the plan reads it.
    pub reason: Option<String>,
}

/// Keeps what was found out about a tree, if somebody asks. An offer is not an answer yet: another plan may cost less.
pub fn note(tree: i32, name: &str, offered: &Understood<()>) {
    FINDINGS.with_borrow_mut(|findings| {
        if let Some(findings) = findings {
            let reason = offered.as_ref().err().unwrap_or(&Reason::Cost).text();
            let (offered, name) = (offered.is_ok(), name.to_owned());
            findings.push(Finding { tree, offered, name, reason: Some(reason) });
        }
    });
}

/// Whether somebody asks.
pub fn is_asked() -> bool {
    FINDINGS.with_borrow(Option::is_some)
}

/// Keeps that the plan reads a tree, which was offered before.
pub fn note_chosen(tree: i32) {
    FINDINGS.with_borrow_mut(|findings| {
        let is_waiting =
            |finding: &&mut Finding| finding.tree == tree && finding.offered && finding.reason.is_some();
        if let Some(finding) = findings.iter_mut().flatten().find(is_waiting) {
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
