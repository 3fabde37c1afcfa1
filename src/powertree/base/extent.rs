//! The leaves of a partition that is attached or detached, found without SQL so that no user's code runs.

use crate::pg::nodes::tree::{NodeList, NodeRef};
use crate::pg::server::lookup::default_class;
use crate::pg::tables::catalog::{look_up, Cached};
use crate::pg::tables::column::find_column;
use crate::pg::tables::relation::{lock_family, num_blocks, parents, read_latest, Class};
use crate::powertree::model::position::Position;
use crate::powertree::store::definition::Definition;
use crate::powertree::store::span::{self, Reach};
use pgrx::pg_sys::{self, Oid};
use tally_stats::tree::Leaves;

/// A first and a last position.
pub type Positions = (i64, i64);

/// Marks the leaves of a partition that is attached or detached to be read from the base table. For a partition without
/// rows this is only a barrier, which keeps older snapshots from using the tree.
///
/// Writers are kept out until the transaction ends: what they are about to log would be lost or counted twice.
pub fn append(tree: &Definition, relation: Oid, reason: &str) {
    let (first, last) = of(tree, relation).unwrap_or(span::NONE);
    span::append(tree.id, first, last, Reach::Earlier, reason);
}

/// Returns the first and the last leaf that may hold rows of a partition, not a leaf beyond its bounds; None if it is
/// empty.
pub fn within_bounds(tree: &Definition, partition: Oid) -> Option<(i64, i64)> {
    let (first, last) = of(tree, partition)?;
    let position = Position::of(find_column(partition, &tree.at)?.type_oid)?;
    let bounds =
        parents(partition).first().and_then(|&parent| bounds_of(partition, parent, &tree.at, position));
    let last_of = |to: i64| Leaves { width: tree.leaf }.of(to.saturating_sub(1));
    Some((first, bounds.map_or(last, |(_, to)| last.min(last_of(to)))))
}

/// Returns the first and the last leaf that may hold rows of a relation; None if it is empty.
fn of(tree: &Definition, relation: Oid) -> Option<(i64, i64)> {
    let mut extent: Option<Positions> = None;
    for member in lock_family(relation, pg_sys::AccessExclusiveLock) {
        if let Some((first, last)) = positions(member, &tree.at) {
            let (least, greatest) = extent.unwrap_or((first, last));
            extent = Some((least.min(first), greatest.max(last)));
        }
    }
    let leaves = Leaves { width: tree.leaf };
    extent.map(|(first, last)| (leaves.of(first), leaves.of(last)))
}

/// Returns the first and the last position of one table's rows, from the bounds of partitions where they are known.
fn positions(table: Oid, at: &str) -> Option<Positions> {
    let known =
        find_column(table, at).and_then(|column| Some((column.number, Position::of(column.type_oid)?)));
    // The column is being renamed or changed by the command.
    let Some((column, position)) = known else { return Some((i64::MIN, i64::MAX)) };
    let is_table = Class::of(table).is_some_and(|class| class.kind == pg_sys::RELKIND_RELATION);
    if !is_table || num_blocks(table) == 0 {
        return None;
    }
    match bounds(table, at, position) {
        (Some(first), Some(last)) => Some((first, last)),
        _ => read(table, column, position),
    }
}

/// The least and the greatest position among all committed rows of a table that is locked against writers, whatever the
/// transaction's snapshot.
fn read(table: Oid, column: i16, position: Position) -> Option<Positions> {
    let mut extent: Option<Positions> = None;
    read_latest(table, column, |datum| {
        let at = position.read(datum);
        let (first, last) = extent.unwrap_or((at, at));
        extent = Some((first.min(at), last.max(at)));
    });
    extent
}

/// Returns the bounds of a table's positions, taken from the partition that it is and those that contain it. The upper
/// one is inclusive, since other columns may follow in the partition key.
fn bounds(table: Oid, at: &str, position: Position) -> (Option<i64>, Option<i64>) {
    let (mut lower, mut upper) = (None, None);
    let mut child = table;
    while let Some(&parent) = parents(child).first() {
        if is_by_range_of(parent, at, position) {
            let (first, last) = range_of(child, position);
            lower = lower.max(first);
            upper = match (upper, last) {
                (Some(a), Some(b)) => Some(i64::min(a, b)),
                (one, other) => one.or(other),
            };
        }
        child = parent;
    }
    (lower, upper)
}

/// Columns of `pg_partitioned_table`, which the bindings of pgrx do not name.
const STRATEGY: u32 = 2;
const NUM_COLUMNS: u32 = 3;
const COLUMNS: u32 = 5;
const CLASSES: u32 = 6;

/// Whether a table is partitioned by range, with the position in its usual order as the first column of the key.
fn is_by_range_of(table: Oid, at: &str, position: Position) -> bool {
    let Some(column) = find_column(table, at) else { return false };
    let is = look_up(Cached::PartitionedTable(table), |row| {
        let strategy = row.column(STRATEGY)?.value() as u8;
        let columns = row.column(COLUMNS)?.cast_mut_ptr::<pg_sys::int2vector>();
        let classes = row.column(CLASSES)?.cast_mut_ptr::<pg_sys::oidvector>();
        // SAFETY: the columns are of these types, and a key has at least one column.
        let (first, class) = unsafe { (*(*columns).values.as_ptr(), *(*classes).values.as_ptr()) };
        let usual = default_class(position.type_oid());
        Some(strategy == b'r' && first == column.number && class == usual)
    });
    is.flatten().unwrap_or(false)
}

/// Returns the positions from which and before which a partition of a table has its rows; None if it has no such ends, or
/// other columns are in the partition key.
pub fn bounds_of(partition: Oid, parent: Oid, at: &str, position: Position) -> Option<Positions> {
    let columns =
        look_up(Cached::PartitionedTable(parent), |row| Some(row.column(NUM_COLUMNS)?.value() as i16));
    if !is_by_range_of(parent, at, position) || columns.flatten() != Some(1) {
        return None;
    }
    let (from, to) = range_of(partition, position);
    from.zip(to)
}

/// Returns the bounds of a partition, by range of positions, in the first column of the key.
fn range_of(partition: Oid, position: Position) -> (Option<i64>, Option<i64>) {
    let range = look_up(Cached::Relation(partition), |row| {
        let bound = row.column(pg_sys::Anum_pg_class_relpartbound)?;
        // SAFETY: PostgreSQL wrote the bound as a node, of which this makes a copy in the current memory context.
        let bound = unsafe {
            NodeRef::new(pg_sys::stringToNode(pg_sys::text_to_cstring(bound.cast_mut_ptr())).cast())
        };
        let bound = bound?.cast::<pg_sys::PartitionBoundSpec>()?;
        let ends = [bound.list(|bound| &bound.lowerdatums), bound.list(|bound| &bound.upperdatums)];
        Some(ends.map(|end| first_of(end, position)))
    });
    range.flatten().map_or((None, None), |[lower, upper]| (lower, upper))
}

/// Returns the first datum of a bound whose first column is a position; None if it is open, or belongs to the default
/// partition.
fn first_of(datums: NodeList, position: Position) -> Option<i64> {
    let datum = datums.all::<pg_sys::PartitionRangeDatum>().next()?;
    if datum.kind != pg_sys::PartitionRangeDatumKind::PARTITION_RANGE_DATUM_VALUE {
        return None;
    }
    let value = datum.node(|datum| &datum.value)?.cast::<pg_sys::Const>()?;
    Some(position.read(value.constvalue))
}
