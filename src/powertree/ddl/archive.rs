//! Archiving a partition: its leaves are kept, and it is detached. Nodes and log stay as they are, since rows and
//! archived leaves together are what they were.

use super::leaving;
use super::lifecycle::{changed, named, resolved};
use crate::pg::calls::call::Call;
use crate::pg::memory::scratch::Scratch;
use crate::pg::server::error::raise;
use crate::pg::server::name::relation_name;
use crate::pg::server::transaction::{has_one_snapshot, in_new_snapshot};
use crate::pg::tables::catalog::{advance, lock};
use crate::pg::tables::column::type_name;
use crate::pg::tables::fence;
use crate::pg::tables::relation::{lineage, lock_family, parents, require_unused};
use crate::pg::tables::spi::{command, connected};
use crate::pg::tables::table::Snapshot;
use crate::powertree::base::extent;
use crate::powertree::base::rows::BaseRows;
use crate::powertree::base::suitability::require_one_owner;
use crate::powertree::model::argument::{range, required};
use crate::powertree::model::key;
use crate::powertree::model::question::Range;
use crate::powertree::model::rights;
use crate::powertree::model::tree::{missing, Tree};
use crate::powertree::store::archive::{add_run, runs, take_run, Archive, ArchivedRun, SeriesLeaves};
use crate::powertree::store::definition::Definition;
use crate::powertree::store::span::{self, Reach};
use crate::powertree::store::tables::Tables;
use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::*;
use tally_stats::tree::Leaves;

/// The first and the last of neighbouring leaves.
type LeafRun = (i64, i64);

/// Nodes of a series that are kept in memory until they are written.
const MOST_NODES: usize = 2000;

#[pg_extern(sql = false)]
fn powertree_archive(call: Call) -> i64 {
    rights::require_writable("powertree_archive()");
    let name: &str = required(call, 0, "tree");
    let partition: Oid = required(call, 1, "partition");
    require_new_snapshots();
    connected(|| {
        let base = owned_base(name);
        require_part(base, partition);
        lock_of_archiver(name, base);
        // Writers of the partition wait from here on, readers go on.
        let family = lock_family(partition, pg_sys::ShareLock);
        require_part(base, partition);
        family.iter().for_each(|&relation| require_unused(relation, c"archive rows of"));
        require_unused(base, c"archive rows of");
        require_one_owner(base);
        require_all_rows(base);
        let trees = trees_of(base);
        let runs: Vec<LeafRun> = trees.iter().map(|tree| leaves_of(tree, partition)).collect();
        advance();
        let kept = in_new_snapshot(|| trees.iter().zip(&runs).map(|(tree, run)| keep(tree, run)).sum());
        // As the command would, the parent first.
        lock(base, pg_sys::AccessExclusiveLock);
        lock_family(partition, pg_sys::AccessExclusiveLock);
        leaving::as_archived(partition, || {
            let (table, part) = (relation_name(base), relation_name(partition));
            command(&format!("ALTER TABLE {table} DETACH PARTITION {part}"));
        });
        kept
    })
}

#[pg_extern(sql = false)]
fn powertree_unarchive(call: Call) -> i64 {
    rights::require_writable("powertree_unarchive()");
    let name: &str = required(call, 0, "tree");
    connected(|| {
        let base = owned_base(name);
        lock_of_archiver(name, base);
        advance();
        let asked = Tree::named(name);
        let range = range(call, 1, &asked);
        let mut trees = trees_of(base);
        // One that was made since has nothing archived; its leaves, or its column, may be others.
        trees.retain(|tree| tree.at == asked.at.name && has_archived(tree));
        trees.iter().for_each(|tree| require_whole(tree, range));
        if range.is_empty() {
            return 0;
        }
        let forgotten = trees.iter().map(|tree| forget(tree, range)).sum();
        changed(&Tables::get(), base);
        forgotten
    })
}

