//! Statements cut short: a procedural language may stop after some rows of RETURNING, and then no AFTER triggers fire.

use crate::pg::server::callback::at_end_of_transactions;
use crate::pg::server::transaction::in_new_snapshot;
use crate::powertree::store::span::{self, Reach};
use crate::powertree::store::state::TreeState;
use crate::powertree::store::tables::Tables;
use crate::powertree::store::writing;
use pgrx::pg_sys;
use pgrx::prelude::*;

/// Looks for statements that were cut short whenever a transaction commits; called once, when the library is loaded.
pub fn watch() {
    at_end_of_transactions(transaction_commits);
}

#[pg_guard]
extern "C-unwind" fn transaction_commits(event: pg_sys::XactEvent::Type, _data: *mut std::ffi::c_void) {
    use pg_sys::XactEvent::*;
    if !matches!(event, XACT_EVENT_PRE_COMMIT | XACT_EVENT_PRE_PREPARE) {
        return;
    }
    let left = writing::take_left();
    if left.is_empty() {
        // Nearly every transaction returns here, and so do processes without a database, which must not look for
        // tables.
        return;
    }
    let Some(tables) = Tables::known() else { return };
    // The statements' snapshots are gone, and writing a row needs one.
    in_new_snapshot(|| {
        for tree in left {
            if TreeState::read(&tables, tree).is_some_and(|state| state.stale.is_none()) {
                span::append_all(tree, Reach::Later, "statement cut short");
            }
        }
    });
}
