//! Tables, their partitions, and the tables that they are partitions of.

use super::catalog::{lock, look_up, relkind, scan, Cached, CatalogForm};
use super::open_relation::{OpenRelation, RelationPointer};
use crate::pg::memory::heap;
use crate::pg::nodes::tree::{oids, NodeRef};
use crate::pg::server::ctext::CText;
use crate::pg::server::lookup::caught;
use pgrx::pg_sys::{self, Datum, Oid};
use std::ffi::CStr;

pub use crate::pg::server::lookup::is_partition;

// PostgreSQL defines these functions with these arguments.
unsafe extern "C-unwind" {
    safe fn CheckTableNotInUse(table: RelationPointer, command: CText);
    safe fn RelationGetNumberOfBlocksInFork(table: RelationPointer, fork: pg_sys::ForkNumber::Type) -> u32;
}

/// A table and all its partitions, at every level.
pub fn family(base: Oid) -> Vec<Oid> {
    let mut family = vec![base];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        let children = children(parent);
        heap::room(&mut family, children.len());
        family.extend(children);
        next += 1;
    }
    family
}

/// Locks a table and all its partitions, each before its own partitions are looked up, in PostgreSQL's order; returns
/// them.
pub fn lock_family(base: Oid, mode: u32) -> Vec<Oid> {
    let mut family = Vec::new();
    let mut next = vec![base];
    while !next.is_empty() {
        let mut below = Vec::new();
        for relation in next {
            lock(relation, mode);
            // The table may have been dropped while we waited.
            if relkind(relation) != 0 {
                family.push(relation);
                let mut next = children(relation);
                next.sort_unstable_by_key(|child| child.to_u32());
                below.extend(next);
            }
        }
        next = below;
    }
    family
}

/// Raises an error if the session itself still uses a table: in a trigger on it, a query that reads it, or an open
/// cursor.
pub fn require_unused(relation: Oid, command: &CStr) {
    let (open, command) = (OpenRelation::table(relation, pg_sys::NoLock), CText::from(command));
    caught(|| CheckTableNotInUse(open.get(), command));
}

/// The partitions of a table, or the tables that inherit from it.
fn children(relation: Oid) -> Vec<Oid> {
    // Nothing can inherit from a partition that is not partitioned itself: most members of a family need no look-up.
    let is_leaf = Class::of(relation)
        .is_some_and(|class| class.partition && class.kind != pg_sys::RELKIND_PARTITIONED_TABLE);
    if is_leaf {
        return Vec::new();
    }
    related(relation, Relatives::Children)
}

/// Whether a table inherits or is inherited from, other than by partitioning.
pub fn inherits(relation: Oid, class: &Class) -> bool {
    let has_parents = !class.partition && !related(relation, Relatives::Parents).is_empty();
    let has_children =
        class.kind == pg_sys::RELKIND_RELATION && !related(relation, Relatives::Children).is_empty();
    has_parents || has_children
}

/// The tables that a table is a partition of, or inherits from.
pub fn parents(relation: Oid) -> Vec<Oid> {
    related(relation, Relatives::Parents)
}

/// A table, its parent, and so on up to the one that is no partition.
pub fn lineage(relation: Oid) -> Vec<Oid> {
    let mut lineage = vec![relation];
    let mut child = relation;
    while is_partition(child) {
        let Some(&parent) = parents(child).first() else { break };
        lineage.push(parent);
        child = parent;
    }
    lineage
}

/// Whether a relation is the base table or one of its partitions, at any level.
pub fn is_in_family(relation: Oid, base: Oid) -> bool {
    relation == base || related(relation, Relatives::Parents).iter().any(|&parent| is_in_family(parent, base))
}

/// The columns of `pg_class` that are needed here.
pub struct Class {
    pub owner: Oid,
    pub kind: u8,
    pub persistence: u8,
    pub partition: bool,
    pub triggers: bool,
    /// The number of rows as last estimated; negative if it never was.
    pub rows: f32,
}

impl Class {
    /// Looks a relation up; None if it is gone.
    pub fn of(relation: Oid) -> Option<Class> {
        look_up(Cached::Relation(relation), |row| {
            let class = row.form::<pg_sys::FormData_pg_class>();
            Class {
                owner: class.relowner,
                kind: class.relkind as u8,
                persistence: class.relpersistence as u8,
                partition: class.relispartition,
                triggers: class.relhastriggers,
                rows: class.reltuples,
            }
        })
    }
}

/// Whether a relation has any triggers.
pub fn has_triggers(relation: Oid) -> bool {
    Class::of(relation).is_some_and(|class| class.triggers)
}

/// The number of blocks of a table.
pub fn num_blocks(table: Oid) -> i64 {
    blocks(&OpenRelation::table(table, pg_sys::AccessShareLock)).into()
}

