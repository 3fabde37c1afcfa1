//! The event triggers: before a command they account for the leaves of partitions that it takes away; after it they
//! inspect the tables that it changed.

use super::inspection::inspect;
use super::lifecycle::forget;
use super::{leaving, touched};
use crate::pg::catalog::relkind;
use crate::pg::error::raise;
use crate::pg::list::items;
use crate::pg::relation::{family, lineage, parents};
use crate::pg::spi::{connected, strings};
use crate::powertree::base::suitability::may_be_of_tree;
use crate::powertree::base::triggers;
use crate::powertree::model::rights;
use crate::powertree::model::tree::known_trees;
use crate::powertree::store::definition::Definition;
use crate::powertree::store::span::{self, Reach};
use pgrx::pg_sys::{self, FunctionCallInfo, Oid};
use pgrx::prelude::*;

/// The command that an event trigger was called for, and its tag.
fn command(fcinfo: FunctionCallInfo) -> Option<(*mut pg_sys::Node, pg_sys::CommandTag::Type)> {
    // SAFETY: PostgreSQL calls event triggers with their data; a node's tag says which structure it begins.
    unsafe {
        let data = (*fcinfo).context.cast::<pg_sys::EventTriggerData>();
        let called = !data.is_null() && (*data).type_ == pg_sys::NodeTag::T_EventTriggerData;
        called.then(|| ((*data).parsetree, (*data).tag))
    }
}

/// Returns the command if it is of this kind.
///
/// # Safety
/// Nodes with this tag have type `T`.
unsafe fn command_of<'c, T>(fcinfo: FunctionCallInfo, tag: pg_sys::NodeTag) -> Option<&'c T> {
    let (node, _) = command(fcinfo)?;
    // SAFETY: the tag identifies the structure, as the caller promises; the command outlives the event.
    unsafe { (!node.is_null() && (*node).type_ == tag).then(|| &*node.cast::<T>()) }
}

/// Accounts for a partition before it is detached, while its bounds are known. DETACH ... CONCURRENTLY is refused: the
/// partition would go in the middle of the command, where no event trigger fires.
#[pg_extern(sql = false)]
fn powertree_before_ddl(fcinfo: FunctionCallInfo) {
    touched::begin_command();
    // SAFETY: the parser made the command, in which DETACH PARTITION has a PartitionCmd.
    unsafe {
        let tag = pg_sys::NodeTag::T_AlterTableStmt;
        let Some(command) = command_of::<pg_sys::AlterTableStmt>(fcinfo, tag) else { return };
        leaving::forget();
        for part in items::<pg_sys::AlterTableCmd>(command.cmds) {
            if (*part).subtype == pg_sys::AlterTableType::AT_DetachPartition {
                touched::detach();
                let part = &*(*part).def.cast::<pg_sys::PartitionCmd>();
                let (table, partition) = (table_named(command.relation), table_named(part.name));
                if part.concurrent {
                    refuse_concurrent_detach(table);
                } else if parents(partition).contains(&table) && rights::owns(table) {
                    leaving::account_for(partition, "partition detached", || table_named(part.name));
                }
            }
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
fn powertree_before_drop(fcinfo: FunctionCallInfo) {
    leaving::forget();
    // SAFETY: the parser made the command, which names tables by lists of strings.
    unsafe {
        let tag = pg_sys::NodeTag::T_DropStmt;
        let Some(command) = command_of::<pg_sys::DropStmt>(fcinfo, tag) else { return };
        if command.removeType != pg_sys::ObjectType::OBJECT_TABLE {
            return;
        }
        for name in items::<pg_sys::List>(command.objects) {
            let named = || table_named(pg_sys::makeRangeVarFromNameList(name));
            let table = named();
            if table != Oid::INVALID && rights::owns(table) {
                leaving::account_for(table, "partition dropped", named);
            }
        }
    }
}

/// Returns the table that a command names; 0 if there is none.
///
/// # Safety
/// `name` comes from a command.
unsafe fn table_named(name: *mut pg_sys::RangeVar) -> Oid {
    let lock = pg_sys::NoLock as i32;
    // SAFETY: the caller's name, which PostgreSQL looks up.
    unsafe {
        pg_sys::RangeVarGetRelidExtended(
            name,
            lock,
            pg_sys::RVROption::RVR_MISSING_OK,
            None,
            std::ptr::null_mut(),
        )
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
fn powertree_on_rewrite(fcinfo: FunctionCallInfo) {
    let Some((_, trees)) = known_trees().filter(|_| command(fcinfo).is_some()) else { return };
    // SAFETY: PostgreSQL only returns the table of the running event.
    let rewritten = unsafe { pg_sys::pg_event_trigger_table_rewrite_oid(fcinfo) };
    let above = lineage(Oid::from(rewritten.value() as u32));
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
