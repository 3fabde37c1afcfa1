//! The event triggers: before a command they account for the leaves of partitions that it takes away; after it they
//! inspect the tables that it changed.

use super::inspection::inspect;
use super::lifecycle::forget;
use super::{leaving, touched};
use crate::pg::calls::call::Call;
use crate::pg::nodes::tree::{NodeList, NodeRef};
use crate::pg::server::error::raise;
use crate::pg::tables::catalog::relkind;
use crate::pg::tables::range::{table_named, table_of};
use crate::pg::tables::relation::{family, lineage, parents};
use crate::pg::tables::spi::{connected, strings};
use crate::powertree::base::suitability::may_be_of_tree;
use crate::powertree::base::triggers;
use crate::powertree::model::rights;
use crate::powertree::model::tree::known_trees;
use crate::powertree::store::definition::Definition;
use crate::powertree::store::span::{self, Reach};
use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::*;

/// Accounts for a partition before it is detached, while its bounds are known. DETACH ... CONCURRENTLY is refused: the
/// partition would go in the middle of the command, where no event trigger fires.
#[pg_extern(sql = false)]
fn powertree_before_ddl(call: Call) {
    touched::begin_command();
    let Some(command) = call.command::<pg_sys::AlterTableStmt>() else { return };
    leaving::forget();
    for part in command.list(|command| &command.cmds).all::<pg_sys::AlterTableCmd>() {
        let is_detached = part.subtype == pg_sys::AlterTableType::AT_DetachPartition;
        if is_detached {
            touched::detach();
        } else if part.subtype != pg_sys::AlterTableType::AT_AttachPartition {
            continue;
        }
        let moved = part.node(|part| &part.def).and_then(NodeRef::cast::<pg_sys::PartitionCmd>);
        let Some(moved) = moved else { continue };
        let partition_named = || table_named(moved.node(|moved| &moved.name));
        if !is_detached {
            touched::attach(partition_named());
            continue;
        }
        let (table, partition) = (table_named(command.node(|command| &command.relation)), partition_named());
        if moved.concurrent {
            refuse_concurrent_detach(table);
        } else if parents(partition).contains(&table) && rights::owns(table) {
            leaving::account_for(partition, "partition detached", partition_named);
        }
    }
}

fn refuse_concurrent_detach(table: Oid) {
    let Some((_, trees)) = known_trees() else { return };
    let lineage = lineage(table);
    if let Some(tree) = trees.iter().find(|tree| lineage.contains(&tree.base)) {
        raise(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "cannot detach a partition concurrently from the table of a power tree",
            format!("Power tree \"{}\" would not know when its rows go.", tree.name),
            "Detach it without CONCURRENTLY, or drop the tree first.",
        );
    }
}

/// Accounts for tables before they are dropped: afterwards it is unknown which leaves they held.
#[pg_extern(sql = false)]
fn powertree_before_drop(call: Call) {
    leaving::forget();
    let Some(command) = call.command::<pg_sys::DropStmt>() else { return };
    if command.removeType != pg_sys::ObjectType::OBJECT_TABLE {
        return;
    }
    for name in command.list(|command| &command.objects).iter() {
        let named = || table_of(NodeList::of(name));
        let table = named();
        if table != Oid::INVALID && rights::owns(table) {
            leaving::account_for(table, "partition dropped", named);
        }
    }
}

/// Inspects, after a command, the tables that it has changed.
#[pg_extern(sql = false)]
fn powertree_on_ddl() {
    if let Some((tables, trees)) = known_trees() {
        let relations = touched::by_now().unwrap_or_else(|| everything(&trees));
        for relation in relations.into_iter().filter(|&relation| may_be_of_tree(relation)) {
            inspect(&tables, &trees, relation);
        }
    }
    leaving::forget();
    touched::end_command();
}

/// All tables that belong to trees or have triggers of trees.
fn everything(trees: &[Definition]) -> Vec<Oid> {
    let mut all: Vec<Oid> = trees.iter().flat_map(|tree| family(tree.base)).collect();
    all.extend(triggers::relations());
    all.sort_unstable_by_key(|relation| relation.to_u32());
    all.dedup();
    all
}

/// Marks all leaves before a table is rewritten: older snapshots do not see the rewritten rows.
#[pg_extern(sql = false)]
fn powertree_on_rewrite(call: Call) {
    let Some((_, trees)) = known_trees() else { return };
    let Some(rewritten) = call.rewritten_table() else { return };
    let above = lineage(rewritten);
    for tree in trees.iter().filter(|tree| above.contains(&tree.base)) {
        span::append_all(tree.id, Reach::Earlier, "table rewritten");
    }
}

/// Forgets trees whose tables a command has dropped.
#[pg_extern(sql = false)]
fn powertree_on_drop() {
    let Some((_, trees)) = known_trees() else { return };
    let is_gone = |relation| relkind(relation) == 0;
    let touched = touched::by_now();
    let may = |relation: Oid| touched.as_ref().is_none_or(|touched| touched.contains(&relation));
    let (gone, left): (Vec<_>, Vec<_>) = trees.iter().partition(|tree| may(tree.base) && is_gone(tree.base));
    gone.into_iter().for_each(forget);
    if let Some(touched) = &touched {
        let mut there = touched.iter().filter(|&&relation| may_be_of_tree(relation));
        if !touched.iter().any(|&relation| is_gone(relation))
            || !there.any(|&relation| left.iter().any(|tree| lineage(relation).contains(&tree.base)))
        {
            return;
        }
    }
    // The triggers of a partition are dropped with it. A trigger that is dropped alone makes the tree stale when the
    // command ends.
    let dropped = connected(|| {
        strings(
            "SELECT object_type, objid::pg_catalog.text, address_names[3] \
             FROM pg_catalog.pg_event_trigger_dropped_objects() \
             WHERE object_type OPERATOR(pg_catalog.=) ANY ('{table,trigger}'::pg_catalog.text[])",
        )
    });
    let is = |row: &[String], what: &str| row[0] == what;
    let tables: Vec<Option<Oid>> = dropped
        .iter()
        .filter(|row| is(row, "table"))
        .map(|row| row[1].parse().ok().map(Oid::from_u32))
        .collect();
    for tree in left {
        let triggers_went =
            dropped.iter().any(|row| is(row, "trigger") && triggers::tree_of(&row[2]) == Some(tree.id));
        let accounted =
            |table: &Option<Oid>| table.is_some_and(|table| leaving::is_accounted_for(tree.id, table));
        if triggers_went && (tables.is_empty() || !tables.iter().all(accounted)) {
            span::append_all(tree.id, Reach::Earlier, "partition dropped");
        }
    }
}
