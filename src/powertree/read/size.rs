//! The size of a tree, without reading it.

use super::access::spans;
use super::asked::Refused;
use super::density::density;
use crate::pg::relation::num_blocks;
use crate::pg::table::Table;
use crate::powertree::model::question::Range;
use crate::powertree::model::tree::{Compaction, Density, Size, Tree};
use crate::powertree::store::log;
use crate::powertree::store::nodes::Level;
use crate::powertree::store::state::TreeState;
use crate::powertree::store::tables::Tables;
use tally_stats::tree::{Contents, Extent};

/// Entries of the log that are counted, and how many there are in a block of it.
const COUNTED: u64 = 64;
const IN_BLOCK: i64 = 40;

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

/// Estimates the size of a tree; cheap.
pub fn estimate(tree: &Tree) -> Estimate {
    let Some(tables) = Tables::known() else { return Estimate::default() };
    let Some(state) = TreeState::read(&tables, tree.id) else { return Estimate::default() };
    let totals = state.totals;
    let (leaves, leaf_blocks) = match density(&tables, tree, compaction(&state)) {
        Some(Density { rows_of_leaf, leaves_of_block }) => {
            let leaves = totals.num_vals as f64 / rows_of_leaf;
            (leaves, leaves / leaves_of_block)
        }
        None => (0.0, 0.0),
    };
    let log_rows = match log::count(&tables, tree.id, COUNTED) {
        COUNTED => num_blocks(tables.log).saturating_mul(IN_BLOCK).max(COUNTED as i64),
        count => count as i64,
    };
    Estimate { series: totals.num_series, rows: totals.num_vals, leaves, leaf_blocks, log_rows }
}

/// Returns positions between which all rows are that the active snapshot sees; None if there are none.
pub fn bounds(tree: &Tree) -> Result<Option<Range>, Refused> {
    let tables = Tables::known().ok_or(Refused::Stale)?;
    let spans = spans(&tables, tree.id)?;
    let (leaves, ends) = (tree.leaves, tree.position.ends());
    let mut extent = Extent::EMPTY;
    let mut add = |first: i64, last: i64| {
        extent.merge(&Extent { rows: 1, first: first.max(ends.0), last: last.min(ends.1) });
    };
    spans
        .iter()
        .filter(|span| span.first <= span.last)
        .for_each(|span| add(leaves.first(span.first), leaves.last(span.last)));
    log::of_leaves(&tables, tree.id, i64::MIN, i64::MAX, |row, _| {
        let leaf = log::leaf(row);
        add(leaves.first(leaf), leaves.last(leaf));
        true
    });
    if let Some((first, last)) = of_nodes(&tables, tree) {
        add(first, last);
    }
    Ok((extent.rows > 0).then_some(Range { first: extent.first, last: extent.last }))
}

/// Returns positions between which all rows in nodes are that the active snapshot sees, the whole line if they were not read yet; None if there are
/// no such rows.
pub fn known(tables: &Tables, tree: &Tree) -> Option<Range> {
    let (first, last) = tree.position.ends();
    let compacted = TreeState::visible(tables, tree.id).map(|state| compaction(&state));
    match tree.size.borrow().filter(|size| Some(size.compacted) == compacted) {
        Some(size) => size.extent.map(|(first, last)| Range { first, last }),
        None => Some(Range { first, last }),
    }
}

/// The first and the last position of the rows in nodes that the active snapshot sees.
pub fn of_nodes(tables: &Tables, tree: &Tree) -> Option<(i64, i64)> {
    let compacted = TreeState::visible(tables, tree.id).map(|state| compaction(&state));
    if let Some(size) = tree.size.borrow().filter(|size| Some(size.compacted) == compacted) {
        return size.extent;
    }
    let (mut all, mut scratch) = (Extent::EMPTY, Contents::empty(tree.values.len()));
    let table = Table::read(tables.node);
    Level { tables, table: &table, tree: tree.id, level: tree.height }.read(i64::MIN, i64::MAX, |node| {
        node.children(0, 9, &mut scratch, |_, child| all.merge(&child.extent));
    });
    let extent = (all.rows > 0).then_some((all.first, all.last));
    *tree.size.borrow_mut() = compacted.map(|compacted| Size { compacted, extent });
    extent
}

fn compaction(state: &TreeState) -> Compaction {
    (state.compactions, state.compacted_at)
}
