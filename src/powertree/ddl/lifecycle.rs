//! Creating, rebuilding and dropping trees.

use super::leaf;
use crate::pg::calls::call::Call;
use crate::pg::server::error::{excerpt, raise};
use crate::pg::server::lookup::{self, next_of};
use crate::pg::server::name::relation_name;
use crate::pg::server::process;
use crate::pg::tables::catalog::{advance, relkind, relname, transaction_number};
use crate::pg::tables::fence;
use crate::pg::tables::relation::{family, is_partition, lock_family, require_unused};
use crate::pg::tables::spi::connected;
use crate::pg::tables::table::{ScanKey, Snapshot, Table};
use crate::powertree::base::rows::BaseRows;
use crate::powertree::base::suitability::refusal;
use crate::powertree::base::suitability::require_one_owner;
use crate::powertree::base::triggers;
use crate::powertree::model::argument;
use crate::powertree::model::lock::wait_for_others;
use crate::powertree::model::question::Query;
use crate::powertree::model::rights;
use crate::powertree::model::tree::{missing, Tree};
use crate::powertree::store::archive::{add_run, runs, take_run, Archive, ArchivedRun};
use crate::powertree::store::definition::Definition;
use crate::powertree::store::definition::MOST_VALUES;
use crate::powertree::store::failure;
use crate::powertree::store::span::{self, Reach};
use crate::powertree::store::state::{Totals, TreeState, FORMAT};
use crate::powertree::store::tables::{ArchiveTables, Tables};
use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::*;
use std::ffi::CStr;

#[pg_extern(sql = false)]
fn powertree_create(call: Call) {
    rights::require_writable("powertree_create()");
    require_utf8();
    let base: Oid = argument::required(call, 0, "table");
    let at: &str = argument::required(call, 1, "at");
    let values: Array<&str> = argument::required(call, 2, "values");
    let series: Array<&str> = argument::required(call, 4, "series");
    let (leaf, name): (Option<&str>, Option<&str>) = (call.argument(3), call.argument(5));
    connected(|| {
        lock_against_writers(base, c"create a power tree on");
        let name = name.map_or_else(|| relation_name_alone(base), str::to_owned);
        if name.is_empty() {
            raise(
                PgSqlErrorCode::ERRCODE_INVALID_NAME,
                "a power tree must have a name",
                "",
                "Leave the name out for that of the table.",
            );
        }
        let (values, series) = (names(values, "values"), names(series, "series"));
        let tables = Tables::get();
        let known = Definition::all(&tables);
        if known.iter().any(|tree| tree.name == name) {
            raise(
                PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT,
                format!("power tree \"{}\" already exists", excerpt(&name)),
                "",
                "Give the new one another name with name => '…', or drop the old one with powertree_drop().",
            );
        }
        let mut definition =
            Definition { id: 0, name, base, at: at.to_owned(), values, series, leaf: 1, height: 1 };
        leaf::set(&mut definition, leaf, resolved);
        definition.id = next_id(&tables, &known);
        Table::write(tables.definition).writer().insert(&definition.columns());
        begin_capture(&definition, "not built yet");
        leaf.iter().for_each(|leaf| leaf::note_unfit(&resolved(&definition), leaf));
    });
}

#[pg_extern(sql = false)]
fn powertree_rebuild(call: Call) {
    rights::require_writable("powertree_rebuild()");
    let name: &str = argument::required(call, 0, "tree");
    // Two SQL functions call this one; the second has a text there.
    let new_leaf: Option<Option<&str>> = (call.count() > 1).then(|| call.argument(1));
    connected(|| {
        lock_against_writers(named(name).base, c"rebuild a power tree of");
        // Looked up again under the lock: meanwhile somebody may have dropped it, or made another of this name.
        let mut definition = named(name);
        rights::require_owner(definition.base);
        if let Some(new_leaf) = &new_leaf {
            let width = definition.leaf;
            leaf::set(&mut definition, new_leaf.as_deref(), resolved);
            let tables = Tables::get();
            wait_for_others(definition.id);
            widen_archived(&tables, &definition, width);
            // The stored nodes are of the old leaves. Older snapshots still see those, and read the table.
            forget_stored(&tables, definition.id);
            delete(tables.definition, tables.definition_id, &[ScanKey::Integer(1, definition.id)]);
            Table::write(tables.definition).writer().insert(&definition.columns());
            advance();
        }
        begin_capture(&definition, "to be rebuilt");
        new_leaf.iter().flatten().for_each(|leaf| leaf::note_unfit(&resolved(&definition), leaf));
    });
}

