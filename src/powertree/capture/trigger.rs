//! The trigger: appends to the log what a statement did to each leaf.
//!
//! Statement triggers with transition tables see what ordinary sessions do; a row trigger, which fires only where
//! `session_replication_role` is `replica`, sees what replication does.

use super::changes::Changes;
use super::firing::{Event, Firing};
use super::layout::{Layout, TransitionRows};
use crate::pg::calls::call::Call;
use crate::pg::tables::table::Snapshot;
use crate::powertree::base::extent;
use crate::powertree::base::triggers;
use crate::powertree::model::tree::Tree;
use crate::powertree::store::definition::Definition;
use crate::powertree::store::span::{self, Reach};
use crate::powertree::store::tables::Tables;
use crate::powertree::store::writing;
use crate::settings;
use pgrx::pg_sys::Oid;
use pgrx::prelude::*;

const OF_OTHERS: &str = "The triggers that call it are made by powertree_create(); drop this one.";

#[pg_extern(sql = false)]
fn powertree_capture(call: Call) -> i64 {
    const FUNCTION: &str = "powertree_capture";
    let firing = Firing::of(call, FUNCTION);
    let (Some(event), Some(id)) = (firing.kind(), firing.argument().and_then(|id| id.parse().ok())) else {
        firing.refuse(FUNCTION, OF_OTHERS)
    };
    // The triggers of a tree that is not kept in step do nothing, even where somebody has changed them; and a table
    // restored from elsewhere may bring triggers of another tree.
    if let Some(layout) = Layout::to_keep(id, firing.relation()) {
        if !triggers::is_ours(firing.event().trigger, id) {
            firing.refuse(FUNCTION, OF_OTHERS);
        }
        capture(&layout, event, firing);
        if !matches!(event, Event::Before | Event::Truncate) {
            writing::end_statement(id);
        }
    }
    // The result of an AFTER trigger is ignored.
    0
}

/// Drops rows that replication brings into the extension's own tables: a publisher's trees are not this server's.
#[pg_extern(sql = false)]
fn powertree_skip(call: Call) -> i64 {
    const FUNCTION: &str = "powertree_skip";
    let firing = Firing::of(call, FUNCTION);
    if !Tables::known().is_some_and(|tables| tables.all().contains(&firing.relation())) {
        firing.refuse(FUNCTION, "It would drop the rows; only tables of pg_tally have such a trigger.");
    }
    // PostgreSQL skips a row for which a BEFORE trigger returns none.
    0
}

/// Keeps the tree in step with an event.
fn capture(layout: &Layout, event: Event, firing: Firing) {
    let tree = &layout.tree;
    match event {
        Event::Before => return writing::begin_statement(tree.id),
        Event::Truncate => return truncate(tree, firing.relation()),
        _ => {}
    }
    if layout.place_is_generated {
        // The leaves of the rows are not known.
        return span::append_all(tree.id, Reach::Later, "generated columns");
    }
    let mut changes = Changes::new(tree);
    let [old, new] = firing.event().rows.map(|rows| TransitionRows::new(layout, rows));
    match event {
        Event::Row => replicated(layout, firing, &mut changes),
        _ if settings::powertree_bulk() => bulk(tree, [old, new]),
        Event::Insert => inserted(new, &mut changes),
        Event::Delete => deleted(old, &mut changes),
        _ => updated(layout, old, new, &mut changes),
    }
    changes.flush();
}

/// Marks as dirty the leaves of both versions of a row that replication has changed.
fn replicated(layout: &Layout, firing: Firing, changes: &mut Changes) {
    for version in firing.event().versions() {
        if let Some(row) = layout.read(version, &mut Vec::new()) {
            changes.spoil(&row);
        }
    }
}

/// Marks all leaves, from the first to the last that a statement has changed, to be read from the table.
fn bulk(tree: &Tree, tables: [TransitionRows; 2]) {
    let mut leaves: Option<(i64, i64)> = None;
    for mut rows in tables {
        while let Some(position) = rows.next_position() {
            if let Some(leaf) = position.map(|position| tree.leaves.of(position)) {
                let (first, last) = leaves.unwrap_or((leaf, leaf));
                leaves = Some((first.min(leaf), last.max(leaf)));
            }
        }
    }
    if let Some((first, last)) = leaves {
        span::append(tree.id, first, last, Reach::Later, "pg_tally.powertree_bulk");
    }
}

/// Adds new rows to their leaves.
fn inserted(mut rows: TransitionRows, changes: &mut Changes) {
    while let Some(row) = rows.next() {
        match row {
            Some(row) if row.lacks_values() => changes.spoil(&row),
            Some(row) => changes.add(&row),
            None => {}
        }
    }
}

/// Marks the leaves of deleted rows as dirty.
fn deleted(mut rows: TransitionRows, changes: &mut Changes) {
    while let Some(row) = rows.next() {
        row.iter().for_each(|row| changes.spoil(row));
    }
}

/// Marks as dirty the leaves of rows whose columns of interest have changed.
///
/// Old and new versions come in the same order, so that unchanged rows cancel out. The result is right in any order:
/// what remains on either side is dirty.
fn updated(
    layout: &Layout,
    mut old_rows: TransitionRows,
    mut new_rows: TransitionRows,
    changes: &mut Changes,
) {
    let (mut old_image, mut new_image) = (Vec::new(), Vec::new());
    loop {
        let (old, new) = (old_rows.next(), new_rows.next());
        if old.is_none() && new.is_none() {
            break;
        }
        let (old, new) = (old.flatten(), new.flatten());
        if let (Some(old), Some(new)) = (&old, &new) {
            old.image(&mut old_image);
            new.image(&mut new_image);
            if old_image == new_image && !layout.has_generated() {
                continue;
            }
        }
        old.iter().chain(&new).for_each(|row| changes.spoil(row));
    }
}

/// Marks the leaves of a table that is about to be emptied; a partition that is emptied along with the base table needs
/// no mark.
fn truncate(tree: &Tree, relation: Oid) {
    if relation == tree.base {
        span::append_all(tree.id, Reach::Earlier, "TRUNCATE");
    } else if !span::all(&Tables::get(), tree.id, Snapshot::Own).iter().any(span::Span::is_ours_and_all) {
        let definition =
            Definition::all(&Tables::get()).into_iter().find(|definition| definition.id == tree.id);
        if let Some(definition) = definition {
            extent::append(&definition, relation, "TRUNCATE");
        }
    }
}
