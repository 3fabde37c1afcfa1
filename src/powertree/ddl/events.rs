//! What happens to a table beside changes of its rows. When a command ends, the tables that it changed are looked at, and
//! a tree that they belong to is put right, read from its table until the next compaction, or declared stale.

use super::lifecycle::{changed, forget};
use super::touched;
use crate::pg::column::find_column;
use crate::pg::error::raise;
use crate::pg::list::items;
use crate::pg::name::{quoted, relation_name, text};
use crate::pg::relation::{family, has_triggers, is_partition, lineage, lock_family, parents};
use crate::pg::spi::{connected, strings};
use crate::pg::table::{Snapshot, Table};
use crate::powertree::base::extent;
use crate::powertree::base::suitability::{may_be_of_tree, refusal, strangers};
use crate::powertree::base::triggers;
use crate::powertree::model::key::KeyColumn;
use crate::powertree::model::lock::wait_for_others;
use crate::powertree::model::rights;
use crate::powertree::model::tree::definitions;
use crate::powertree::store::definition::Definition;
use crate::powertree::store::span::{self, Reach};
use crate::powertree::store::state::State;
use crate::powertree::store::tables::Tables;
use pgrx::pg_sys::{self, FunctionCallInfo, Oid};
use pgrx::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;

thread_local! {
    /// The trees and the partitions of theirs, about to be dropped or detached, whose leaves are accounted for.
    static LEAVING: RefCell<Vec<(i32, Oid)>> = const { RefCell::new(Vec::new()) };
}

/// The tables of the extension and all trees; None if there are none, or while the extension is created or dropped.
fn trees() -> Option<(Tables, Rc<Vec<Definition>>)> {
    let tables = Tables::known()?;
    let trees = definitions();
    (!trees.is_empty()).then_some((tables, trees))
}

/// The command that an event trigger was called for, and its tag.
fn command(fcinfo: FunctionCallInfo) -> Option<(*mut pg_sys::Node, pg_sys::CommandTag::Type)> {
    // SAFETY: PostgreSQL calls event triggers with their data; a node's tag says which structure it begins.
    unsafe {
        let data = (*fcinfo).context.cast::<pg_sys::EventTriggerData>();
        let called = !data.is_null() && (*data).type_ == pg_sys::NodeTag::T_EventTriggerData;
        called.then(|| ((*data).parsetree, (*data).tag))
    }
}

/// The command, if it is of this kind.
///
/// # Safety
/// Nodes with this tag are of type `T`.
unsafe fn command_of<'c, T>(fcinfo: FunctionCallInfo, tag: pg_sys::NodeTag) -> Option<&'c T> {
    let (node, _) = command(fcinfo)?;
    // SAFETY: the caller's; the command outlives the event.
    unsafe { (!node.is_null() && (*node).type_ == tag).then(|| &*node.cast::<T>()) }
}

/// Before any command. A partition that is detached is accounted for while its bounds are known; to detach it
/// CONCURRENTLY takes it away in the middle of the command, when nobody is asked.
#[pg_extern(sql = false)]
fn powertree_before_ddl(fcinfo: FunctionCallInfo) {
    touched::begin();
    // SAFETY: the structure of ALTER TABLE and of what it detaches.
    unsafe {
        let tag = pg_sys::NodeTag::T_AlterTableStmt;
        let Some(command) = command_of::<pg_sys::AlterTableStmt>(fcinfo, tag) else { return };
        LEAVING.with_borrow_mut(Vec::clear);
        for part in items::<pg_sys::AlterTableCmd>(command.cmds) {
            if (*part).subtype == pg_sys::AlterTableType::AT_DetachPartition {
                let part = &*(*part).def.cast::<pg_sys::PartitionCmd>();
                let (table, partition) = (table_named(command.relation), table_named(part.name));
                if part.concurrent {
                    refuse_concurrent_detach(table);
                } else if parents(partition).contains(&table) && rights::owns(table) {
                    account_for(partition, "partition detached", || table_named(part.name));
                }
            }
        }
    }
}

fn refuse_concurrent_detach(table: Oid) {
    let Some((_, trees)) = trees() else { return };
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

/// Before tables are dropped: afterwards nobody could tell which leaves they held.
#[pg_extern(sql = false)]
fn powertree_before_drop(fcinfo: FunctionCallInfo) {
    LEAVING.with_borrow_mut(Vec::clear);
    // SAFETY: the structure of DROP, whose tables are named by lists of strings.
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
                account_for(table, "partition dropped", named);
            }
        }
    }
}