#[pg_extern(sql = false)]
fn powertree_drop(call: Call) {
    rights::require_writable("powertree_drop()");
    let name: &str = argument::required(call, 0, "tree");
    connected(|| {
        let definition = named(name);
        rights::require_owner(definition.base);
        require_nothing_archived(&definition);
        let family = lock_family(definition.base, pg_sys::AccessExclusiveLock);
        // After waiting for the lock, the name may mean another table or another tree.
        let definition = named(name);
        rights::require_owner(definition.base);
        require_nothing_archived(&definition);
        family.iter().for_each(|&relation| require_unused(relation, c"drop a power tree of"));
        forget(&definition);
        family.into_iter().for_each(|relation| triggers::remove(definition.id, relation));
    });
}

/// Raises an error if archived rows would be lost.
fn require_nothing_archived(definition: &Definition) {
    if !runs(&Tables::get(), definition.id, Snapshot::Latest).is_empty() {
        raise(
            PgSqlErrorCode::ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST,
            format!("power tree \"{}\" keeps archived rows", definition.name),
            "Nothing else in the database knows them.",
            "Restore the rows, or give them up with powertree_unarchive(tree, NULL, NULL).",
        );
    }
}

/// Makes the leaves of archived rows as wide as those of a tree are to be, which were this wide.
fn widen_archived(tables: &Tables, definition: &Definition, width: i64) {
    let archived = runs(tables, definition.id, Snapshot::Latest);
    let times = definition.leaf / width;
    let is_border = |leaf: i64| leaf.rem_euclid(times.max(1)) == 0;
    let are_whole = archived.iter().all(|run| is_border(run.first) && is_border(run.last.saturating_add(1)));
    if archived.is_empty() || definition.leaf == width {
        return;
    }
    if definition.leaf % width != 0 || !are_whole {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("archived rows of power tree \"{}\" do not fit into such leaves", definition.name),
            "Of these rows no more is known than the tallies of their leaves.",
            "Give a multiple of the leaf with which archived partitions begin and end, or restore the rows.",
        );
    }
    archived.iter().for_each(|run| take_run(tables, run));
    for run in archived {
        let (first, last) = (run.first.div_euclid(times), run.last.div_euclid(times));
        add_run(tables, definition.id, ArchivedRun::new(first, last, run.num_rows, run.types));
    }
    if let Some(archive) = Archive::of(tables, definition.id, definition.values.len()) {
        archive.widen(times);
    }
}

/// Installs the triggers, and marks all leaves to be read from the table until the next compaction.
fn begin_capture(definition: &Definition, reason: &str) {
    let tables = Tables::get();
    let tree = resolved(definition);
    wait_for_others(tree.id);
    // Prepares a query now, so that a table that cannot be queried is refused.
    fence::as_owner(tree.base, || BaseRows(&tree).query(Query::Groups, 0));
    let columns: Vec<_> = [&tree.at]
        .into_iter()
        .chain(tree.values.iter().map(|(column, _)| column))
        .chain(tree.series.iter().map(|key| &key.column))
        .collect();
    let before = TreeState::read(&tables, tree.id);
    let state = TreeState {
        tree: tree.id,
        columns: columns.iter().map(|column| column.number).collect(),
        types: columns.iter().map(|column| column.type_oid).collect(),
        horizon: transaction_number(),
        compactions: before.as_ref().map_or(0, |before| before.compactions),
        compacted_at: None,
        stale: None,
        totals: before.as_ref().map_or(Totals::default(), |before| before.totals),
        // Stored nodes stay as they are until the next compaction.
        format: before.as_ref().map_or(FORMAT, |before| before.format),
        folded: before.map_or(0, |before| before.folded),
    };
    state.write(&tables);
    span::append_all(tree.id, Reach::Earlier, reason);
    family(tree.base).into_iter().for_each(|relation| triggers::install(tree.id, relation, tree.base));
    changed(&tables, tree.base);
    notice!(
        "power tree \"{0}\" reads its table until it is built: CALL powertree_compact('{0}')",
        tree.name.replace('\'', "''")
    );
}

/// Installs the triggers of this version on trees of an earlier one; called by scripts that update the extension.
#[pg_extern(sql = false)]
fn powertree_update() {
    let tables = Tables::get();
    for tree in Definition::all(&tables) {
        if TreeState::read(&tables, tree.id).is_some_and(|state| state.stale.is_none()) {
            for relation in lock_family(tree.base, pg_sys::ShareRowExclusiveLock) {
                triggers::install(tree.id, relation, tree.base);
            }
            // The nodes have a format that is no longer read.
            span::append_all(tree.id, Reach::Earlier, "made by an earlier version");
            changed(&tables, tree.base);
        }
    }
}

