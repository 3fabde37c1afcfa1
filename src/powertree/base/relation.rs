//! What kind of table a tree can be made for.

use crate::pg::fence::owner;
use crate::pg::memory;
use crate::pg::name::relation_name;
use crate::powertree::store::tables::Tables;
use pgrx::pg_sys::{self, Oid};

/// A table and all its partitions, of partitions too.
pub fn family(base: Oid) -> Vec<Oid> {
    let mut family = vec![base];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        let children = children(parent);
        memory::room(&mut family, children.len());
        family.extend(children);
        next += 1;
    }
    family
}

/// A table and all its partitions, each locked before its partitions are looked up, in the order in which PostgreSQL locks them.
pub fn lock_family(base: Oid, mode: u32) -> Vec<Oid> {
    let mut family = Vec::new();
    let mut next = vec![base];
    while !next.is_empty() {
        let mut below = Vec::new();
        for relation in next {
            // SAFETY: a lock that is released with the transaction; a table that went meanwhile is not there any more.
            if unsafe {
                pg_sys::LockRelationOid(relation, mode as i32);
                pg_sys::get_rel_relkind(relation) != 0
            } {
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

/// The partitions of a table, or the tables that inherit from it.
fn children(relation: Oid) -> Vec<Oid> {
    // Nothing can inherit from a partition that is not partitioned itself: most of a family need not be looked up.
    let is_leaf = Class::of(relation)
        .is_some_and(|class| class.partition && class.kind != pg_sys::RELKIND_PARTITIONED_TABLE);
    if is_leaf {
        return Vec::new();
    }
    related(relation, Side::Children)
}

/// The tables that a table is a partition of, or inherits from.
pub fn parents(relation: Oid) -> Vec<Oid> {
    related(relation, Side::Parents)
}

/// A table, what it is a partition of, and so on up to the one that is no partition.
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

/// Is a relation the base table or one of its partitions, of partitions too?
pub fn is_in_family(relation: Oid, base: Oid) -> bool {
    relation == base || related(relation, Side::Parents).iter().any(|&parent| is_in_family(parent, base))
}

/// What the catalog says of a relation.
struct Class {
    kind: u8,
    persistence: u8,
    partition: bool,
    triggers: bool,
}

impl Class {
    fn of(relation: Oid) -> Option<Class> {
        // SAFETY: the tuple is looked up and released.
        unsafe {
            let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::RELOID as i32, relation.into());
            if tuple.is_null() {
                return None;
            }
            let class = &*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_class>();
            let found = Class {
                kind: class.relkind as u8,
                persistence: class.relpersistence as u8,
                partition: class.relispartition,
                triggers: class.relhastriggers,
            };
            pg_sys::ReleaseSysCache(tuple);
            Some(found)
        }
    }
}

/// May a relation have rows of a tree's, or had it any? No if it is gone.
pub fn may_be_of_tree(relation: Oid) -> bool {
    const KINDS: [u8; 3] =
        [pg_sys::RELKIND_RELATION, pg_sys::RELKIND_PARTITIONED_TABLE, pg_sys::RELKIND_FOREIGN_TABLE];
    relation.to_u32() >= pg_sys::FirstNormalObjectId
        && Class::of(relation).is_some_and(|class| {
            KINDS.contains(&class.kind) && class.persistence != pg_sys::RELPERSISTENCE_TEMP
        })
}

/// Has a relation any triggers?
pub fn has_triggers(relation: Oid) -> bool {
    Class::of(relation).is_some_and(|class| class.triggers)
}

/// Why no tree can be made for a table that has this one in its family, if that is so.
pub fn refusal(relation: Oid) -> Option<String> {
    let name = relation_name(relation);
    let Some(Class { kind, persistence, partition, .. }) = Class::of(relation) else {
        return Some(format!("there is no relation with OID {}", relation.to_u32()));
    };
    match kind {
        pg_sys::RELKIND_RELATION | pg_sys::RELKIND_PARTITIONED_TABLE => {}
        pg_sys::RELKIND_FOREIGN_TABLE => return Some(format!("{name} is a foreign table")),
        _ => return Some(format!("{name} is not a table")),
    }
    if persistence != pg_sys::RELPERSISTENCE_PERMANENT {
        return Some(format!("table {name} is temporary or unlogged"));
    }
    if relation.to_u32() < pg_sys::FirstNormalObjectId {
        return Some(format!("{name} is a system catalog"));
    }
    if Tables::get().all().contains(&relation) {
        return Some(format!("table {name} belongs to pg_tally"));
    }
    if is_distributed(relation) {
        return Some(format!("table {name} is distributed by Citus"));
    }
    let has_parents = !partition && !related(relation, Side::Parents).is_empty();
    let has_children = kind == pg_sys::RELKIND_RELATION && !related(relation, Side::Children).is_empty();
    (has_parents || has_children).then(|| format!("table {name} inherits or is inherited from"))
}

/// Are the rows of a table in the shards of Citus? Its triggers would not see them.
fn is_distributed(relation: Oid) -> bool {
    let catalog = Oid::from(pg_sys::PG_CATALOG_NAMESPACE);
    // SAFETY: an ordinary scan of a catalog, which is there where Citus is; its first key names the table.
    unsafe {
        let distributed = pg_sys::get_relname_relid(c"pg_dist_partition".as_ptr(), catalog);
        let column = pg_sys::get_attnum(distributed, c"logicalrelid".as_ptr());
        if distributed == Oid::INVALID || column <= 0 {
            return false;
        }
        let table = pg_sys::table_open(distributed, pg_sys::AccessShareLock as i32);
        let mut key = pg_sys::ScanKeyData::default();
        let (equal, function) = (pg_sys::BTEqualStrategyNumber as u16, Oid::from(pg_sys::F_OIDEQ));
        pg_sys::ScanKeyInit(&mut key, column, equal, function, relation.into());
        let scan = pg_sys::systable_beginscan(table, Oid::INVALID, false, std::ptr::null_mut(), 1, &mut key);
        let found = !pg_sys::systable_getnext(scan).is_null();
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(table, pg_sys::AccessShareLock as i32);
        found
    }
}

/// What is wrong with a table of which a partition belongs to somebody who may not act as the owner of `base`: to read
/// it as a whole would run code of the one, such as the expression of an index, with the rights of the other.
pub fn strangers(relation: Oid, base: Oid) -> Option<String> {
    let owned_by = owner(base);
    // SAFETY: a look-up in the catalog.
    let may_act = |role| role == owned_by || unsafe { pg_sys::has_privs_of_role(role, owned_by) };
    let stranger = family(relation).into_iter().find(|&member| !may_act(owner(member)))?;
    Some(format!("tables {} and {} have different owners", relation_name(base), relation_name(stranger)))
}

/// Is the table a partition of another?
pub fn is_partition(relation: Oid) -> bool {
    // SAFETY: a look-up in the catalog.
    unsafe { pg_sys::get_rel_relispartition(relation) }
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Children,
    Parents,
}

/// `pg_inherits` and its indexes by child and by parent, which the bindings of pgrx do not name.
const INHERITS: (Oid, Oid, Oid) = (Oid::from_u32(2611), Oid::from_u32(2680), Oid::from_u32(2187));

/// Its first columns.
#[repr(C)]
struct Inherits {
    child: Oid,
    parent: Oid,
}

fn related(relation: Oid, side: Side) -> Vec<Oid> {
    let mut related = Vec::new();
    let (table, by_child, by_parent) = INHERITS;
    let (index, column) = if side == Side::Children { (by_parent, 2) } else { (by_child, 1) };
    // SAFETY: an ordinary scan of a system catalog by its index.
    unsafe {
        let inherits = pg_sys::table_open(table, pg_sys::AccessShareLock as i32);
        let mut key = pg_sys::ScanKeyData::default();
        pg_sys::ScanKeyInit(
            &mut key,
            column,
            pg_sys::BTEqualStrategyNumber as u16,
            Oid::from(pg_sys::F_OIDEQ),
            relation.into(),
        );
        let scan = pg_sys::systable_beginscan(inherits, index, true, std::ptr::null_mut(), 1, &mut key);
        loop {
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() {
                break;
            }
            let row = pg_sys::GETSTRUCT(tuple).cast::<Inherits>();
            memory::room(&mut related, 1);
            related.push(if side == Side::Children { (*row).child } else { (*row).parent });
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(inherits, pg_sys::AccessShareLock as i32);
    }
    related
}
