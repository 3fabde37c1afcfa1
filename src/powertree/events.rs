//! What happens to a table beside changes of its rows: every command that alters, creates or drops is looked at when it
//! ends, and a tree that it touches is put right, read from its table until the next compaction, or declared stale.

use super::access::State;
use super::catalog::{quoted, relation_name, text, Tables};
use super::compaction;
use super::definition::{find_column, Definition};
use super::lifecycle::{changed, forget};
use super::relation::{family, is_partition, refusal};
use super::rights;
use super::span::{self, Reach};
use super::spi::{command, connected, strings};
use super::storage::{Snapshot, Table};
use super::triggers;
use crate::error::raise;
use crate::rewrite::items;
use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::*;
use std::cell::{Cell, RefCell};

thread_local! {
    /// The commands that we run ourselves are no events.
    static BUSY: Cell<bool> = const { Cell::new(false) };
    /// The trees and the partitions of theirs, about to be dropped, whose leaves are accounted for.
    static DROPPING: RefCell<Vec<(i32, Oid)>> = const { RefCell::new(Vec::new()) };
}

/// Does `work` for all trees there are, unless this is an event of our own making.
fn unless_busy(work: impl FnOnce(&Tables, Vec<Definition>)) {
    // While the extension is created or dropped, its tables are not there.
    let Some(tables) = Tables::find().filter(|_| !BUSY.get()) else { return };
    let trees = Definition::all(&tables);
    if !trees.is_empty() {
        without_events(|| connected(|| work(&tables, trees)));
    }
}

/// Does `work`, whose commands are no events.
pub fn without_events<R>(work: impl FnOnce() -> R) -> R {
    /// Set back even if an error passes.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            BUSY.set(self.0);
        }
    }
    let _before = Before(BUSY.replace(true));
    work()
}

