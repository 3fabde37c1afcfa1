//! The archived leaves of a tree, as the running query may see them.

use crate::pg::memory::heap;
use crate::pg::server::error::raise;
use crate::pg::tables::table::Snapshot;
use crate::pg::values::value::Value;
use crate::powertree::model::key;
use crate::powertree::model::question::Range;
use crate::powertree::model::rights;
use crate::powertree::model::tree::Tree;
use crate::powertree::store::archive::{runs_of_each, Archive};
use crate::powertree::store::log::LoggedSeries;
use crate::powertree::store::tables::Tables;
use pgrx::PgSqlErrorCode;
use tally_stats::tree::{Contents, Extent};

/// The archived leaves in a range, of which there may be some.
pub struct Archived<'t> {
    tree: &'t Tree,
    archive: Archive,
    /// Leaves that the range touches.
    leaves: (i64, i64),
}

impl<'t> Archived<'t> {
    /// Looks for archived leaves that a range touches; None if there are none, or row security hides rows from the
    /// caller: leaves do not tell which.
    pub fn of(tree: &'t Tree, range: Range) -> Option<Archived<'t>> {
        let tables = Tables::get();
        let leaves = (tree.leaves.of(range.first), tree.leaves.of(range.last));
        let [seen, latest] =
            runs_of_each(&tables, tree.id, [Snapshot::Active, Snapshot::Latest]).map(|mut runs| {
                runs.retain(|run| run.touches(leaves.0, leaves.1));
                runs
            });
        if seen.is_empty() && latest.is_empty() || rights::rows_are_hidden(tree.base) {
            return None;
        }
        // The partitions of a table are those of now, whatever the snapshot is.
        if seen.len() != latest.len() || !seen.iter().all(|run| latest.iter().any(|other| run.is(other))) {
            changed_since(tree);
        }
        let types = tree.types();
        if seen.iter().any(|run| run.types != types) {
            of_other_types(tree);
        }
        Archive::of(&tables, tree.id, tree.values.len()).map(|archive| Archived { tree, archive, leaves })
    }

    /// Calls `each` with number and contents of each archived leaf of a series that a range touches, by leaf.
    pub fn of_series(&self, key: &[u8], range: Range, mut each: impl FnMut(i64, Contents)) {
        let (first, last) = (self.tree.leaves.of(range.first), self.tree.leaves.of(range.last));
        let series = LoggedSeries { hash: key::hash(key), key };
        self.archive.read(Some(series), first, last, |_, leaf, contents| each(leaf, contents));
    }

    /// Calls `each` with the key of a series, and with number and contents of each archived leaf.
    pub fn of_all(&self, each: impl FnMut(&[u8], i64, Contents)) {
        self.archive.read(None, self.leaves.0, self.leaves.1, each);
    }

    /// Whether a range has all rows of an archived leaf, or none. Raises an error if it cuts them.
    pub fn has(&self, range: Range, leaf: i64, extent: &Extent) -> bool {
        self.place(range, &[], leaf, extent).is_some()
    }

    /// The place among sorted positions, from 1, of all rows of an archived leaf, 0 without positions; None if the
    /// range has none of them. Raises an error if the range or one of the positions cuts them.
    pub fn place(&self, range: Range, begins: &[i64], leaf: i64, extent: &Extent) -> Option<usize> {
        if extent.last < range.first || range.last < extent.first {
            return None;
        }
        let place = |at: i64| begins.partition_point(|&begin| begin <= at);
        let place_of_first = place(extent.first);
        if extent.first < range.first || range.last < extent.last || place_of_first != place(extent.last) {
            cut(self.tree, leaf);
        }
        Some(place_of_first)
    }
}

/// The key that values of the columns of a series make.
pub fn key_of(tree: &Tree, values: &[Value]) -> Vec<u8> {
    let mut bytes = Vec::new();
    tree.series.iter().zip(values).for_each(|(column, &value)| column.encode_parsed(value, &mut bytes));
    bytes
}

/// The runs of leaves, first and last each, that are archived in the active snapshot or now; in order, and perhaps
/// twice.
pub fn archived_leaves(tree: &Tree) -> Vec<(i64, i64)> {
    let tables = Tables::get();
    let runs = runs_of_each(&tables, tree.id, [Snapshot::Active, Snapshot::Latest]);
    let mut all = heap::collect(runs.iter().flatten().map(|run| (run.first, run.last)));
    all.sort_unstable();
    all
}

/// Raises the error that a range or a bucket has some rows of an archived leaf and not others.
fn cut(tree: &Tree, leaf: i64) -> ! {
    let (first, next) = (tree.leaves.first(leaf), tree.leaves.last(leaf).saturating_add(1));
    let text = |at| tree.position.to_value(at).to_text();
    raise(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("a range cuts archived rows of power tree \"{}\"", tree.name),
        format!("The rows from {} to before {} are known together only.", text(first), text(next)),
        "Let ranges and buckets begin and end at one of these two, or restore the rows.",
    )
}

fn changed_since(tree: &Tree) -> ! {
    raise(
        PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
        format!(
            "could not serialize access due to rows of power tree \"{}\" that were archived or restored",
            tree.name
        ),
        "The snapshot of the query is older.",
        "Ask again, in a new transaction.",
    )
}

fn of_other_types(tree: &Tree) -> ! {
    raise(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("archived rows of power tree \"{}\" had columns of other types", tree.name),
        "The type of a column was changed while the tree was stale.",
        "Give the columns their types back, or call powertree_unarchive() and restore the rows.",
    )
}
