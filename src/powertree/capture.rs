//! The trigger: appends to the log what a statement did to each leaf.
//!
//! Statement triggers with transition tables see what ordinary sessions do; a row trigger, which fires only where
//! `session_replication_role` is `replica`, sees what replication does.

use super::catalog::Tables;
use super::changes::Changes;
use super::definition::{Definition, Tree};
use super::extent;
use super::layout::Layout;
use super::span::{self, Reach};
use super::storage::Snapshot;
use super::transition::Transition;
use super::triggers;
use crate::error::raise;
use crate::settings;
use pgrx::pg_sys::{self, FunctionCallInfo, Oid, TriggerData};
use pgrx::prelude::*;
use std::ffi::CStr;

#[pg_extern(sql = false)]
fn powertree_capture(fcinfo: FunctionCallInfo) -> i64 {
    // SAFETY: PostgreSQL calls triggers with the data of the event.
    unsafe {
        let data = (*fcinfo).context.cast::<TriggerData>();
        if data.is_null() || (*data).type_ != pg_sys::NodeTag::T_TriggerData {
            raise(
                PgSqlErrorCode::ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                "powertree_capture() was not called as a trigger",
                "",
                "powertree_create() makes the triggers.",
            );
        }
        let trigger = &*(*data).tg_trigger;
        let id = if trigger.tgnargs > 0 { CStr::from_ptr(*trigger.tgargs).to_str().ok() } else { None };
        let id = id.and_then(|id| id.parse().ok()).unwrap_or(0);
        if let Some(tree) = Tree::to_keep(id) {
            if !triggers::is_ours((*data).tg_trigger, tree.id) {
                raise(
                    PgSqlErrorCode::ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                    format!("trigger was not made by powertree_create() for power tree \"{}\"", tree.name),
                    "It would count rows that are counted already.",
                    "Drop the trigger.",
                );
            }
            capture(&tree, &*data);
        }
    }
    // What an AFTER trigger returns is ignored.
    0
}

/// # Safety
/// The data are those of an event that is being handled.
unsafe fn capture(tree: &Tree, data: &TriggerData) {
    // SAFETY: the caller's; transition tables are of the rows of the relation.
    unsafe {
        let event = data.tg_event & pg_sys::TRIGGER_EVENT_OPMASK;
        let relation = data.tg_relation;
        // A table that was restored from elsewhere may bring triggers that meant another tree.
        let Some(layout) = Layout::of(tree, (*relation).rd_id) else { return };
        if event == pg_sys::TRIGGER_EVENT_TRUNCATE {
            truncate(tree, (*relation).rd_id);
            return;
        }
        let mut changes = Changes::new(tree);
        if data.tg_event & pg_sys::TRIGGER_EVENT_ROW != 0 {
            for slot in [data.tg_trigslot, data.tg_newslot] {
                if !slot.is_null() {
                    if let Some(row) = layout.read(tree, slot, &mut Vec::new()) {
                        changes.spoil(&row);
                    }
                }
            }
        } else if settings::powertree_bulk() {
            let mut leaves: Option<(i64, i64)> = None;
            for table in [data.tg_oldtable, data.tg_newtable] {
                let mut rows = Transition::new(relation, table);
                while let Some(slot) = rows.next() {
                    if let Some(position) = layout.position(tree, slot) {
                        let leaf = tree.leaves.of(position);
                        let (first, last) = leaves.unwrap_or((leaf, leaf));
                        leaves = Some((first.min(leaf), last.max(leaf)));
                    }
                }
            }
            if let Some((first, last)) = leaves {
                span::append(tree.id, first, last, Reach::Later, "pg_tally.powertree_bulk");
            }
        } else if event == pg_sys::TRIGGER_EVENT_INSERT {
            let mut rows = Transition::new(relation, data.tg_newtable);
            let mut key = Vec::new();
            while let Some(slot) = rows.next() {
                if let Some(row) = layout.read(tree, slot, &mut key) {
                    changes.add(&row);
                }
            }
        } else if event == pg_sys::TRIGGER_EVENT_DELETE {
            let mut rows = Transition::new(relation, data.tg_oldtable);
            let mut key = Vec::new();
            while let Some(slot) = rows.next() {
                if let Some(row) = layout.read(tree, slot, &mut key) {
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
                let old = old_slot.and_then(|slot| layout.read(tree, slot, &mut old_key));
                let new = new_slot.and_then(|slot| layout.read(tree, slot, &mut new_key));
                if let (Some(old), Some(new)) = (&old, &new) {
                    old.image(tree, &mut old_image);
                    new.image(tree, &mut new_image);
                    if old_image == new_image {
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
