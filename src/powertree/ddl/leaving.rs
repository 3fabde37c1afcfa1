//! Partitions that a command is about to drop or detach: their leaves are accounted for while their bounds are known.

use crate::pg::server::kept::{kept, Kept};
use crate::pg::tables::catalog::lock;
use crate::pg::tables::relation::{is_partition, lineage, lock_family, parents};
use crate::powertree::base::extent;
use crate::powertree::model::tree::known_trees;
use crate::powertree::store::definition::Definition;
use pgrx::pg_sys::{self, Oid};
use std::cell::Cell;

thread_local! {
    /// Trees and their partitions that are about to be dropped or detached and whose leaves are accounted for.
    static LEAVING: Kept<Vec<(i32, Oid)>> = const { kept(Vec::new()) };
    /// The partition that is being detached since its rows were archived; INVALID if there is none.
    static ARCHIVED: Cell<Oid> = const { Cell::new(Oid::INVALID) };
}

/// Does `detach`, which detaches a partition whose rows stay in the trees: nothing has to be read again.
pub fn as_archived(partition: Oid, detach: impl FnOnce()) {
    struct Before;
    impl Drop for Before {
        fn drop(&mut self) {
            ARCHIVED.set(Oid::INVALID);
        }
    }
    let _before = Before;
    ARCHIVED.set(partition);
    detach();
}

/// Marks the leaves of a partition to be read from the table that is about to lose it. Takes locks as the command will,
/// the parent first. If the name then means another table, nothing is accounted for, and all leaves will be read from
/// the table.
pub fn account_for(partition: Oid, reason: &str, named: impl Fn() -> Oid) {
    let Some(&parent) = parents(partition).first().filter(|_| is_partition(partition)) else { return };
    let Some((_, trees)) = known_trees() else { return };
    let above = lineage(parent);
    let concerned: Vec<&Definition> = trees.iter().filter(|tree| above.contains(&tree.base)).collect();
    if concerned.is_empty() {
        return;
    }
    lock(parent, pg_sys::AccessExclusiveLock);
    let members = lock_family(partition, pg_sys::AccessExclusiveLock);
    if named() != partition || lineage(parent) != above || !parents(partition).contains(&parent) {
        return;
    }
    let is_archived = ARCHIVED.get() == partition;
    for tree in concerned {
        if !is_archived {
            extent::append(tree, partition, reason);
        }
        LEAVING.with_borrow_mut(|leaving| leaving.extend(members.iter().map(|&member| (tree.id, member))));
    }
}

pub fn is_accounted_for(tree: i32, relation: Oid) -> bool {
    LEAVING.with_borrow(|leaving| leaving.contains(&(tree, relation)))
}

/// Forgets the partitions of a finished command.
pub fn forget() {
    LEAVING.with_borrow_mut(|leaving| leaving.clear());
}