/// The number of blocks of a relation.
pub(super) fn blocks(open: &OpenRelation) -> u32 {
    caught(|| RelationGetNumberOfBlocksInFork(open.get(), pg_sys::ForkNumber::MAIN_FORKNUM))
}

/// Calls `each` with the values of a column in all committed rows, whatever the transaction's snapshot; NULLs are left out.
pub fn read_latest(table: Oid, column: i16, mut each: impl FnMut(Datum)) {
    let open = OpenRelation::table(table, pg_sys::AccessShareLock);
    // SAFETY: the table is open as long as it is read; the scan, of the whole heap, ends before its snapshot does.
    unsafe {
        let relation = open.pointer();
        let snapshot = pg_sys::RegisterSnapshot(pg_sys::GetLatestSnapshot());
        let scan =
            pg_sys::systable_beginscan(relation, Oid::INVALID, false, snapshot, 0, std::ptr::null_mut());
        loop {
            pgrx::check_for_interrupts!();
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() {
                break;
            }
            let mut null = false;
            let datum = pg_sys::heap_getattr(tuple, column.into(), (*relation).rd_att, &mut null);
            if !null {
                each(datum);
            }
        }
        pg_sys::systable_endscan(scan);
        pg_sys::UnregisterSnapshot(snapshot);
    }
}

/// The number of partitions of a table that is divided by ranges; 1 of any other.
pub fn num_ranges(table: Oid) -> usize {
    // SAFETY: PostgreSQL raises an error if there is no such table, and keeps the bounds of its partitions while it is open.
    unsafe {
        let open = pg_sys::table_open(table, pg_sys::AccessShareLock as i32);
        let is_divided = (*(*open).rd_rel).relkind as u8 == pg_sys::RELKIND_PARTITIONED_TABLE;
        let mut number = 1;
        if is_divided {
            let parts = &*pg_sys::RelationGetPartitionDesc(open, true);
            let is_by_ranges = parts.boundinfo.as_ref().is_some_and(|bounds| bounds.strategy as u8 == b'r');
            number = if is_by_ranges { (parts.nparts as usize).max(1) } else { 1 };
        }
        pg_sys::table_close(open, pg_sys::NoLock as i32);
        number
    }
}

/// Whether a table has a B-tree index of all its rows that begins with these columns, in any order, followed by another.
pub fn has_index(table: Oid, columns: &[i16], then: i16) -> bool {
    has_index_by(pg_sys::BTREE_AM_OID, table, columns, then)
}

/// Whether a table has a BRIN index of all its rows that begins with this column.
pub fn has_brin(table: Oid, column: i16) -> bool {
    has_index_by(pg_sys::BRIN_AM_OID, table, &[], column)
}

/// Whether a table has an index of all its rows, by this method, that begins with these columns, in any order, followed by
/// another.
fn has_index_by(method: Oid, table: Oid, columns: &[i16], then: i16) -> bool {
    let (open, mut found) = (OpenRelation::table(table, pg_sys::AccessShareLock), false);
    // SAFETY: each index has as many columns as it says.
    unsafe {
        let indexes = NodeRef::new(pg_sys::RelationGetIndexList(open.pointer()).cast());
        for index in indexes.into_iter().flat_map(oids) {
            let index = pg_sys::index_open(index, pg_sys::AccessShareLock as i32);
            let about = &*(*index).rd_index;
            let numbers = about.indkey.values.as_slice(about.indnkeyatts as usize);
            found |= about.indisvalid
                && (*(*index).rd_rel).relam == method
                && pg_sys::RelationGetIndexPredicate(index).is_null()
                && numbers.get(columns.len()) == Some(&then)
                && columns.iter().all(|column| numbers[..columns.len()].contains(column));
            pg_sys::index_close(index, pg_sys::NoLock as i32);
        }
    }
    found
}

#[derive(Clone, Copy, PartialEq)]
enum Relatives {
    Children,
    Parents,
}

/// OIDs of `pg_inherits` and of its indexes by child and by parent, which pgrx does not name.
const INHERITS: (Oid, Oid, Oid) = (Oid::from_u32(2611), Oid::from_u32(2680), Oid::from_u32(2187));

/// The first columns of `pg_inherits`.
#[repr(C)]
struct Inherits {
    child: Oid,
    parent: Oid,
}

// SAFETY: `pg_inherits` begins with these columns in all versions.
unsafe impl CatalogForm for Inherits {
    const CATALOG: Oid = INHERITS.0;
}

fn related(relation: Oid, which: Relatives) -> Vec<Oid> {
    let mut related = Vec::new();
    let (table, by_child, by_parent) = INHERITS;
    let (index, column) = if which == Relatives::Children { (by_parent, 2) } else { (by_child, 1) };
    scan(table, Some(index), Some((column, relation)), |row| {
        let row = row.form::<Inherits>();
        heap::room(&mut related, 1);
        related.push(if which == Relatives::Children { row.child } else { row.parent });
        true
    });
    related
}
