//! Compaction: folds the log into the nodes, in one snapshot.
//!
//! The entries that the snapshot sees are folded, and exactly those are deleted from the log. Entries of writers that
//! it does not see stay; a reader sees either the old nodes and the log or the new nodes. Nothing is subtracted: a
//! dirty leaf is recomputed from the base table, and a node from its ten children.

use super::folding::fold;
use crate::pg::calls::call::Call;
use crate::pg::server::error::raise;
use crate::pg::server::subtransaction::attempt;
use crate::pg::server::transaction::in_new_snapshot;
use crate::pg::tables::catalog::advance;
use crate::pg::tables::fence;
use crate::pg::tables::spi::{commit, connected_as};
use crate::pg::tables::table::{ScanKey, Snapshot, Table};
use crate::powertree::base::suitability::require_one_owner;
use crate::powertree::model::lock::{lock_base, lock_tree};
use crate::powertree::model::rights;
use crate::powertree::model::tree::Tree;
use crate::powertree::store::barrier::state_behind_barriers;
use crate::powertree::store::definition::Definition;
use crate::powertree::store::failure;
use crate::powertree::store::state::TreeState;
use crate::powertree::store::tables::Tables;
use crate::powertree::store::writing;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::{ErrorReport, ErrorReportWithLevel};
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn powertree_compact(call: Call) {
    let (name, atomic) = (call.argument::<&str>(0), call.is_atomic());
    rights::require_writable("CALL powertree_compact()");
    connected_as(if atomic { 0 } else { pg_sys::SPI_OPT_NONATOMIC }, || {
        let trees: Vec<Definition> = match name {
            Some(name) => {
                let tree = Tree::named(name);
                rights::require_owner(tree.base);
                Definition::all(&Tables::get()).into_iter().filter(|known| known.id == tree.id).collect()
            }
            None => Definition::all(&Tables::get()),
        };
        for tree in trees {
            if name.is_none() && !rights::owns(tree.base) {
                continue;
            }
            match &name {
                Some(_) => {
                    compact(tree.id, true);
                }
                // One tree that fails must not keep the others from their turn.
                None => {
                    if let Err(error) = attempt(|| compact(tree.id, true)) {
                        warn(&tree.name, &error);
                        note_failure(tree.id, &error);
                    }
                }
            }
            if !atomic {
                commit();
            }
        }
    });
}

/// Raises a WARNING that says why a tree was not compacted.
fn warn(tree: &str, error: &ErrorReportWithLevel) {
    let message = format!("power tree \"{tree}\" was not compacted: {}", error.message());
    let mut report = ErrorReport::new(error.sql_error_code(), message, "pg_tally");
    if let Some(detail) = error.detail() {
        report = report.set_detail(detail);
    }
    if let Some(hint) = error.hint() {
        report = report.set_hint(hint);
    }
    report.report(PgLogLevel::WARNING);
}

/// Records why a tree was not compacted, unless another session only held a lock.
pub fn note_failure(id: i32, error: &ErrorReportWithLevel) {
    let Some(tables) = Tables::known() else { return };
    // Compacting or dropping the tree changes this record too, under the same lock.
    if is_impatience(error) || !lock_tree(id, false) || TreeState::read(&tables, id).is_none() {
        return;
    }
    // Replacing a text that is stored out of line needs a snapshot.
    in_new_snapshot(|| failure::note(&tables, id, error.message()));
}

/// Whether the error is only that another session has locked the table.
pub fn is_impatience(error: &ErrorReportWithLevel) -> bool {
    error.sql_error_code() == PgSqlErrorCode::ERRCODE_LOCK_NOT_AVAILABLE
}

/// Folds the log of a tree into its nodes; SPI is connected. If another session holds a lock, waits where `wait` is
/// true and otherwise returns false.
pub fn compact(id: i32, wait: bool) -> bool {
    // A stale tree has nothing to fold, and perhaps no columns.
    let Some(tree) = Tree::live(id) else { return true };
    // Always in this order: the base table before the tree.
    if !lock_base(tree.base, wait) || !lock_tree(id, wait) {
        return false;
    }
    let Some(tree) = Tree::live(id) else { return true };
    require_nothing_under_way(&tree);
    let tables = Tables::get();
    advance();
    // The snapshot is taken now that the locks are held.
    in_new_snapshot(|| {
        if let Some(state) = TreeState::read(&tables, id).filter(|state| state.stale.is_none()) {
            require_no_other_since(&tables, id);
            require_one_owner(tree.base);
            require_barriers(&tables, id);
            fence::as_owner(tree.base, || fold(&tables, &tree, state));
            // A partition may have been attached while the table was read: then its rows were read, but not its log.
            require_barriers(&tables, id);
            failure::forget(&tables, id);
        }
    });
    true
}

/// Raises an error inside a statement whose rows are in the table but not yet in the log: they would be counted twice.
fn require_nothing_under_way(tree: &Tree) {
    if writing::is_under_way(tree.id) {
        raise(
            PgSqlErrorCode::ERRCODE_OBJECT_IN_USE,
            format!(
                "cannot compact power tree \"{}\" because its table is being changed by this session",
                tree.name
            ),
            "",
            "Call powertree_compact() after the statement, not from a trigger or function inside it.",
        );
    }
}

/// Raises an error if there was another compaction after the snapshot: under REPEATABLE READ the snapshot can be older
/// than the lock.
fn require_no_other_since(tables: &Tables, id: i32) {
    let mut same = false;
    let keys = [ScanKey::Integer(1, id)];
    let mut latest = None;
    let state = Table::read(tables.state);
    state.scan(tables.state_tree, Snapshot::Latest, &keys, |row| {
        latest = Some(row.id());
        false
    });
    state.scan(tables.state_tree, Snapshot::Active, &keys, |row| {
        same = latest.is_some_and(|latest| {
            latest.ip_posid == row.id().ip_posid
                && latest.ip_blkid.bi_hi == row.id().ip_blkid.bi_hi
                && latest.ip_blkid.bi_lo == row.id().ip_blkid.bi_lo
        });
        false
    });
    if !same {
        too_old("could not serialize access due to another compaction of the power tree");
    }
}

/// Raises an error if partitions were attached or detached since the snapshot: it would see their rows without their
/// log.
fn require_barriers(tables: &Tables, id: i32) {
    if state_behind_barriers(tables, id).is_none() {
        too_old("could not serialize access due to a change of the power tree's partitions");
    }
}

fn too_old(message: &str) -> ! {
    raise(
        PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
        message,
        "",
        "Call powertree_compact() again, in a transaction of its own.",
    )
}
