//! Access: whether a snapshot may use the tree, and for which leaves.

use super::refused::Refused;
use crate::pg::tables::table::Snapshot;
use crate::powertree::store::barrier::state_behind_barriers;
use crate::powertree::store::span::{self, Span};
use crate::powertree::store::state::{TreeState, FORMAT};
use crate::powertree::store::tables::Tables;
use crate::powertree::store::writing;

/// The part of a tree that the active snapshot may use.
pub enum Access {
    /// The base table must answer.
    Base,
    /// The tree answers for everything but these spans.
    Tree(Vec<Span>),
}

/// Returns the leaves that the base table answers for, or why it must answer for all.
pub fn spans(tables: &Tables, tree: i32) -> Result<Vec<Span>, Refused> {
    match Access::of(tables, tree) {
        Access::Tree(spans) => Ok(spans),
        Access::Base if writing::is_torn(tree) => Err(Refused::BeingWritten),
        Access::Base => Err(Refused::Stale),
    }
}

impl Access {
    /// Decides what the active snapshot may use of this tree.
    pub fn of(tables: &Tables, tree: i32) -> Access {
        if writing::is_torn(tree) {
            return Access::Base;
        }
        match state_behind_barriers(tables, tree) {
            Some(TreeState { stale: None, format: FORMAT, .. }) => {
                Access::Tree(span::all(tables, tree, Snapshot::Active))
            }
            _ => Access::Base,
        }
    }
}