/// The table that a command names, 0 if there is none.
///
/// # Safety
/// `name` is that of a command.
unsafe fn table_named(name: *mut pg_sys::RangeVar) -> Oid {
    let lock = pg_sys::NoLock as i32;
    // SAFETY: the caller's.
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

/// Has the leaves of a partition read from the table that is about to lose it. Locks as the command is about to do, the
/// parent first. If the name means another table by then, nothing is accounted for, and all leaves will be read.
fn account_for(partition: Oid, reason: &str, named: impl Fn() -> Oid) {
    let Some(&parent) = parents(partition).first().filter(|_| is_partition(partition)) else { return };
    let Some((_, trees)) = trees() else { return };
    let above = lineage(parent);
    let concerned: Vec<&Definition> = trees.iter().filter(|tree| above.contains(&tree.base)).collect();
    if concerned.is_empty() {
        return;
    }
    // SAFETY: a lock that is released with the transaction.
    unsafe { pg_sys::LockRelationOid(parent, pg_sys::AccessExclusiveLock as i32) };
    let members = lock_family(partition, pg_sys::AccessExclusiveLock);
    if named() != partition || lineage(parent) != above || !parents(partition).contains(&parent) {
        return;
    }
    for tree in concerned {
        extent::append(tree, partition, reason);
        LEAVING.with_borrow_mut(|leaving| leaving.extend(members.iter().map(|&member| (tree.id, member))));
    }
}

fn is_accounted_for(tree: i32, relation: Oid) -> bool {
    LEAVING.with_borrow(|leaving| leaving.contains(&(tree, relation)))
}

/// After any command.
#[pg_extern(sql = false)]
fn powertree_on_ddl() {
    if let Some((tables, trees)) = trees() {
        let relations = touched::by_now().unwrap_or_else(|| everything(&trees));
        for relation in relations.into_iter().filter(|&relation| may_be_of_tree(relation)) {
            inspect(&tables, &trees, relation);
        }
    }
    LEAVING.with_borrow_mut(Vec::clear);
    touched::end();
}

/// All tables that have to do with trees.
fn everything(trees: &[Definition]) -> Vec<Oid> {
    let mut all: Vec<Oid> = trees.iter().flat_map(|tree| family(tree.base)).collect();
    all.extend(triggers::relations());
    all.sort_unstable_by_key(|relation| relation.to_u32());
    all.dedup();
    all
}

/// Before the rows of a table are written anew, which snapshots of before do not survive.
#[pg_extern(sql = false)]
fn powertree_on_rewrite(fcinfo: FunctionCallInfo) {
    let Some((_, trees)) = trees().filter(|_| command(fcinfo).is_some()) else { return };
    // SAFETY: the function only looks at which table the event is about.
    let rewritten = unsafe { pg_sys::pg_event_trigger_table_rewrite_oid(fcinfo) };
    let above = lineage(Oid::from(rewritten.value() as u32));
    for tree in trees.iter().filter(|tree| above.contains(&tree.base)) {
        span::append_all(tree.id, Reach::Earlier, "table rewritten");
    }
}

/// After a command that dropped something.
#[pg_extern(sql = false)]
fn powertree_on_drop() {
    let Some((_, trees)) = trees() else { return };
    // SAFETY: a look-up in the catalog; 0 if the relation is gone.
    let is_gone = |relation| unsafe { pg_sys::get_rel_relkind(relation) } == 0;
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
    // The triggers of a partition go with it. One that goes alone makes the tree stale when the command ends.
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
        let accounted = |table: &Option<Oid>| table.is_some_and(|table| is_accounted_for(tree.id, table));
        if triggers_went && (tables.is_empty() || !tables.iter().all(accounted)) {
            span::append_all(tree.id, Reach::Earlier, "partition dropped");
        }
    }
}

/// Compares a table that was changed with the trees that it belongs to, or did, and does what must be done.
fn inspect(tables: &Tables, trees: &[Definition], relation: Oid) {
    let lineage = lineage(relation);
    for tree in trees {
        if lineage.contains(&tree.base) {
            inspect_member(tables, tree, relation);
        }
    }
    let own = if has_triggers(relation) { triggers::trees(relation) } else { Vec::new() };
    for id in own {
        if let Some(tree) = trees.iter().find(|tree| tree.id == id && !lineage.contains(&tree.base)) {
            release(tables, tree, relation);
        }
    }
}