/// The table of a tree, which the caller owns.
fn owned_base(name: &str) -> Oid {
    let base = named(name).base;
    rights::require_owner(base);
    base
}

/// Locks the table of a tree against others who archive, restore or alter it; reading and writing go on.
fn lock_of_archiver(name: &str, base: Oid) {
    lock(base, pg_sys::ShareUpdateExclusiveLock);
    // Meanwhile somebody may have dropped the tree, or made another of this name.
    if owned_base(name) != base {
        missing(name);
    }
}

fn trees_of(base: Oid) -> Vec<Definition> {
    Definition::all(&Tables::get()).into_iter().filter(|tree| tree.base == base).collect()
}

/// Raises an error in a transaction whose snapshot may be older than rows that are about to go.
fn require_new_snapshots() {
    if has_one_snapshot() {
        raise(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "rows cannot be archived in a transaction with one snapshot",
            "It might not see all of them.",
            "Begin the transaction with ISOLATION LEVEL READ COMMITTED.",
        );
    }
}

/// Raises an error unless a table is a partition of another, at the first level.
fn require_part(base: Oid, partition: Oid) {
    let above = parents(partition);
    if above.first() == Some(&base) {
        return;
    }
    let (table, part) = (relation_name(base), relation_name(partition));
    if above.iter().any(|&parent| lineage(parent).contains(&base)) {
        raise(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            format!("{part} is a partition of a partition of table {table}"),
            "",
            "Archive the partition of the table as a whole.",
        );
    }
    raise(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("{part} is not a partition of table {table}"),
        "",
        "Rows are archived by whole partitions of the table of the tree.",
    )
}

fn require_all_rows(base: Oid) {
    if rights::rows_are_hidden_from(base, fence::owner(base)) {
        raise(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "row security is forced on the table of a power tree",
            "Its owner does not see all rows.",
            "Undo FORCE ROW LEVEL SECURITY.",
        );
    }
}

/// The first and the last leaf of a partition. Raises an error unless it begins and ends with leaves of the tree.
fn leaves_of(definition: &Definition, partition: Oid) -> LeafRun {
    let tree = resolved(definition);
    let part = relation_name(partition);
    let Some((from, to)) = extent::bounds_of(partition, tree.base, &definition.at, tree.position) else {
        wrong(
            format!("partition {part} has no bounds by the position of power tree \"{}\" alone", tree.name),
            "",
            "Archive partitions FROM one position TO another; the default partition is none.",
        )
    };
    require_border(&tree, from);
    require_border(&tree, to);
    let Leaves { width } = tree.leaves;
    (from.div_euclid(width), to.div_euclid(width) - 1)
}

/// Raises an error if a position is inside of a leaf.
fn require_border(tree: &Tree, at: i64) {
    let Leaves { width } = tree.leaves;
    if at.rem_euclid(width) != 0 {
        let text = |at| tree.position.to_value(at).to_text();
        let first = tree.leaves.first(tree.leaves.of(at));
        wrong(
            format!("{} cuts a leaf of power tree \"{}\"", text(at), tree.name),
            "Rows are archived by whole leaves.",
            &format!("That leaf goes from {} to before {}.", text(first), text(first.saturating_add(width))),
        );
    }
}

fn wrong(message: String, detail: impl Into<String>, hint: &str) -> ! {
    raise(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message, detail, hint)
}

