//! Inspection of a table that a command has changed: its tree is brought up to date, or reads the table until the next
//! compaction, or becomes stale.

use super::leaving;
use super::lifecycle::changed;
use super::touched;
use crate::pg::server::error::raise;
use crate::pg::server::name::{quoted, relation_name};
use crate::pg::tables::catalog::attname;
use crate::pg::tables::column::find_column;
use crate::pg::tables::relation::{has_triggers, is_partition, lineage, lock_family};
use crate::pg::tables::table::{ScanKey, Snapshot, Table};
use crate::powertree::base::extent;
use crate::powertree::base::suitability::{refusal, strangers};
use crate::powertree::base::triggers;
use crate::powertree::model::key::KeyColumn;
use crate::powertree::model::lock::wait_for_others;
use crate::powertree::store::archive::runs;
use crate::powertree::store::definition::Definition;
use crate::powertree::store::state::TreeState;
use crate::powertree::store::tables::Tables;
use pgrx::pg_sys::{self, Oid};
use pgrx::{warning, PgSqlErrorCode};

/// Compares a changed table with the trees that it belongs or belonged to, and brings them up to date.
pub fn inspect(tables: &Tables, trees: &[Definition], relation: Oid) {
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

fn is_live(tables: &Tables, tree: &Definition) -> Option<TreeState> {
    TreeState::read(tables, tree.id).filter(|state| state.stale.is_none())
}

/// Compares a tree with its table or a partition of it.
fn inspect_member(tables: &Tables, tree: &Definition, relation: Oid) {
    let Some(state) = is_live(tables, tree) else {
        // It reads its table, and what is archived beside it.
        if touched::attaches(relation) {
            require_apart_from_archived(tree, relation);
        }
        return;
    };
    let is_base = relation == tree.base;
    // A compaction that has found all partitions to have one owner must end before one of them gets another.
    if strangers(relation, tree.base).is_some() {
        wait_for_others(tree.id);
    }
    let of_columns = is_base.then(|| column_problem(tree, &state)).flatten();
    if let Some(problem) = &of_columns {
        require_nothing_archived(tables, tree, problem);
    }
    let problem = of_columns
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
    if let Some(state) = TreeState::read(tables, tree.id) {
        TreeState { stale: Some(reason), ..state }.write(tables);
    }
    changed(tables, tree.base);
}

/// Describes what has changed in the columns of a tree; None if nothing has.
fn column_problem(tree: &Definition, state: &TreeState) -> Option<String> {
    state.columns.iter().zip(&state.types).find_map(|(&number, &type_oid)| {
        let Some(column) = attname(tree.base, number).and_then(|name| find_column(tree.base, &name)) else {
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

/// Installs triggers on a new partition and those below it. Returns why a table can no longer belong to the tree.
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
        require_apart_from_archived(tree, relation);
        members.iter().for_each(|&member| triggers::install(tree.id, member, tree.base));
        extent::append(tree, relation, "partition attached");
    }
    problem
}

/// Raises an error if archived leaves would be misread once the columns have changed.
fn require_nothing_archived(tables: &Tables, tree: &Definition, problem: &str) {
    if !runs(tables, tree.id, Snapshot::Latest).is_empty() {
        raise(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            format!("cannot change columns of power tree \"{}\" while it keeps archived rows", tree.name),
            format!("What would be: {problem}."),
            "Restore the rows first, or add another column.",
        );
    }
}

/// Raises an error if a new partition has rows in leaves whose rows are archived: if they are the same rows they would be
/// counted twice.
fn require_apart_from_archived(tree: &Definition, relation: Oid) {
    let Some((first, last)) = extent::within_bounds(tree, relation) else { return };
    if runs(&Tables::get(), tree.id, Snapshot::Latest).iter().any(|run| run.touches(first, last)) {
        raise(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!(
                "table {} has rows where power tree \"{}\" keeps archived ones",
                relation_name(relation),
                tree.name
            ),
            "If they are the same, they would be counted twice.",
            "Call powertree_unarchive() before rows are restored; insert other rows after the table is attached.",
        );
    }
}

/// Removes the triggers from a table that is no longer a partition, and from those below it. Anybody can put such
/// triggers on their own table, which must not make other people's trees read their tables.
fn release(tables: &Tables, tree: &Definition, relation: Oid) {
    if touched::detaches() && is_live(tables, tree).is_some() && !leaving::is_accounted_for(tree.id, relation)
    {
        extent::append(tree, relation, "partition detached");
    }
    for member in lock_family(relation, pg_sys::AccessExclusiveLock) {
        triggers::remove(tree.id, member);
    }
}

/// Stores the new names of renamed columns.
fn follow_names(tables: &Tables, tree: &Definition, state: &TreeState) {
    let names: Vec<String> = state.columns.iter().filter_map(|&number| attname(tree.base, number)).collect();
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
    table.scan(tables.definition_id, Snapshot::Latest, &[ScanKey::Integer(1, tree.id)], |found| {
        row = Some(found.id());
        false
    });
    if let Some(row) = row {
        table.writer().update(row, &renamed.columns());
    }
    changed(tables, tree.base);
}
