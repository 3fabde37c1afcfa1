//! What kind of table a tree can be made for.

use super::catalog::relation_name;
use crate::pg::memory;
use pgrx::pg_sys::{self, Oid};

/// A table and all its partitions, of partitions too.
pub fn family(base: Oid) -> Vec<Oid> {
    let mut family = vec![base];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        let children = related(parent, Side::Children);
        memory::room(&mut family, children.len());
        family.extend(children);
        next += 1;
    }
    family
}

/// Is a relation the base table or one of its partitions, of partitions too?
pub fn is_in_family(relation: Oid, base: Oid) -> bool {
    relation == base || related(relation, Side::Parents).iter().any(|&parent| is_in_family(parent, base))
}

/// Why no tree can be made for a table that has this one in its family, if that is so.
pub fn refusal(relation: Oid) -> Option<String> {
    let name = relation_name(relation);
    // SAFETY: look-ups in the catalog; the tuple is released.
    let (kind, persistence, partition) = unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::RELOID as i32, relation.into());
        if tuple.is_null() {
            return Some(format!("there is no relation with OID {}", relation.to_u32()));
        }
        let class = pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_class>();
        let found = ((*class).relkind as u8, (*class).relpersistence as u8, (*class).relispartition);
        pg_sys::ReleaseSysCache(tuple);
        found
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
    let has_parents = !partition && !related(relation, Side::Parents).is_empty();
    let has_children = kind == pg_sys::RELKIND_RELATION && !related(relation, Side::Children).is_empty();
    (has_parents || has_children).then(|| format!("table {name} inherits or is inherited from"))
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