/// Copies the leaves of a partition, computed from its rows, to the archive of a tree. Returns how many they are.
fn keep(definition: &Definition, &(first, last): &LeafRun) -> i64 {
    let tree = resolved(definition);
    require_lasting_keys(&tree);
    let tables = Tables::get();
    let Some(archive) = Archive::of(&tables, tree.id, tree.values.len()) else { outdated() };
    let (mut leaves, mut num_rows) = (0, 0);
    let memory = Scratch::new("archived leaves");
    let write = |series: &SeriesLeaves| {
        memory.with(|| archive.add(series));
        // Makes what was written visible, so that it can be added to.
        advance();
    };
    let mut series: Option<SeriesLeaves> = None;
    // All rows between its bounds are in the partition; the owner of the table may have no rights on it but by the table.
    let range = Range { first: tree.leaves.first(first), last: tree.leaves.last(last) };
    fence::as_owner(tree.base, || {
        BaseRows(&tree).read_groups(range, |key, leaf, contents| {
            let before = series.take();
            let (same, other) = match before {
                Some(before) if before.key == key && before.len() < MOST_NODES => (Some(before), None),
                other => (None, other),
            };
            other.iter().for_each(write);
            let mut now = same.unwrap_or_else(|| SeriesLeaves::of(key::hash(&key), key));
            now.add(leaf, &contents);
            series = Some(now);
            (leaves, num_rows) = (leaves + 1, num_rows + contents.extent.rows);
        });
        series.iter().for_each(write);
    });
    add_run(&tables, tree.id, ArchivedRun::new(first, last, num_rows, tree.types()));
    leaves
}

/// Raises an error if keys are bytes that stand for something else after a dump: numbers of objects of the database.
fn require_lasting_keys(tree: &Tree) {
    const NUMBERS: [Oid; 11] = [
        pg_sys::REGCLASSOID,
        pg_sys::REGCOLLATIONOID,
        pg_sys::REGCONFIGOID,
        pg_sys::REGDICTIONARYOID,
        pg_sys::REGNAMESPACEOID,
        pg_sys::REGOPEROID,
        pg_sys::REGOPERATOROID,
        pg_sys::REGPROCOID,
        pg_sys::REGPROCEDUREOID,
        pg_sys::REGROLEOID,
        pg_sys::REGTYPEOID,
    ];
    let lasts =
        |type_oid: Oid| type_oid.to_u32() < pg_sys::FirstNormalObjectId && !NUMBERS.contains(&type_oid);
    if let Some(key) = tree.series.iter().find(|key| !lasts(key.column.type_oid)) {
        raise(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            format!("series of type {} cannot be archived", type_name(key.column.type_oid)),
            "Such values are stored as numbers that a dump does not keep.",
            "Make the column text.",
        );
    }
}

fn outdated() -> ! {
    raise(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        "the tables of extension pg_tally are those of another version",
        "There is none for archived rows.",
        "Update the extension: ALTER EXTENSION pg_tally UPDATE.",
    )
}

fn has_archived(definition: &Definition) -> bool {
    !runs(&Tables::get(), definition.id, Snapshot::Latest).is_empty()
}

/// Raises an error if a range cuts a leaf of a tree.
fn require_whole(definition: &Definition, range: Range) {
    let tree = resolved(definition);
    let (least, greatest) = tree.position.ends();
    if range.first != least {
        require_border(&tree, range.first);
    }
    if range.last != greatest {
        require_border(&tree, range.last.saturating_add(1));
    }
}

/// Forgets the archived leaves of a tree in a range, which are to be read from the table until the next compaction.
/// Returns how many they were.
fn forget(definition: &Definition, range: Range) -> i64 {
    let tables = Tables::get();
    let Some(archive) = Archive::of(&tables, definition.id, definition.values.len()) else { return 0 };
    let leaves = Leaves { width: definition.leaf };
    let (first, last) = (leaves.of(range.first), leaves.of(range.last));
    let mut count = 0;
    for run in runs(&tables, definition.id, Snapshot::Latest) {
        if !run.touches(first, last) {
            continue;
        }
        let (from, to) = (run.first.max(first), run.last.min(last));
        count += archive.forget(from, to);
        take_run(&tables, &run);
        for (first, last) in [(run.first, from.saturating_sub(1)), (to.saturating_add(1), run.last)] {
            if first <= last {
                let num_rows = archive.num_rows(first, last);
                add_run(&tables, definition.id, ArchivedRun::new(first, last, num_rows, run.types.clone()));
            }
        }
        span::append(definition.id, from, to, Reach::Later, "rows to be restored");
        advance();
    }
    count
}
