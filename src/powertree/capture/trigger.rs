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

/// # Safety
/// The data are those of an event of this kind that is being handled.
unsafe fn capture(layout: &Layout, event: Event, data: &TriggerData) {
    let tree = &layout.tree;
    // SAFETY: the caller's; transition tables are of the rows of the relation.
    unsafe {
        let relation = data.tg_relation;
        match event {
            Event::Before => return writing::begin(tree.id),
            Event::Truncate => return truncate(tree, (*relation).rd_id),
            _ => {}
        }
        if layout.place_is_generated {
            // Nobody knows in which leaves the rows are.
            return span::append_all(tree.id, Reach::Later, "generated columns");
        }
        let mut changes = Changes::new(tree);
        if event == Event::Row {
            for slot in [data.tg_trigslot, data.tg_newslot] {
                if !slot.is_null() {
                    if let Some(row) = layout.read(slot, &mut Vec::new()) {
                        changes.spoil(&row);
                    }
                }
            }
        } else if settings::powertree_bulk() {
            let mut leaves: Option<(i64, i64)> = None;
            for table in [data.tg_oldtable, data.tg_newtable] {
                let mut rows = Transition::new(relation, table);
                while let Some(slot) = rows.next() {
                    if let Some(position) = layout.position(slot) {
                        let leaf = tree.leaves.of(position);
                        let (first, last) = leaves.unwrap_or((leaf, leaf));
                        leaves = Some((first.min(leaf), last.max(leaf)));
                    }
                }
            }
            if let Some((first, last)) = leaves {
                span::append(tree.id, first, last, Reach::Later, "pg_tally.powertree_bulk");
            }
        } else if event == Event::Insert {
            let mut rows = Transition::new(relation, data.tg_newtable);
            let mut key = Vec::new();
            while let Some(slot) = rows.next() {
                match layout.read(slot, &mut key) {
                    Some(row) if row.lacks_values() => changes.spoil(&row),
                    Some(row) => changes.add(&row),
                    None => {}
                }
            }
        } else if event == Event::Delete {
            let mut rows = Transition::new(relation, data.tg_oldtable);
            let mut key = Vec::new();
            while let Some(slot) = rows.next() {
                if let Some(row) = layout.read(slot, &mut key) {
                    changes.spoil(&row);
                }
            }
        } else {
            // Old and new versions come in the same order, so that rows whose columns of interest are as before cancel.
            // Whatever the order is: what remains on either side is dirty.
            let (mut old_rows, mut new_rows) =
                (Transition::new(relation, data.tg_oldtable), Transition::new(relation, data.tg_newtable));
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
        changes.flush();
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
