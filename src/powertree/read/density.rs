//! The density of a tree: how many rows a leaf has, and how many leaves a block, by a sample.

use crate::pg::tables::table::Table;
use crate::powertree::model::tree::{Compaction, Density, Tree};
use crate::powertree::store::nodes::Level;
use crate::powertree::store::tables::Tables;
use tally_stats::tree::{Chosen, Contents};

/// Blocks that are read: a few neighbours at each of some places among the hashes of series.
const PLACES: i64 = 8;
const NEIGHBOURS: usize = 4;

/// Returns the density as of a compaction; None of a tree without nodes. Reads a few blocks once in a session.
pub fn density(tables: &Tables, tree: &Tree, compaction: Compaction) -> Option<Density> {
    if let Some((of, known)) = *tree.density.borrow() {
        if of == compaction {
            return known;
        }
    }
    let found = sample(tables, tree);
    *tree.density.borrow_mut() = Some((compaction, found));
    found
}

fn sample(tables: &Tables, tree: &Tree) -> Option<Density> {
    let table = Table::read(tables.node);
    let level = Level { tables, table: &table, tree: tree.id, level: 1 };
    let (mut blocks, mut leaves, mut rows) = (0, 0, 0.0);
    let mut scratch = Contents::empty(tree.values.len());
    for place in 0..PLACES {
        let from = i64::MIN + place * (i64::MAX / PLACES * 2);
        level.read_some(from, NEIGHBOURS, |node| {
            blocks += 1;
            node.children(0, 9, Chosen::NONE, &mut scratch, |_, leaf| {
                leaves += 1;
                rows += leaf.extent.rows as f64;
            });
        });
    }
    (leaves > 0).then(|| Density {
        rows_of_leaf: rows / f64::from(leaves),
        leaves_of_block: f64::from(leaves) / f64::from(blocks),
    })
}
