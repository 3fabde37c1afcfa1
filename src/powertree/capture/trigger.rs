//! The trigger: appends to the log what a statement did to each leaf.
//!
//! Statement triggers with transition tables see what ordinary sessions do; a row trigger, which fires only where
//! `session_replication_role` is `replica`, sees what replication does.

use super::changes::Changes;
use super::firing::{Event, Firing};
use super::layout::Layout;
use super::transition::Transition;
use crate::pg::table::Snapshot;
use crate::powertree::base::extent;
use crate::powertree::base::triggers;
use crate::powertree::model::tree::Tree;
use crate::powertree::store::definition::Definition;
use crate::powertree::store::span::{self, Reach};
use crate::powertree::store::tables::Tables;
use crate::powertree::store::writing;
use crate::settings;
use pgrx::pg_sys::{FunctionCallInfo, Oid, TriggerData};
use pgrx::prelude::*;

const OF_OTHERS: &str = "The triggers that call it are made by powertree_create(); drop this one.";

#[pg_extern(sql = false)]
fn powertree_capture(fcinfo: FunctionCallInfo) -> i64 {
    const FUNCTION: &str = "powertree_capture";
    let firing = Firing::of(fcinfo, FUNCTION);
    let (Some(event), Some(id)) = (firing.event(), firing.argument().and_then(|id| id.parse().ok())) else {
        firing.refuse(FUNCTION, OF_OTHERS)
    };
    // Of a tree that is not kept in step triggers do nothing, whatever has become of them; and a table that was
    // restored from elsewhere may bring triggers that meant another tree.
    if let Some(layout) = Layout::to_keep(id, firing.relation()) {
        // SAFETY: the trigger of the event.
        if !unsafe { triggers::is_ours(firing.data().tg_trigger, id) } {
            firing.refuse(FUNCTION, OF_OTHERS);
        }
        // SAFETY: the event is being handled.
        unsafe { capture(&layout, event, firing.data()) };
        if !matches!(event, Event::Before | Event::Truncate) {
            writing::end(id);
        }
    }
    // What an AFTER trigger returns is ignored.
    0
}

/// Where replication writes: what a publisher's trees store is not for this server's.
#[pg_extern(sql = false)]
fn powertree_skip(fcinfo: FunctionCallInfo) -> i64 {
    const FUNCTION: &str = "powertree_skip";
    let firing = Firing::of(fcinfo, FUNCTION);
    if !Tables::known().is_some_and(|tables| tables.all().contains(&firing.relation())) {
        firing.refuse(FUNCTION, "It would drop the rows; only tables of pg_tally have such a trigger.");
    }
    // A BEFORE trigger that returns no row has it skipped.
    0
}

/// Does what an event asks for.
///
/// # Safety
/// The data are those of an event of this kind that is being handled.
unsafe fn capture(layout: &Layout, event: Event, data: &TriggerData) {
    let tree = &layout.tree;
    match event {
        Event::Before => return writing::begin(tree.id),
        // SAFETY: the relation of the event is open.
        Event::Truncate => return truncate(tree, unsafe { (*data.tg_relation).rd_id }),
        _ => {}
    }
    if layout.place_is_generated {
        // Nobody knows in which leaves the rows are.
        return span::append_all(tree.id, Reach::Later, "generated columns");
    }
    let mut changes = Changes::new(tree);
    // SAFETY: the caller's event, whose transition tables are of the rows of the relation.
    unsafe {
        match event {
            Event::Row => replicated(layout, data, &mut changes),
            _ if settings::powertree_bulk() => bulk(layout, data),
            Event::Insert => inserted(layout, data, &mut changes),
            Event::Delete => deleted(layout, data, &mut changes),
            _ => updated(layout, data, &mut changes),
        }
    }
    changes.flush();
}

