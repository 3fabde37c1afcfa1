//! Barriers: changes of rows that also affect snapshots taken before them.

use super::span;
use super::state::TreeState;
use super::tables::Tables;
use crate::pg::server::lookup::{is_current, next_transaction};
use crate::pg::server::transaction::is_seen;
use crate::pg::tables::table::Snapshot;
use pgrx::pg_sys;

/// Reads the latest state of a tree; None if there is a barrier that the active snapshot does not see.
pub fn state_behind_barriers(tables: &Tables, tree: i32) -> Option<TreeState> {
    // Spans before the state: a compaction that ends in between removes barriers and raises the horizon.
    let now = span::all(tables, tree, Snapshot::Latest);
    let state = TreeState::read(tables, tree)?;
    now.iter().filter_map(|span| span.barrier).chain([state.horizon]).all(seen).then_some(state)
}

/// Whether the active snapshot sees the changes of this committed transaction.
fn seen(transaction: u64) -> bool {
    let number = pg_sys::TransactionId::from(transaction as u32);
    // A transaction ID more than half of the ID space old precedes all snapshots.
    next_transaction().saturating_sub(transaction) > 1 << 31 || is_current(number) || is_seen(number)
}
