//! The size of a tree, without reading it.

use super::density::density;
use crate::pg::server::lookup::next_transaction;
use crate::pg::tables::relation::num_blocks;
use crate::pg::tables::table::Table;
use crate::powertree::model::tree::{Compaction, CountedLog, Density, Size, Tree};
use crate::powertree::store::log::Log;
use crate::powertree::store::nodes::Level;
use crate::powertree::store::state::TreeState;
use crate::powertree::store::tables::Tables;
use tally_stats::tree::{Chosen, Contents, Extent};

/// Entries of the log that are counted, and how many there are in a block of it.
const COUNTED: i64 = 4096;
const IN_BLOCK: i64 = 40;
/// Transactions that are not expected to make the log much longer.
const FEW: u64 = 20;

/// The size of a tree, as far as it is known without reading it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Estimate {
    /// Series that have nodes.
    pub series: i64,
    /// Rows in the nodes.
    pub rows: i64,
    /// Leaves with rows, of all series together, and the blocks that hold them.
    pub leaves: f64,
    leaf_blocks: f64,
    /// Entries of the log.
    pub log_rows: i64,
}

impl Estimate {
    /// The mean number of rows of a leaf that has any.
    pub fn rows_of_leaf(&self) -> f64 {
        self.rows as f64 / self.leaves.max(1.0)
    }

    /// The blocks of all series whose children are on a level, leaves being level 0.
    pub fn blocks(&self, level: u32) -> f64 {
        (self.leaf_blocks / 10_f64.powi(level as i32)).max(self.series as f64)
    }

    /// The nodes with rows of all series on a level.
    pub fn nodes(&self, level: u32) -> f64 {
        if level == 0 {
            self.leaves
        } else {
            self.blocks(level - 1)
        }
    }
}

/// Estimates the size of a tree for the planner; cheap.
pub fn estimate(tree: &Tree) -> Estimate {
    let Some(tables) = Tables::known() else { return Estimate::default() };
    let Some(state) = TreeState::read(&tables, tree.id) else { return Estimate::default() };
    Estimate::of(tree, &tables, &state, log_rows(tree, &tables, &state))
}

impl Estimate {
    /// The estimate for a tree in this state, whose log has this many entries.
    pub fn of(tree: &Tree, tables: &Tables, state: &TreeState, log_rows: i64) -> Estimate {
        let totals = state.totals;
        let (leaves, leaf_blocks) = match density(tables, tree, compaction(state)) {
            Some(Density { rows_of_leaf, leaves_of_block }) => {
                let leaves = totals.num_vals as f64 / rows_of_leaf;
                (leaves, leaves / leaves_of_block)
            }
            None => (0.0, 0.0),
        };
        Estimate { series: totals.num_series, rows: totals.num_vals, leaves, leaf_blocks, log_rows }
    }
}

/// The number of entries of the log, counted again only after some transactions.
fn log_rows(tree: &Tree, tables: &Tables, state: &TreeState) -> i64 {
    let (compacted, next) = (compaction(state), next_transaction());
    let is_recent = |known: &CountedLog| known.compacted == compacted && next <= known.before + FEW;
    if let Some(known) = tree.logged.get().filter(is_recent) {
        return known.entries;
    }
    let entries = count_log(tables, tree.id);
    tree.logged.set(Some(CountedLog { compacted, before: next, entries }));
    entries
}

/// Counts the entries of the log; estimates them by its size if there are many.
fn count_log(tables: &Tables, tree: i32) -> i64 {
    let mut count = 0;
    Log::seen(tables, tree).of_tree(|_| {
        count += 1;
        count < COUNTED
    });
    if count < COUNTED {
        count
    } else {
        num_blocks(tables.log).saturating_mul(IN_BLOCK).max(count)
    }
}

/// The first and the last position of the rows in nodes that are in this state, if it is known.
pub fn known_extent(tree: &Tree, state: &TreeState) -> Option<Option<(i64, i64)>> {
    tree.size.borrow().filter(|size| size.compacted == compaction(state)).map(|size| size.extent)
}

/// The first and the last position of the rows in nodes, which are in this state.
pub fn extent(tables: &Tables, tree: &Tree, state: &TreeState) -> Option<(i64, i64)> {
    if let Some(known) = known_extent(tree, state) {
        return known;
    }
    let (mut all, mut scratch) = (Extent::EMPTY, Contents::empty(tree.values.len()));
    let table = Table::read(tables.node);
    Level { tables, table: &table, tree: tree.id, level: tree.height }.read(i64::MIN, i64::MAX, |node| {
        node.children(0, 9, Chosen::NONE, &mut scratch, |_, child| all.merge(&child.extent));
    });
    let extent = (all.rows > 0).then_some((all.first, all.last));
    *tree.size.borrow_mut() = Some(Size { compacted: compaction(state), extent });
    extent
}

fn compaction(state: &TreeState) -> Compaction {
    (state.compactions, state.compacted_at)
}