/// Both versions of a row that replication has changed spoil their leaves.
///
/// # Safety
/// The data are those of a row's event that is being handled.
unsafe fn replicated(layout: &Layout, data: &TriggerData, changes: &mut Changes) {
    for slot in [data.tg_trigslot, data.tg_newslot].into_iter().filter(|slot| !slot.is_null()) {
        // SAFETY: the slots of the event hold rows of its relation.
        if let Some(row) = unsafe { layout.read(slot, &mut Vec::new()) } {
            changes.spoil(&row);
        }
    }
}

/// Has all leaves from the first to the last that a statement has changed read from the table.
///
/// # Safety
/// The data are those of a statement's event that is being handled.
unsafe fn bulk(layout: &Layout, data: &TriggerData) {
    let tree = &layout.tree;
    let mut leaves: Option<(i64, i64)> = None;
    for table in [data.tg_oldtable, data.tg_newtable] {
        // SAFETY: a transition table of the event, of rows of its relation, or none.
        let mut rows = unsafe { Transition::new(data.tg_relation, table) };
        while let Some(slot) = rows.next() {
            // SAFETY: the slot holds a row of the transition table.
            if let Some(position) = unsafe { layout.position(slot) } {
                let leaf = tree.leaves.of(position);
                let (first, last) = leaves.unwrap_or((leaf, leaf));
                leaves = Some((first.min(leaf), last.max(leaf)));
            }
        }
    }
    if let Some((first, last)) = leaves {
        span::append(tree.id, first, last, Reach::Later, "pg_tally.powertree_bulk");
    }
}

/// Adds the rows that came.
///
/// # Safety
/// The data are those of an INSERT's event that is being handled.
unsafe fn inserted(layout: &Layout, data: &TriggerData, changes: &mut Changes) {
    // SAFETY: the transition table of the event, and rows of it.
    unsafe {
        let mut rows = Transition::new(data.tg_relation, data.tg_newtable);
        let mut key = Vec::new();
        while let Some(slot) = rows.next() {
            match layout.read(slot, &mut key) {
                Some(row) if row.lacks_values() => changes.spoil(&row),
                Some(row) => changes.add(&row),
                None => {}
            }
        }
    }
}

/// Spoils the leaves of rows that went.
///
/// # Safety
/// The data are those of a DELETE's event that is being handled.
unsafe fn deleted(layout: &Layout, data: &TriggerData, changes: &mut Changes) {
    // SAFETY: the transition table of the event, and rows of it.
    unsafe {
        let mut rows = Transition::new(data.tg_relation, data.tg_oldtable);
        let mut key = Vec::new();
        while let Some(slot) = rows.next() {
            if let Some(row) = layout.read(slot, &mut key) {
                changes.spoil(&row);
            }
        }
    }
}

/// Spoils the leaves of rows whose columns of interest have changed.
///
/// Old and new versions come in the same order, so that rows that are as before cancel. Whatever the order is: what remains
/// on either side is dirty.
///
/// # Safety
/// The data are those of an UPDATE's event that is being handled.
unsafe fn updated(layout: &Layout, data: &TriggerData, changes: &mut Changes) {
    // SAFETY: the transition tables of the event, and rows of them.
    unsafe {
        let mut old_rows = Transition::new(data.tg_relation, data.tg_oldtable);
        let mut new_rows = Transition::new(data.tg_relation, data.tg_newtable);
        let (mut old_key, mut new_key) = (Vec::new(), Vec::new());
        let (mut old_image, mut new_image) = (Vec::new(), Vec::new());
        loop {
            let (old_slot, new_slot) = (old_rows.next(), new_rows.next());
            if old_slot.is_none() && new_slot.is_none() {
                break;
            }
            let old = old_slot.and_then(|slot| layout.read(slot, &mut old_key));
            let new = new_slot.and_then(|slot| layout.read(slot, &mut new_key));
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
}

/// Before the base table or a partition is emptied; of a partition that goes with the base table there is nothing to say.
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