fn is_live(tables: &Tables, tree: &Definition) -> Option<State> {
    State::read(tables, tree.id).filter(|state| state.stale.is_none())
}

/// Compares a tree with its table or a partition of it.
fn inspect_member(tables: &Tables, tree: &Definition, relation: Oid) {
    let Some(state) = is_live(tables, tree) else { return };
    let is_base = relation == tree.base;
    // A compaction that has found one owner of all must be over before there is another.
    if strangers(relation, tree.base).is_some() {
        wait_for_others(tree.id);
    }
    let problem = is_base
        .then(|| column_problem(tree, &state))
        .flatten()
        .or_else(|| {
            (is_base && is_partition(relation)).then(|| "its table has become a partition".to_owned())
        })
        .or_else(|| adopt(tree, relation));
    match problem {
        Some(reason) => mark_stale(tables, tree, reason),
        None if is_base => follow_names(tables, tree, &state),
        None => {}
    }
}

fn mark_stale(tables: &Tables, tree: &Definition, reason: String) {
    warning!("power tree \"{}\" is stale: {reason}; it reads its table until powertree_rebuild()", tree.name);
    wait_for_others(tree.id);
    if let Some(state) = State::read(tables, tree.id) {
        State { stale: Some(reason), ..state }.write(tables);
    }
    changed(tables, tree.base);
}

/// What has become of the columns, if that is not what they were.
fn column_problem(tree: &Definition, state: &State) -> Option<String> {
    state.columns.iter().zip(&state.types).find_map(|(&number, &type_oid)| {
        let Some(column) = name_of(tree.base, number).and_then(|name| find_column(tree.base, &name)) else {
            return Some("a column was dropped".to_owned());
        };
        let name = quoted(&column.name);
        if column.type_oid != type_oid {
            return Some(format!("the type of column {name} has changed"));
        }
        let is_series = tree.series.contains(&column.name);
        (is_series && KeyColumn::of(column).is_none())
            .then(|| format!("the collation of column {name} has changed"))
    })
}

fn name_of(relation: Oid, number: i16) -> Option<String> {
    // SAFETY: a look-up in the catalog.
    unsafe { text(pg_sys::get_attname(relation, number, true)) }
}

/// Makes a new partition, with those below it, one that is kept in step; says what is wrong with an old one.
fn adopt(tree: &Definition, relation: Oid) -> Option<String> {
    if let Some(problem) = refusal(relation) {
        return Some(problem);
    }
    if triggers::are_right(tree.id, relation) {
        return None;
    }
    if relation == tree.base || triggers::any(tree.id, relation) {
        return Some(format!("triggers of table {} were changed", relation_name(relation)));
    }
    let members = lock_family(relation, pg_sys::ShareRowExclusiveLock);
    let problem = members.iter().find_map(|&member| refusal(member));
    if problem.is_none() {
        members.iter().for_each(|&member| triggers::install(tree.id, member, tree.base));
        extent::append(tree, relation, "partition attached");
    }
    problem
}

/// Takes the triggers from a table, and from those below it, that is a partition no more.
fn release(tables: &Tables, tree: &Definition, relation: Oid) {
    if is_live(tables, tree).is_some() && !is_accounted_for(tree.id, relation) {
        extent::append(tree, relation, "partition detached");
    }
    for member in lock_family(relation, pg_sys::AccessExclusiveLock) {
        triggers::remove(tree.id, member);
    }
}

/// Follows columns that were renamed, and a table that was.
fn follow_names(tables: &Tables, tree: &Definition, state: &State) {
    let names: Vec<String> = state.columns.iter().filter_map(|&number| name_of(tree.base, number)).collect();
    let (values, series) = (1 + tree.values.len(), 1 + tree.values.len() + tree.series.len());
    if names.len() != series {
        return;
    }
    if names[0] == tree.at && names[1..values] == tree.values && names[values..] == tree.series {
        return;
    }
    let renamed = Definition {
        at: names[0].clone(),
        values: names[1..values].to_vec(),
        series: names[values..].to_vec(),
        ..tree.clone()
    };
    let table = Table::write(tables.definition);
    let mut row = None;
    table.scan(
        tables.definition_id,
        Snapshot::Latest,
        &[crate::pg::table::Key::Integer(1, tree.id)],
        |found| {
            row = Some(found.id());
            false
        },
    );
    if let Some(row) = row {
        table.writer().update(row, &renamed.columns());
    }
    changed(tables, tree.base);
}