/// Removes everything that is stored about a tree.
pub fn forget(definition: &Definition) {
    let tables = Tables::get();
    wait_for_others(definition.id);
    delete(tables.definition, tables.definition_id, &[ScanKey::Integer(1, definition.id)]);
    delete(tables.state, tables.state_tree, &[ScanKey::Integer(1, definition.id)]);
    forget_stored(&tables, definition.id);
    if let Some(ArchiveTables { run, run_tree, leaf, leaf_series }) = tables.archive {
        delete(run, run_tree, &[ScanKey::Integer(1, definition.id)]);
        delete(leaf, leaf_series, &[ScanKey::Integer(3, definition.id)]);
    }
    failure::forget(&tables, definition.id);
    changed(&tables, definition.base);
}

/// Removes nodes and log of a tree.
fn forget_stored(tables: &Tables, id: i32) {
    let own = |column| [ScanKey::Integer(column, id)];
    delete(tables.span, tables.span_tree, &own(1));
    delete(tables.log, tables.log_leaf, &own(3));
    delete(tables.series, tables.series_hash, &own(2));
    delete(tables.node, tables.node_level, &own(3));
}

fn delete(table: Oid, index: Oid, keys: &[ScanKey]) {
    let table = Table::write(table);
    let writer = table.writer();
    table.scan(index, Snapshot::Own, keys, |row| {
        writer.delete(row.id());
        true
    });
}

/// Invalidates what all sessions remember of a tree.
pub fn changed(tables: &Tables, base: Oid) {
    advance();
    for relation in [tables.definition, base] {
        if relkind(relation) != 0 {
            // The message is sent when the transaction commits.
            lookup::invalidate(relation);
        }
    }
    // This session handles its own invalidation messages now.
    advance();
}

/// Waits for all writers of the table and its partitions, and locks out others. Raises an error unless the caller may
/// make a tree for the table.
fn lock_against_writers(base: Oid, command: &CStr) {
    let check = || {
        refuse(refusal(base));
        refuse(is_partition(base).then(|| format!("table {} is a partition", relation_name(base))));
        rights::require_owner(base);
    };
    // Checked before, so that nobody can lock other people's tables, and afterwards, since the table may have changed
    // during the wait.
    check();
    let family = lock_family(base, pg_sys::ShareRowExclusiveLock);
    check();
    for relation in family {
        refuse(refusal(relation));
        require_unused(relation, command);
    }
    require_one_owner(base);
}

/// Returns the latest definition of the tree of this name.
pub fn named(name: &str) -> Definition {
    let known = Definition::all(&Tables::get()).into_iter().find(|definition| definition.name == name);
    known.unwrap_or_else(|| {
        Tree::named(name);
        // This session has not yet received the message that the tree was dropped.
        missing(name)
    })
}

/// Looks up the columns of a definition.
pub fn resolved(definition: &Definition) -> Tree {
    Tree::of(definition).unwrap_or_else(|(code, message, hint)| raise(code, message, "", hint))
}

/// Raises an error unless the database is in UTF-8, as stored names and keys are.
fn require_utf8() {
    if process::encoding() != pg_sys::pg_enc::PG_UTF8 as i32 {
        raise(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "power trees need a database in encoding UTF8",
            "",
            "CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0 makes one.",
        );
    }
}

fn refuse(reason: Option<String>) {
    if let Some(reason) = reason {
        raise(
            PgSqlErrorCode::ERRCODE_WRONG_OBJECT_TYPE,
            reason,
            "",
            "A power tree is made for an ordinary table, or for a partitioned one as a whole.",
        );
    }
}

fn names(given: Array<&str>, what: &str) -> Vec<String> {
    let most = if what == "series" { pg_sys::MaxHeapAttributeNumber as usize } else { MOST_VALUES };
    let least = usize::from(what != "series");
    // Counted before any name is copied: an array may have millions of elements.
    let names: Vec<String> = match given.len() {
        count if (least..=most).contains(&count) => given.iter().flatten().map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let twice = (1..names.len()).any(|i| names[..i].contains(&names[i]));
    if names.len() != given.len() || names.len() < least || twice {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("{what} must be different columns, none of them NULL"),
            format!("The array has {} elements.", given.len()),
            &format!(
                "Between one and {MOST_VALUES} values can be summarised, by any number of series columns."
            ),
        );
    }
    names
}

fn relation_name_alone(relation: Oid) -> String {
    relname(relation).unwrap_or_default()
}

/// Returns a number that no tree has, even where restoring a dump has set the sequence back.
fn next_id(tables: &Tables, known: &[Definition]) -> i32 {
    loop {
        let id = fence::for_catalog(|| next_of(tables.sequence)) as i32;
        if known.iter().all(|tree| tree.id != id) {
            return id;
        }
    }
}