/// Before tables are dropped: afterwards nobody could tell which leaves they held.
#[pg_extern(sql = false)]
fn powertree_before_drop(fcinfo: pg_sys::FunctionCallInfo) {
    DROPPING.with_borrow_mut(Vec::clear);
    // SAFETY: as below; DROP TABLE names its tables by lists of strings.
    let tables: Vec<Oid> = unsafe {
        let data = (*fcinfo).context.cast::<pg_sys::EventTriggerData>();
        if data.is_null() || (*data).type_ != pg_sys::NodeTag::T_EventTriggerData {
            return;
        }
        let command = (*data).parsetree.cast::<pg_sys::DropStmt>();
        if command.is_null() || (*command).type_ != pg_sys::NodeTag::T_DropStmt {
            return;
        }
        let names = items::<pg_sys::List>((*command).objects);
        names.map(|name| table_named(pg_sys::makeRangeVarFromNameList(name))).collect()
    };
    unless_busy(|_, trees| {
        for tree in trees {
            for &table in &tables {
                if table != tree.base && rights::owns(table) && family(tree.base).contains(&table) {
                    // As DROP TABLE is about to do: no row may come any more. The parent first, as it does.
                    command(&format!(
                        "LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE",
                        relation_name(tree.base)
                    ));
                    command(&format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", relation_name(table)));
                    append_extent(&tree, table, "partition dropped");
                    DROPPING.with_borrow_mut(|dropping| {
                        dropping.extend(family(table).into_iter().map(|member| (tree.id, member)));
                    });
                }
            }
        }
    });
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

/// Before a command that alters a table. DETACH PARTITION CONCURRENTLY takes a partition away in the middle of itself,
/// when nobody is asked.
#[pg_extern(sql = false)]
fn powertree_before_ddl(fcinfo: pg_sys::FunctionCallInfo) {
    // SAFETY: PostgreSQL calls event triggers with the command; a node's tag says which structure it begins.
    let table = unsafe {
        let data = (*fcinfo).context.cast::<pg_sys::EventTriggerData>();
        if data.is_null() || (*data).type_ != pg_sys::NodeTag::T_EventTriggerData {
            return;
        }
        let command = (*data).parsetree.cast::<pg_sys::AlterTableStmt>();
        if command.is_null() || (*command).type_ != pg_sys::NodeTag::T_AlterTableStmt {
            return;
        }
        let concurrent = items::<pg_sys::AlterTableCmd>((*command).cmds).any(|part| {
            (*part).subtype == pg_sys::AlterTableType::AT_DetachPartition
                && (*(*part).def.cast::<pg_sys::PartitionCmd>()).concurrent
        });
        if !concurrent {
            return;
        }
        table_named((*command).relation)
    };
    unless_busy(|_, trees| {
        if let Some(tree) = trees.iter().find(|tree| family(tree.base).contains(&table)) {
            raise(
                PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
                "cannot detach a partition concurrently from the table of a power tree",
                format!("Power tree \"{}\" would not know when its rows go.", tree.name),
                "Detach it without CONCURRENTLY, or drop the tree first.",
            );
        }
    });
}

/// Where replication writes: what a publisher's trees store is not for this server's.
#[pg_extern(sql = false)]
fn powertree_skip() -> i64 {
    // A BEFORE trigger that returns no row has it skipped.
    0
}

/// After a command that created or altered something.
#[pg_extern(sql = false)]
fn powertree_on_ddl() {
    unless_busy(|tables, trees| trees.iter().for_each(|tree| inspect(tables, tree)));
}

/// Before the rows of a table are written anew, which snapshots of before do not survive.
#[pg_extern(sql = false)]
fn powertree_on_rewrite() {
    unless_busy(|_, trees| {
        let rewritten = strings(
            "SELECT pg_catalog.pg_event_trigger_table_rewrite_oid()::pg_catalog.oid::pg_catalog.text",
        );
        let rewritten: Vec<u32> = rewritten.iter().filter_map(|row| row[0].parse().ok()).collect();
        for tree in trees {
            if family(tree.base).iter().any(|relation| rewritten.contains(&relation.to_u32())) {
                span::append_all(tree.id, Reach::Earlier, "table rewritten");
            }
        }
    });
}

/// After a command that dropped something.
#[pg_extern(sql = false)]
fn powertree_on_drop(fcinfo: pg_sys::FunctionCallInfo) {
    let accounted = DROPPING.take();
    // SAFETY: PostgreSQL calls event triggers with their data. Only DROP TABLE was announced just before.
    let announced = unsafe {
        let data = (*fcinfo).context.cast::<pg_sys::EventTriggerData>();
        !data.is_null()
            && (*data).type_ == pg_sys::NodeTag::T_EventTriggerData
            && (*data).tag == pg_sys::CommandTag::CMDTAG_DROP_TABLE
    };
    let accounted = if announced { accounted } else { Vec::new() };
    unless_busy(|tables, mut trees| {
        let dropped = strings(
            "SELECT object_type, objid::pg_catalog.text, address_names[3] \
             FROM pg_catalog.pg_event_trigger_dropped_objects() \
             WHERE object_type IN ('table', 'trigger')",
        );
        let is = |row: &[String], what: &str| row[0] == what;
        trees.retain(|tree| {
            let base = tree.base.to_u32().to_string();
            let gone = dropped.iter().any(|row| is(row, "table") && row[1] == base);
            if gone {
                forget(tree);
            }
            !gone
        });
        for tree in &trees {
            // The triggers of a partition go with it. One that goes alone is put back below.
            let triggers_went =
                dropped.iter().any(|row| is(row, "trigger") && triggers::tree_of(&row[2]) == Some(tree.id));
            let gone: Vec<Option<Oid>> = dropped
                .iter()
                .filter(|row| is(row, "table"))
                .map(|row| row[1].parse().ok().map(Oid::from_u32))
                .collect();
            let known = !gone.is_empty()
                && gone.iter().all(|table| table.is_some_and(|table| accounted.contains(&(tree.id, table))));
            if triggers_went && !known {
                span::append_all(tree.id, Reach::Earlier, "partition dropped");
            }
            inspect(tables, tree);
        }
    });
}

/// Compares a tree with its table and does what must be done.
fn inspect(tables: &Tables, tree: &Definition) {
    let Some(state) = State::read(tables, tree.id) else { return };
    // SAFETY: a look-up in the catalog; 0 if the table is gone.
    if state.stale.is_some() || unsafe { pg_sys::get_rel_relkind(tree.base) } == 0 {
        return;
    }
    let reason = column_problem(tree, &state).or_else(|| {
        let members = family(tree.base);
        let refused = members.iter().find_map(|&relation| refusal(relation));
        let partition = is_partition(tree.base).then(|| "its table has become a partition".to_owned());
        refused.or(partition).or_else(|| {
            let problem = members.iter().find_map(|&relation| adopt(tree, relation));
            release(tree, &members);
            problem
        })
    });
    if let Some(reason) = reason {
        warning!(
            "power tree \"{}\" is stale: {reason}; it reads its table until powertree_rebuild()",
            tree.name
        );
        compaction::wait_for_others(tree.id);
        if let Some(state) = State::read(tables, tree.id) {
            State { stale: Some(reason), ..state }.write(tables);
        }
        changed(tables, tree.base);
        return;
    }
    follow_names(tables, tree, &state);
}

/// What has become of the columns, if that is not what they were.
fn column_problem(tree: &Definition, state: &State) -> Option<String> {
    state.columns.iter().zip(&state.types).find_map(|(&number, &type_oid)| {
        let Some(column) = name_of(tree.base, number).and_then(|name| find_column(tree.base, &name)) else {
            return Some("a column was dropped".to_owned());
        };
        (column.type_oid != type_oid)
            .then(|| format!("the type of column {} has changed", quoted(column.name)))
    })
}

fn name_of(relation: Oid, number: i16) -> Option<String> {
    // SAFETY: a look-up in the catalog.
    unsafe { text(pg_sys::get_attname(relation, number, true)) }
}

/// Makes a new partition one that is kept in step; says what is wrong with an old one.
fn adopt(tree: &Definition, relation: Oid) -> Option<String> {
    if triggers::are_right(tree.id, relation) {
        return None;
    }
    if triggers::any(tree.id, relation) {
        return Some(format!("triggers of table {} were changed", relation_name(relation)));
    }
    triggers::install(tree.id, relation, tree.base);
    append_extent(tree, relation, "partition attached");
    None
}

/// Has the leaves of a partition that comes or goes read from the base table.
pub fn append_extent(tree: &Definition, relation: Oid, reason: &str) {
    if let Some((first, last)) = extent(tree, relation) {
        span::append(tree.id, first, last, Reach::Earlier, reason);
    }
}

/// From which leaf to which a relation has rows; None if it has none.
fn extent(tree: &Definition, relation: Oid) -> Option<(i64, i64)> {
    let (schema, at, leaf) = (Tables::get().schema_name(), quoted(&tree.at), tree.leaf);
    let table = relation_name(relation);
    let row = strings(&format!(
        "SELECT {schema}.powertree_leaf(pg_catalog.min({at}), {leaf})::pg_catalog.text, \
         {schema}.powertree_leaf(pg_catalog.max({at}), {leaf})::pg_catalog.text FROM {table}"
    ));
    Some((row.first()?[0].parse().ok()?, row.first()?[1].parse().ok()?))
}

/// Takes the triggers from tables that are partitions no more.
fn release(tree: &Definition, members: &[Oid]) {
    let schema = Tables::get().schema_name().replace('\'', "''");
    let with_triggers = strings(&format!(
        "SELECT DISTINCT t.tgrelid::pg_catalog.oid::pg_catalog.text FROM pg_catalog.pg_depend d \
         JOIN pg_catalog.pg_trigger t ON t.oid = d.objid \
         WHERE d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass \
         AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass \
         AND d.refobjid = '{schema}.powertree_capture()'::pg_catalog.regprocedure AND t.tgname LIKE 'powertree\\_{}\\_%'",
        tree.id
    ));
    for relation in with_triggers.iter().filter_map(|row| row[0].parse().ok()).map(Oid::from_u32) {
        if !members.contains(&relation) {
            triggers::remove(tree.id, relation);
            append_extent(tree, relation, "partition detached");
        }
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
        &[super::storage::Key::Integer(1, tree.id)],
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
